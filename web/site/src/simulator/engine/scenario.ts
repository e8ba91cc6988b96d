/** A rehearsal: what a desk and its receivers go through, as a document that can be shared. */

import { MINUTE, SECOND } from "../../lib/format/durations";

/** All times in it are whole milliseconds; those that say no more are counted from its start. */
export interface Rehearsal {
  hookdesk_rehearsal: 1;
  title: string;
  /** What it shows, for who opens it. */
  about: string;
  /** Milliseconds of unix time. */
  start: number;
  length: number;
  /** Chance is made from it: the same rehearsal goes the same way each time. */
  seed: number;
  receivers: Receiver[];
  load: Load | null;
  acts: Act[];
}

/** A pretend receiver and the webhook that leads to it. */
export interface Receiver {
  name: string;
  /** What registration takes, without the URL. */
  settings: Record<string, unknown>;
  /** The place of the receiver whose behaviour and outages it shares, to compare settings. */
  like: number | null;
  behaviour: Behaviour;
  outages: Outage[];
}

export type Behaviour =
  /** Answers 200 after so long. */
  | { kind: "healthy"; latency: number }
  /** Answers so late that timeouts are near. */
  | { kind: "slow"; latency: number }
  | { kind: "failing"; status: number; retryAfter: string }
  | { kind: "hanging" }
  /** In turns well and failing. */
  | { kind: "flapping"; up: number; down: number }
  /** Takes so many a minute, and refuses the others with 429. */
  | { kind: "limited"; perMinute: number; retryAfter: string }
  /** Fails on every event whose body has a text in it. */
  | { kind: "choking"; text: string }
  /** Takes everything in, and each so manieth answer is lost. */
  | { kind: "unheard"; each: number }
  | { kind: "gone" }
  | { kind: "hostile" }
  /** JavaScript that the visitor wrote. */
  | { kind: "script"; source: string };

export type BehaviourKind = Behaviour["kind"];

/** A time in which the receiver does something else. */
export interface Outage {
  from: number;
  to: number;
  kind: OutageKind;
}

export const OUTAGE_KINDS = ["refused", "error", "hanging", "unheard"] as const;
/** No connection, 503, no answer, or taken in and the answer lost. */
export type OutageKind = (typeof OUTAGE_KINDS)[number];

/** Tickets that are opened by themselves, evenly from one time to another. */
export interface Load {
  tickets: number;
  from: number;
  to: number;
  /** Changes of each ticket. */
  updates: number;
  /** Whether each is closed in the end. */
  closes: boolean;
}

/** A call that somebody makes at a time. */
export interface Act {
  /** Its chance is made from it, so that acts can be added without changing the others. */
  id: number;
  at: number;
  method: "POST" | "PATCH" | "DELETE";
  /** `{webhook:0}` stands for the id of the first receiver's webhook, `{ticket:0}` for a ticket. */
  path: string;
  body?: object;
}

/** Bounds, so that no document makes a page hang. */
export const MOST = {
  receivers: 12,
  tickets: 5_000,
  updates: 20,
  acts: 2_000,
  outages: 50,
  length: 92 * 24 * 60 * MINUTE,
  source: 20_000,
  text: 2_000,
} as const;

/** Milliseconds of unix time at which a rehearsal may begin. */
export const LATEST_START = Date.UTC(2200, 0);
/** Statuses that an answer may have. */
export const STATUS = { least: 100, most: 599 };

export const USUAL_LATENCY = 80;

export function receiver(name: string, behaviour?: Behaviour): Receiver {
  const usual: Behaviour = { kind: "healthy", latency: USUAL_LATENCY };
  return { name, settings: {}, like: null, behaviour: behaviour ?? usual, outages: [] };
}

/** A behaviour as it begins when its kind is chosen. */
export function begun(kind: BehaviourKind): Behaviour {
  switch (kind) {
    case "healthy":
      return { kind, latency: USUAL_LATENCY };
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

/** What the editor begins with. */
const SCRIPT = `// Called with each request; say how you answer. \`seen\` is yours to keep things in.
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

/** The hosts of all receivers' URLs, each its own, whatever their names. */
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

/** A rehearsal without a receiver. Those that were like it go on as it would have. */
export function without({ receivers, acts }: Rehearsal, index: number): Pick<Rehearsal, "receivers" | "acts"> {
  const gone = receivers[index];
  const kept = receivers.flatMap((one, at): Receiver[] => {
    if (at === index) return [];
    const { like } = one;
    if (like === null) return [one];
    if (like !== index) return [{ ...one, like: like > index ? like - 1 : like }];
    return [{ ...one, like: null, ...(gone ? { behaviour: gone.behaviour, outages: gone.outages } : {}) }];
  });
  const moved = acts.flatMap((act): Act[] => {
    if (act.path.includes(`{webhook:${index}}`)) return [];
    const path = act.path.replaceAll(/\{webhook:(\d+)\}/g, (whole, place) =>
      Number(place) > index ? `{webhook:${Number(place) - 1}}` : whole,
    );
    return [{ ...act, path }];
  });
  return { receivers: kept, acts: moved };
}

/** Whose behaviour and outages a receiver has. */
export function original(receivers: Receiver[], index: number): number {
  const like = receivers[index]?.like ?? null;
  return like !== null && receivers[like]?.like === null ? like : index;
}
