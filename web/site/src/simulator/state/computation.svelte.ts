/** Computation: scenarios and incident files that the worker computes, of which the latest counts. */

import { problemOf } from "../../lib/http/backend";
import type { Problem } from "../../lib/http/backend";
import type { Incident } from "../engine/incident-replay";
import type { Recording } from "../engine/recording";
import type { Scenario } from "../engine/scenario";
import type { WorkerClient } from "../engine/worker-client";

/** Milliseconds after a change before it is computed, so that a drag is one change. */
const DEBOUNCE_MS = 120;

/** Where the scenario comes from, and where its recording goes. */
export interface ComputationOwner {
  readonly scenario: Scenario;
  show(recording: Recording): void;
  /** The recording is that of the scenario. */
  settled(): void;
}

export class Computation {
  /** The share that is computed, from 0 to 1; `null` when nothing is being computed. */
  progress = $state<number | null>(null);
  /** Why the scenario could not be computed. */
  problem = $state.raw<Problem | null>(null);

  /** Counts documents that were opened: a late result of an earlier one is not shown. */
  #document = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #latest: Promise<void> = Promise.resolve();

  constructor(
    readonly worker: WorkerClient,
    readonly owner: ComputationOwner,
  ) {}

  /** Another document is opened: what is being computed is no longer wanted. */
  supersede(): void {
    clearTimeout(this.#timer);
    this.#document += 1;
  }

  /** Computes the scenario. */
  start(): Promise<void> {
    this.#latest = this.#compute();
    return this.#latest;
  }

  /** Computes the scenario once it has not been changed for a moment. */
  startSoon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.start(), DEBOUNCE_MS);
  }

  /** Computes the scenario, and resolves when the recording is that of its latest change. */
  async settle(): Promise<void> {
    void this.start();
    for (let last = null; last !== this.#latest; await last) last = this.#latest;
  }

  /** Replays an incident file. Resolves with `null` when another document was opened meanwhile. */
  async replay(text: string): Promise<Incident | null> {
    this.supersede();
    const document = this.#document;
    this.progress = 0;
    try {
      const incident = await this.worker.replay(text, (done) => {
        if (document === this.#document) this.progress = done;
      });
      return document === this.#document ? incident : null;
    } catch (error) {
      if (document !== this.#document) return null;
      throw error;
    }
  }

  async #compute(): Promise<void> {
    clearTimeout(this.#timer);
    const [scenario, document] = [this.owner.scenario, this.#document];
    const isLatest = (): boolean => scenario === this.owner.scenario && document === this.#document;
    this.progress = 0;
    try {
      const recording = await this.worker.compute(scenario, (done) => {
        if (isLatest()) this.progress = done;
      });
      if (recording === null || document !== this.#document) return;
      this.owner.show(recording);
      this.problem = null;
    } catch (error) {
      if (document !== this.#document) return;
      this.problem = problemOf(error);
    }
    if (!isLatest()) return;
    this.progress = null;
    this.owner.settled();
  }
}
