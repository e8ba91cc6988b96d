/** Scenario: the receivers, outages, load and API calls of a simulation, as a shareable document. */

import { MINUTE, SECOND } from "../../lib/format/durations";

/** All times are whole milliseconds, counted from `start` unless they say otherwise. */
export interface Scenario {
  /** The format's version. The name is older than the word scenario, and in every shared link. */
  hookdesk_rehearsal: 1;
  title: string;
  /** A description for readers. */
  about: string;
  /** Milliseconds of unix time. */
  start: number;
  length: number;
  /** Seeds all random numbers: the same scenario always has the same recording. */
  seed: number;
  receivers: Receiver[];
  load: Load | null;
  /** API calls beside those of the load. */
  acts: ScenarioCall[];
}

/** A simulated receiver and its webhook. */
export interface Receiver {
  name: string;
  /** The webhook's settings as for registration, without the URL. */
  settings: Record<string, unknown>;
  /** Index of the receiver whose behaviour and outages it shares, to compare settings. */
  like: number | null;
  behaviour: Behaviour;
  outages: Outage[];
}

export type Behaviour =
  /** Responds 200 after a latency. */
  | { kind: "healthy"; latency: number }
  /** The same, with a latency near the timeout. */
  | { kind: "slow"; latency: number }
  | { kind: "failing"; status: number; retryAfter: string }
  | { kind: "hanging" }
  /** Alternates between healthy and failing. */
  | { kind: "flapping"; up: number; down: number }
  /** Accepts a number of requests a minute, and refuses others with 429. */
  | { kind: "limited"; perMinute: number; retryAfter: string }
  /** Fails on every event whose body contains a text. */
  | { kind: "choking"; text: string }
  /** Processes every request, and one response in `each` is lost. */
  | { kind: "unheard"; each: number }
  | { kind: "gone" }
  | { kind: "hostile" }
  /** JavaScript that the visitor wrote. */
  | { kind: "script"; source: string };

export type BehaviourKind = Behaviour["kind"];

/** A period with another behaviour. */
export interface Outage {
  from: number;
  to: number;
  kind: OutageKind;
}

export const OUTAGE_KINDS = ["refused", "error", "hanging", "unheard"] as const;
/** No connection, status 503, no response, or processed with the response lost. */
export type OutageKind = (typeof OUTAGE_KINDS)[number];

/** Tickets that are opened at an even rate from one time to another. */
export interface Load {
  tickets: number;
  from: number;
  to: number;
  /** Updates of each ticket. */
  updates: number;
  /** Whether each ticket is closed at last. */
  closes: boolean;
}

/** An API call at a time. */
export interface ScenarioCall {
  /** Seeds its random numbers, so that adding a call changes no other. */
  id: number;
  at: number;
  method: "POST" | "PATCH" | "DELETE";
  /** `{webhook:0}` stands for the id of the first receiver's webhook, `{ticket:0}` for a ticket. */
  path: string;
  body?: object;
}

/** Limits on scenarios: a larger one could hang the page. */
export const LIMITS = {
  receivers: 12,
  tickets: 5_000,
  updates: 20,
  acts: 2_000,
  outages: 50,
  length: 92 * 24 * 60 * MINUTE,
  source: 20_000,
  text: 2_000,
} as const;

/** Limits of a webhook's settings, as the desk has them (`core/src/webhook`). */
export const SETTINGS = {
  timeout_ms: { min: 1_000, max: 30_000 },
  max_in_flight: { min: 1, max: 256 },
} as const;
/** Waits of a retry schedule, and the longest in seconds, likewise. */
export const RETRIES = { max: 20, maxWait: 604_800 };

/** Latest start, in milliseconds of unix time. */
export const MAX_START = Date.UTC(2200, 0);
/** Allowed HTTP statuses. */
export const STATUS = { min: 100, max: 599 };

export const DEFAULT_LATENCY = 80;

export function newReceiver(name: string, behaviour?: Behaviour): Receiver {
  const healthy: Behaviour = { kind: "healthy", latency: DEFAULT_LATENCY };
  return { name, settings: {}, like: null, behaviour: behaviour ?? healthy, outages: [] };
}

/** A behaviour of a kind, with default values. */
export function defaultBehaviour(kind: BehaviourKind): Behaviour {
  switch (kind) {
    case "healthy":
      return { kind, latency: DEFAULT_LATENCY };
    case "slow":
      return { kind, latency: 12 * SECOND };
    case "failing":
      return { kind, status: 500, retryAfter: "" };
    case "flapping":
      return { kind, up: 30 * MINUTE, down: 10 * MINUTE };
    case "limited":
      return { kind, perMinute: 10, retryAfter: "60" };
    case "choking":
      return { kind, text: "refund" };
    case "unheard":
      return { kind, each: 3 };
    case "script":
      return { kind, source: SCRIPT };
    case "hanging":
    case "gone":
    case "hostile":
      return { kind };
  }
}

/** The editor's first script. */
const SCRIPT = `// Called with each request: return the response. State such as \`seen\` lasts for a run.
const seen = new Set();

function receive({ headers, body, at }) {
  const id = headers["webhook-id"];
  const { event, data } = JSON.parse(body);
  if (seen.has(id)) return { status: 200 };
  if (event === "ticket_opened" && data.ticket_message.includes("refund")) {
    return { status: 503, retryAfter: "120", latency: 300 };
  }
  seen.add(id);
  return { status: 200, latency: 50 };
}
`;

/** The host names of the receivers' URLs, all different even where receivers' names are equal. */
export function hostsOf(receivers: Receiver[]): string[] {
  const taken = new Set<string>();
  return receivers.map(({ name }, index) => {
    const plain = name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^-|-$/g, "");
    const own = plain.slice(0, 40) || "receiver";
    let host = own;
    for (let number = index + 1; taken.has(host); number += 1) host = `${own}-${number}`;
    taken.add(host);
    return `${host}.example`;
  });
}

/** A scenario without one receiver. Receivers that shared its behaviour keep it. */
export function withoutReceiver(
  { receivers, acts }: Scenario,
  index: number,
): Pick<Scenario, "receivers" | "acts"> {
  const removed = receivers[index];
  const remaining = receivers.flatMap((one, at): Receiver[] => {
    if (at === index) return [];
    const { like } = one;
    if (like === null) return [one];
    if (like !== index) return [{ ...one, like: like > index ? like - 1 : like }];
    const { behaviour, outages } = removed ?? one;
    return [{ ...one, like: null, behaviour, outages }];
  });
  const moved = acts.flatMap((call): ScenarioCall[] => {
    if (call.path.includes(`{webhook:${index}}`)) return [];
    const path = call.path.replaceAll(/\{webhook:(\d+)\}/g, (whole, other) =>
      Number(other) > index ? `{webhook:${Number(other) - 1}}` : whole,
    );
    return [{ ...call, path }];
  });
  return { receivers: remaining, acts: moved };
}

/** Index of the receiver whose behaviour and outages apply to the one at `index`. */
export function behaviourSource(receivers: Receiver[], index: number): number {
  const like = receivers[index]?.like ?? null;
  return like !== null && receivers[like]?.like === null ? like : index;
}
