/** A run's desk at any of its times, rebuilt from the run's inputs. */

import { MemoryDesk } from "hookdesk";

import type { Scenario } from "./scenario";
import { OPTIONS } from "./scenario-run";
import type { ScenarioRun } from "./scenario-run";
import { PURPOSE, SeededRandom } from "./seeded-random";

/** Inputs that cross into WebAssembly at once. */
const CHUNK = 500;

/** The desk with which a run of the scenario begins. */
export function newDesk({ start, seed }: Scenario): MemoryDesk {
  return new MemoryDesk({ nowMs: start, chance: new SeededRandom(seed).chance(PURPOSE.desk) }, OPTIONS);
}

/** A desk that follows one run. It only moves forward; an earlier time takes a new desk. */
export class DeskHistory {
  #current: { desk: MemoryDesk; inputs: number; at: number } | null = null;

  constructor(readonly run: ScenarioRun) {}

  /** The desk after all inputs up to a time, in milliseconds of unix time. */
  deskAt(at: number): MemoryDesk {
    if (this.#current && this.#current.at > at) this.free();
    this.#current ??= { desk: newDesk(this.run.scenario), inputs: 0, at };
    const { inputs } = this.run;
    const later = inputs.findIndex((input) => input.at.nowMs > at);
    const end = later < 0 ? inputs.length : later;
    const current = this.#current;
    for (; current.inputs < end; current.inputs = Math.min(end, current.inputs + CHUNK)) {
      current.desk.run(inputs.slice(current.inputs, Math.min(end, current.inputs + CHUNK)));
    }
    current.at = at;
    return current.desk;
  }

  free(): void {
    this.#current?.desk.free();
    this.#current = null;
  }
}

/** The run as an incident file, which `hookdesk replay` decides again. */
export function incidentFile({ scenario, inputs, random }: ScenarioRun): string {
  const desk = newDesk(scenario);
  try {
    const at = { nowMs: scenario.start, chance: random.chance(PURPOSE.recording) };
    let file = desk.record(at);
    for (let from = 0; from < inputs.length; from += CHUNK) {
      const handled = desk.run(inputs.slice(from, from + CHUNK));
      file += handled.map(({ lines }) => lines ?? "").join("");
    }
    return file;
  } finally {
    desk.free();
  }
}
