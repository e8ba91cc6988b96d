/** Scenario files: a scenario as JSON, checked field by field when it is read. */

import { Refused } from "../../lib/http/backend";
import { LIMITS, MAX_START, OUTAGE_KINDS, STATUS, defaultBehaviour } from "./scenario";
import type {
  Behaviour,
  BehaviourKind,
  Load,
  Outage,
  Receiver,
  Scenario,
  ScenarioCall,
} from "./scenario";

/** Characters of a file: well above the largest scenario. */
export const MAX_FILE_LENGTH = 4_000_000;

/** Reads a scenario. Throws `Refused`, which names the field that is wrong. */
export function parseScenario(text: string): Scenario {
  if (text.length > MAX_FILE_LENGTH) throw invalid("The document is too long for a scenario.");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid("The document is not JSON. A scenario is a file that this page saved.");
  }
  const from = object(value, "The document");
  if (from.hookdesk_rehearsal !== 1) {
    throw invalid("The document is not a scenario, or it is of a newer version.");
  }
  const length = number(from.length, "length", 60_000, LIMITS.length);
  const receivers = list(from.receivers, "receivers", LIMITS.receivers);
  return {
    hookdesk_rehearsal: 1,
    title: string(from.title, "title", 200),
    about: string(from.about, "about", LIMITS.text),
    start: number(from.start, "start", 0, MAX_START),
    length,
    seed: number(from.seed, "seed", 0, 2 ** 32 - 1),
    receivers: receivers.map((row, index) => receiverOf(row, `receivers[${index}]`, receivers.length)),
    load: from.load === null ? null : loadOf(from.load),
    acts: callsOf(from.acts),
  };
}

function receiverOf(value: unknown, where: string, count: number): Receiver {
  const from = object(value, where);
  const outages = list(from.outages, `${where}.outages`, LIMITS.outages);
  const like = from.like === null ? null : number(from.like, `${where}.like`, 0, count - 1);
  return {
    name: string(from.name, `${where}.name`, 100),
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

/** A behaviour with the fields of its kind, each of the same type as in the default. */
function behaviourOf(value: unknown, where: string): Behaviour {
  const from = object(value, where);
  const kind = KINDS.find((known) => known === from.kind);
  if (!kind) throw invalid(`${where}.kind is unknown.`);
  const fields = Object.entries(defaultBehaviour(kind)).map(([name, standard]) => {
    const field = `${where}.${name}`;
    if (name === "status") return [name, number(from[name], field, STATUS.min, STATUS.max)];
    if (typeof standard === "number") return [name, number(from[name], field, 1, LIMITS.length)];
    return [name, string(from[name], field, LIMITS.source)];
  });
  return Object.fromEntries(fields) as Behaviour;
}

function outageOf(value: unknown, where: string): Outage {
  const from = object(value, where);
  const kind = OUTAGE_KINDS.find((known) => known === from.kind);
  if (!kind) throw invalid(`${where}.kind is unknown.`);
  const begin = number(from.from, `${where}.from`, 0, 2 * LIMITS.length);
  return { from: begin, to: number(from.to, `${where}.to`, begin, 2 * LIMITS.length), kind };
}

function loadOf(value: unknown): Load {
  const from = object(value, "load");
  const begin = number(from.from, "load.from", 0, LIMITS.length);
  return {
    tickets: number(from.tickets, "load.tickets", 0, LIMITS.tickets),
    from: begin,
    to: number(from.to, "load.to", begin, LIMITS.length),
    updates: number(from.updates, "load.updates", 0, LIMITS.updates),
    closes: from.closes === true,
  };
}

function callsOf(value: unknown): ScenarioCall[] {
  const calls = list(value, "acts", LIMITS.acts).map((row, index) => callOf(row, `acts[${index}]`));
  const twice = calls.find((call, index) => calls.slice(0, index).some(({ id }) => id === call.id));
  if (twice) throw invalid(`acts has the id ${twice.id} twice.`);
  return calls;
}

function callOf(value: unknown, where: string): ScenarioCall {
  const from = object(value, where);
  const methods = ["POST", "PATCH", "DELETE"] as const;
  const method = methods.find((known) => known === from.method);
  if (!method) throw invalid(`${where}.method must be POST, PATCH or DELETE.`);
  const call: ScenarioCall = {
    id: number(from.id, `${where}.id`, 1, 999_999),
    at: number(from.at, `${where}.at`, 0, LIMITS.length),
    method,
    path: string(from.path, `${where}.path`, LIMITS.text),
  };
  return from.body === undefined ? call : { ...call, body: object(from.body, `${where}.body`) };
}

function object(value: unknown, where: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw invalid(`${where} must be an object.`);
}

function list(value: unknown, where: string, max: number): unknown[] {
  if (!Array.isArray(value)) throw invalid(`${where} must be a list.`);
  if (value.length > max) throw invalid(`${where} has ${value.length} entries; the limit is ${max}.`);
  return value;
}

function number(value: unknown, where: string, min: number, max: number): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max) {
    return value;
  }
  throw invalid(`${where} must be a whole number from ${min} to ${max}.`);
}

function string(value: unknown, where: string, max: number): string {
  if (typeof value === "string" && value.length <= max) return value;
  throw invalid(`${where} must be a text of at most ${max} characters.`);
}

export function invalid(detail: string): Refused {
  return new Refused({ title: "This is not a scenario", detail, code: "bad_scenario" });
}
