/** Bytes as text, with invisible characters made visible. */

import { textOf } from "./curl-command";

/** Two hex digits for each. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Decodes base64; `null` when it is invalid. */
export function fromBase64(text: string): Uint8Array | null {
  try {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  } catch {
    return null;
  }
}

/** Bytes as UTF-8 text, with replacement characters where they are not. */
export function shownText(bytes: Uint8Array): string {
  return textOf(bytes) ?? new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

const NAMED: Record<string, string> = {
  "\n": "↵\n",
  "\r": "⟨CR⟩",
  "\t": "⇥",
  "\0": "⟨NUL⟩",
  "\ufeff": "⟨BOM⟩",
  "\u00a0": "⟨NBSP⟩",
  "\u200b": "⟨ZWSP⟩",
  "\u2028": "⟨LS⟩",
  "\u2029": "⟨PS⟩",
};

const INVISIBLE = /[\0-\x1f\x7f-\xa0\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** Text with names in place of invisible characters. */
export function visible(text: string): string {
  // They include marks of direction, which would reorder the text beside them.
  return text.replaceAll(INVISIBLE, (one) => {
    const code = one.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
    return NAMED[one] ?? `⟨U+${code}⟩`;
  });
}

/** An excerpt of bytes around one character. */
export interface Excerpt {
  before: string;
  /** The character itself; empty at the end of the bytes. */
  at: string;
  after: string;
  /** Whether the excerpt is cut before and after. */
  cut: [before: boolean, after: boolean];
}

/** The excerpt at `offset`, with up to `around` bytes on each side. */
export function excerptAt(bytes: Uint8Array, offset: number, around: number): Excerpt {
  const at = startOf(bytes, Math.min(offset, bytes.length));
  const begin = startOf(bytes, Math.max(0, at - around));
  const next = at < bytes.length ? endOf(bytes, at) : at;
  const end = startOf(bytes, Math.min(bytes.length, next + around));
  return {
    before: shownText(bytes.subarray(begin, at)),
    at: shownText(bytes.subarray(at, next)),
    after: shownText(bytes.subarray(next, end)),
    cut: [begin > 0, end < bytes.length],
  };
}

/** Whether a byte is a continuation byte of UTF-8. */
function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

/** Bytes of a character in UTF-8. */
const MAX_CHARACTER_BYTES = 4;

function startOf(bytes: Uint8Array, offset: number): number {
  let at = offset;
  while (at > 0 && offset - at < MAX_CHARACTER_BYTES - 1 && isContinuation(bytes[at])) at -= 1;
  return at;
}

function endOf(bytes: Uint8Array, offset: number): number {
  let at = offset + 1;
  while (at - offset < MAX_CHARACTER_BYTES && isContinuation(bytes[at])) at += 1;
  return at;
}
