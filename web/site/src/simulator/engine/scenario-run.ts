/** Runs a desk and its simulated receivers through a scenario, as fast as they compute. */

import type {
  Call,
  Handled,
  Input,
  MemoryDesk,
  Options,
  Request as WebhookRequest,
  ToldAttempt,
} from "hookdesk";

import { Heap } from "./heap";
import { resolveNextAttempts } from "./next-attempts";
import type { Recording, SentAttempt } from "./recording";
import { behaviourSource, hostsOf } from "./scenario";
import type { Scenario } from "./scenario";
import { scheduledCalls } from "./scheduled-calls";
import type { ApiCall, ScheduledCall } from "./scheduled-calls";
import { PURPOSE, SeededRandom } from "./seeded-random";
import { SimulatedReceiver } from "./simulated-receiver";
import type { IncomingRequest, Reaction } from "./simulated-receiver";

/** The receivers' host names need no look-up, and events are kept for good. */
export const OPTIONS: Options = { pinsAddresses: true, retainS: 0, retainAuditS: 0 };
/** Attempts of a run: each request is kept for the inspector, about a kilobyte. */
const MAX_ATTEMPTS = 50_000;
/** Inputs between two reports of progress. */
const INPUTS_PER_REPORT = 500;
/** Wakes in a row at the same time: with more, the desk is in an endless loop. */
const MAX_WAKES = 10_000;

/** Calls the script of the receiver at an index. */
export type RunScript = (receiver: number, request: IncomingRequest) => Promise<Reaction>;

export interface ApiResponse {
  status: number;
  body: string;
}

interface PendingRequest {
  end: number;
  request: WebhookRequest;
  reaction: Reaction;
}

/** One run of a scenario, with its recording and all that the inspector asks for. */
export class ScenarioRun {
  readonly recording: Recording;
  /** All inputs of the desk, in order: given again, they are decided the same. */
  readonly inputs: Input[] = [];
  /** The requests, in the order of `recording.attempts`. */
  requests: WebhookRequest[] = [];
  /** The responses to the scenario's calls, by the calls' ids. */
  readonly responses = new Map<number, ApiResponse>();
  /** All secrets that were made, oldest first. */
  readonly secrets: { webhook: string; secret: string }[] = [];
  readonly random: SeededRandom;

  readonly #calls: ScheduledCall[];
  readonly #receivers: (SimulatedReceiver | undefined)[];
  /** Indexes of tracks, by the webhooks' ids. */
  readonly #tracks = new Map<string, number>();
  /** Indexes of receivers, by their host names. */
  readonly #hosts = new Map<string, number>();
  readonly #lanes = new Map<string, number>();
  readonly #tickets: string[] = [];
  /** First messages, by the tickets' ids. */
  readonly #labels = new Map<string, string>();
  readonly #pending = new Heap<PendingRequest>(({ end }) => end);
  #callsMade = 0;
  #nextWake: number | undefined;
  #now: number;

  constructor(
    readonly desk: MemoryDesk,
    readonly scenario: Scenario,
    readonly runScript: RunScript,
  ) {
    const { start, length, receivers, seed } = scenario;
    this.random = new SeededRandom(seed);
    this.#now = start;
    this.#nextWake = start;
    this.#calls = scheduledCalls(scenario, this.random);
    this.#receivers = receivers.map((own, index) => {
      const source = behaviourSource(receivers, index);
      const { behaviour, outages } = receivers[source] ?? own;
      return new SimulatedReceiver({ ...own, behaviour, outages }, this.random, source);
    });
    const hosts = hostsOf(receivers);
    const tracks = receivers.map(({ name }, index) => {
      const host = hosts[index] ?? "";
      this.#hosts.set(host, index);
      const url = `https://${host}/hook`;
      return { name, url, webhook: null, refused: null, unregisteredAt: null, states: [] };
    });
    const cost = { inputs: 0, ms: 0 };
    const end = start + length;
    this.recording = { start, end, tracks, lanes: [], events: [], attempts: [], truncated: null, cost };
  }

  /**
   * Runs to the end. `onProgress` gets the share that is done, and returns whether to go on.
   *
   * Resolves with whether the end was reached.
   */
  async finish(onProgress: (done: number) => Promise<boolean>): Promise<boolean> {
    const { start, end, cost } = this.recording;
    const began = performance.now();
    this.desk.watch();
    let wakes = 0;
    for (;;) {
      const before = this.#now;
      const step = await this.#step();
      if (!step) break;
      wakes = step === "wake" && this.#now === before ? wakes + 1 : 0;
      if (wakes > MAX_WAKES) throw new Error("the desk wakes without end");
      if (this.recording.attempts.length >= MAX_ATTEMPTS) {
        this.#truncate();
        break;
      }
      if (this.inputs.length % INPUTS_PER_REPORT > 0) continue;
      if (!(await onProgress((this.#now - start) / (end - start)))) return false;
    }
    this.#sortAttempts();
    resolveNextAttempts(this.recording);
    Object.assign(cost, { inputs: this.inputs.length, ms: performance.now() - began });
    return true;
  }

  /** Takes the next step. At the same time, reports precede calls, and calls precede wakes. */
  async #step(): Promise<"report" | "call" | "wake" | null> {
    const report = this.#pending.first?.end ?? Infinity;
    const call = this.#calls[this.#callsMade]?.at ?? Infinity;
    const wake = this.#nextWake ?? Infinity;
    const next = Math.max(this.#now, Math.min(report, call, wake));
    if (!(next <= this.recording.end)) return null;
    this.#now = next;
    if (report <= next) {
      await this.#reportAttempt();
      return "report";
    }
    if (call <= next) {
      await this.#makeCall();
      return "call";
    }
    await this.#handle(this.#decide({ at: this.#at(PURPOSE.wake, next) }));
    return "wake";
  }

  async #reportAttempt(): Promise<void> {
    const { request, reaction } = this.#pending.take();
    const { key } = request;
    const { status, failure, retryAfter, body } = reaction;
    const result =
      status === undefined
        ? { failure: failure ?? ("timeout" as const) }
        : { status, retryAfter: retryAfter ?? null, body: body ?? "" };
    const source = behaviourSource(this.scenario.receivers, this.#tracks.get(key.webhook) ?? 0);
    const at = this.#at(PURPOSE.report, source, key.seq, key.number);
    const report = { key, durationMs: this.#now - key.sentAtMs, ...result };
    const handled = this.#decide({ at, report });
    for (const row of handled.told?.attempts ?? []) {
      const track = this.#tracks.get(row.webhook);
      if (track === undefined) continue;
      this.recording.attempts.push({ ...sentAttempt(row), track, accepted: reaction.accepted });
      this.requests.push(request);
    }
    await this.#handle(handled);
  }

  async #makeCall(): Promise<void> {
    const scheduled = this.#calls[this.#callsMade];
    this.#callsMade += 1;
    if (!scheduled) return;
    const webhooks = this.recording.tracks.map(({ webhook }) => webhook);
    const { method, path: target, body } = scheduled.call({ webhooks, tickets: this.#tickets });
    const [path = "", query = ""] = target.split("?");
    const call: Call = { method, path, query, headers: [] };
    if (body) {
      call.headers = [["content-type", "application/json"]];
      call.body = JSON.stringify(body);
    }
    const handled = this.#decide({ at: this.#at(PURPOSE.call, scheduled.key), call });
    const { response } = handled;
    if (!response) throw new Error("the desk responds to every call");
    this.responses.set(scheduled.key, { status: response.status, body: response.body });
    this.#recordResponse(scheduled, { method, path, ...(body ? { body } : {}) }, response);
    await this.#handle(handled);
  }

  /** Keeps the ids, labels and secrets of a response, for later calls and for the inspector. */
  #recordResponse(scheduled: ScheduledCall, call: ApiCall, response: ApiResponse): void {
    const { method, path, body } = call;
    const document = JSON.parse(response.body || "null");
    const data = response.status < 300 ? document?.data : null;
    if (scheduled.receiver !== undefined) {
      const track = this.recording.tracks[scheduled.receiver];
      if (track && data) track.webhook = data.id;
      if (track && !data) track.refused = document?.errors?.[0]?.detail ?? document?.detail;
      if (data) this.#tracks.set(data.id, scheduled.receiver);
    }
    if (scheduled.ticket !== undefined && data) this.#tickets[scheduled.ticket] = data.id;
    const message = (body as { ticket_message?: unknown } | undefined)?.ticket_message;
    if (method === "POST" && path === "/tickets" && data) this.#labels.set(data.id, String(message));
    const deleted = method === "DELETE" && response.status < 300 && UNREGISTER.exec(path);
    const track = deleted ? this.recording.tracks[this.#tracks.get(deleted[1] ?? "") ?? -1] : undefined;
    if (track) track.unregisteredAt = this.#now;
    if (typeof data?.secret === "string") {
      const rotated = /^\/webhooks\/([^/]+)\/secret\/rotate$/.exec(path);
      this.secrets.push({ webhook: rotated?.[1] ?? data.id, secret: data.secret });
    }
  }

  #decide(input: Input): Handled {
    this.inputs.push(input);
    const [handled] = this.desk.run([input]);
    if (!handled) throw new Error("the desk returns one result for each input");
    this.#nextWake = handled.nextWakeMs;
    return handled;
  }

  /** Records the events and webhook states of a decision, and sends its requests. */
  async #handle({ told, requests }: Handled): Promise<void> {
    for (const { seq, id, event, about, createdMs } of told?.events ?? []) {
      const lane = about === undefined ? null : this.#lane(about, createdMs);
      this.recording.events[seq] = { id, event, at: createdMs, lane };
    }
    for (const row of told?.webhooks ?? []) {
      const track = this.recording.tracks[this.#tracks.get(row.id) ?? -1];
      track?.states.push({ ...row, at: this.#now });
    }
    for (const request of requests) {
      const scripted = this.#send(request);
      if (scripted) await scripted;
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

  /** Sends a request to its receiver. The promise is that of a script; others react at once. */
  #send(request: WebhookRequest): Promise<void> | null {
    const { key, url, headers, body } = request;
    const index = this.#hosts.get(new URL(url).hostname);
    const receiver = index === undefined ? undefined : this.#receivers[index];
    const at = this.#now - this.recording.start;
    const incoming = { at, seq: key.seq, number: key.number, headers, body };
    const reaction = receiver ? receiver.react(incoming) : UNKNOWN_HOST;
    if (reaction) {
      this.#addPending(request, reaction);
      return null;
    }
    const scripted = this.runScript(index ?? 0, incoming);
    return scripted.then((given) => this.#addPending(request, given));
  }

  #addPending(request: WebhookRequest, { latency, ...result }: Reaction): void {
    const isLate = latency >= request.timeoutMs;
    const { accepted } = result;
    const reaction: Reaction = isLate
      ? { latency: request.timeoutMs, failure: "timeout", accepted }
      : { latency, ...result };
    this.#pending.add({ end: this.#now + reaction.latency, request, reaction });
  }

  #at(...purpose: number[]): Input["at"] {
    return { nowMs: this.#now, chance: this.random.chance(...purpose) };
  }

  #truncate(): void {
    const most = MAX_ATTEMPTS.toLocaleString("en");
    this.recording.truncated = `The run ends here: it has reached the limit of ${most} attempts.`;
    this.recording.end = this.#now;
  }

  /** Attempts are recorded when they end; from now on they are in the order of sending. */
  #sortAttempts(): void {
    const { attempts } = this.recording;
    const order = attempts.map((_, index) => index);
    const timeOf = (index: number): number => attempts[index]?.at ?? 0;
    order.sort((one, other) => timeOf(one) - timeOf(other) || one - other);
    const sorted = <T>(rows: T[]): T[] => order.map((index) => rows[index] as T);
    this.recording.attempts = sorted(attempts);
    this.requests = sorted(this.requests);
  }
}

const UNREGISTER = /^\/webhooks\/unregister\/([^/]+)$/;

/** The reaction of a URL that is no receiver's. */
const UNKNOWN_HOST: Reaction = { latency: 20, failure: "dns", accepted: false };

/** An attempt as it is shown, from the desk's row of it. */
export function sentAttempt(row: ToldAttempt): Omit<SentAttempt, "track" | "accepted"> {
  return {
    at: row.atMs,
    end: row.atMs + (row.durationMs ?? 0),
    seq: row.seq,
    number: row.number,
    status: row.status ?? null,
    failure: row.failure ?? null,
    reason: row.reason,
    next: row.nextAttemptAtMs ?? null,
    held: null,
  };
}
