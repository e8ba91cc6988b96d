/** What is called at a rehearsal's desk, and when: its receivers, its load and its acts. */

import type { Dice } from "./seeded-random";
import { hostsOf } from "./scenario";
import type { Rehearsal } from "./scenario";
import { HOUR, MINUTE } from "../../lib/format/durations";

/** Ids that are known by then, by the places that paths name. */
export interface Names {
  webhooks: (string | null)[];
  tickets: string[];
}

export interface PlannedCall {
  method: string;
  path: string;
  body?: object;
}

export interface Planned {
  /** Milliseconds of unix time. */
  at: number;
  /** Its chance is made from it; that of an act is the act's id. */
  key: number;
  call: (names: Names) => PlannedCall;
  /** The receiver that it registers. */
  receiver?: number;
  /** The load's ticket that it opens. */
  ticket?: number;
}

const SUBJECTS = [
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
const LATER = ["Any news?", "I found the receipt", "It is urgent now", "Thank you, one more thing"];

/** Keys of calls that are no acts lie above all ids of acts. */
const OWN = 1_000_000;

/** All calls in order. */
export function callsOf(rehearsal: Rehearsal, dice: Dice): Planned[] {
  const { start, length } = rehearsal;
  const calls = [...registrations(rehearsal), ...loaded(rehearsal, dice), ...acts(rehearsal)];
  const inside = calls.filter(({ at }) => at <= start + length);
  return inside.sort((one, other) => one.at - other.at);
}

function registrations({ start, receivers }: Rehearsal): Planned[] {
  const hosts = hostsOf(receivers);
  return receivers.map(({ settings }, receiver) => {
    const callback_url = `https://${hosts[receiver]}/hook`;
    const body = { callback_url, ...settings };
    const call = () => ({ method: "POST", path: "/webhooks/register", body });
    return { at: start, key: OWN + receiver, call, receiver };
  });
}

function loaded({ start, load }: Rehearsal, dice: Dice): Planned[] {
  if (!load) return [];
  const calls: Planned[] = [];
  const each = (load.to - load.from) / Math.max(1, load.tickets);
  for (let ticket = 0; ticket < load.tickets; ticket += 1) {
    const key = (step: number): number => OWN * 2 + ticket * 32 + step;
    const subject = SUBJECTS[Math.floor(dice.share(6, ticket) * SUBJECTS.length)] ?? "";
    const message = `${subject} (#${ticket + 1})`;
    let at = Math.round(start + load.from + each * (ticket + dice.share(7, ticket)));
    const opening = { method: "POST", path: "/tickets", body: { ticket_message: message } };
    calls.push({ at, key: key(0), call: () => opening, ticket });
    const path = ({ tickets }: Names): string => `/tickets/${tickets[ticket] ?? "none"}`;
    for (let step = 1; step <= load.updates; step += 1) {
      at += Math.round(5 * MINUTE + 4 * HOUR * dice.share(8, ticket, step));
      const more = LATER[Math.floor(dice.share(9, ticket, step) * LATER.length)] ?? "";
      const body = { ticket_message: `${message}: ${more}` };
      calls.push({ at, key: key(step), call: (names) => ({ method: "PATCH", path: path(names), body }) });
    }
    if (!load.closes) continue;
    at += Math.round(10 * MINUTE + 8 * HOUR * dice.share(10, ticket));
    calls.push({ at, key: key(31), call: (names) => ({ method: "DELETE", path: path(names) }) });
  }
  return calls;
}

function acts({ start, acts: all }: Rehearsal): Planned[] {
  return all.map(({ id, at, method, path, body }) => {
    const call = (names: Names): PlannedCall => {
      const named = { method, path: filled(path, names) };
      return body === undefined ? named : { ...named, body };
    };
    return { at: start + at, key: id, call };
  });
}

/** A path with the ids of what it names by its place. */
function filled(path: string, { webhooks, tickets }: Names): string {
  const webhook = (_: string, place: string): string => webhooks[Number(place)] ?? "none";
  const ticket = (_: string, place: string): string => tickets[Number(place)] ?? "none";
  return path.replaceAll(/\{webhook:(\d+)\}/g, webhook).replaceAll(/\{ticket:(\d+)\}/g, ticket);
}
