/** Statistics of a recording for each receiver. */

import type { Recording } from "./recording";
import { transitionsOf } from "./transitions";

export interface ReceiverStatistics {
  attempts: number;
  delivered: number;
  /** Attempts without a success, also those whose answer was lost. */
  failed: number;
  givenUp: number;
  /** Deliveries that the receiver had accepted already. */
  repeats: number;
  /** Milliseconds from an event to its delivery: the median, and the longest. */
  median: number | null;
  longest: number | null;
  /** The backlog at the end. */
  backlog: number;
  /** The time of the latest transition to caught up, unless it went down or stopped after that. */
  caughtUp: number | null;
}

export function statisticsOf({ attempts, events, tracks }: Recording): ReceiverStatistics[] {
  const transitions = transitionsOf(tracks);
  return tracks.map(({ states }, track) => {
    const own = attempts.filter((sent) => sent.track === track);
    const delivered = own.filter(({ reason }) => reason === "delivered");
    const waits = delivered.map(({ end, seq }) => end - (events[seq]?.at ?? end));
    waits.sort((one, other) => one - other);
    const acceptances = own.filter(({ accepted }) => accepted);
    const latest = transitions.findLast((transition) => transition.track === track);
    return {
      attempts: own.length,
      delivered: delivered.length,
      failed: own.length - delivered.length,
      givenUp: own.filter(({ reason }) => reason === "retries_used_up").length,
      repeats: acceptances.length - new Set(acceptances.map(({ seq }) => seq)).size,
      median: waits[waits.length >> 1] ?? null,
      longest: waits.at(-1) ?? null,
      backlog: states.at(-1)?.backlog ?? 0,
      caughtUp: latest?.kind === "caught-up" ? latest.at : null,
    };
  });
}
