/** Times of a scenario as text, in UTC, so that a shared scenario shows the same everywhere. */

import { DAY, HOUR, MINUTE } from "../../lib/format/durations";
import type { Reading } from "../../parts/reading";

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
export function dayTime(at: number): string {
  return named.format(at).replace(",", "");
}

/** `Fri 2 Jan, 18:00:05` */
export function dateTime(at: number): string {
  return full.format(at);
}

/** Intervals between the ticks of an axis: the first that fits is used. */
const STEPS = [
  MINUTE / 60, MINUTE / 12, MINUTE / 4, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR,
  12 * HOUR, 24 * HOUR, 48 * HOUR, 168 * HOUR,
];

/** Pixels for the label of a tick. */
const LABEL_WIDTH = 64;
/** Pixels from one tick to the next, at least. */
const TICK_WIDTH = 80;

/** Ticks of an axis of `width` pixels, with room for their labels. */
export function ticks(from: number, to: number, width: number): { at: number; label: string }[] {
  const last = to - ((to - from) * LABEL_WIDTH) / Math.max(width, LABEL_WIDTH);
  const most = Math.max(1, Math.floor(width / TICK_WIDTH));
  const step = STEPS.find((candidate) => (to - from) / candidate <= most) ?? to - from;
  const first = Math.ceil(from / step) * step;
  const count = Math.max(0, Math.floor((last - first) / step) + 1);
  const format = step < MINUTE ? exact : step < DAY ? named : daily;
  return Array.from({ length: count }, (_, index) => {
    const at = first + index * step;
    return { at, label: format.format(at).replace(",", "") };
  });
}

/** A time as the value of a `datetime-local` field. */
export function toField(at: number): string {
  return new Date(at).toISOString().slice(0, 16);
}

/** The time of a field's value; `null` when it is not one. */
export function fromField(text: string): number | null {
  const at = Date.parse(`${text}Z`);
  return Number.isNaN(at) ? null : at;
}

/** The time of a field's value, if it is within the limits. */
export function readTime(text: string, min: number, max: number): Reading<number> {
  const at = fromField(text);
  if (at === null) return { error: "must be a whole date and time" };
  if (at >= min && at <= max) return { value: at };
  const [first, last] = [min, max].map((limit) => toField(limit).replace("T", " "));
  return { error: `must be from ${first} to ${last}` };
}
