/** A delivery as a command that any `sh` runs: what is sent is the body, to the byte. */

import { plain } from "./headers";
import type { Pair } from "./headers";
import { quoted } from "./shell-words";

export interface Outgoing {
  url: string;
  secret: string;
  /** Those of a former attempt may be among them. */
  headers: Pair[];
  body: Uint8Array;
}

/** Gives the `webhook-signature` of a message at a time in unix seconds. Throws a sentence. */
export type Sign = (
  secret: string,
  id: string,
  seconds: number,
  body: Uint8Array,
) => string | Promise<string>;

/** Headers that belong to a connection, or that curl makes itself. */
const NOT_SENT = new Set([
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
]);
/** Made anew for each attempt. */
const OURS = new Set(["webhook-id", "webhook-timestamp", "webhook-signature"]);

/** Bytes of an argument: Linux refuses 128 KiB (`MAX_ARG_STRLEN`). More goes by a pipe. */
const LONGEST_ARGUMENT = 100_000;

/** What a terminal may act upon when it is pasted there; line ends are safe between quotes. */
const ACTED_UPON = /[\0-\x09\x0b-\x1f\x7f-\x9f]/;

/**
 * The command that sends a delivery as it would be sent at `seconds`, signed anew.
 *
 * Throws a `TypeError` with a sentence when the URL cannot be called or there is no `webhook-id`,
 * and whatever `sign` throws.
 */
export async function curlCommand(of: Outgoing, seconds: number, sign: Sign): Promise<string> {
  const url = callable(of.url);
  const id = of.headers.find(([name]) => plain(name) === "webhook-id")?.[1].trim();
  if (!id) throw new TypeError("There is no webhook-id, which the signature covers.");
  const headers: Pair[] = [
    ...of.headers.filter(([name]) => !NOT_SENT.has(plain(name)) && !OURS.has(plain(name))),
    ["webhook-id", id],
    ["webhook-timestamp", String(seconds)],
    ["webhook-signature", await sign(of.secret, id, seconds, of.body)],
  ];
  if (!headers.some(([name]) => plain(name) === "content-type")) {
    headers.unshift(["content-type", "application/json"]);
  }
  const options = headers.flatMap(headerOption).map((option) => `-H ${option}`);
  const [before, data] = bodyOption(of.body);
  // Without `--globoff`, brackets and braces of a URL would make many of it.
  const parts = [`${before}curl --globoff --include --url ${quoted(url)}`, ...options, data];
  return parts.join(" \\\n  ");
}

function callable(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !["http:", "https:"].includes(url.protocol)) {
    throw new TypeError("The URL must begin with http:// or https://.");
  }
  return url.href;
}

/** A header as curl takes it. One that no request could have is left out. */
function headerOption([name, value]: Pair): string[] {
  const bare = value.trim();
  if (!/^[!#$%&'*+.^`|~\w-]+$/.test(name) || /[\r\n]/.test(bare) || ACTED_UPON.test(bare))
    return [];
  // `name:` would have curl leave the header out.
  return [quoted(bare === "" ? `${name};` : `${name}: ${bare}`)];
}

/** What stands before `curl`, and the option that gives it the body. */
function bodyOption(body: Uint8Array): [before: string, option: string] {
  const text = textOf(body);
  const isPlain = text !== null && !ACTED_UPON.test(text);
  // `--data-raw` reads no file for an `@` at the beginning.
  if (isPlain && body.length <= LONGEST_ARGUMENT) return ["", `--data-raw ${always(text)}`];
  const printed = isPlain ? `printf %s ${always(text)}` : `printf ${always(octal(body))}`;
  return [`${printed} | `, "--data-binary @-"];
}

function always(text: string): string {
  return text === "" ? "''" : quoted(text);
}

/** The text that bytes spell; `null` when they are no UTF-8. */
export function textOf(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** `%`, `\\`, and `-`, with which an option begins. */
const MEANS_SOMETHING = new Set([0x25, 0x5c, 0x2d]);

/** A format of `printf`: letters as they are, and three octal digits for every other byte. */
function octal(bytes: Uint8Array): string {
  const byte = (of: number): string => {
    const isPlain = of >= 0x20 && of < 0x7f && !MEANS_SOMETHING.has(of);
    return isPlain ? String.fromCharCode(of) : `\\${of.toString(8).padStart(3, "0")}`;
  };
  return Array.from(bytes, byte).join("");
}
