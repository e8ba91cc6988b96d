/** The interface between the page and a desk: its HTTP API, its events, and its problem documents. */

import type { ProblemView } from "hookdesk";

export interface Backend {
  /**
   * Makes a call of the HTTP API, and resolves with the response's document.
   *
   * Throws `Refused` when the desk refuses the call, or cannot be reached.
   */
  call(
    method: Method,
    path: string,
    body?: object,
    headers?: Record<string, string>,
  ): Promise<unknown>;
  /**
   * Signals events and the state of the connection, until the returned function is called. A caller
   * that may not read the log gets the signal of an event at intervals instead.
   */
  listen(onSignal: (signal: Signal) => void, mayReadLog: boolean): () => void;
}

/** The backend of a desk that may ask for an API key. */
export interface KeyedBackend extends Backend {
  /** The URL of a desk of another origin than the page's: no cookie goes there. */
  readonly other: string | null;
  /** Sends this key with each call from here on, and keeps it in memory alone; `null` is none. */
  useKey(key: string | null): void;
  /**
   * Has the desk sign this browser in with a key or a link. The browser keeps the cookie of the session,
   * and sends it with calls that have no key.
   *
   * Throws `Refused` when the desk refuses it, or cannot be reached.
   */
  signIn(shown: Credentials): Promise<unknown>;
  /**
   * Sets what is called when the desk refuses a call that was made with the key in use (401), or without
   * one if there is none. From then on no call is sent until another key is used.
   */
  onUnauthorized(refuse: (refused: Unauthorized) => void): void;
}

/** What signs a browser in. */
export type Credentials = { key: string } | { link: string; partner: string };

/** The desk's refusal of a call for want of a key, and whether the call had one. */
export interface Unauthorized {
  problem: Problem;
  hadKey: boolean;
}

export type Method = "GET" | "POST" | "PATCH" | "DELETE";

/** An event of the desk, or a change of the connection that brings them. */
export type Signal = "event" | "connected" | "lost";

/** A problem document (RFC 9457), in part. The page has codes of its own beside the desk's. */
export interface Problem extends Pick<ProblemView, "title" | "detail" | "errors"> {
  code: string;
}

export class Refused extends Error {
  override readonly name = "Refused";

  constructor(
    readonly problem: Problem,
    options?: ErrorOptions,
  ) {
    super(problem.detail, options);
  }
}

/** Any error as a problem document, to be shown. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Refused) return error.problem;
  return { title: "An error in this page", detail: String(error), code: "page_error" };
}

/** The page's own code for a desk that does not respond. */
export const UNREACHABLE = "unreachable";
/** The page's own code for a response that is not a desk's. */
export const UNREADABLE = "unreadable";

/** Whether an error leaves the outcome of a call unknown. */
export function isUnknown(error: unknown): boolean {
  const codes = [UNREACHABLE, UNREADABLE, "store_unavailable", "overloaded"];
  return error instanceof Refused && codes.includes(error.problem.code);
}

/** Whether an error is a 404 of the API. */
export function isNotFound(error: unknown): boolean {
  return error instanceof Refused && error.problem.code === "not_found";
}

/** Whether an error says that the desk keeps no browser signed in. */
export function isWithoutSessions(error: unknown): boolean {
  return error instanceof Refused && error.problem.code === "no_public_url";
}

/** Whether an error is the desk's refusal of a call for want of a valid API key. */
export function isUnauthorized(error: unknown): error is Refused {
  return error instanceof Refused && error.problem.code === "unauthorized";
}
