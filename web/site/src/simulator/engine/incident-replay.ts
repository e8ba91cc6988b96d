/** An incident file as a recording: what a server was told, decided once more. */

import type { IncidentPlayer, IncidentStep } from "hookdesk";

import { Refused } from "../../lib/http/backend";
import type { Recording } from "./recording";
import { sentOf } from "./scenario-run";

/** A step in short, for a list of any length. */
export interface Step {
  number: number;
  at: number | null;
  /** Commands and what they came to. */
  words: string;
  requests: number;
  difference: string | null;
}

export interface Incident {
  recording: Recording;
  steps: Step[];
  /** The chain at the end. */
  chain: string;
  /** Whether every step came to what the file says. */
  same: boolean;
  redacted: boolean;
}

/** Lines between two looks at whether anybody still wants to know. */
const STRETCH = 200;

export async function replay(
  text: string,
  open: (header: string) => IncidentPlayer,
  onStretch: (done: number) => Promise<boolean>,
): Promise<Incident | null> {
  const lines = text.split("\n");
  // A file that was cut in the middle of a line is good up to there.
  lines.pop();
  const [header = text, ...inputs] = lines;
  const player = attempt(() => open(header), 1);
  const book = new Book();
  for (const [index, line] of inputs.entries()) {
    book.note(attempt(() => player.play(line), index + 2));
    if (index % STRETCH === 0 && !(await onStretch(index / inputs.length))) return null;
  }
  player.free();
  return book.close(JSON.parse(header).redacted === true);
}

function attempt<T>(work: () => T, line: number): T {
  try {
    return work();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const detail = `Line ${line} is not as \`hookdesk export\` writes it: ${why}`;
    const problem = { title: "The file cannot be read", detail, code: "bad_incident" };
    throw new Refused(problem, { cause: error });
  }
}

/** Steps as they come, and the picture that they make. */
class Book {
  readonly #steps: Step[] = [];
  readonly #tracks = new Map<string, number>();
  readonly #lanes = new Map<string, number>();
  readonly #recording: Recording = {
    start: Infinity,
    end: 0,
    tracks: [],
    lanes: [],
    events: [],
    attempts: [],
    cut: null,
    figures: { inputs: 0, ms: 0 },
  };
  #chain = "";

  note(step: IncidentStep): void {
    const { number, nowMs, decisions, told, chain, difference } = step;
    const commands = decisions.map(({ command, reply, about }) => `${command}: ${about ?? reply}`);
    const requests = decisions.flatMap((decision) => decision.requests);
    const words = commands.join(", ") || step.failure || step.input;
    const row = { number, at: nowMs ?? null, words, requests: requests.length };
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
    for (const { id, ...stand } of told.webhooks) {
      const { stands } = recording.tracks[this.#track(id, id)] ?? {};
      if (nowMs !== undefined) stands?.push({ id, ...stand, at: nowMs });
    }
    for (const attempt of told.attempts) {
      const track = this.#track(attempt.webhook, attempt.webhook);
      recording.attempts.push({ ...sentOf(attempt), track, took: attempt.reason === "delivered" });
    }
  }

  close(redacted: boolean): Incident {
    const recording = this.#recording;
    if (recording.start > recording.end) recording.start = recording.end;
    // What ended in it may have begun before.
    for (const { at } of recording.attempts) recording.start = Math.min(recording.start, at);
    recording.attempts.sort((one, other) => one.at - other.at);
    recording.figures.inputs = this.#steps.length;
    const same = this.#steps.every(({ difference }) => difference === null);
    return { recording, steps: this.#steps, chain: this.#chain, same, redacted };
  }

  /** A webhook's track. It bears the webhook's id until a request says where it is. */
  #track(webhook: string, url: string): number {
    const known = this.#tracks.get(webhook);
    if (known !== undefined) {
      const track = this.#recording.tracks[known];
      if (track?.url === webhook) track.name = track.url = url;
      return known;
    }
    const track = { name: url, url, webhook, refused: null, left: null, stands: [] };
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
