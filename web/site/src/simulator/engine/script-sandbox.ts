/** The worker's channel to the sandboxed frame in which the visitor's own receivers run. */

import { Refused } from "../../lib/http/backend";
import type { IncomingRequest, Reaction } from "./simulated-receiver";

/** Milliseconds for the frame to load, and for it to return a reaction. */
const TIMEOUT_MS = 10_000;

const NOT_RUNNING = {
  title: "The receiver's code does not run",
  detail: "The frame that runs it does not respond. Correct the code, or reload the page.",
  code: "no_frame",
};

/** A request for a script: which run, the index of the receiver, and that receiver's code. */
export interface ScriptRequest {
  run: number;
  index: number;
  source: string;
  request: IncomingRequest;
}

export class ScriptSandbox {
  readonly #waiting = new Map<number, (reaction: Reaction) => void>();
  #requests = 0;
  #connected: (port: MessagePort) => void = () => {};
  readonly #port = new Promise<MessagePort>((resolve) => (this.#connected = resolve));

  connect(port: MessagePort): void {
    port.onmessage = ({ data }: MessageEvent<{ number: number; reaction: Reaction }>) => {
      this.#waiting.get(data.number)?.(data.reaction);
      this.#waiting.delete(data.number);
    };
    this.#connected(port);
  }

  /** Runs a receiver's script. Throws `Refused` when the frame does not respond in time. */
  async react(request: ScriptRequest): Promise<Reaction> {
    this.#requests += 1;
    const number = this.#requests;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Refused(NOT_RUNNING)), TIMEOUT_MS);
    });
    const reaction = new Promise<Reaction>((resolve) => this.#waiting.set(number, resolve));
    try {
      const port = await Promise.race([this.#port, timeout]);
      port.postMessage({ ...request, number });
      return await Promise.race([reaction, timeout]);
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(number);
    }
  }
}
