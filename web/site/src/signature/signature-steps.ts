/** The steps of signing a delivery with one of its secrets. */

import { sign } from "hookdesk";

import { fromBase64, hex } from "./bytes";
import type { PastedDelivery } from "./pasted-delivery.svelte";

export const PREFIX = "whsec_";
export const VERSION = "v1,";

export interface SignatureSteps {
  /** The key's bytes in hex. */
  key: string;
  keyBytes: number;
  /** Signed before the body. */
  id: string;
  timestamp: string;
  /** The HMAC's bytes in hex. */
  mac: string;
  signature: string;
  /** Each signature of the header, and whether it equals `signature`. */
  compared: [given: string, equal: boolean][];
}

/** `null` when the id, the timestamp or the secret is missing or malformed. */
export function signatureSteps(delivery: PastedDelivery, secret: string): SignatureSteps | null {
  const [id, timestamp] = [delivery.value("webhook-id"), delivery.value("webhook-timestamp")];
  const base64 = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret;
  const key = fromBase64(base64);
  if (!id || !timestamp || !isCanonical(timestamp) || !key) return null;
  try {
    const signature = sign(secret, id, Number(timestamp), delivery.bytes);
    const mac = fromBase64(signature.slice(VERSION.length)) ?? new Uint8Array();
    const given = (delivery.value("webhook-signature") ?? "").split(/\s+/).filter((one) => one !== "");
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

/** Whether a timestamp is in canonical form, so that signing it as a number changes nothing. */
function isCanonical(timestamp: string): boolean {
  const seconds = Number(timestamp);
  return Number.isSafeInteger(seconds) && seconds >= 0 && String(seconds) === timestamp;
}
