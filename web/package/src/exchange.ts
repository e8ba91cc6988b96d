/** A request on its way to a receiver that is a function, under the clock of a test. */

import type { Failure, Request as Outgoing } from "./hookdesk.js";
import { FAILURES } from "./names.js";

/** The platform's own `Request`, if the project declares one, or else what all of them have. */
export type IncomingRequest = typeof globalThis extends { Request: { prototype: infer Known } }
  ? Known
  : BareRequest;

/** A fetch `Request`, for projects that declare none. */
export interface BareRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Iterable<[string, string]> & { get(name: string): string | null };
  readonly signal: { readonly aborted: boolean };
  text(): Promise<string>;
  json(): Promise<unknown>;
}

/** What is used of a `Response`. */
export interface Answer {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  text(): Promise<string>;
}

/** What a receiver does with a request: it answers, or (`"timeout"`, `"reset"` …) it is not heard. */
export type Reaction = Answer | Failure;

/**
 * Your receiver. It may take in what it is sent and not be heard all the same: that makes a repeat.
 * If it throws, that is answered with a 500, and thrown to the test as well.
 */
export type Receiver = (request: IncomingRequest, clock: Clock) => Reaction | Promise<Reaction>;

/** The test's clock, as a receiver sees it. */
export interface Clock {
  /** Lets so many milliseconds pass. The desk gives up when the webhook's `timeout_ms` are over. */
  sleep(milliseconds: number): Promise<void>;
}

/** How a request ended, as the desk is told. */
export type End =
  | { status: number; retryAfter: string | null; body: string }
  | { failure: Failure };

/** The answer of a receiver that throws, as web frameworks make it. */
const BROKEN: End = { status: 500, retryAfter: null, body: "" };

/** One request, and the receiver that works on it. */
export class Exchange {
  /** When the answer arrives, and what it is, once the receiver is done. */
  answered: { at: number; end: End } | undefined;
  /** What the receiver threw. */
  error: { thrown: unknown } | undefined;
  /** Whether the desk knows how it ended. A receiver may go on after a timeout. */
  isReported = false;
  readonly deadline: number;
  readonly #sleepers: { at: number; wake: () => void }[] = [];
  readonly #abort = new AbortController();

  constructor(
    readonly outgoing: Outgoing,
    readonly startedAt: number,
    private readonly now: () => number,
    private readonly latency: number,
    private readonly changed: () => void,
  ) {
    this.deadline = startedAt + outgoing.timeoutMs;
  }

  /** Whether the receiver works, and does not wait for the test's clock. */
  get isBusy(): boolean {
    return this.answered === undefined && this.#sleepers.length === 0;
  }

  get isOver(): boolean {
    return this.isReported && this.answered !== undefined && this.#sleepers.length === 0;
  }

  /** Has the receiver work on the request. */
  async begin(receiver: Receiver): Promise<void> {
    const { url, headers, body } = this.outgoing;
    const { signal } = this.#abort;
    let end: End;
    try {
      const request = new Request(url, { method: "POST", headers, body, signal });
      const reaction = await receiver(request, { sleep: (ms) => this.#sleep(ms) });
      end = await endOf(reaction, url);
    } catch (thrown) {
      // After a timeout, to be stopped by it is no mistake.
      if (!signal.aborted || thrown !== signal.reason) this.error = { thrown };
      end = BROKEN;
    }
    this.settle(end);
  }

  /** Ends the receiver's work. A timeout is what it waits for by itself. */
  settle(end: End): void {
    const times = "failure" in end && end.failure === "timeout";
    this.answered = { at: times ? this.deadline : this.now() + this.latency, end };
    this.changed();
  }

  /** The next thing that happens by the clock, if anything does, and when. */
  get next(): { at: number; what: "answer" | "wake" | "timeout" } | undefined {
    const answer = this.answered?.at ?? Infinity;
    const wake = Math.min(...this.#sleepers.map(({ at }) => at));
    const deadline = this.isReported ? Infinity : this.deadline;
    if (!this.isReported && answer <= Math.min(wake, deadline)) return { at: answer, what: "answer" };
    if (wake <= deadline) return wake < Infinity ? { at: wake, what: "wake" } : undefined;
    return { at: deadline, what: "timeout" };
  }

  /** Wakes the sleepers that are due at `now`. */
  wake(now: number): void {
    const due = this.#sleepers.filter(({ at }) => at <= now);
    for (const sleeper of due) this.#sleepers.splice(this.#sleepers.indexOf(sleeper), 1);
    for (const { wake } of due) wake();
  }

  /** Tells the receiver that nobody waits for its answer any more. */
  abort(): void {
    this.#abort.abort(new Error(`the desk gave up after ${this.outgoing.timeoutMs} ms`));
  }

  /** The webhook is gone: nothing is reported, and the receiver may stop. */
  cut(): void {
    this.isReported = true;
    this.#abort.abort(new Error("the webhook was unregistered"));
  }

  #sleep(milliseconds: number): Promise<void> {
    const at = this.now() + duration("sleep", milliseconds);
    return new Promise((wake) => {
      this.#sleepers.push({ at, wake });
      this.changed();
    });
  }
}

async function endOf(reaction: Reaction, url: string): Promise<End> {
  if (typeof reaction === "string" && FAILURES.includes(reaction)) return { failure: reaction };
  if (typeof reaction === "object" && reaction !== null && typeof reaction.text === "function") {
    const { status, headers } = reaction;
    // `Response.error()` stands for no answer.
    if (status === 0) return { failure: "reset" };
    return { status, retryAfter: headers.get("retry-after"), body: await reaction.text() };
  }
  const failures = FAILURES.map((failure) => `"${failure}"`).join(", ");
  throw new TypeError(`the receiver of ${url} must give a Response or one of ${failures}`);
}

/** Milliseconds of the year 9999's end, the last time that can be written. */
const LAST_MS = 253_402_300_799_999;

/** A number of milliseconds, or a `TypeError` that says what is wrong with it. */
export function duration(name: string, milliseconds: number): number {
  if (Number.isInteger(milliseconds) && milliseconds >= 0 && milliseconds <= LAST_MS) {
    return milliseconds;
  }
  const found = typeof milliseconds === "number" ? milliseconds : typeof milliseconds;
  throw new TypeError(`${name}: it must be whole milliseconds from 0, and is ${found}`);
}
