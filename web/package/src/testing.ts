/**
 * A desk for the tests of a webhook receiver: it makes the very requests that a HookDesk server
 * makes, under a clock of the test's own, so that days of retries take a moment.
 */

import { duration, Exchange } from "./exchange.js";
import type { Receiver } from "./exchange.js";
import { MemoryDesk } from "./hookdesk.js";
import type {
  Call,
  CountView,
  EventId,
  Failure,
  FieldError,
  Handled,
  Input,
  Options,
  ProblemCode,
  ProblemView,
  Registration,
  Replay,
  Request as Outgoing,
  SecretText,
  SecretView,
  StateView,
  TicketId,
  TicketView,
  WebhookId,
  WebhookView,
} from "./hookdesk.js";

export type { Answer, BareRequest, Clock, IncomingRequest, Reaction, Receiver } from "./exchange.js";

/** A request that was sent, and what came of it. */
export interface Delivery {
  /** When it was sent, in milliseconds of unix time. */
  at: number;
  /** Milliseconds from then to its end. */
  durationMs: number;
  /** `webhook-id`: the same for all attempts. */
  id: EventId;
  /** 1, 2 … */
  attempt: number;
  url: string;
  headers: Record<string, string>;
  body: string;
  /** The answer's status, or why there was none. */
  outcome: number | Failure;
}

/** What a test can say of its desk. */
export interface TestOptions extends Options {
  /** Milliseconds of unix time at which the test begins; without, 2026-01-01T00:00:00Z. */
  now?: number;
  /** Ids and secrets are made from it: with the same seed they are the same. */
  seed?: number;
  /** Milliseconds that every answer takes. */
  latency?: number;
}

/** The methods of the HTTP interface. */
export type Method = "GET" | "POST" | "PATCH" | "DELETE";

/** A call that the desk refused: the message is the problem's detail. */
export class Refused extends Error {
  override readonly name = "Refused";
  readonly status: number;
  readonly code: ProblemCode;
  /** The fields that are wrong, if it is about fields. */
  readonly errors: readonly FieldError[];

  constructor({ status, code, detail, errors = [] }: ProblemView) {
    super(detail);
    this.status = status;
    this.code = code;
    this.errors = errors;
  }
}

/** A desk, a clock, and receivers that are functions. Call `init()` first. */
export class TestDesk {
  /** All requests that ended, in the order of their ends. */
  readonly deliveries: Delivery[] = [];

  readonly #desk: MemoryDesk;
  readonly #chance: () => string;
  readonly #latency: number;
  readonly #receivers = new Map<string, Receiver>();
  #waiting: Outgoing[] = [];
  #inFlight: Exchange[] = [];
  #now: number;
  #nextWake: number | undefined;
  #isRunning = false;
  #changed: () => void = () => undefined;

  constructor({ now = Date.UTC(2026, 0), seed = 1, latency = 0, ...options }: TestOptions = {}) {
    this.#now = duration("now", now);
    // As milliseconds these are days of 1970.
    if (now >= 1e9 && now < 1e10) throw new TypeError("now: it is in seconds, and must be in milliseconds");
    this.#latency = duration("latency", latency);
    if (!Number.isInteger(seed)) throw new TypeError("seed: it must be a whole number");
    this.#chance = dice(seed);
    this.#desk = new MemoryDesk(this.#at(), { pinsAddresses: true, ...options });
  }

  /** Milliseconds of unix time. */
  get now(): number {
    return this.#now;
  }

  /** Requests that receivers work on. */
  get inFlight(): number {
    return this.#inFlight.filter(({ isReported }) => !isReported).length;
  }

  /** Registers `url`; whatever is sent there, `receiver` gets. */
  register(
    url: string,
    receiver: Receiver,
    settings: Omit<Registration, "callback_url"> = {},
  ): WebhookView & SecretText {
    this.#receivers.set(url, receiver);
    return this.call("POST", "/webhooks/register", { callback_url: url, ...settings });
  }

  /** Says who gets what is sent to `url`, for a webhook whose URL was changed. */
  receive(url: string, receiver: Receiver): void {
    this.#receivers.set(url, receiver);
  }

  /** A webhook's settings, and how its deliveries stand. */
  webhook(id: WebhookId): StateView {
    return this.call("GET", `/webhooks/${id}`);
  }

  /** Gives a webhook another secret; the old one signs too for the overlap. */
  rotate(webhook: WebhookId, overlapSeconds = 86_400): SecretView & SecretText {
    const body = { overlap_seconds: overlapSeconds };
    return this.call("POST", `/webhooks/${webhook}/secret/rotate`, body);
  }

  openTicket(message: string): { id: TicketId } {
    return this.call("POST", "/tickets", { ticket_message: message });
  }

  updateTicket(id: TicketId, message: string): TicketView {
    return this.call("PATCH", `/tickets/${id}`, { ticket_message: message });
  }

  closeTicket(id: TicketId): TicketView {
    return this.call("DELETE", `/tickets/${id}`);
  }

  /** Pings one webhook, or all. */
  ping(webhook?: WebhookId): { id: EventId } {
    return this.call("POST", webhook === undefined ? "/webhooks/ping" : `/webhooks/${webhook}/ping`);
  }

  /** Sends one event again: its `webhook-id` stays the same. */
  resend(webhook: WebhookId, event: EventId): { id: EventId } {
    return this.call("POST", `/webhooks/${webhook}/deliveries/${event}/resend`);
  }

  /** Sends a range of the log again. */
  replay(webhook: WebhookId, range: Replay): CountView {
    return this.call("POST", `/webhooks/${webhook}/replay`, range);
  }

  /**
   * Any call of the desk's HTTP interface; gives the answer's `data`. What is sent for it goes when
   * time passes: see `advance` and `settle`.
   */
  call<Data = unknown>(method: Method, target: `/${string}`, body?: object): Data {
    const [path = "", query = ""] = target.split("?");
    const headers: [string, string][] =
      body === undefined ? [] : [["content-type", "application/json"]];
    const call: Call = { method, path, query, headers };
    if (body !== undefined) call.body = JSON.stringify(body);
    const { response } = this.#handle({ at: this.#at(), call });
    if (response === undefined) throw new Error("the desk answers each call");
    const answer = JSON.parse(response.body);
    if (response.status >= 400) throw new Refused(answer);
    return answer.data;
  }

  /**
   * Delivers what can be sent now, and what follows from the answers at once. If answers take their
   * time, it lets that pass; it does not wait for retries.
   */
  async settle(): Promise<void> {
    await this.#run(undefined);
  }

  /** Lets so many milliseconds pass, and delivers all that falls due meanwhile, in its order. */
  async advance(milliseconds: number): Promise<void> {
    const end = duration("advance", this.#now + duration("advance", milliseconds));
    await this.#run(end);
    this.#now = Math.max(this.#now, end);
  }

  /** Has happen what falls due by `end`; without one, until no receiver has anything to do. */
  async #run(end: number | undefined): Promise<void> {
    if (this.#isRunning) {
      throw new Error("advance() or settle() runs: await it first, and call neither in a receiver");
    }
    this.#isRunning = true;
    try {
      for (;;) {
        await this.#work();
        this.#dismiss();
        const step = this.#next(end);
        if (step === undefined) return;
        this.#now = Math.max(this.#now, step.at);
        step.happen();
      }
    } finally {
      this.#isRunning = false;
    }
  }

  /** Lets receivers work until each is done or sleeps. */
  async #work(): Promise<void> {
    this.#begin();
    while (this.#inFlight.some(({ isBusy }) => isBusy)) {
      await new Promise<void>((resolve) => (this.#changed = resolve));
      this.#begin();
    }
  }

  /** Hands out what waits: all at once, as the server does. */
  #begin(): void {
    // A receiver that calls the desk adds to those that wait.
    for (let outgoing = this.#waiting.shift(); outgoing; outgoing = this.#waiting.shift()) {
      const changed = (): void => this.#changed();
      const now = (): number => this.#now;
      const exchange = new Exchange(outgoing, this.#now, now, this.#latency, changed);
      this.#inFlight.push(exchange);
      const receiver = this.#receivers.get(outgoing.url);
      if (receiver !== undefined) {
        void exchange.begin(receiver);
      } else {
        const why = `no receiver for ${outgoing.url}: say who is with receive()`;
        exchange.error = { thrown: new Error(why) };
        exchange.settle({ failure: "connect" });
      }
    }
  }

  /** The first thing to happen, if it is due by `end`. */
  #next(end: number | undefined): { at: number; happen: () => void } | undefined {
    let first: { at: number; happen: () => void } | undefined;
    for (const exchange of this.#inFlight) {
      const { next } = exchange;
      if (next === undefined || (first !== undefined && first.at <= next.at)) continue;
      const wakes = next.what === "wake";
      const happen = (): void => (wakes ? exchange.wake(this.#now) : this.#report(exchange));
      first = { at: next.at, happen };
    }
    const wake = this.#nextWake;
    const limit = end ?? first?.at ?? this.#now;
    if (wake !== undefined && wake <= limit && (first === undefined || wake < first.at)) {
      first = { at: wake, happen: () => void this.#handle({ at: this.#at() }) };
    }
    return first !== undefined && first.at <= limit ? first : undefined;
  }

  /** Forgets exchanges that are over, and throws what a receiver threw. */
  #dismiss(): void {
    const over = this.#inFlight.find(({ isReported, answered, error }) => isReported && answered && error);
    this.#inFlight = this.#inFlight.filter((exchange) => exchange !== over && !exchange.isOver);
    if (over?.error !== undefined) throw over.error.thrown;
  }

  #report(exchange: Exchange): void {
    const { outgoing, startedAt, answered, deadline } = exchange;
    const { key, url, body } = outgoing;
    const isInTime = answered !== undefined && answered.at <= deadline;
    const end = isInTime ? answered.end : ({ failure: "timeout" } as const);
    const durationMs = this.#now - startedAt;
    exchange.isReported = true;
    if ("failure" in end && end.failure === "timeout") exchange.abort();
    this.#handle({ at: this.#at(), report: { key, durationMs, ...end } });
    const headers = Object.fromEntries(outgoing.headers);
    const outcome = "failure" in end ? end.failure : end.status;
    const [id, attempt] = [headers["webhook-id"] ?? "", key.number];
    this.deliveries.push({ at: startedAt, durationMs, id, attempt, url, headers, body, outcome });
  }

  #handle(input: Input): Handled {
    const [handled] = this.#desk.run([input]);
    if (handled === undefined) throw new Error("the desk gives as many as it takes");
    const { cancels = [] } = handled;
    const isCut = ({ key }: Outgoing): boolean => cancels.includes(key.webhook);
    this.#waiting = this.#waiting.filter((outgoing) => !isCut(outgoing));
    for (const exchange of this.#inFlight) if (isCut(exchange.outgoing)) exchange.cut();
    this.#waiting.push(...handled.requests);
    this.#nextWake = handled.nextWakeMs;
    this.#changed();
    return handled;
  }

  #at(): Input["at"] {
    return { nowMs: this.#now, chance: this.#chance() };
  }
}

/** Chance that is the same for the same seed (mulberry32); good for tests and for nothing else. */
function dice(seed: number): () => string {
  let state = seed >>> 0;
  const draw = (): string => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0).toString(16).padStart(8, "0");
  };
  return () => Array.from({ length: 12 }, draw).join("");
}
