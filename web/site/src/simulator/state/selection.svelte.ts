/** Selection: the attempt, transition or outage that the inspector shows. */

import { countUpTo } from "../engine/recording";
import type { Recording, SentAttempt } from "../engine/recording";
import type { Transition } from "../engine/transitions";
import type { Playback } from "./playback.svelte";
import type { Bounds } from "./viewport.svelte";

export type Selected =
  | { what: "attempt" | "transition"; index: number }
  | { what: "outage"; track: number; index: number };

/** What can be selected. */
export interface Selectable extends Bounds {
  readonly recording: Recording | null;
  readonly transitions: Transition[];
  /** Times of the scenario's calls, and of starts and ends of outages. */
  readonly plannedTimes: number[];
}

export class Selection {
  current = $state.raw<Selected | null>(null);

  constructor(
    readonly shown: Selectable,
    readonly playback: Playback,
  ) {}

  clear(): void {
    this.current = null;
  }

  selectAttempt(index: number): void {
    const attempt = this.shown.recording?.attempts[index];
    if (!attempt) return;
    this.current = { what: "attempt", index };
    this.playback.seek(attempt.at);
  }

  selectTransition(index: number): void {
    const transition = this.shown.transitions[index];
    if (!transition) return;
    this.current = { what: "transition", index };
    this.playback.seek(transition.at);
  }

  selectOutage(track: number, index: number): void {
    this.current = { what: "outage", track, index };
  }

  /** Selects the attempt after the playhead, or before it. */
  step(by: 1 | -1): void {
    const attempts = this.shown.recording?.attempts ?? [];
    const { playhead } = this.playback;
    const selected = this.current?.what === "attempt" ? this.current.index : null;
    const isAtPlayhead = selected !== null && attempts[selected]?.at === playhead;
    const count = countUpTo(attempts, playhead, ({ at }) => at);
    this.selectAttempt(isAtPlayhead ? selected + by : by > 0 ? count : count - 1);
  }

  /** Moves to the next attempt, transition or planned time, and selects what is there. */
  next(): void {
    const { recording, transitions, plannedTimes, end } = this.shown;
    if (!recording) return;
    const { playhead } = this.playback;
    const { attempts } = recording;
    const attempt = countUpTo(attempts, playhead, ({ at }) => at);
    const transition = countUpTo(transitions, playhead, ({ at }) => at);
    const [sentAt, changedAt] = [attempts[attempt]?.at, transitions[transition]?.at];
    const times = [sentAt ?? end, changedAt ?? end, ...plannedTimes];
    const next = Math.min(end, ...times.filter((at) => at > playhead));
    if (next === changedAt) this.selectTransition(transition);
    else if (next === sentAt) this.selectAttempt(attempt);
    else {
      this.clear();
      this.playback.seek(next);
    }
  }

  /** Selects the same attempt or transition in a new recording, which may have it elsewhere. */
  carryOver(before: { recording: Recording | null; transitions: Transition[] }): void {
    const { current } = this;
    if (current?.what === "attempt") {
      const old = before.recording?.attempts[current.index];
      const isSame = ({ track, seq, number }: SentAttempt): boolean =>
        track === old?.track && seq === old.seq && number === old.number;
      this.#reselect("attempt", this.shown.recording?.attempts.findIndex(isSame) ?? -1);
    } else if (current?.what === "transition") {
      const old = before.transitions[current.index];
      const isSame = ({ track, kind, at }: Transition): boolean =>
        track === old?.track && kind === old.kind && at === old.at;
      this.#reselect("transition", this.shown.transitions.findIndex(isSame));
    }
  }

  #reselect(what: "attempt" | "transition", index: number): void {
    this.current = index < 0 ? null : { what, index };
  }
}
