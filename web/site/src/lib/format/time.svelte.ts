/** Times and durations as text, relative to a clock that the simulator can stop. */

import { DAY, HOUR, MINUTE, SECOND } from "./durations";

let now = $state(Date.now());
let frozenAt: number | null = null;
setInterval(() => (now = frozenAt ?? Date.now()), SECOND);

/** Stops the clock at a time in milliseconds of unix time; `null` has it run again. */
export function freezeClock(at: number | null): void {
  frozenAt = at;
  now = at ?? Date.now();
}

/** A duration in its two largest units: `2 h 30 min`. */
export function duration(ms: number): string {
  if (ms < 1) return "under 1 ms";
  if (ms < SECOND) return `${Math.round(ms)} ms`;
  const units: [number, string][] = [
    [DAY, "d"],
    [HOUR, "h"],
    [MINUTE, "min"],
    [SECOND, "s"],
  ];
  const index = units.findIndex(([unit]) => ms >= unit);
  const [large, name] = units[index] ?? [SECOND, "s"];
  const small = units[index + 1];
  const whole = Math.floor(ms / large);
  const rest = small ? Math.floor((ms % large) / small[0]) : 0;
  return small && rest > 0 && whole < 10 ? `${whole} ${name} ${rest} ${small[1]}` : `${whole} ${name}`;
}

/** A time relative to now, kept up to date: `in 5 min`, `2 h ago`. */
export function relativeTime(time: string): string {
  const ms = Date.parse(time) - now;
  if (Math.abs(ms) < 1_500) return "now";
  return ms > 0 ? `in ${duration(Math.ceil(ms / SECOND) * SECOND)}` : `${duration(-ms)} ago`;
}

export function isFuture(time: string): boolean {
  return Date.parse(time) > now;
}

/** Date and time in the browser's language. */
export function dateTime(time: string): string {
  return new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

/** The time of day in the browser's language. */
export function timeOfDay(time: string): string {
  return new Date(time).toLocaleTimeString(undefined, { timeStyle: "medium" });
}

/** When an event was created: its id is a UUID of version 7 (RFC 9562), which begins with the time. */
export function eventTime(event: string): string {
  return new Date(parseInt(event.slice(4, 16), 16)).toISOString();
}
