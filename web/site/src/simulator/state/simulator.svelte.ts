/** What the simulator shows: a rehearsal, what came of it, and the time that is looked at. */

import { createContext } from "svelte";

import { problemOf } from "../../lib/http/backend";
import type { Problem } from "../../lib/http/backend";
import type { Incident } from "../engine/incident-replay";
import { lastBefore } from "../engine/recording";
import type { Recording, Sent } from "../engine/recording";
import { MOST, without } from "../engine/scenario";
import type { Act, Receiver, Rehearsal } from "../engine/scenario";
import { MINUTE, SECOND } from "../../lib/format/durations";
import type { Stage } from "../engine/worker-client";
import { turnsOf } from "../engine/transitions";
import type { Turn } from "../engine/transitions";

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
  /** Why it could not be computed. */
  problem = $state.raw<Problem | null>(null);
  /** Why something else could not be opened. */
  refusal = $state.raw<Problem | null>(null);
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
  /** What is computed last. */
  #computing: Promise<void> = Promise.resolve();
  #preset = $state.raw<{ name: string; rehearsal: Rehearsal } | null>(null);
  readonly #changed = new Set<() => void>();

  constructor(
    readonly stage: Stage,
    rehearsal: Rehearsal,
    preset = "",
  ) {
    this.open(rehearsal, preset);
  }

  /** Another rehearsal, from its beginning: a ready-made one has a name. */
  open(rehearsal: Rehearsal, preset = ""): void {
    this.#opened += 1;
    this.#preset = { name: preset, rehearsal };
    this.rehearsal = rehearsal;
    this.recording = null;
    this.incident = null;
    this.refusal = null;
    this.chosen = null;
    this.playing = false;
    this.head = rehearsal.start;
    this.view = { from: rehearsal.start, to: rehearsal.start + rehearsal.length };
    void this.compute();
  }

  /** The name of the ready-made rehearsal, while nothing of it is changed. */
  get preset(): string {
    return !this.incident && this.#preset?.rehearsal === this.rehearsal ? this.#preset.name : "";
  }

  /** The same rehearsal with something changed. */
  change(parts: Partial<Rehearsal>): void {
    this.rehearsal = { ...this.rehearsal, ...parts };
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
    this.chosen = null;
    this.change(without(this.rehearsal, index));
  }

  /** Somebody calls the desk at the time that is looked at. Gives the act's id once it happened. */
  async act({ path, ...call }: Omit<Act, "id" | "at">): Promise<number> {
    const { acts, start } = this.rehearsal;
    const id = acts.reduce((most, act) => Math.max(most, act.id), 0) + 1;
    const at = Math.round(this.head) - start;
    this.rehearsal = { ...this.rehearsal, acts: [...acts, { id, at, path: this.#placed(path), ...call }] };
    await this.settle();
    return id;
  }

  /** Takes back what did not happen. */
  takeBack(id: number): void {
    const acts = this.rehearsal.acts.filter((act) => act.id !== id);
    if (acts.length < this.rehearsal.acts.length) this.change({ acts });
  }

  /** A path that names its webhook by its place: its id depends on what else there is. */
  #placed(path: string): string {
    const place = this.recording?.tracks.findIndex(({ webhook }) => webhook && path.includes(webhook)) ?? -1;
    const webhook = this.recording?.tracks[place]?.webhook;
    return webhook ? path.replace(webhook, `{webhook:${place}}`) : path;
  }

  /** Computes what was changed, and waits until that is what is shown. */
  async settle(): Promise<void> {
    void this.compute();
    for (let last = null; last !== this.#computing; await last) last = this.#computing;
  }

  compute(): Promise<void> {
    this.#computing = this.#compute();
    return this.#computing;
  }

  async #compute(): Promise<void> {
    clearTimeout(this.#timer);
    const [asked, opened] = [this.rehearsal, this.#opened];
    const isWanted = (): boolean => asked === this.rehearsal && opened === this.#opened;
    this.progress = 0;
    try {
      // The worker gets it as it is beneath what the page watches.
      const recording = await this.stage.compute(asked, (done) => {
        if (isWanted()) this.progress = done;
      });
      if (recording === null || opened !== this.#opened) return;
      this.#show(recording);
      this.problem = null;
    } catch (error) {
      if (opened !== this.#opened) return;
      this.problem = problemOf(error);
    }
    if (!isWanted()) return;
    this.progress = null;
    this.tell();
  }

  /** Another recording, in which what was chosen has another place, if any. */
  #show(recording: Recording): void {
    const { chosen, recording: before, turns } = this;
    this.recording = recording;
    if (chosen?.what === "attempt") {
      const old = before?.attempts[chosen.index];
      const same = ({ track, seq, number }: Sent): boolean =>
        track === old?.track && seq === old.seq && number === old.number;
      this.#chooseAgain("attempt", recording.attempts.findIndex(same));
    } else if (chosen?.what === "turn") {
      const old = turns[chosen.index];
      const same = ({ track, kind, at }: Turn): boolean =>
        track === old?.track && kind === old.kind && at === old.at;
      this.#chooseAgain("turn", this.turns.findIndex(same));
    }
    if (before?.start !== recording.start || before.end !== recording.end) this.whole();
    this.goTo(this.head);
  }

  #chooseAgain(what: "attempt" | "turn", index: number): void {
    this.chosen = index < 0 ? null : { what, index };
  }

  async openIncident(text: string): Promise<void> {
    clearTimeout(this.#timer);
    this.#opened += 1;
    const opened = this.#opened;
    this.refusal = null;
    this.progress = 0;
    try {
      const incident = await this.stage.incident(text, (done) => {
        if (opened === this.#opened) this.progress = done;
      });
      if (incident === null || opened !== this.#opened) return;
      this.incident = incident;
      this.recording = incident.recording;
      this.chosen = null;
      this.problem = null;
      this.playing = false;
      this.head = incident.recording.start;
      this.progress = null;
      this.whole();
    } catch (error) {
      if (opened !== this.#opened) return;
      this.refusal = problemOf(error);
      // What was computed meanwhile was given up for it.
      if (this.incident) this.progress = null;
      else await this.compute();
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

  /** Plays on, from the beginning where it has come to the end, or holds. */
  play(): void {
    if (!this.playing && this.head >= this.end) this.goTo(this.start);
    this.playing = !this.playing;
  }

  /** The attempt after the time that is looked at, or before it. */
  step(by: 1 | -1): void {
    const attempts = this.recording?.attempts ?? [];
    const known = this.chosen?.what === "attempt" ? this.chosen.index : null;
    const isThere = known !== null && attempts[known]?.at === this.head;
    const behind = lastBefore(attempts, this.head, ({ at }) => at);
    this.choose(isThere ? known + by : by > 0 ? behind : behind - 1);
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
    else {
      this.chosen = null;
      this.goTo(next);
    }
  }
}

export const [useTheatre, provideTheatre] = createContext<Theatre>();
