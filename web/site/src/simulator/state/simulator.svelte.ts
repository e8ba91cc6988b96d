/** State of the simulator: the open scenario or incident, its recording, and how it is shown. */

import { createContext } from "svelte";

import { problemOf } from "../../lib/http/backend";
import type { Problem } from "../../lib/http/backend";
import type { Incident } from "../engine/incident-replay";
import type { Recording } from "../engine/recording";
import { LIMITS, withoutReceiver } from "../engine/scenario";
import type { Receiver, Scenario, ScenarioCall } from "../engine/scenario";
import { transitionsOf } from "../engine/transitions";
import type { WorkerClient } from "../engine/worker-client";
import { Computation } from "./computation.svelte";
import type { ComputationOwner } from "./computation.svelte";
import { Playback } from "./playback.svelte";
import { Selection } from "./selection.svelte";
import type { Selectable } from "./selection.svelte";
import { Viewport } from "./viewport.svelte";

export class SimulatorState implements Selectable, ComputationOwner {
  scenario = $state.raw<Scenario>() as Scenario;
  recording = $state.raw<Recording | null>(null);
  incident = $state.raw<Incident | null>(null);
  /** Why a file or a link could not be opened. */
  refusal = $state.raw<Problem | null>(null);
  /** Counts the documents that were opened: forms about an earlier one start anew. */
  opened = $state(0);
  readonly transitions = $derived(transitionsOf(this.recording?.tracks ?? []));

  readonly computation: Computation;
  readonly viewport = new Viewport(this);
  readonly playback = new Playback(this, this.viewport);
  readonly selection = new Selection(this, this.playback);

  #preset = $state.raw<{ name: string; scenario: Scenario } | null>(null);
  readonly #listeners = new Set<() => void>();

  constructor(
    readonly worker: WorkerClient,
    scenario: Scenario,
    preset = "",
  ) {
    this.computation = new Computation(worker, this);
    this.open(scenario, preset);
  }

  get start(): number {
    return this.recording?.start ?? this.scenario.start;
  }

  get end(): number {
    return this.recording?.end ?? this.scenario.start + this.scenario.length;
  }

  get plannedTimes(): number[] {
    if (this.incident) return [];
    const { acts, receivers } = this.scenario;
    const outages = receivers.flatMap((receiver) => receiver.outages);
    const times = [...acts.map(({ at }) => at), ...outages.flatMap(({ from, to }) => [from, to])];
    return times.map((at) => this.start + at);
  }

  /** The name of the preset that is open; empty once it is changed. */
  get preset(): string {
    return !this.incident && this.#preset?.scenario === this.scenario ? this.#preset.name : "";
  }

  /** Opens a scenario at its start. */
  open(scenario: Scenario, preset = ""): void {
    this.computation.supersede();
    this.opened += 1;
    this.#preset = { name: preset, scenario };
    this.scenario = scenario;
    this.recording = null;
    this.incident = null;
    this.refusal = null;
    this.selection.clear();
    this.playback.reset(scenario.start);
    this.viewport.showAll();
    void this.computation.start();
  }

  async openIncident(text: string): Promise<void> {
    this.refusal = null;
    try {
      const incident = await this.computation.replay(text);
      if (incident) this.#showIncident(incident);
    } catch (error) {
      this.refusal = problemOf(error);
      // A scenario that was being computed was superseded by the file.
      if (this.incident) this.computation.progress = null;
      else await this.computation.start();
    }
  }

  #showIncident(incident: Incident): void {
    this.incident = incident;
    this.recording = incident.recording;
    this.selection.clear();
    this.playback.reset(incident.recording.start);
    this.viewport.showAll();
    this.computation.problem = null;
    this.computation.progress = null;
  }

  /** Shows another recording of the scenario. */
  show(recording: Recording): void {
    const { recording: before, transitions } = this;
    this.recording = recording;
    this.selection.carryOver({ recording: before, transitions });
    if (before?.start !== recording.start || before.end !== recording.end) this.viewport.showAll();
    this.playback.seek(this.playback.playhead);
  }

  /** Changes a part of the scenario. */
  change(parts: Partial<Scenario>): void {
    this.scenario = { ...this.scenario, ...parts };
    this.computation.startSoon();
  }

  changeReceiver(index: number, parts: Partial<Receiver>): void {
    const changed = (old: Receiver, at: number): Receiver => (at === index ? { ...old, ...parts } : old);
    this.change({ receivers: this.scenario.receivers.map(changed) });
  }

  addReceiver(receiver: Receiver): void {
    const { receivers } = this.scenario;
    if (receivers.length < LIMITS.receivers) this.change({ receivers: [...receivers, receiver] });
  }

  removeReceiver(index: number): void {
    this.selection.clear();
    this.change(withoutReceiver(this.scenario, index));
  }

  /** Adds an API call at the playhead. Resolves with the call's id when it is computed. */
  async addCall({ path, ...call }: Omit<ScenarioCall, "id" | "at">): Promise<number> {
    const { acts, start } = this.scenario;
    const id = acts.reduce((most, other) => Math.max(most, other.id), 0) + 1;
    const at = Math.round(this.playback.playhead) - start;
    const added: ScenarioCall = { id, at, path: this.#withIndexes(path), ...call };
    this.scenario = { ...this.scenario, acts: [...acts, added] };
    await this.computation.settle();
    return id;
  }

  removeCall(id: number): void {
    const acts = this.scenario.acts.filter((call) => call.id !== id);
    if (acts.length < this.scenario.acts.length) this.change({ acts });
  }

  /** A path with its webhook's index in place of the id, which depends on the rest of the scenario. */
  #withIndexes(path: string): string {
    const tracks = this.recording?.tracks ?? [];
    const index = tracks.findIndex(({ webhook }) => webhook && path.includes(webhook));
    const webhook = tracks[index]?.webhook;
    return webhook ? path.replace(webhook, `{webhook:${index}}`) : path;
  }

  /** Follows changes of recording and playhead, until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  settled(): void {
    this.notify();
  }

  notify(): void {
    for (const listener of this.#listeners) listener();
  }
}

export const [useSimulator, provideSimulator] = createContext<SimulatorState>();
