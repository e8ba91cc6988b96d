/** The one way from the page to a desk, wherever the desk runs. */

export interface Backend {
  /**
   * Makes a call of the desk's HTTP interface and gives the answer's document.
   *
   * Throws `Refused` when the desk says no, or cannot be asked.
   */
  call(
    method: Method,
    path: string,
    body?: object,
    headers?: Record<string, string>,
  ): Promise<unknown>;
  /** Tells what happens at the desk from now on, until what it returns is called. */
  listen(onEvent: (signal: Signal) => void): () => void;
}

export type Method = "GET" | "POST" | "PATCH" | "DELETE";

/** Something happened at the desk, or the page began or ceased to hear of it. */
export type Signal = "event" | "connected" | "lost";

/** The desk's no: a document of RFC 9457. */
export interface Problem {
  title: string;
  detail: string;
  code: string;
  errors?: FieldError[];
}

export interface FieldError {
  /** A JSON pointer into the body as a URI fragment, `?name` of the query, or a header. */
  pointer: string;
  detail: string;
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

/** Any error as a problem that can be shown. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Refused) return error.problem;
  return { title: "The page made a mistake", detail: String(error), code: "page_error" };
}

/** The code of a desk that cannot be asked. It is the page's own. */
export const UNREACHABLE = "unreachable";
/** The code of an answer that is no desk's. */
export const UNREADABLE = "unreadable";

/** Whether an error leaves open what became of a call. */
export function isUnknown(error: unknown): boolean {
  const codes = [UNREACHABLE, UNREADABLE, "store_unavailable", "overloaded"];
  return error instanceof Refused && codes.includes(error.problem.code);
}

/** Whether an error says that there is no such thing. */
export function isNotFound(error: unknown): boolean {
  return error instanceof Refused && error.problem.code === "not_found";
}
