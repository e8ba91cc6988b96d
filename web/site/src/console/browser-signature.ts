/** Signatures by what the browser itself has: for a page that must not load WebAssembly. */

/**
 * The `webhook-signature` of a message (Standard Webhooks, "Signature scheme"): HMAC-SHA256 over
 * `id.timestamp.body` with the bytes that the secret's base64 spells.
 *
 * Throws a `TypeError` with a sentence when the secret is none, or when the browser has no HMAC
 * here: it has one only on pages that came over HTTPS or from this machine.
 */
export async function signature(
  secret: string,
  id: string,
  seconds: number,
  body: Uint8Array,
): Promise<string> {
  // Its type says that it is there; where the page is not trusted, it is not.
  const subtle = crypto.subtle as SubtleCrypto | undefined;
  if (!subtle) {
    throw new TypeError(
      "This browser signs only on pages that came over HTTPS or from this machine.",
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
    // It is told below.
  }
  throw new TypeError("The secret must be whsec_ and the base64 of a key.");
}
