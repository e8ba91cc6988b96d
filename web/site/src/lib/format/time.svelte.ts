/** Times as people say them. */

const SECOND = 1_000;
const [MINUTE, HOUR, DAY] = [60 * SECOND, 3_600 * SECOND, 86_400 * SECOND];

let now = $state(Date.now());
let stands: number | null = null;
setInterval(() => (now = stands ?? Date.now()), SECOND);

/** Has time stand still at `at`, in milliseconds of unix time, or go on by itself. */
export function standAt(at: number | null): void {
  stands = at;
  now = at ?? Date.now();
}

/** A length of time in its two largest units: `2 h 30 min`. */
export function span(ms: number): string {
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

/** How far a time is from now, as it stays true from second to second. */
export function distance(time: string): string {
  const ms = Date.parse(time) - now;
  if (Math.abs(ms) < 1_500) return "now";
  return ms > 0 ? `in ${span(Math.ceil(ms / SECOND) * SECOND)}` : `${span(-ms)} ago`;
}

/** Whether a time is still to come. */
export function isAhead(time: string): boolean {
  return Date.parse(time) > now;
}

/** The time itself, in this place's own way. */
export function exact(time: string): string {
  return new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

/** The time of its day alone. */
export function clock(time: string): string {
  return new Date(time).toLocaleTimeString(undefined, { timeStyle: "medium" });
}

/** When an event happened: its id begins with that (RFC 9562, version 7). */
export function happened(event: string): string {
  return new Date(parseInt(event.slice(4, 16), 16)).toISOString();
}
