/** When it changed how a receiver fares: what a timeline marks beside its attempts. */

import type { Reason } from "../../lib/rows";
import type { Track } from "./recording";

export type TurnKind = "down" | "back" | "caught-up" | "paused" | "disabled" | "active";

export interface Turn {
  at: number;
  track: number;
  kind: TurnKind;
  /** Why, where the desk says so. */
  reason: Reason | null;
  /** Events that were owed then. */
  owed: number;
}

/** All turns of all tracks, in the order of their times. */
export function turnsOf(tracks: Track[]): Turn[] {
  const all = tracks.flatMap(({ stands }, track) => {
    const turns: Turn[] = [];
    let [status, down] = ["active", false];
    let isBehind = false;
    for (const stand of stands) {
      const turn = (kind: TurnKind): void => {
        const reason = (stand.reason ?? null) as Reason | null;
        turns.push({ at: stand.at, track, kind, reason, owed: stand.backlog });
      };
      const goesOn = stand.status === "active" && !stand.down;
      if (goesOn && (status !== "active" || down)) isBehind = true;
      if (stand.status !== status) turn(stand.status);
      else if (stand.down !== down) turn(stand.down ? "down" : "back");
      else if (isBehind && goesOn && stand.backlog === 0) turn("caught-up");
      if (!goesOn || stand.backlog === 0) isBehind = false;
      [status, down] = [stand.status, stand.down];
    }
    return turns;
  });
  return all.sort((one, other) => one.at - other.at);
}
