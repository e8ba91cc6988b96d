/**
 * The backend over HTTP and Server-Sent Events: the desk that served this page, with or without a key, or
 * another one, with a key.
 */

import { EVENT_TYPES } from "../rows";
import { UNREACHABLE, UNREADABLE, Refused, isUnauthorized } from "./backend";
import type { Credentials, KeyedBackend, Method, Problem, Signal, Unauthorized } from "./backend";
import { EventTypes } from "./event-types";

export class HttpBackend implements KeyedBackend {
  readonly #listeners = new Set<(signal: Signal) => void>();
  /** Whether the latest call had no response. */
  #isLost = false;
  #key: string | null = null;
  /** Why the desk refused the key in use. Another call with it would be one more refused key. */
  #refusal: Problem | null = null;
  #refuse: (refused: Unauthorized) => void = () => {};
  /** What paths begin with. */
  readonly #base: string;

  /** With the URL of a desk of another origin. */
  constructor(readonly other: string | null = null) {
    this.#base = other?.replace(/\/+$/, "") ?? ".";
  }

  useKey(key: string | null): void {
    this.#key = key;
    this.#refusal = null;
  }

  onUnauthorized(refuse: (refused: Unauthorized) => void): void {
    this.#refuse = refuse;
  }

  async signIn(shown: Credentials): Promise<unknown> {
    const headers = { "content-type": "application/json" };
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const body = JSON.stringify(shown);
    const document = await this.#exchange("/session", { method: "POST", headers, body, signal });
    this.useKey(null);
    return document;
  }

  /** A call with an `authorization` header of its own is made with that in place of the key in use. */
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
    if (AUTHORIZATION in headers) return this.#exchange(path, request);
    return this.#withKey(request, (keyed) => this.#exchange(path, keyed));
  }

  /** Sends a request with the key in use, unless that was refused already. */
  async #withKey<T>(request: RequestInit, send: (keyed: RequestInit) => Promise<T>): Promise<T> {
    if (this.#refusal) throw new Refused(this.#refusal);
    const key = this.#key;
    const headers = { ...request.headers, ...(key === null ? {} : authorization(key)) };
    try {
      return await send({ ...request, headers });
    } catch (error) {
      // Another key may be in use by the time that the former is refused.
      if (isUnauthorized(error) && key === this.#key && !this.#refusal) {
        this.#refusal = error.problem;
        this.#refuse({ problem: error.problem, hadKey: key !== null });
      }
      throw error;
    }
  }

  /** A reading that is beyond the key's rate is repeated once: a view may ask for several rows at a time. */
  async #exchange(path: string, request: RequestInit, mayRepeat = true): Promise<unknown> {
    let response: Response;
    try {
      response = await fetch(this.#base + path, request);
    } catch {
      this.#setReached(false);
      throw new Refused(this.other === null ? NO_RESPONSE : NONE_OF_OTHER);
    }
    const document: unknown = await response.json().catch(() => undefined);
    this.#setReached(true);
    if (response.status === TOO_MANY && request.method === "GET" && mayRepeat) {
      await new Promise((resolve) => setTimeout(resolve, LIMITED_MS));
      return this.#exchange(path, request, false);
    }
    if (response.ok && document !== undefined) return document;
    throw refusedBy(response, document);
  }

  /** Calls detect a lost connection before the stream of events does. */
  #setReached(isReached: boolean): void {
    if (isReached !== this.#isLost) return;
    this.#isLost = !isReached;
    for (const signal of this.#listeners) signal(isReached ? "connected" : "lost");
  }

  /**
   * Opens a stream of events, and another one when it ends. It is read by `fetch`, as an `EventSource` has
   * no header for a key. A hidden page has no stream, because all pages of a desk share the browser's six
   * connections to it.
   */
  listen(onSignal: (signal: Signal) => void, mayReadLog: boolean): () => void {
    this.#listeners.add(onSignal);
    const end = mayReadLog ? this.#keepOpen(onSignal) : repeat(onSignal);
    return () => {
      this.#listeners.delete(onSignal);
      end();
    };
  }

  #keepOpen(onSignal: (signal: Signal) => void): () => void {
    let stream: AbortController | undefined;
    let reopening: ReturnType<typeof setTimeout> | undefined;
    const close = (): void => {
      clearTimeout(reopening);
      stream?.abort();
      stream = undefined;
    };
    const open = (): void => {
      close();
      if (document.hidden) return;
      const opened = new AbortController();
      stream = opened;
      const request = { headers: { accept: STREAM }, signal: opened.signal };
      const url = `${this.#base}/events`;
      const read = this.#withKey(request, (keyed) => readEvents(url, keyed, onSignal));
      void read.catch(() => true).then((isStream) => {
        if (opened.signal.aborted) return;
        if (isStream) onSignal("lost");
        reopening = setTimeout(open, isStream ? REOPEN_AFTER_MS : REPEAT_MS);
      });
    };
    document.addEventListener("visibilitychange", open);
    open();
    return () => {
      document.removeEventListener("visibilitychange", open);
      close();
    };
  }
}

const AUTHORIZATION = "authorization";
const STREAM = "text/event-stream";

/** The header that shows an API key. */
export function authorization(key: string): Record<string, string> {
  return { [AUTHORIZATION]: `Bearer ${key}` };
}

/**
 * Signals events until the stream of them ends. A desk without streams answers with a list: that is one
 * signal, and `false`.
 */
async function readEvents(
  url: string,
  request: RequestInit,
  onSignal: (signal: Signal) => void,
): Promise<boolean> {
  const response = await fetch(url, request);
  if (!response.ok || !response.body) {
    throw refusedBy(response, await response.json().catch(() => undefined));
  }
  onSignal("connected");
  if (!response.headers.get("content-type")?.startsWith(STREAM)) {
    await response.body.cancel();
    return false;
  }
  const known: string[] = [...EVENT_TYPES, "expired"];
  const types = new EventTypes();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    if (types.read(part.value).some((type) => known.includes(type))) onSignal("event");
  }
  return true;
}

/** Signals at intervals that something may have happened. */
function repeat(onSignal: (signal: Signal) => void): () => void {
  onSignal("connected");
  const timer = setInterval(() => onSignal("event"), REPEAT_MS);
  return () => clearInterval(timer);
}

/** Longer than any response takes. */
const TIMEOUT_MS = 20_000;
/** Long enough for a desk to restart. */
const REOPEN_AFTER_MS = 3_000;
/** The status of a call beyond the key's rate, or the desk's. */
const TOO_MANY = 429;
/** After a second a key may make as many calls as at first. */
const LIMITED_MS = 1_000;
/** Far fewer calls than a partner's key may make, which is ten a second. */
const REPEAT_MS = 5_000;

const NO_RESPONSE: Problem = {
  title: "The desk does not respond",
  detail: "No response arrived. Check that the desk is running, and try again.",
  code: UNREACHABLE,
};

const NONE_OF_OTHER: Problem = {
  ...NO_RESPONSE,
  detail:
    "No response arrived. Check that the desk is running, and that it was started with " +
    `--cors-origin ${globalThis.location?.origin}, and try again.`,
};

function refusedBy(response: Response, document: unknown): Refused {
  return new Refused(isProblem(document) ? document : unreadable(response.status));
}

function unreadable(status: number): Problem {
  const detail = `Its status is ${status}. Another server may respond at this address.`;
  return { title: "The response is not from a desk", detail, code: UNREADABLE };
}

function isProblem(document: unknown): document is Problem {
  return typeof document === "object" && document !== null && "code" in document;
}
