/** What came of a rehearsal: computed once, and then looked at from any time. */

import type { Failure, ToldWebhook } from "hookdesk";

import type { Reason } from "../../lib/rows";

/** Times are milliseconds of unix time. */
export interface Recording {
  start: number;
  end: number;
  tracks: Track[];
  lanes: Lane[];
  /** By their place in the log, from 1; the place 0 is empty. */
  events: (LoggedAt | undefined)[];
  /** In the order in which they were sent. */
  attempts: Sent[];
  /** Why it ends before its time, if it does. */
  cut: string | null;
  figures: Figures;
}

export interface Track {
  name: string;
  url: string;
  /** The webhook's id, if the desk took it. */
  webhook: string | null;
  /** Why not. */
  refused: string | null;
  /** When it was unregistered, if it was. */
  left: number | null;
  /** How it stood from when on, in order. */
  stands: (ToldWebhook & { at: number })[];
}

/** What order is kept about: a ticket, a webhook, or the service. */
export interface Lane {
  about: string;
  label: string;
  from: number;
}

export interface LoggedAt {
  id: string;
  event: string;
  at: number;
  /** A place among the lanes; none for a ping. */
  lane: number | null;
}

/** A request, and what came of it. */
export interface Sent {
  at: number;
  /** When it ended. */
  end: number;
  track: number;
  seq: number;
  number: number;
  status: number | null;
  failure: Failure | null;
  reason: Reason;
  next: number | null;
  /** Whether the receiver took it in, which the desk cannot know. */
  took: boolean;
}

export interface Figures {
  /** Inputs that the desk took. */
  inputs: number;
  /** Milliseconds that it took to compute. */
  ms: number;
}

/** How a track stood at a time. */
export function standsAt(track: Track, at: number): (ToldWebhook & { at: number }) | null {
  const behind = lastBefore(track.stands, at, (stand) => stand.at);
  return track.stands[behind - 1] ?? null;
}

/** How many of `rows`, which are in the order of their times, are at `at` or before it. */
export function lastBefore<T>(rows: T[], at: number, timeOf: (row: T) => number): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const row = rows[middle];
    if (row !== undefined && timeOf(row) <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}

export type Outcome = "delivered" | "retry" | "busy" | "lost" | "given-up";

/** What came of an attempt, as a mark shows it. */
export function outcomeOf(sent: Sent): Outcome {
  if (sent.reason === "delivered") return "delivered";
  if (sent.took) return "lost";
  if (sent.reason === "retries_used_up" || sent.reason === "gone") return "given-up";
  return sent.status === 429 || sent.status === 503 ? "busy" : "retry";
}
