/** The way from the page to its worker. */

import { Refused } from "../../lib/http/backend";
import type { Ask, Detail, Reply } from "./messages";
import type { Incident } from "./incident-replay";
import type { Recording } from "./recording";
import type { Rehearsal } from "./scenario";
import type { Answered } from "./scenario-run";
import workerUrl from "./worker?worker&url";

interface Waiting {
  resolve: (done: unknown) => void;
  reject: (error: Error) => void;
  onProgress: ((done: number) => void) | undefined;
}

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL: (url: string) => string }): {
    createScriptURL(url: string): unknown;
  };
}

/** A page may begin no script but its own worker. Browsers without trusted types do not ask. */
const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
const policy = trustedTypes?.createPolicy("hookdesk-worker", { createScriptURL: (url) => url });

export class Stage {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #asked = 0;

  constructor() {
    const url = policy?.createScriptURL(workerUrl) ?? workerUrl;
    this.#worker = new Worker(url as string, { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<Reply>) => this.#hear(data);
    this.#worker.onerror = (event) => this.#break(event.message);
  }

  /** `null` when another one was asked for meanwhile. */
  compute(rehearsal: Rehearsal, onProgress: (done: number) => void): Promise<Recording | null> {
    return this.#ask({ what: "compute", rehearsal }, onProgress);
  }

  detail(index: number): Promise<Detail | null> {
    return this.#ask({ what: "detail", index });
  }

  read(at: number, path: string): Promise<Answered> {
    return this.#ask({ what: "read", at, path });
  }

  answer(act: number): Promise<Answered | null> {
    return this.#ask({ what: "answer", act });
  }

  /** The `webhook-signature` of a message. */
  sign(secret: string, id: string, seconds: number, body: Uint8Array): Promise<string> {
    return this.#ask({ what: "sign", secret, id, seconds, body });
  }

  exported(): Promise<string> {
    return this.#ask({ what: "export" });
  }

  incident(text: string, onProgress: (done: number) => void): Promise<Incident | null> {
    return this.#ask({ what: "incident", text }, onProgress);
  }

  /** Hands over the way to the frame for receivers that a visitor wrote. */
  connect(port: MessagePort): void {
    this.#worker.postMessage({ id: 0, ask: { what: "sandbox" } satisfies Ask }, [port]);
  }

  #ask<T>(ask: Ask, onProgress?: (done: number) => void): Promise<T> {
    this.#asked += 1;
    const id = this.#asked;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (done: unknown) => void, reject, onProgress });
      // What the page shows is watched for changes, and is sent as it is beneath that.
      this.#worker.postMessage({ id, ask });
    });
  }

  #hear(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    if (!waiting) return;
    if ("progress" in reply) {
      waiting.onProgress?.(reply.progress);
      return;
    }
    this.#waiting.delete(reply.id);
    if ("refused" in reply) waiting.reject(new Refused(reply.refused));
    else waiting.resolve(reply.done);
  }

  /** The worker could not begin, or made a mistake that it could not tell of. */
  #break(message: string): void {
    const detail = `The desk in this page stopped: ${message || "it cannot be loaded"}. Load it again.`;
    const problem = { title: "The page made a mistake", detail, code: "page_error" };
    for (const { reject } of this.#waiting.values()) reject(new Refused(problem));
    this.#waiting.clear();
  }
}
