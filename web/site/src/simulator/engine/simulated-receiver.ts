/** What pretend receivers do with a request. */

import type { Failure } from "hookdesk";

import type { Dice } from "./seeded-random";
import type { Behaviour, Outage, OutageKind, Receiver } from "./scenario";
import { USUAL_LATENCY } from "./scenario";
import { MINUTE } from "../../lib/format/durations";

/** A request as a receiver gets it. */
export interface Incoming {
  /** Milliseconds since the rehearsal's start. */
  at: number;
  seq: number;
  number: number;
  headers: [string, string][];
  body: string;
}

export interface Reaction {
  /** Milliseconds until the answer is there, or until it is clear that none comes. */
  latency: number;
  status?: number;
  failure?: Failure;
  retryAfter?: string;
  body?: string;
  /** Whether the receiver took it in, whatever the desk heard of that. */
  took: boolean;
}

const well = (latency: number): Reaction => ({ latency, status: 200, body: "ok", took: true });
const refused = (): Reaction => ({ latency: 5, failure: "connect", took: false });
const silent = (): Reaction => ({ latency: Number.POSITIVE_INFINITY, took: false });

/** A pretend receiver, over one run. */
export class Pretend {
  /** Requests that it took within a minute, for `limited`. */
  #minute = { number: -1, taken: 0 };
  #count = 0;

  constructor(
    readonly receiver: Receiver,
    readonly dice: Dice,
    /** Which of all receivers it is, or is like. */
    readonly place: number,
  ) {}

  /** `null` where a script is to say it. */
  react(request: Incoming): Reaction | null {
    const outage = this.receiver.outages.find(({ from, to }) => from <= request.at && request.at < to);
    return outage ? during(outage.kind) : this.#usual(this.receiver.behaviour, request);
  }

  /** Latency, give or take a third, so that no two requests are quite alike. */
  #around(latency: number, { seq, number }: Incoming): number {
    return Math.round(latency * (0.67 + 0.66 * this.dice.share(4, this.place, seq, number)));
  }

  #usual(behaviour: Behaviour, request: Incoming): Reaction | null {
    const soon = this.#around(USUAL_LATENCY, request);
    switch (behaviour.kind) {
      case "healthy":
      case "slow":
        return well(this.#around(behaviour.latency, request));
      case "failing": {
        const { status, retryAfter } = behaviour;
        const words = retryAfter === "" ? {} : { retryAfter };
        return { latency: soon, status, body: `{"error":"status ${status}"}`, took: false, ...words };
      }
      case "hanging":
        return silent();
      case "flapping": {
        const place = request.at % (behaviour.up + behaviour.down);
        return place < behaviour.up ? well(soon) : { ...during("error"), latency: soon };
      }
      case "limited":
        return this.#limited(behaviour.perMinute, behaviour.retryAfter, soon, request.at);
      case "choking":
        if (!request.body.includes(behaviour.text)) return well(soon);
        return { latency: soon, status: 500, body: `cannot read "${behaviour.text}"`, took: false };
      case "unheard":
        this.#count += 1;
        return this.#count % behaviour.each === 0 ? during("unheard") : well(soon);
      case "gone":
        return { latency: soon, status: 410, body: "gone", took: false };
      case "hostile":
        return this.#hostile(request, soon);
      case "script":
        return null;
    }
  }

  #limited(perMinute: number, retryAfter: string, latency: number, at: number): Reaction {
    const number = Math.floor(at / MINUTE);
    if (number !== this.#minute.number) this.#minute = { number, taken: 0 };
    if (this.#minute.taken < perMinute) {
      this.#minute.taken += 1;
      return well(latency);
    }
    const words = retryAfter === "" ? {} : { retryAfter };
    return { latency, status: 429, body: "too many requests", took: false, ...words };
  }

  /** Each time another trick. */
  #hostile({ seq, number }: Incoming, latency: number): Reaction {
    const markup = `<script>alert(1)</script><img src=x onerror=alert(2)>`;
    const tricks: Reaction[] = [
      { latency, status: 302, body: "http://169.254.169.254/latest/meta-data/", took: false },
      { latency, status: 503, retryAfter: "99999999999999999999", body: "wait for ever", took: false },
      { latency, status: 429, retryAfter: "Thu, 01 Jan 1970 00:00:00 GMT", body: "", took: false },
      { latency, status: 500, body: markup.repeat(100), took: false },
      { latency, failure: "protocol", took: false },
      { latency, failure: "reset", took: false },
      { latency, status: 200, body: markup, took: true },
    ];
    const drawn = Math.floor(this.dice.share(5, this.place, seq, number) * tricks.length);
    return tricks[drawn] ?? well(latency);
  }
}

function during(kind: OutageKind): Reaction {
  switch (kind) {
    case "refused":
      return refused();
    case "error":
      return { latency: USUAL_LATENCY, status: 503, body: "down for now", took: false };
    case "hanging":
      return silent();
    case "unheard":
      return { latency: USUAL_LATENCY, failure: "reset", took: true };
  }
}

/** The same blocks in their order, without what lies behind the end. */
export function ordered(outages: Outage[], length: number): Outage[] {
  const inside = outages.filter(({ from, to }) => from < to && from < length);
  return inside.sort((one, other) => one.from - other.from);
}
