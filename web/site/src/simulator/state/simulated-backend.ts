/** The desk of a rehearsal, as it stands at the time that is looked at, for the console's views. */

import { Refused } from "../../lib/http/backend";
import type { Backend, Method, Problem, Signal } from "../../lib/http/backend";
import type { Theatre } from "./simulator.svelte";

export class SimulatedBackend implements Backend {
  constructor(readonly theatre: Theatre) {}

  /** What only asks is asked; whatever changes something becomes an act of the rehearsal. */
  async call(method: Method, path: string, body?: object): Promise<unknown> {
    const { stage, head } = this.theatre;
    let answered;
    if (method === "GET") {
      answered = await stage.read(Math.round(head), path);
    } else {
      const act = await this.theatre.act({ method, path, ...(body ? { body } : {}) });
      answered = await stage.answer(act);
      if (!answered) this.theatre.takeBack(act);
    }
    if (!answered) throw new Refused(UNDONE);
    const document: unknown = JSON.parse(answered.body);
    if (answered.status < 400) return document;
    throw new Refused(document as Problem);
  }

  listen(onEvent: (signal: Signal) => void): () => void {
    onEvent("connected");
    return this.theatre.onChange(() => onEvent("event"));
  }
}

const UNDONE: Problem = {
  title: "It was not rehearsed",
  detail: "The rehearsal ends before this time, or could not be computed. Nothing was done.",
  code: "page_error",
};
