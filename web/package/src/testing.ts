/**
 * A desk for the tests of a webhook receiver: it makes the very requests that a HookDesk server
 * makes, under a clock of the test's own, so that days of retries take a moment.
 */

import { MemoryDesk } from "./hookdesk.js";
import type { Call, Failure, Handled, Input, Options, Request as Outgoing } from "./hookdesk.js";

/** What a receiver does with a request: it answers, or (`"timeout"`, `"reset"` …) it is not heard. */
export type Reaction = Response | Failure;

/** Your receiver. It may take in what it is sent and not be heard all the same: that makes a repeat. */
export type Receiver = (request: Request) => Reaction | Promise<Reaction>;

/** A request that was sent, and what came of it. */
export interface Delivery {
  /** Milliseconds of unix time. */
  at: number;
  /** `webhook-id`: the same for all attempts. */
  id: string;
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

/** A call that the desk refused: the message is the problem's detail. */
export class Refused extends Error {
  override readonly name = "Refused";

  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
  ) {
    super(detail);
  }
}

/** A desk, a clock, and receivers that are functions. Call `init()` first. */
export class TestDesk {
  /** All requests so far, in their order. */
  readonly deliveries: Delivery[] = [];
  /** Milliseconds of unix time. */
  now: number;

  readonly #desk: MemoryDesk;
  readonly #chance: () => string;
  readonly #latency: number;
  readonly #receivers = new Map<string, Receiver>();
  #waiting: Outgoing[] = [];
  #nextWake: number | undefined;

  constructor({ now = Date.UTC(2026, 0), seed = 1, latency = 0, ...options }: TestOptions = {}) {
    this.now = now;
    this.#latency = latency;
    this.#chance = dice(seed);
    this.#desk = new MemoryDesk(this.#at(), { pinsAddresses: true, ...options });
  }

  /** Registers `url`; whatever is sent there, `receiver` gets. */
  register(url: string, receiver: Receiver, settings: object = {}): { id: string; secret: string } {
    this.#receivers.set(url, receiver);
    return this.call("POST", "/webhooks/register", { callback_url: url, ...settings });
  }

  /** Says who gets what is sent to `url`, for a webhook whose URL was changed. */
  receive(url: string, receiver: Receiver): void {
    this.#receivers.set(url, receiver);
  }

  /** Gives a webhook another secret; the old one signs too for the overlap. */
  rotate(webhook: string, overlapSeconds = 86_400): { id: string; secret: string } {
    const body = { overlap_seconds: overlapSeconds };
    return this.call("POST", `/webhooks/${webhook}/secret/rotate`, body);
  }

  openTicket(message: string): { id: string } {
    return this.call("POST", "/tickets", { ticket_message: message });
  }

  updateTicket(id: string, message: string): { id: string } {
    return this.call("PATCH", `/tickets/${id}`, { ticket_message: message });
  }

  closeTicket(id: string): { id: string } {
    return this.call("DELETE", `/tickets/${id}`);
  }

  /**
   * Any call of the desk's HTTP interface; gives the answer's `data`. What is sent for it goes when
   * time passes: see `advance` and `settle`.
   */
  call<T = any>(method: string, target: string, body?: object): T {
    const [path = "", query = ""] = target.split("?");
    const headers: [string, string][] =
      body === undefined ? [] : [["content-type", "application/json"]];
    const call: Call = { method, path, query, headers };
    if (body !== undefined) call.body = JSON.stringify(body);
    const response = this.#handle({ at: this.#at(), call }).response;
    const answer = JSON.parse(response?.body ?? "{}");
    if (response === undefined || response.status >= 400) {
      throw new Refused(response?.status ?? 0, answer.code, answer.detail);
    }
    return answer.data;
  }

  /** Delivers what can be sent now, and whatever follows from the answers at once. */
  async settle(): Promise<void> {
    await this.advance(0);
  }

  /** Lets so many milliseconds pass, and delivers all that falls due meanwhile, in its order. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.now + milliseconds;
    for (;;) {
      const request = this.#waiting.shift();
      if (request !== undefined) {
        await this.#deliver(request);
      } else if (this.#nextWake !== undefined && this.#nextWake <= end) {
        this.now = Math.max(this.now, this.#nextWake);
        this.#handle({ at: this.#at() });
      } else {
        this.now = Math.max(this.now, end);
        return;
      }
    }
  }

  async #deliver(outgoing: Outgoing): Promise<void> {
    const { url, headers, body } = outgoing;
    const receiver = this.#receivers.get(url);
    if (receiver === undefined) throw new Error(`no receiver for ${url}: say who is with receive()`);
    let reaction: Reaction;
    try {
      reaction = await receiver(new Request(url, { method: "POST", headers, body }));
    } catch (error) {
      await this.#report(outgoing, "reset");
      throw error;
    }
    if (!(reaction instanceof Response) && typeof reaction !== "string") {
      await this.#report(outgoing, "reset");
      throw new TypeError(`the receiver of ${url} must give a Response or a failure`);
    }
    await this.#report(outgoing, reaction);
  }

  async #report({ key, url, headers, body }: Outgoing, reaction: Reaction): Promise<void> {
    const at = this.now;
    this.now += this.#latency;
    const report = { key, durationMs: this.#latency };
    const heard =
      reaction instanceof Response
        ? {
            status: reaction.status,
            retryAfter: reaction.headers.get("retry-after"),
            body: await reaction.text(),
          }
        : { failure: reaction };
    this.#handle({ at: this.#at(), report: { ...report, ...heard } });
    const named = Object.fromEntries(headers);
    this.deliveries.push({
      at,
      id: named["webhook-id"] ?? "",
      attempt: key.number,
      url,
      headers: named,
      body,
      outcome: reaction instanceof Response ? reaction.status : reaction,
    });
  }

  #handle(input: Input): Handled {
    const [handled] = this.#desk.run([input]);
    if (handled === undefined) throw new Error("the desk gives as many as it takes");
    this.#waiting.push(...handled.requests);
    this.#nextWake = handled.nextWakeMs;
    return handled;
  }

  #at(): Input["at"] {
    return { nowMs: this.now, chance: this.#chance() };
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
