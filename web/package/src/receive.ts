/** The part that the adapters for frameworks share. It runs in Node. */

import type { EventBody, Verdict } from "./hookdesk.js";
import { verify } from "./signature.js";
import { load } from "./signature.node.js";

/** Bytes of a delivery: the longest message with each byte as an escape, and room. */
export const MAX_BODY = 1_048_576;

export interface ReceiverOptions {
  /**
   * The webhook's secrets, `whsec_…`: one, or all that live while they are rotated. A function is
   * asked for each delivery. With none, as from a variable that is not set, there is no receiver but
   * a `TypeError`.
   */
  secrets: Secrets | (() => Secrets) | undefined;
  /** Milliseconds of unix time; without, the machine's clock. */
  now?: () => number;
}

export type Secrets = string | readonly string[];

/** A delivery that does not verify. Frameworks answer it with a 401. */
export class Unverified extends Error {
  override readonly name = "Unverified";
  readonly status = 401;
  readonly statusCode = 401;
  readonly code: Verdict["code"];

  constructor(readonly verdict: Verdict) {
    super(verdict.detail);
    this.code = verdict.code;
  }
}

/** Checks deliveries, and gives their bodies parsed. */
export function opener(options: ReceiverOptions): (headers: Headers, body: Uint8Array) => EventBody {
  const { secrets, now = Date.now } = options;
  const current = typeof secrets === "function" ? secrets : () => checked(secrets);
  if (typeof secrets !== "function") checked(secrets);
  load();
  return (headers, body) => {
    const known = checked(current());
    const verdict = verify(headers, body, typeof known === "string" ? known : [...known], now());
    if (verdict.verdict === "bad") throw new Unverified(verdict);
    return JSON.parse(new TextDecoder().decode(body)) as EventBody;
  };
}

type Headers = Record<string, string | string[] | undefined>;

function checked(secrets: Secrets | undefined): Secrets {
  if (secrets === undefined || secrets.length === 0) {
    throw new TypeError("secrets: give the whsec_… that the webhook's registration answered");
  }
  return secrets;
}
