/** Curl commands that send a delivery again, byte for byte, from any POSIX shell. */

import { normalised } from "./headers";
import type { Pair } from "./headers";
import { quoted } from "./shell-words";

export interface CurlRequest {
  url: string;
  secret: string;
  /** May include those of an earlier attempt, which are replaced. */
  headers: Pair[];
  body: Uint8Array;
}

/** A field's value cannot be used. The message says what the value must be. */
export class BadValue extends TypeError {
  override readonly name = "BadValue";

  constructor(
    readonly field: "url" | "secret",
    message: string,
  ) {
    super(message);
  }
}

/** Makes the `webhook-signature` of a message. Throws an error with a message for the user. */
export type Sign = (
  secret: string,
  id: string,
  seconds: number,
  body: Uint8Array,
) => string | Promise<string>;

/** Headers of the connection, of curl, and of each attempt: they are not copied. */
const REPLACED = new Set([
  "accept-encoding",
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "webhook-id",
  "webhook-timestamp",
  "webhook-signature",
]);

/** Bytes of an argument: Linux refuses 128 KiB (`MAX_ARG_STRLEN`). Larger bodies are piped. */
const MAX_ARGUMENT_BYTES = 100_000;

/** Control characters, which a terminal may interpret when pasted. Line feeds are safe in quotes. */
const CONTROL = /[\0-\x09\x0b-\x1f\x7f-\x9f]/;

/**
 * The command that sends a delivery with the timestamp `seconds` and a new signature.
 *
 * Throws `BadValue` when the URL is not HTTP, a `TypeError` when there is no `webhook-id`, and
 * whatever `sign` throws.
 */
export async function curlCommand(of: CurlRequest, seconds: number, sign: Sign): Promise<string> {
  const url = httpUrl(of.url);
  const id = of.headers.find(([name]) => normalised(name) === "webhook-id")?.[1].trim();
  if (!id) throw new TypeError("There is no webhook-id, which the signature covers.");
  const headers: Pair[] = [
    ...of.headers.filter(([name]) => !REPLACED.has(normalised(name))),
    ["webhook-id", id],
    ["webhook-timestamp", String(seconds)],
    ["webhook-signature", await sign(of.secret, id, seconds, of.body)],
  ];
  if (!headers.some(([name]) => normalised(name) === "content-type")) {
    headers.unshift(["content-type", "application/json"]);
  }
  const options = headers.flatMap(headerOption).map((option) => `-H ${option}`);
  const [before, data] = bodyOption(of.body);
  // Without `--globoff`, curl would expand brackets and braces in the URL.
  const parts = [`${before}curl --globoff --include --url ${quoted(url)}`, ...options, data];
  return parts.join(" \\\n  ");
}

function httpUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !["http:", "https:"].includes(url.protocol)) {
    throw new BadValue("url", "must begin with http:// or https://");
  }
  return url.href;
}

/** A header as an argument of curl, unless it is invalid. */
function headerOption([name, value]: Pair): string[] {
  const bare = value.trim();
  if (!/^[!#$%&'*+.^`|~\w-]+$/.test(name) || /[\r\n]/.test(bare) || CONTROL.test(bare))
    return [];
  // curl omits a header written as `name:`.
  return [quoted(bare === "" ? `${name};` : `${name}: ${bare}`)];
}

/** The option with the body, and a command that pipes the body into curl, if one is needed. */
function bodyOption(body: Uint8Array): [before: string, option: string] {
  const text = textOf(body);
  const isPlain = text !== null && !CONTROL.test(text);
  // `--data-raw` does not read a file when the body begins with `@`.
  if (isPlain && body.length <= MAX_ARGUMENT_BYTES) return ["", `--data-raw ${argument(text)}`];
  const printed = isPlain ? `printf %s ${argument(text)}` : `printf ${argument(octal(body))}`;
  return [`${printed} | `, "--data-binary @-"];
}

function argument(text: string): string {
  return text === "" ? "''" : quoted(text);
}

/** Bytes as text; `null` when they are not UTF-8. */
export function textOf(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** `%`, `\\`, and `-`, which would begin an option. */
const SPECIAL = new Set([0x25, 0x5c, 0x2d]);

/** A format for `printf`: printable ASCII as it is, and other bytes as three octal digits. */
function octal(bytes: Uint8Array): string {
  const byte = (of: number): string => {
    const isPlain = of >= 0x20 && of < 0x7f && !SPECIAL.has(of);
    return isPlain ? String.fromCharCode(of) : `\\${of.toString(8).padStart(3, "0")}`;
  };
  return Array.from(bytes, byte).join("");
}
