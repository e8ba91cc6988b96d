/** A backend over the simulated desk at the playhead, for the console's views. */

import { Refused } from "../../lib/http/backend";
import type { Backend, Method, Problem, Signal } from "../../lib/http/backend";
import type { SimulatorState } from "./simulator.svelte";

export class SimulatedBackend implements Backend {
  constructor(readonly simulator: SimulatorState) {}

  /** A GET is answered by the worker; any other call becomes a part of the scenario. */
  async call(method: Method, path: string, body?: object): Promise<unknown> {
    const { worker, playback } = this.simulator;
    let response;
    if (method === "GET") {
      response = await worker.read(Math.round(playback.playhead), path);
    } else {
      const id = await this.simulator.addCall({ method, path, ...(body ? { body } : {}) });
      response = await worker.response(id);
      if (!response) this.simulator.removeCall(id);
    }
    if (!response) throw new Refused(NOT_SIMULATED);
    const document: unknown = JSON.parse(response.body);
    if (response.status < 400) return document;
    throw new Refused(document as Problem);
  }

  listen(onSignal: (signal: Signal) => void): () => void {
    onSignal("connected");
    return this.simulator.onChange(() => onSignal("event"));
  }
}

const NOT_SIMULATED: Problem = {
  title: "The call was not simulated",
  detail: "The scenario ends before this time, or could not be computed. Nothing was changed.",
  code: "page_error",
};
