/** Bytes as they are shown. */

import { textOf } from "./curl-command";

/** Two hex digits for each. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The bytes that base64 spells; `null` when it is none. */
export function fromBase64(text: string): Uint8Array | null {
  try {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  } catch {
    return null;
  }
}

/** Bytes as text, whatever they are. */
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

const SHAPELESS = /[\0-\x1f\x7f-\xa0\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** Text in which nothing is invisible: what has no shape of its own is named. */
export function visible(text: string): string {
  // The directions that text may take would move what stands beside them.
  return text.replaceAll(SHAPELESS, (one) => {
    const code = one.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
    return NAMED[one] ?? `⟨U+${code}⟩`;
  });
}

/** A place in bytes, with some of what stands around it. */
export interface Place {
  before: string;
  /** The character there, or nothing at the end. */
  at: string;
  after: string;
  /** Whether more stands before and after. */
  cut: [before: boolean, after: boolean];
}

/** The place at `offset`, with up to `around` bytes on each side. */
export function placeIn(bytes: Uint8Array, offset: number, around: number): Place {
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

/** Whether a byte goes on with a character of UTF-8. */
function goesOn(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

/** Bytes that a character has at most. */
const LONGEST = 4;

function startOf(bytes: Uint8Array, offset: number): number {
  let at = offset;
  while (at > 0 && offset - at < LONGEST - 1 && goesOn(bytes[at])) at -= 1;
  return at;
}

function endOf(bytes: Uint8Array, offset: number): number {
  let at = offset + 1;
  while (at - offset < LONGEST && goesOn(bytes[at])) at += 1;
  return at;
}
