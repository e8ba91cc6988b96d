/** A rehearsal as text: in a link, and in a file. Whatever comes in is looked at field by field. */

import { Refused } from "../../lib/http/backend";
import { LATEST_START, MOST, OUTAGE_KINDS, STATUS, begun } from "./scenario";
import type { Act, Behaviour, BehaviourKind, Load, Outage, Receiver, Rehearsal } from "./scenario";

/** How the part of a link behind `#` begins that holds a rehearsal. */
export const SHARED = "#rehearsal=";

/** Characters of a link at the most: browsers and chats cut longer ones. */
const LONGEST_LINK = 30_000;

/** A link's part behind `#`, or `null` when a file is the better way. */
export async function toFragment(rehearsal: Rehearsal): Promise<string | null> {
  const text = new Blob([JSON.stringify(rehearsal)]).stream();
  const packed = text.pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(packed).arrayBuffer());
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  const base64 = btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return base64.length > LONGEST_LINK ? null : SHARED + base64;
}

export async function fromFragment(fragment: string): Promise<Rehearsal> {
  const base64 = fragment.slice(SHARED.length).replaceAll("-", "+").replaceAll("_", "/");
  try {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    return parse(await new Response(bounded(stream)).text());
  } catch (error) {
    if (error instanceof Refused) throw error;
    throw bad("The link is not whole. Ask for it once more, or for the rehearsal's file.");
  }
}

/** Bytes of a rehearsal's text at the most. */
const LONGEST = 4_000_000;

function bounded(stream: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  let size = 0;
  const count = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      size += chunk.length;
      if (size > LONGEST) controller.error(new RangeError("too long"));
      else controller.enqueue(chunk);
    },
  });
  return stream.pipeThrough(count);
}

/**
 * A rehearsal from its text.
 *
 * Throws `Refused` with what is wrong with it.
 */
export function parse(text: string): Rehearsal {
  if (text.length > LONGEST) throw bad("It is too long to be a rehearsal.");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw bad("It is not JSON. A rehearsal is a file that was saved here.");
  }
  const from = object(value, "It");
  if (from.hookdesk_rehearsal !== 1) throw bad("It is not a rehearsal, or that of a newer version.");
  const length = number(from.length, "length", 60_000, MOST.length);
  const receivers = list(from.receivers, "receivers", MOST.receivers);
  return {
    hookdesk_rehearsal: 1,
    title: words(from.title, "title", 200),
    about: words(from.about, "about", MOST.text),
    start: number(from.start, "start", 0, LATEST_START),
    length,
    seed: number(from.seed, "seed", 0, 2 ** 32 - 1),
    receivers: receivers.map((row, index) => receiverOf(row, `receivers[${index}]`, receivers.length)),
    load: from.load === null ? null : loadOf(from.load),
    acts: actsOf(from.acts),
  };
}

function receiverOf(value: unknown, where: string, count: number): Receiver {
  const from = object(value, where);
  const outages = list(from.outages, `${where}.outages`, MOST.outages);
  const like = from.like === null ? null : number(from.like, `${where}.like`, 0, count - 1);
  return {
    name: words(from.name, `${where}.name`, 100),
    settings: object(from.settings, `${where}.settings`),
    like,
    behaviour: behaviourOf(from.behaviour, `${where}.behaviour`),
    outages: outages.map((row, index) => outageOf(row, `${where}.outages[${index}]`)),
  };
}

const KINDS: BehaviourKind[] = [
  "healthy",
  "slow",
  "failing",
  "hanging",
  "flapping",
  "limited",
  "choking",
  "unheard",
  "gone",
  "hostile",
  "script",
];

/** The same fields as the kind has at first, of the same types. */
function behaviourOf(value: unknown, where: string): Behaviour {
  const from = object(value, where);
  const kind = KINDS.find((known) => known === from.kind);
  if (!kind) throw bad(`${where}.kind is none that is known.`);
  const fields = Object.entries(begun(kind)).map(([name, usual]) => {
    const field = `${where}.${name}`;
    if (name === "status") return [name, number(from[name], field, STATUS.least, STATUS.most)];
    if (typeof usual === "number") return [name, number(from[name], field, 1, MOST.length)];
    return [name, words(from[name], field, MOST.source)];
  });
  return Object.fromEntries(fields) as Behaviour;
}

function outageOf(value: unknown, where: string): Outage {
  const from = object(value, where);
  const kind = OUTAGE_KINDS.find((known) => known === from.kind);
  if (!kind) throw bad(`${where}.kind is none that is known.`);
  const begin = number(from.from, `${where}.from`, 0, 2 * MOST.length);
  return { from: begin, to: number(from.to, `${where}.to`, begin, 2 * MOST.length), kind };
}

function loadOf(value: unknown): Load {
  const from = object(value, "load");
  const begin = number(from.from, "load.from", 0, MOST.length);
  return {
    tickets: number(from.tickets, "load.tickets", 0, MOST.tickets),
    from: begin,
    to: number(from.to, "load.to", begin, MOST.length),
    updates: number(from.updates, "load.updates", 0, MOST.updates),
    closes: from.closes === true,
  };
}

function actsOf(value: unknown): Act[] {
  const acts = list(value, "acts", MOST.acts).map((row, index) => actOf(row, `acts[${index}]`));
  const twice = acts.find((act, index) => acts.slice(0, index).some(({ id }) => id === act.id));
  if (twice) throw bad(`acts has the id ${twice.id} twice.`);
  return acts;
}

function actOf(value: unknown, where: string): Act {
  const from = object(value, where);
  const methods = ["POST", "PATCH", "DELETE"] as const;
  const method = methods.find((known) => known === from.method);
  if (!method) throw bad(`${where}.method must be POST, PATCH or DELETE.`);
  const act: Act = {
    id: number(from.id, `${where}.id`, 1, 999_999),
    at: number(from.at, `${where}.at`, 0, MOST.length),
    method,
    path: words(from.path, `${where}.path`, MOST.text),
  };
  return from.body === undefined ? act : { ...act, body: object(from.body, `${where}.body`) };
}

function object(value: unknown, where: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw bad(`${where} must be an object.`);
}

function list(value: unknown, where: string, most: number): unknown[] {
  if (!Array.isArray(value)) throw bad(`${where} must be a list.`);
  if (value.length > most) throw bad(`${where} has ${value.length} entries; the most are ${most}.`);
  return value;
}

function number(value: unknown, where: string, least: number, most: number): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most) {
    return value;
  }
  throw bad(`${where} must be a whole number from ${least} to ${most}.`);
}

function words(value: unknown, where: string, most: number): string {
  if (typeof value === "string" && value.length <= most) return value;
  throw bad(`${where} must be a text of at most ${most} characters.`);
}

function bad(detail: string): Refused {
  return new Refused({ title: "This is no rehearsal", detail, code: "bad_rehearsal" });
}
