/** The recording of a run: computed once, and then shown at any time. */

import type { Failure, ToldWebhook } from "hookdesk";

import type { Reason } from "../../lib/rows";

/** Times are milliseconds of unix time. */
export interface Recording {
  start: number;
  end: number;
  tracks: Track[];
  lanes: Lane[];
  /** By their position in the log, from 1; index 0 is empty. */
  events: (RecordedEvent | undefined)[];
  /** In the order of sending. */
  attempts: SentAttempt[];
  /** Why it ends early, if it does. */
  truncated: string | null;
  cost: RunCost;
}

/** One webhook over time: a row of the timeline. */
export interface Track {
  name: string;
  url: string;
  /** The webhook's id, once it is registered. */
  webhook: string | null;
  /** Why its registration was refused, if it was. */
  refused: string | null;
  unregisteredAt: number | null;
  /** Its state from each `at` on, in order of time. */
  states: TrackState[];
}

export type TrackState = ToldWebhook & { at: number };

/** A lane: the ticket, webhook or service whose events are delivered in order. */
export interface Lane {
  about: string;
  label: string;
  from: number;
}

export interface RecordedEvent {
  id: string;
  event: string;
  at: number;
  /** An index into `lanes`; `null` for a ping. */
  lane: number | null;
}

/** An attempt and its result. */
export interface SentAttempt {
  at: number;
  /** When it ended. */
  end: number;
  track: number;
  seq: number;
  number: number;
  status: number | null;
  failure: Failure | null;
  reason: Reason;
  /** When the next attempt was sent, or is due; `null` when there is none, or while it is held. */
  next: number | null;
  /** What the next attempt waits for, when that is not a time of the retry schedule. */
  held: Hold | null;
  /** Whether the receiver processed it, which the desk cannot know. */
  accepted: boolean;
}

/** Why nothing but probes is sent to a webhook, and when the next probe is due, if one is. */
export interface Hold {
  reason: Reason | null;
  probe: number | null;
}

export interface RunCost {
  /** Inputs that the desk decided. */
  inputs: number;
  /** Milliseconds of computing. */
  ms: number;
}

/** A track's state at a time; `null` before its first. */
export function stateAt(track: Track, at: number): TrackState | null {
  const count = countUpTo(track.states, at, (state) => state.at);
  return track.states[count - 1] ?? null;
}

/** How many of `rows`, which are in order of time, are at `at` or before it. */
export function countUpTo<T>(rows: T[], at: number, timeOf: (row: T) => number): number {
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

/** An attempt's outcome, which decides the shape of its mark. */
export function outcomeOf(sent: SentAttempt): Outcome {
  if (sent.reason === "delivered") return "delivered";
  if (sent.accepted) return "lost";
  if (sent.reason === "retries_used_up" || sent.reason === "gone") return "given-up";
  return sent.status === 429 || sent.status === 503 ? "busy" : "retry";
}
