/** Takes a desk and its pretend receivers through a rehearsal, as fast as it goes. */

import type {
  Call,
  Handled,
  Input,
  MemoryDesk,
  Options,
  Request as Outgoing,
  ToldAttempt,
} from "hookdesk";

import type { Reason } from "../../lib/rows";
import { Dice } from "./seeded-random";
import { Heap } from "./heap";
import { callsOf } from "./scheduled-calls";
import type { Planned, PlannedCall } from "./scheduled-calls";
import { Pretend } from "./simulated-receiver";
import type { Incoming, Reaction } from "./simulated-receiver";
import { MOST_ATTEMPTS } from "./limits";
import type { Recording, Sent } from "./recording";
import { hostsOf, original } from "./scenario";
import type { Rehearsal } from "./scenario";

/** A desk of a rehearsal: its receivers' addresses are known to be theirs, and it keeps everything. */
export const OPTIONS: Options = { pinsAddresses: true, retainS: 0 };
/** Inputs between two looks at whether anybody still wants to know. */
const STRETCH = 500;
/** Wakes at one and the same time beyond which a desk goes in circles. */
const MOST_WAKES = 10_000;

/** Receivers that a visitor wrote, by their places. */
export type Scripts = (place: number, request: Incoming) => Promise<Reaction>;

export interface Answered {
  status: number;
  body: string;
}

interface Open {
  end: number;
  outgoing: Outgoing;
  reaction: Reaction;
}

/** A rehearsal under way, and all that is known of it. */
export class Run {
  readonly recording: Recording;
  /** All that the desk was told, in order: told again, it decides the same. */
  readonly inputs: Input[] = [];
  /** What went out, by the place of its attempt. */
  outgoing: Outgoing[] = [];
  /** The answers to acts, by their ids. */
  readonly answers = new Map<number, Answered>();
  /** Secrets as they were shown. */
  readonly secrets: { webhook: string; secret: string }[] = [];
  readonly dice: Dice;

  readonly #calls: Planned[];
  readonly #pretends: (Pretend | undefined)[];
  readonly #tracks = new Map<string, number>();
  readonly #hosts = new Map<string, number>();
  readonly #lanes = new Map<string, number>();
  readonly #tickets: string[] = [];
  readonly #labels = new Map<string, string>();
  readonly #open = new Heap<Open>((open) => open.end);
  #called = 0;
  #wake: number | undefined;
  #now: number;

  constructor(
    readonly desk: MemoryDesk,
    readonly rehearsal: Rehearsal,
    readonly scripts: Scripts,
  ) {
    const { start, length, receivers, seed } = rehearsal;
    this.dice = new Dice(seed);
    this.#now = start;
    this.#wake = start;
    this.#calls = callsOf(rehearsal, this.dice);
    this.#pretends = receivers.map((own, index) => {
      const place = original(receivers, index);
      const like = receivers[place] ?? own;
      return new Pretend({ ...own, behaviour: like.behaviour, outages: like.outages }, this.dice, place);
    });
    const hosts = hostsOf(receivers);
    const tracks = receivers.map(({ name }, index) => {
      const host = hosts[index] ?? "";
      this.#hosts.set(host, index);
      const url = `https://${host}/hook`;
      return { name, url, webhook: null, refused: null, left: null, stands: [] };
    });
    const figures = { inputs: 0, ms: 0 };
    const end = start + length;
    this.recording = { start, end, tracks, lanes: [], events: [], attempts: [], cut: null, figures };
  }

  /**
   * Goes to the end. `onStretch` is told how far it is, from 0 to 1, and says whether to go on.
   *
   * Gives whether it came to the end.
   */
  async go(onStretch: (done: number) => Promise<boolean>): Promise<boolean> {
    const { start, end, figures } = this.recording;
    const begun = performance.now();
    this.desk.watch();
    let wakes = 0;
    for (;;) {
      const before = this.#now;
      const step = await this.#step();
      if (!step) break;
      wakes = step === "wake" && this.#now === before ? wakes + 1 : 0;
      if (wakes > MOST_WAKES) throw new Error("the desk wakes without end");
      if (this.recording.attempts.length >= MOST_ATTEMPTS) {
        this.#cut();
        break;
      }
      if (this.inputs.length % STRETCH > 0) continue;
      if (!(await onStretch((this.#now - start) / (end - start)))) return false;
    }
    this.#sort();
    Object.assign(figures, { inputs: this.inputs.length, ms: performance.now() - begun });
    return true;
  }

  /** Whatever comes next: how a request ended, then a call, then time alone. */
  async #step(): Promise<"report" | "call" | "wake" | null> {
    const report = this.#open.least?.end ?? Infinity;
    const call = this.#calls[this.#called]?.at ?? Infinity;
    const wake = this.#wake ?? Infinity;
    const next = Math.max(this.#now, Math.min(report, call, wake));
    if (!(next <= this.recording.end)) return null;
    this.#now = next;
    if (report <= next) {
      await this.#report();
      return "report";
    }
    if (call <= next) {
      await this.#call();
      return "call";
    }
    await this.#follow(this.#tell({ at: this.#at(3, next) }));
    return "wake";
  }

  async #report(): Promise<void> {
    const { outgoing, reaction } = this.#open.take();
    const { key } = outgoing;
    const { status, failure, retryAfter, body } = reaction;
    const heard =
      status === undefined
        ? { failure: failure ?? ("timeout" as const) }
        : { status, retryAfter: retryAfter ?? null, body: body ?? "" };
    const place = original(this.rehearsal.receivers, this.#tracks.get(key.webhook) ?? 0);
    const at = this.#at(2, place, key.seq, key.number);
    const report = { key, durationMs: this.#now - key.sentAtMs, ...heard };
    const handled = this.#tell({ at, report });
    for (const row of handled.told?.attempts ?? []) {
      const track = this.#tracks.get(row.webhook);
      if (track === undefined) continue;
      this.recording.attempts.push({ ...sentOf(row), track, took: reaction.took });
      this.outgoing.push(outgoing);
    }
    await this.#follow(handled);
  }

  async #call(): Promise<void> {
    const planned = this.#calls[this.#called];
    this.#called += 1;
    if (!planned) return;
    const { webhooks, tickets } = { webhooks: this.#webhooks(), tickets: this.#tickets };
    const { method, path, body } = planned.call({ webhooks, tickets });
    const [bare = "", query = ""] = path.split("?");
    const call: Call = { method, path: bare, query, headers: [] };
    if (body) Object.assign(call, { headers: [["content-type", "application/json"]] });
    if (body) call.body = JSON.stringify(body);
    const handled = this.#tell({ at: this.#at(1, planned.key), call });
    const { response } = handled;
    if (!response) throw new Error("the desk answers every call");
    this.answers.set(planned.key, { status: response.status, body: response.body });
    this.#learn(planned, { method, path: bare, ...(body ? { body } : {}) }, response);
    await this.#follow(handled);
  }

  /** What a call's answer says that later calls, or the inspector, want to know. */
  #learn(planned: Planned, { method, path, body }: PlannedCall, response: Answered): void {
    const answer = JSON.parse(response.body || "null");
    const data = response.status < 300 ? answer?.data : null;
    if (planned.receiver !== undefined) {
      const track = this.recording.tracks[planned.receiver];
      if (track && data) track.webhook = data.id;
      if (track && !data) track.refused = answer?.errors?.[0]?.detail ?? answer?.detail;
      if (data) this.#tracks.set(data.id, planned.receiver);
    }
    if (planned.ticket !== undefined && data) this.#tickets[planned.ticket] = data.id;
    const message = (body as { ticket_message?: unknown } | undefined)?.ticket_message;
    if (method === "POST" && path === "/tickets" && data) this.#labels.set(data.id, String(message));
    const left = method === "DELETE" && response.status < 300 && /^\/webhooks\/([^/]+)$/.exec(path);
    const leaving = left ? this.recording.tracks[this.#tracks.get(left[1] ?? "") ?? -1] : undefined;
    if (leaving) leaving.left = this.#now;
    if (typeof data?.secret === "string") {
      const rotated = /^\/webhooks\/([^/]+)\/secret\/rotate$/.exec(path);
      this.secrets.push({ webhook: rotated?.[1] ?? data.id, secret: data.secret });
    }
  }

  #webhooks(): (string | null)[] {
    return this.recording.tracks.map(({ webhook }) => webhook);
  }

  #tell(input: Input): Handled {
    this.inputs.push(input);
    const [handled] = this.desk.run([input]);
    if (!handled) throw new Error("the desk gives as many as it takes");
    this.#wake = handled.nextWakeMs;
    return handled;
  }

  /** Sends what is to be sent, and notes what was told. */
  async #follow({ told, requests }: Handled): Promise<void> {
    for (const row of told?.events ?? []) {
      const lane = row.about === undefined ? null : this.#lane(row.about, row.createdMs);
      this.recording.events[row.seq] = { id: row.id, event: row.event, at: row.createdMs, lane };
    }
    for (const row of told?.webhooks ?? []) {
      const track = this.recording.tracks[this.#tracks.get(row.id) ?? -1];
      track?.stands.push({ ...row, at: this.#now });
    }
    for (const outgoing of requests) {
      const sending = this.#send(outgoing);
      if (sending) await sending;
    }
  }

  #lane(about: string, from: number): number {
    const known = this.#lanes.get(about);
    if (known !== undefined) return known;
    const label = this.#labels.get(about) ?? (about === "service" ? "The service" : about);
    const index = this.recording.lanes.push({ about, label, from }) - 1;
    this.#lanes.set(about, index);
    return index;
  }

  /** Hands a request to its receiver. */
  #send(outgoing: Outgoing): Promise<void> | null {
    const { key, url, headers, body } = outgoing;
    const index = this.#hosts.get(new URL(url).hostname);
    const pretend = index === undefined ? undefined : this.#pretends[index];
    const at = this.#now - this.recording.start;
    const request = { at, seq: key.seq, number: key.number, headers, body };
    const reaction = pretend ? pretend.react(request) : NOBODY;
    if (reaction) {
      this.#await(outgoing, reaction);
      return null;
    }
    const written = this.scripts(index ?? 0, request);
    return written.then((given) => this.#await(outgoing, given));
  }

  #await(outgoing: Outgoing, reaction: Reaction): void {
    const isLate = reaction.latency >= outgoing.timeoutMs;
    const { took } = reaction;
    const heard = isLate ? { latency: outgoing.timeoutMs, failure: "timeout" as const, took } : reaction;
    this.#open.add({ end: this.#now + heard.latency, outgoing, reaction: heard });
  }

  #at(...about: number[]): Input["at"] {
    return { nowMs: this.#now, chance: this.dice.chance(...about) };
  }

  #cut(): void {
    this.recording.cut = `It ends here: ${MOST_ATTEMPTS.toLocaleString("en")} attempts are the most.`;
    this.recording.end = this.#now;
  }

  /** Attempts are known when they end, and are shown from when they began. */
  #sort(): void {
    const { attempts } = this.recording;
    const order = attempts.map((_, index) => index);
    const timeOf = (index: number): number => attempts[index]?.at ?? 0;
    order.sort((one, other) => timeOf(one) - timeOf(other) || one - other);
    const pick = <T>(rows: T[]): T[] => order.map((index) => rows[index] as T);
    this.recording.attempts = pick(attempts);
    this.outgoing = pick(this.outgoing);
  }
}

/** A URL at which nobody is. */
const NOBODY: Reaction = { latency: 20, failure: "dns", took: false };

/** A request as it is shown, from the desk's row of it. */
export function sentOf(row: ToldAttempt): Omit<Sent, "track" | "took"> {
  return {
    at: row.atMs,
    end: row.atMs + (row.durationMs ?? 0),
    seq: row.seq,
    number: row.number,
    status: row.status ?? null,
    failure: row.failure ?? null,
    reason: row.reason as Reason,
    next: row.nextAttemptAtMs ?? null,
  };
}
