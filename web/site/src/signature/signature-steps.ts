/** A signature step by step, for a delivery and one of its secrets. */

import { sign } from "hookdesk";

import { fromBase64, hex } from "./bytes";
import type { Draft } from "./pasted-delivery.svelte";

export const PREFIX = "whsec_";
export const VERSION = "v1,";

export interface Steps {
  /** The key's bytes in hex. */
  key: string;
  keyBytes: number;
  /** What stands before the body in what is signed. */
  id: string;
  timestamp: string;
  /** The HMAC's bytes in hex. */
  mac: string;
  signature: string;
  /** Each signature of the header, and whether it is that one. */
  compared: [given: string, equal: boolean][];
}

/** `null` when the id, the timestamp or the secret is none. */
export function steps(draft: Draft, secret: string): Steps | null {
  const [id, timestamp] = [draft.value("webhook-id"), draft.value("webhook-timestamp")];
  const spelled = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret;
  const key = fromBase64(spelled);
  if (!id || !timestamp || !isCanonical(timestamp) || !key) return null;
  try {
    const signature = sign(secret, id, Number(timestamp), draft.bytes);
    const mac = fromBase64(signature.slice(VERSION.length)) ?? new Uint8Array();
    const given = (draft.value("webhook-signature") ?? "").split(/\s+/).filter((one) => one !== "");
    const compared = given.map((one): [string, boolean] => [one, one === signature]);
    return {
      key: hex(key),
      keyBytes: key.length,
      id,
      timestamp,
      mac: hex(mac),
      signature,
      compared,
    };
  } catch {
    return null;
  }
}

/** Whether a timestamp is written as a number is, so that what is signed has it as it came. */
function isCanonical(timestamp: string): boolean {
  const seconds = Number(timestamp);
  return Number.isSafeInteger(seconds) && seconds >= 0 && String(seconds) === timestamp;
}
