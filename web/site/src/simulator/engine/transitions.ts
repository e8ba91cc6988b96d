/** Transitions of a webhook's health and status, which the timeline marks beside its attempts. */

import type { Reason } from "../../lib/rows";
import type { Track } from "./recording";

export type TransitionKind = "down" | "back" | "caught-up" | "paused" | "disabled" | "active";

export interface Transition {
  at: number;
  track: number;
  kind: TransitionKind;
  /** As the desk gives it, if it gives one. */
  reason: Reason | null;
  /** The backlog at that time. */
  backlog: number;
}

/** The transitions of all tracks, in order of time. */
export function transitionsOf(tracks: Track[]): Transition[] {
  const all = tracks.flatMap(({ states }, track) => {
    const transitions: Transition[] = [];
    let [status, down] = ["active", false];
    let isBehind = false;
    for (const state of states) {
      const add = (kind: TransitionKind): void => {
        const reason = state.reason ?? null;
        transitions.push({ at: state.at, track, kind, reason, backlog: state.backlog });
      };
      const isSending = state.status === "active" && !state.down;
      if (isSending && (status !== "active" || down)) isBehind = true;
      if (state.status !== status) add(state.status);
      else if (state.down !== down) add(state.down ? "down" : "back");
      else if (isBehind && isSending && state.backlog === 0) add("caught-up");
      if (!isSending || state.backlog === 0) isBehind = false;
      [status, down] = [state.status, state.down];
    }
    return transitions;
  });
  return all.sort((one, other) => one.at - other.at);
}
