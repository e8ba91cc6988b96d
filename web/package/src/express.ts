/** Deliveries in Express: a handler that lets through what verifies. */

import { MAX_BODY, opener } from "./receive.js";
import type { ReceiverOptions } from "./receive.js";

export { Unverified } from "./receive.js";
export type { ReceiverOptions, Secrets } from "./receive.js";

/** What of a request is used. */
export interface ExpressRequest extends AsyncIterable<Uint8Array> {
  headers: Record<string, string | string[] | undefined>;
  body?: unknown;
}

/** A handler of a route. */
export type ExpressHandler = (
  request: ExpressRequest,
  response: unknown,
  next: (error?: unknown) => void,
) => void;

/**
 * A handler that reads the body as it came, checks its signature, and has the event as
 * `request.body` for the next one. What does not verify is an `Unverified` error, a 401.
 */
export function verified(options: ReceiverOptions): ExpressHandler {
  const open = opener(options);
  return (request, _response, next) => {
    const opened = bytesOf(request).then((body) => {
      request.body = open(request.headers, body);
    });
    opened.then(() => next(), next);
  };
}

async function bytesOf(request: ExpressRequest): Promise<Uint8Array> {
  if (request.body instanceof Uint8Array) return request.body;
  if (request.body !== undefined) {
    const why = "the body was parsed before its signature was checked";
    throw new Error(`${why}: put verified() before express.json(), or express.raw() before it`);
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > MAX_BODY) throw Object.assign(new Error("too large"), { status: 413 });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
