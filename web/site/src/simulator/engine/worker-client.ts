/** The page's client of the simulator's worker: one promise for each request. */

import { Refused } from "../../lib/http/backend";
import type { Incident } from "./incident-replay";
import type { AttemptDetail, WorkerReply, WorkerRequest } from "./messages";
import type { Recording } from "./recording";
import type { Scenario } from "./scenario";
import type { ApiResponse } from "./scenario-run";
import workerUrl from "./worker?worker&url";

interface PendingReply {
  resolve: (done: unknown) => void;
  reject: (error: Error) => void;
  onProgress: ((done: number) => void) | undefined;
}

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL: (url: string) => string }): {
    createScriptURL(url: string): unknown;
  };
}

/** The page's policy allows no other worker. Browsers without trusted types need none. */
const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
const policy = trustedTypes?.createPolicy("hookdesk-worker", { createScriptURL: (url) => url });

export class WorkerClient {
  readonly #worker: Worker;
  readonly #pending = new Map<number, PendingReply>();
  #requests = 0;

  constructor() {
    const url = policy?.createScriptURL(workerUrl) ?? workerUrl;
    this.#worker = new Worker(url as string, { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<WorkerReply>) => this.#receive(data);
    this.#worker.onerror = (event) => this.#fail(event.message);
  }

  /** Resolves with `null` when a later request supersedes it. */
  compute(scenario: Scenario, onProgress: (done: number) => void): Promise<Recording | null> {
    return this.#send({ what: "compute", scenario }, onProgress);
  }

  /** The request of the attempt at an index of the recording. */
  detail(index: number): Promise<AttemptDetail | null> {
    return this.#send({ what: "detail", index });
  }

  /** The response to a GET at a time of the run. */
  read(at: number, path: string): Promise<ApiResponse> {
    return this.#send({ what: "read", at, path });
  }

  /** The response to a call of the scenario, by the call's id. */
  response(call: number): Promise<ApiResponse | null> {
    return this.#send({ what: "response", call });
  }

  /** The `webhook-signature` of a message. */
  sign(secret: string, id: string, seconds: number, body: Uint8Array): Promise<string> {
    return this.#send({ what: "sign", secret, id, seconds, body });
  }

  /** The latest run as an incident file. */
  incidentFile(): Promise<string> {
    return this.#send({ what: "export" });
  }

  /** Replays an incident file. Resolves with `null` when a later request supersedes it. */
  replay(text: string, onProgress: (done: number) => void): Promise<Incident | null> {
    return this.#send({ what: "incident", text }, onProgress);
  }

  /** Passes on the port to the frame in which the visitor's receivers run. */
  connectSandbox(port: MessagePort): void {
    this.#worker.postMessage({ id: 0, request: { what: "sandbox" } satisfies WorkerRequest }, [port]);
  }

  #send<T>(request: WorkerRequest, onProgress?: (done: number) => void): Promise<T> {
    this.#requests += 1;
    const id = this.#requests;
    return new Promise<T>((resolve, reject) => {
      this.#pending.set(id, { resolve: resolve as (done: unknown) => void, reject, onProgress });
      this.#worker.postMessage({ id, request });
    });
  }

  #receive(reply: WorkerReply): void {
    const pending = this.#pending.get(reply.id);
    if (!pending) return;
    if ("progress" in reply) {
      pending.onProgress?.(reply.progress);
      return;
    }
    this.#pending.delete(reply.id);
    if ("refused" in reply) pending.reject(new Refused(reply.refused));
    else pending.resolve(reply.done);
  }

  /** The worker did not load, or threw outside of a request. */
  #fail(message: string): void {
    const detail = `The simulator's worker stopped: ${message || "it did not load"}. Reload the page.`;
    const problem = { title: "An error in this page", detail, code: "page_error" };
    for (const { reject } of this.#pending.values()) reject(new Refused(problem));
    this.#pending.clear();
  }
}
