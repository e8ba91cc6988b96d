/** Replay of an incident file: a server's recorded inputs, decided again step by step. */

import type { IncidentPlayer, IncidentStep } from "hookdesk";

import { Refused } from "../../lib/http/backend";
import { resolveNextAttempts } from "./next-attempts";
import type { Recording } from "./recording";
import { sentAttempt } from "./scenario-run";

/** Summary of a replayed step, for a list of any length. */
export interface StepSummary {
  number: number;
  at: number | null;
  /** Its commands and their results. */
  text: string;
  /** How many requests it sent. */
  requests: number;
  /** How it differs from what the file has. */
  difference: string | null;
}

export interface Incident {
  recording: Recording;
  steps: StepSummary[];
  /** Hash over all decisions. */
  chain: string;
  /** Whether every step was decided as the file has it. */
  same: boolean;
  redacted: boolean;
}

/** Lines between two reports of progress. */
const LINES_PER_REPORT = 200;

/**
 * Replays an incident file. `onProgress` gets the share that is done, and returns whether to go on.
 *
 * Resolves with `null` when it was stopped. Throws `Refused` when a line cannot be read.
 */
export async function replay(
  text: string,
  open: (header: string) => IncidentPlayer,
  onProgress: (done: number) => Promise<boolean>,
): Promise<Incident | null> {
  const lines = text.split("\n");
  // What follows the last line end is an incomplete line of a truncated file.
  lines.pop();
  const [header = text, ...inputs] = lines;
  const player = attempt(() => open(header), 1);
  const builder = new IncidentBuilder();
  for (const [index, line] of inputs.entries()) {
    builder.add(attempt(() => player.play(line), index + 2));
    if (index % LINES_PER_REPORT === 0 && !(await onProgress(index / inputs.length))) return null;
  }
  player.free();
  return builder.finish(JSON.parse(header).redacted === true);
}

function attempt<T>(work: () => T, line: number): T {
  try {
    return work();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const detail = `Line ${line} is not as \`hookdesk export\` writes it: ${reason}`;
    const problem = { title: "The file cannot be read", detail, code: "bad_incident" };
    throw new Refused(problem, { cause: error });
  }
}

/** Collects replayed steps into a recording. */
class IncidentBuilder {
  readonly #steps: StepSummary[] = [];
  readonly #tracks = new Map<string, number>();
  readonly #lanes = new Map<string, number>();
  readonly #recording: Recording = {
    start: Infinity,
    end: 0,
    tracks: [],
    lanes: [],
    events: [],
    attempts: [],
    truncated: null,
    cost: { inputs: 0, ms: 0 },
  };
  #chain = "";

  add(step: IncidentStep): void {
    const { number, nowMs, decisions, told, chain, difference } = step;
    const commands = decisions.map(({ command, reply, about }) => `${command}: ${about ?? reply}`);
    const requests = decisions.flatMap((decision) => decision.requests);
    const summary = commands.join(", ") || step.failure || step.input;
    const row = { number, at: nowMs ?? null, text: summary, requests: requests.length };
    this.#steps.push({ ...row, difference: difference ?? null });
    this.#chain = chain;
    const recording = this.#recording;
    if (nowMs !== undefined) {
      recording.start = Math.min(recording.start, nowMs);
      recording.end = Math.max(recording.end, nowMs);
    }
    for (const { webhook, url } of requests) this.#track(webhook, url);
    for (const { seq, id, event, createdMs, about } of told.events) {
      const lane = about === undefined ? null : this.#lane(about, createdMs);
      recording.events[seq] = { id, event, at: createdMs, lane };
    }
    for (const { id, ...state } of told.webhooks) {
      const { states } = recording.tracks[this.#track(id, id)] ?? {};
      if (nowMs !== undefined) states?.push({ id, ...state, at: nowMs });
    }
    for (const attempt of told.attempts) {
      const track = this.#track(attempt.webhook, attempt.webhook);
      const accepted = attempt.reason === "delivered";
      recording.attempts.push({ ...sentAttempt(attempt), track, accepted });
    }
  }

  finish(redacted: boolean): Incident {
    const recording = this.#recording;
    if (recording.start > recording.end) recording.start = recording.end;
    // An attempt that ended in the recording may have begun before it.
    for (const { at } of recording.attempts) recording.start = Math.min(recording.start, at);
    recording.attempts.sort((one, other) => one.at - other.at);
    resolveNextAttempts(recording);
    recording.cost.inputs = this.#steps.length;
    const same = this.#steps.every(({ difference }) => difference === null);
    return { recording, steps: this.#steps, chain: this.#chain, same, redacted };
  }

  /** A webhook's track. Its id is its name until a request shows its URL. */
  #track(webhook: string, url: string): number {
    const known = this.#tracks.get(webhook);
    if (known !== undefined) {
      const track = this.#recording.tracks[known];
      if (track?.url === webhook) track.name = track.url = url;
      return known;
    }
    const track = { name: url, url, webhook, refused: null, unregisteredAt: null, states: [] };
    const index = this.#recording.tracks.push(track) - 1;
    this.#tracks.set(webhook, index);
    return index;
  }

  #lane(about: string, from: number): number {
    const known = this.#lanes.get(about);
    if (known !== undefined) return known;
    const index = this.#recording.lanes.push({ about, label: about, from }) - 1;
    this.#lanes.set(about, index);
    return index;
  }
}
