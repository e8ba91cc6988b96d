/** What the simulator shows: a rehearsal, what came of it, and the time that is looked at. */

import { createContext } from "svelte";

import { problemOf } from "../lib/backend";
import type { Problem } from "../lib/backend";
import type { Incident } from "./incident";
import { lastBefore } from "./recording";
import type { Recording } from "./recording";
import { MOST } from "./rehearsal";
import type { Act, Receiver, Rehearsal } from "./rehearsal";
import { MINUTE, SECOND } from "./span";
import type { Stage } from "./stage";
import { turnsOf } from "./turns";

export type Chosen =
  | { what: "attempt" | "turn"; index: number }
  | { what: "outage"; track: number; index: number };

/** Milliseconds of rest after a change before it is computed: a drag is one change. */
const REST_MS = 120;
export const SPEEDS = [MINUTE / 2, 5 * MINUTE, 30 * MINUTE, 180 * MINUTE];

export class Theatre {
  rehearsal = $state.raw<Rehearsal>() as Rehearsal;
  recording = $state.raw<Recording | null>(null);
  incident = $state.raw<Incident | null>(null);
  problem = $state.raw<Problem | null>(null);
  /** How much is computed, from 0 to 1, while it is. */
  progress = $state<number | null>(null);
  /** The time that is looked at, in milliseconds of unix time. */
  head = $state(0);
  playing = $state(false);
  /** Milliseconds of the rehearsal in a second. */
  speed = $state(SPEEDS[1] ?? MINUTE);
  chosen = $state.raw<Chosen | null>(null);
  readonly turns = $derived(turnsOf(this.recording?.tracks ?? []));
  /** What is seen of it. */
  view = $state.raw({ from: 0, to: 1 });

  /** Rehearsals and incidents that were opened: what comes late of an earlier one is not shown. */
  #opened = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #changed = new Set<() => void>();

  constructor(
    readonly stage: Stage,
    rehearsal: Rehearsal,
  ) {
    this.open(rehearsal);
  }

  /** Another rehearsal, from its beginning. */
  open(rehearsal: Rehearsal): void {
    this.#opened += 1;
    this.rehearsal = rehearsal;
    this.recording = null;
    this.incident = null;
    this.chosen = null;
    this.playing = false;
    this.head = rehearsal.start;
    this.view = { from: rehearsal.start, to: rehearsal.start + rehearsal.length };
    void this.compute();
  }

  /** The same rehearsal with something changed. */
  change(parts: Partial<Rehearsal>): void {
    const { start, length } = this.rehearsal;
    this.rehearsal = { ...this.rehearsal, ...parts };
    if (this.chosen?.what !== "outage") this.chosen = null;
    if (start !== this.rehearsal.start || length !== this.rehearsal.length) this.whole();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.compute(), REST_MS);
  }

  changeReceiver(index: number, parts: Partial<Receiver>): void {
    const receivers = this.rehearsal.receivers.map((old, at) => (at === index ? { ...old, ...parts } : old));
    this.change({ receivers });
  }

  addReceiver(receiver: Receiver): void {
    const { receivers } = this.rehearsal;
    if (receivers.length < MOST.receivers) this.change({ receivers: [...receivers, receiver] });
  }

  removeReceiver(index: number): void {
    const kept = this.rehearsal.receivers.filter((_, at) => at !== index);
    const shifted = (like: number | null): number | null => {
      if (like === null || like === index) return null;
      return like > index ? like - 1 : like;
    };
    this.chosen = null;
    this.change({ receivers: kept.map((one) => ({ ...one, like: shifted(one.like) })) });
  }

  /** Somebody calls the desk at the time that is looked at. Gives the act's id once it happened. */
  async act(call: Omit<Act, "id" | "at">): Promise<number> {
    const { acts, start } = this.rehearsal;
    const id = acts.reduce((most, act) => Math.max(most, act.id), 0) + 1;
    const at = Math.round(this.head) - start;
    this.rehearsal = { ...this.rehearsal, acts: [...acts, { id, at, ...call }] };
    await this.compute();
    return id;
  }

  async compute(): Promise<void> {
    clearTimeout(this.#timer);
    const [asked, opened] = [this.rehearsal, this.#opened];
    this.progress = 0;
    try {
      // The worker gets it as it is beneath what the page watches.
      const recording = await this.stage.compute(asked, (done) => (this.progress = done));
      if (recording === null || opened !== this.#opened) return;
      this.recording = recording;
      this.problem = null;
    } catch (error) {
      this.problem = problemOf(error);
    }
    if (asked !== this.rehearsal) return;
    this.progress = null;
    this.tell();
  }

  async openIncident(text: string): Promise<void> {
    clearTimeout(this.#timer);
    this.#opened += 1;
    this.progress = 0;
    try {
      const incident = await this.stage.incident(text, (done) => (this.progress = done));
      if (incident === null) return;
      this.incident = incident;
      this.recording = incident.recording;
      this.chosen = null;
      this.problem = null;
      this.head = incident.recording.start;
      this.whole();
    } catch (error) {
      this.problem = problemOf(error);
    } finally {
      this.progress = null;
    }
  }

  /** Follows what changes: another recording, or another time. */
  onChange(look: () => void): () => void {
    this.#changed.add(look);
    return () => this.#changed.delete(look);
  }

  tell(): void {
    for (const look of this.#changed) look();
  }

  get start(): number {
    return this.recording?.start ?? this.rehearsal.start;
  }

  get end(): number {
    return this.recording?.end ?? this.rehearsal.start + this.rehearsal.length;
  }

  goTo(at: number): void {
    this.head = Math.min(Math.max(Math.round(at), this.start), this.end);
    const { from, to } = this.view;
    if (this.head >= from && this.head <= to) return;
    const half = (to - from) / 2;
    this.look(this.head - half, this.head + half);
  }

  whole(): void {
    this.look(this.start, this.end);
  }

  /** Shows a part, which stays inside the whole and is a second at the least. */
  look(from: number, to: number): void {
    const [start, end] = [this.start, Math.max(this.end, this.start + SECOND)];
    const length = Math.min(Math.max(to - from, SECOND), end - start);
    const begin = Math.min(Math.max(from, start), end - length);
    this.view = { from: begin, to: begin + length };
  }

  zoom(factor: number, around = this.head): void {
    const { from, to } = this.view;
    const share = Math.min(Math.max((around - from) / (to - from), 0), 1);
    const length = (to - from) * factor;
    this.look(around - share * length, around + (1 - share) * length);
  }

  /** The next attempt, or the one before. */
  step(by: 1 | -1): void {
    const attempts = this.recording?.attempts ?? [];
    const known = this.chosen?.what === "attempt" ? this.chosen.index : null;
    const behind = lastBefore(attempts, this.head, ({ at }) => at);
    const index = known === null ? (by > 0 ? behind : behind - 1) : known + by;
    this.choose(index);
  }

  choose(index: number): void {
    const attempt = this.recording?.attempts[index];
    if (!attempt) return;
    this.chosen = { what: "attempt", index };
    this.goTo(attempt.at);
  }

  chooseTurn(index: number): void {
    const turn = this.turns[index];
    if (!turn) return;
    this.chosen = { what: "turn", index };
    this.goTo(turn.at);
  }

  /** To the next thing that happens, whatever it is. */
  jump(): void {
    const { recording, rehearsal, turns, head } = this;
    if (!recording) return;
    const { attempts, start } = recording;
    const attempt = lastBefore(attempts, head, ({ at }) => at);
    const turn = lastBefore(turns, head, ({ at }) => at);
    const [sent, turned] = [attempts[attempt]?.at, turns[turn]?.at];
    const acted = this.incident ? [] : rehearsal.acts.map(({ at }) => start + at);
    const outages = this.incident ? [] : rehearsal.receivers.flatMap((receiver) => receiver.outages);
    const bounds = outages.flatMap(({ from, to }) => [start + from, start + to]);
    const later = [sent, turned, ...acted, ...bounds].filter((at) => at !== undefined && at > head);
    const next = Math.min(this.end, ...(later as number[]));
    if (next === turned) this.chooseTurn(turn);
    else if (next === sent) this.choose(attempt);
    else this.goTo(next);
  }
}

export const [useTheatre, provideTheatre] = createContext<Theatre>();
