/** A desk at the other end of HTTP: the one that served this page. */

import { Refused, UNREACHABLE, UNREADABLE } from "./backend";
import type { Backend, Method, Problem, Signal } from "./backend";
import { EVENT_TYPES } from "../rows";

export class LiveBackend implements Backend {
  readonly #listeners = new Set<(signal: Signal) => void>();
  /** Whether a call had no answer, and none had one since. */
  #isLost = false;

  async call(
    method: Method,
    path: string,
    body?: object,
    headers: Record<string, string> = {},
  ): Promise<unknown> {
    const request: RequestInit = { method, headers, signal: AbortSignal.timeout(PATIENCE_MS) };
    if (body !== undefined) {
      request.body = JSON.stringify(body);
      request.headers = { ...headers, "content-type": "application/json" };
    }
    let response: Response;
    try {
      response = await fetch(`.${path}`, request);
    } catch {
      this.#hear(false);
      throw new Refused(NO_ANSWER);
    }
    const document: unknown = await response.json().catch(() => undefined);
    this.#hear(true);
    if (response.ok && document !== undefined) return document;
    throw new Refused(isProblem(document) ? document : unreadable(response.status));
  }

  /** A stream may stand over a network on which nothing comes through. */
  #hear(isHeard: boolean): void {
    if (isHeard !== this.#isLost) return;
    this.#isLost = !isHeard;
    for (const tell of this.#listeners) tell(isHeard ? "connected" : "lost");
  }

  /**
   * The browser comes back by itself, and says where it left; a stream that was refused ends. There is
   * none while the page is hidden: a browser opens six connections to a desk, for all pages of it.
   */
  listen(onEvent: (signal: Signal) => void): () => void {
    let source: EventSource | undefined;
    let again: ReturnType<typeof setTimeout> | undefined;
    const close = (): void => {
      clearTimeout(again);
      source?.close();
      source = undefined;
    };
    const open = (): void => {
      close();
      if (document.hidden) return;
      const opened = new EventSource("./events");
      source = opened;
      opened.onopen = () => onEvent("connected");
      opened.onerror = () => {
        onEvent("lost");
        if (opened.readyState === EventSource.CLOSED) again = setTimeout(open, REOPEN_AFTER_MS);
      };
      for (const type of [...EVENT_TYPES, "expired"]) {
        opened.addEventListener(type, () => onEvent("event"));
      }
    };
    document.addEventListener("visibilitychange", open);
    this.#listeners.add(onEvent);
    open();
    return () => {
      this.#listeners.delete(onEvent);
      document.removeEventListener("visibilitychange", open);
      close();
    };
  }
}

/** Longer than any answer takes. */
const PATIENCE_MS = 20_000;
/** Long enough for a desk that starts again. */
const REOPEN_AFTER_MS = 3_000;

const NO_ANSWER: Problem = {
  title: "The desk does not answer",
  detail: "Nothing came back. See whether the desk runs, and do this once more.",
  code: UNREACHABLE,
};

function unreadable(status: number): Problem {
  const detail = `It came with status ${status}. Something else than a desk may answer here.`;
  return { title: "The answer is not a desk's", detail, code: UNREADABLE };
}

function isProblem(document: unknown): document is Problem {
  return typeof document === "object" && document !== null && "code" in document;
}
