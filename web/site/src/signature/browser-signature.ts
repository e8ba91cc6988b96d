/** Signatures made with the browser's own HMAC, for a page whose policy forbids WebAssembly. */

import { BadValue } from "./curl-command";

/**
 * The `webhook-signature` of a message (Standard Webhooks, "Signature scheme"): HMAC-SHA256 over
 * `id.timestamp.body`, with the decoded base64 of the secret as key.
 *
 * Throws `BadValue` when the secret is malformed, and a `TypeError` when the browser offers no HMAC:
 * it does so only over HTTPS and on this machine.
 */
export async function signInBrowser(
  secret: string,
  id: string,
  seconds: number,
  body: Uint8Array,
): Promise<string> {
  // Undefined in insecure contexts, though its type does not say so.
  const subtle = crypto.subtle as SubtleCrypto | undefined;
  if (!subtle) {
    throw new TypeError(
      "This browser can sign only over HTTPS or on this machine.",
    );
  }
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const key = await subtle.importKey("raw", keyOf(secret), hmac, false, ["sign"]);
  const before = new TextEncoder().encode(`${id}.${seconds}.`);
  const content = new Uint8Array(before.length + body.length);
  content.set(before);
  content.set(body, before.length);
  const mac = new Uint8Array(await subtle.sign("HMAC", key, content));
  return `v1,${btoa(String.fromCharCode(...mac))}`;
}

function keyOf(secret: string): Uint8Array<ArrayBuffer> {
  try {
    const bytes = atob(secret.replace(/^whsec_/, ""));
    if (bytes !== "") return Uint8Array.from(bytes, (letter) => letter.charCodeAt(0));
  } catch {
    // Refused below.
  }
  throw new BadValue("secret", "must be whsec_ and the base64 of a key");
}
