/** All API calls of a scenario with their times: registrations, load, and the scenario's own. */

import { HOUR, MINUTE } from "../../lib/format/durations";
import { hostsOf } from "./scenario";
import type { Scenario } from "./scenario";
import { PURPOSE } from "./seeded-random";
import type { SeededRandom } from "./seeded-random";

/** Ids known so far, by the indexes that paths use. */
export interface KnownIds {
  webhooks: (string | null)[];
  tickets: string[];
}

export interface ApiCall {
  method: string;
  path: string;
  body?: object;
}

/** A call and its time. */
export interface ScheduledCall {
  /** Milliseconds of unix time. */
  at: number;
  /** Seeds its random numbers. Of a scenario's own call it is the call's id. */
  key: number;
  call: (known: KnownIds) => ApiCall;
  /** Index of the receiver whose webhook it registers. */
  receiver?: number;
  /** Index of the ticket that it opens. */
  ticket?: number;
}

const FIRST_MESSAGES: [string, ...string[]] = [
  "My order is late",
  "The parcel came open",
  "Please send the invoice again",
  "A refund for the blue one",
  "I cannot sign in",
  "Change my address",
  "The app shows yesterday's menu",
  "Where is my voucher?",
  "Wrong size, can I swap it?",
  "Two charges for one order",
  "It does not switch on",
  "Cancel my subscription",
];
const LATER_MESSAGES: [string, ...string[]] = [
  "Any news?",
  "I found the receipt",
  "It is urgent now",
  "Thank you, one more thing",
];

/** Keys of registrations and of the load lie above all ids of a scenario's own calls. */
const FIRST_KEY = 1_000_000;

/** All calls, in order of time. */
export function scheduledCalls(scenario: Scenario, random: SeededRandom): ScheduledCall[] {
  const { start, length } = scenario;
  const calls = [...registrations(scenario), ...loadCalls(scenario, random), ...ownCalls(scenario)];
  const within = calls.filter(({ at }) => at <= start + length);
  return within.sort((one, other) => one.at - other.at);
}

function registrations({ start, receivers }: Scenario): ScheduledCall[] {
  const hosts = hostsOf(receivers);
  return receivers.map(({ settings }, receiver) => {
    const callback_url = `https://${hosts[receiver]}/hook`;
    const body = { callback_url, ...settings };
    const call = () => ({ method: "POST", path: "/webhooks/register", body });
    return { at: start, key: FIRST_KEY + receiver, call, receiver };
  });
}

function loadCalls({ start, load }: Scenario, random: SeededRandom): ScheduledCall[] {
  if (!load) return [];
  const calls: ScheduledCall[] = [];
  const interval = (load.to - load.from) / Math.max(1, load.tickets);
  for (let ticket = 0; ticket < load.tickets; ticket += 1) {
    const key = (step: number): number => FIRST_KEY * 2 + ticket * 32 + step;
    const first = random.pick(FIRST_MESSAGES, PURPOSE.firstMessage, ticket);
    const message = `${first} (#${ticket + 1})`;
    const position = ticket + random.fraction(PURPOSE.opening, ticket);
    let at = Math.round(start + load.from + interval * position);
    const opening = { method: "POST", path: "/tickets", body: { ticket_message: message } };
    calls.push({ at, key: key(0), call: () => opening, ticket });
    const path = ({ tickets }: KnownIds): string => `/tickets/${tickets[ticket] ?? "none"}`;
    for (let step = 1; step <= load.updates; step += 1) {
      at += Math.round(5 * MINUTE + 4 * HOUR * random.fraction(PURPOSE.update, ticket, step));
      const later = random.pick(LATER_MESSAGES, PURPOSE.laterMessage, ticket, step);
      const body = { ticket_message: `${message}: ${later}` };
      const call = (known: KnownIds): ApiCall => ({ method: "PATCH", path: path(known), body });
      calls.push({ at, key: key(step), call });
    }
    if (!load.closes) continue;
    at += Math.round(10 * MINUTE + 8 * HOUR * random.fraction(PURPOSE.closing, ticket));
    calls.push({ at, key: key(31), call: (known) => ({ method: "DELETE", path: path(known) }) });
  }
  return calls;
}

function ownCalls({ start, acts }: Scenario): ScheduledCall[] {
  return acts.map(({ id, at, method, path, body }) => {
    const call = (known: KnownIds): ApiCall => {
      const request = { method, path: withIds(path, known) };
      return body === undefined ? request : { ...request, body };
    };
    return { at: start + at, key: id, call };
  });
}

/** A path with ids in place of `{webhook:0}` and `{ticket:0}`. */
function withIds(path: string, { webhooks, tickets }: KnownIds): string {
  const webhook = (_: string, index: string): string => webhooks[Number(index)] ?? "none";
  const ticket = (_: string, index: string): string => tickets[Number(index)] ?? "none";
  return path.replaceAll(/\{webhook:(\d+)\}/g, webhook).replaceAll(/\{ticket:(\d+)\}/g, ticket);
}
