/** Times of a rehearsal in words. They are in UTC, so that a shared one says the same everywhere. */

import { DAY, HOUR, MINUTE } from "../../lib/format/durations";

const named = new Intl.DateTimeFormat("en-GB", {
  weekday: "short",
  hour: "2-digit",
  minute: "2-digit",
  timeZone: "UTC",
});
const exact = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  timeZone: "UTC",
});
const daily = new Intl.DateTimeFormat("en-GB", {
  weekday: "short",
  day: "numeric",
  month: "short",
  timeZone: "UTC",
});
const full = new Intl.DateTimeFormat("en-GB", {
  weekday: "short",
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  timeZone: "UTC",
});

/** `Fri 18:00` */
export function brief(at: number): string {
  return named.format(at).replace(",", "");
}

/** `Fri 2 Jan, 18:00:05` */
export function whole(at: number): string {
  return full.format(at);
}

/** Distances between the marks of an axis, of which one leaves them far enough apart. */
const STEPS = [
  MINUTE / 60, MINUTE / 12, MINUTE / 4, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR,
  12 * HOUR, 24 * HOUR, 48 * HOUR, 168 * HOUR,
];

/** Pixels of the words beside a mark. */
const WORDS = 64;

/** Times for an axis of so many pixels, with room for their words. */
export function ticks(from: number, to: number, width: number): { at: number; words: string }[] {
  const last = to - ((to - from) * WORDS) / Math.max(width, WORDS);
  const most = Math.max(1, Math.floor(width / 80));
  const step = STEPS.find((candidate) => (to - from) / candidate <= most) ?? to - from;
  const first = Math.ceil(from / step) * step;
  const count = Math.max(0, Math.floor((last - first) / step) + 1);
  const words = step < MINUTE ? exact : step < DAY ? named : daily;
  return Array.from({ length: count }, (_, index) => {
    const at = first + index * step;
    return { at, words: words.format(at).replace(",", "") };
  });
}

/** A time for a field of a form, and back. */
export function toField(at: number): string {
  return new Date(at).toISOString().slice(0, 16);
}

export function fromField(text: string): number | null {
  const at = Date.parse(`${text}Z`);
  return Number.isNaN(at) ? null : at;
}
