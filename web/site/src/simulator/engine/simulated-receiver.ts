/** Simulated receivers: how each behaviour reacts to a request. */

import type { Failure } from "hookdesk";

import { MINUTE } from "../../lib/format/durations";
import { DEFAULT_LATENCY } from "./scenario";
import type { Behaviour, OutageKind, Receiver } from "./scenario";
import { PURPOSE } from "./seeded-random";
import type { SeededRandom } from "./seeded-random";

/** A request as a receiver gets it. */
export interface IncomingRequest {
  /** Milliseconds since the scenario's start. */
  at: number;
  seq: number;
  number: number;
  headers: [string, string][];
  body: string;
}

export interface Reaction {
  /** Milliseconds until the response, or until the failure. */
  latency: number;
  status?: number;
  failure?: Failure;
  retryAfter?: string;
  body?: string;
  /** Whether the receiver processed it, even where its response is lost. */
  accepted: boolean;
}

const ok = (latency: number): Reaction => ({ latency, status: 200, body: "ok", accepted: true });
const refused = (): Reaction => ({ latency: 5, failure: "connect", accepted: false });
const noResponse = (): Reaction => ({ latency: Number.POSITIVE_INFINITY, accepted: false });

/** A simulated receiver over one run. */
export class SimulatedReceiver {
  /** Requests accepted in the current minute, for `limited`. */
  #minute = { number: -1, accepted: 0 };
  /** Requests so far, for `unheard`. */
  #count = 0;

  constructor(
    readonly receiver: Receiver,
    readonly random: SeededRandom,
    /** Its index, or that of the receiver whose behaviour it shares. */
    readonly index: number,
  ) {}

  /** Its reaction; `null` when a script decides. */
  react(request: IncomingRequest): Reaction | null {
    const outage = this.receiver.outages.find(({ from, to }) => from <= request.at && request.at < to);
    return outage ? outageReaction(outage.kind) : this.#behave(this.receiver.behaviour, request);
  }

  /** A latency varied by up to a third, so that requests differ. */
  #vary(latency: number, { seq, number }: IncomingRequest): number {
    const fraction = this.random.fraction(PURPOSE.latency, this.index, seq, number);
    return Math.round(latency * (0.67 + 0.66 * fraction));
  }

  #behave(behaviour: Behaviour, request: IncomingRequest): Reaction | null {
    const latency = this.#vary(DEFAULT_LATENCY, request);
    switch (behaviour.kind) {
      case "healthy":
      case "slow":
        return ok(this.#vary(behaviour.latency, request));
      case "failing": {
        const { status, retryAfter } = behaviour;
        const header = retryAfter === "" ? {} : { retryAfter };
        return { latency, status, body: `{"error":"status ${status}"}`, accepted: false, ...header };
      }
      case "hanging":
        return noResponse();
      case "flapping": {
        const phase = request.at % (behaviour.up + behaviour.down);
        return phase < behaviour.up ? ok(latency) : { ...outageReaction("error"), latency };
      }
      case "limited":
        return this.#limited(behaviour.perMinute, behaviour.retryAfter, latency, request.at);
      case "choking":
        if (!request.body.includes(behaviour.text)) return ok(latency);
        return { latency, status: 500, body: `cannot read "${behaviour.text}"`, accepted: false };
      case "unheard":
        this.#count += 1;
        return this.#count % behaviour.each === 0 ? outageReaction("unheard") : ok(latency);
      case "gone":
        return { latency, status: 410, body: "gone", accepted: false };
      case "hostile":
        return this.#hostile(request, latency);
      case "script":
        return null;
    }
  }

  #limited(perMinute: number, retryAfter: string, latency: number, at: number): Reaction {
    const number = Math.floor(at / MINUTE);
    if (number !== this.#minute.number) this.#minute = { number, accepted: 0 };
    if (this.#minute.accepted < perMinute) {
      this.#minute.accepted += 1;
      return ok(latency);
    }
    const header = retryAfter === "" ? {} : { retryAfter };
    return { latency, status: 429, body: "too many requests", accepted: false, ...header };
  }

  /** A random one of several hostile reactions. */
  #hostile({ seq, number }: IncomingRequest, latency: number): Reaction {
    const markup = `<script>alert(1)</script><img src=x onerror=alert(2)>`;
    const reactions: [Reaction, ...Reaction[]] = [
      { latency, status: 302, body: "http://169.254.169.254/latest/meta-data/", accepted: false },
      { latency, status: 503, retryAfter: "99999999999999999999", body: "wait for ever", accepted: false },
      { latency, status: 429, retryAfter: "Thu, 01 Jan 1970 00:00:00 GMT", body: "", accepted: false },
      { latency, status: 500, body: markup.repeat(100), accepted: false },
      { latency, failure: "protocol", accepted: false },
      { latency, failure: "reset", accepted: false },
      { latency, status: 200, body: markup, accepted: true },
    ];
    return this.random.pick(reactions, PURPOSE.hostileReaction, this.index, seq, number);
  }
}

function outageReaction(kind: OutageKind): Reaction {
  switch (kind) {
    case "refused":
      return refused();
    case "error":
      return { latency: DEFAULT_LATENCY, status: 503, body: "down for now", accepted: false };
    case "hanging":
      return noResponse();
    case "unheard":
      return { latency: DEFAULT_LATENCY, failure: "reset", accepted: true };
  }
}
