/** What a receiver went through, in numbers that can be compared. */

import type { Recording } from "./recording";

export interface Score {
  attempts: number;
  delivered: number;
  /** Answers that failed, or were not heard. */
  failed: number;
  givenUp: number;
  /** Taken in more often than once. */
  repeats: number;
  /** Milliseconds from an event to its delivery: the middle one, and the longest. */
  median: number | null;
  longest: number | null;
  owed: number;
  /** When nothing was owed any more, after the last time that anything was. */
  caughtUp: number | null;
}

export function scores({ attempts, events, tracks }: Recording): Score[] {
  return tracks.map(({ stands }, track) => {
    const own = attempts.filter((sent) => sent.track === track);
    const delivered = own.filter(({ reason }) => reason === "delivered");
    const waits = delivered.map(({ end, seq }) => end - (events[seq]?.at ?? end));
    waits.sort((one, other) => one - other);
    const taken = own.filter(({ took }) => took);
    const owed = stands.at(-1)?.backlog ?? 0;
    const lastOwed = stands.findLastIndex(({ backlog }) => backlog > 0);
    return {
      attempts: own.length,
      delivered: delivered.length,
      failed: own.length - delivered.length,
      givenUp: own.filter(({ reason }) => reason === "retries_used_up").length,
      repeats: taken.length - new Set(taken.map(({ seq }) => seq)).size,
      median: waits[waits.length >> 1] ?? null,
      longest: waits.at(-1) ?? null,
      owed,
      caughtUp: owed > 0 ? null : (stands[lastOwed + 1]?.at ?? null),
    };
  });
}
