/** The backend over HTTP and Server-Sent Events: the desk that served this page. */

import { EVENT_TYPES } from "../rows";
import { UNREACHABLE, UNREADABLE, Refused } from "./backend";
import type { Backend, Method, Problem, Signal } from "./backend";

export class HttpBackend implements Backend {
  readonly #listeners = new Set<(signal: Signal) => void>();
  /** Whether the latest call had no response. */
  #isLost = false;

  async call(
    method: Method,
    path: string,
    body?: object,
    headers: Record<string, string> = {},
  ): Promise<unknown> {
    const request: RequestInit = { method, headers, signal: AbortSignal.timeout(TIMEOUT_MS) };
    if (body !== undefined) {
      request.body = JSON.stringify(body);
      request.headers = { ...headers, "content-type": "application/json" };
    }
    let response: Response;
    try {
      response = await fetch(`.${path}`, request);
    } catch {
      this.#setReached(false);
      throw new Refused(NO_RESPONSE);
    }
    const document: unknown = await response.json().catch(() => undefined);
    this.#setReached(true);
    if (response.ok && document !== undefined) return document;
    throw new Refused(isProblem(document) ? document : unreadable(response.status));
  }

  /** Calls detect a lost connection before the stream of events does. */
  #setReached(isReached: boolean): void {
    if (isReached !== this.#isLost) return;
    this.#isLost = !isReached;
    for (const signal of this.#listeners) signal(isReached ? "connected" : "lost");
  }

  /**
   * Opens a stream of events. The browser reconnects by itself and resumes, except after a refusal. A
   * hidden page has no stream, because all pages of a desk share the browser's six connections to it.
   */
  listen(onSignal: (signal: Signal) => void): () => void {
    let source: EventSource | undefined;
    let reopening: ReturnType<typeof setTimeout> | undefined;
    const close = (): void => {
      clearTimeout(reopening);
      source?.close();
      source = undefined;
    };
    const open = (): void => {
      close();
      if (document.hidden) return;
      const opened = new EventSource("./events");
      source = opened;
      opened.onopen = () => onSignal("connected");
      opened.onerror = () => {
        onSignal("lost");
        if (opened.readyState === EventSource.CLOSED) reopening = setTimeout(open, REOPEN_AFTER_MS);
      };
      for (const type of [...EVENT_TYPES, "expired"]) {
        opened.addEventListener(type, () => onSignal("event"));
      }
    };
    document.addEventListener("visibilitychange", open);
    this.#listeners.add(onSignal);
    open();
    return () => {
      this.#listeners.delete(onSignal);
      document.removeEventListener("visibilitychange", open);
      close();
    };
  }
}

/** Longer than any response takes. */
const TIMEOUT_MS = 20_000;
/** Long enough for a desk to restart. */
const REOPEN_AFTER_MS = 3_000;

const NO_RESPONSE: Problem = {
  title: "The desk does not respond",
  detail: "No response arrived. Check that the desk is running, and try again.",
  code: UNREACHABLE,
};

function unreadable(status: number): Problem {
  const detail = `Its status is ${status}. Another server may respond at this address.`;
  return { title: "The response is not from a desk", detail, code: UNREADABLE };
}

function isProblem(document: unknown): document is Problem {
  return typeof document === "object" && document !== null && "code" in document;
}
