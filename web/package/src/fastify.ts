/** Deliveries in Fastify: a scope whose routes get what verifies. */

import { MAX_BODY, opener } from "./receive.js";
import type { ReceiverOptions } from "./receive.js";

export { Unverified } from "./receive.js";
export type { ReceiverOptions, Secrets } from "./receive.js";

/** What of a request is used. */
export interface FastifyRequest {
  headers: Record<string, string | string[] | undefined>;
  body: unknown;
}

/** What of a scope is used. */
export interface FastifyScope {
  removeAllContentTypeParsers(): unknown;
  addContentTypeParser(
    type: string,
    options: { parseAs: "buffer"; bodyLimit: number },
    parser: (request: unknown, body: Uint8Array, done: (error: null, body: Uint8Array) => void) => void,
  ): unknown;
  addHook(name: "preValidation", hook: (request: FastifyRequest) => Promise<void>): unknown;
}

/**
 * Has all routes of the scope get a body only if its signature verifies, and then as the event. What
 * does not is an `Unverified` error, a 401. Call it inside `register`, so that other routes keep their
 * parsers.
 */
export function verified(scope: FastifyScope, options: ReceiverOptions): void {
  const open = opener(options);
  scope.removeAllContentTypeParsers();
  const settings = { parseAs: "buffer", bodyLimit: MAX_BODY } as const;
  scope.addContentTypeParser("*", settings, (_request, body, done) => done(null, body));
  // A request without a body meets no parser, and must not pass without a signature either.
  scope.addHook("preValidation", async (request) => {
    const body = request.body instanceof Uint8Array ? request.body : new Uint8Array();
    request.body = open(request.headers, body);
  });
}
