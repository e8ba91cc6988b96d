/** Labels of the API's enumerations: states, reasons, failures and events. */

import type { Attempt, DeliveryState, EventType, Failure, Ordering, Reason, Scope } from "../rows";

export type Tone = "good" | "bad" | "warn" | "info" | "quiet";

export const REASONS: Record<Reason, string> = {
  delivered: "The receiver responded 2xx: the event is delivered.",
  retry: "The attempt failed and will be retried.",
  unreachable:
    "No connection could be made. Another attempt follows at its time, or as soon as the receiver responds to another event.",
  retries_used_up: "It failed, and it was the last retry. Repair the receiver, then resend the event.",
  gone: "The receiver responded 410 Gone. Register the URL that replaces it.",
  taken_over: "The desk stopped before a response arrived, so the event is sent again.",
  lost: "No response was reported, so the event is sent again.",
  our_fault: "An error in the desk itself. The event is sent again; see the desk's log.",
  late: "The response came after the timeout and was ignored.",
  stopped: "The attempt failed, and its replay was stopped, so it is not retried.",
  probe: "A probe of a receiver that is down failed. It does not count as a retry.",
  failing: "The receiver keeps failing. It is probed until it responds.",
  paused: "The webhook is paused. Delivery continues when it is resumed.",
  retry_after: "The receiver asked for a pause with Retry-After. Delivery continues by itself.",
  reordering: "The ordering was changed. It takes effect when all waiting events are done.",
  too_many_lanes: "10 000 tickets wait for retries. No further events are read until some are done.",
  expired: "The event exceeded the log's retention and was deleted undelivered.",
  resend: "A resend was requested.",
  turn: "The event is next, and waits for a free slot.",
};

export const FAILURES: Record<Failure, string> = {
  dns: "Host name did not resolve",
  connect: "Connection failed",
  tls: "TLS handshake failed",
  timeout: "No response in time",
  reset: "Connection closed early",
  protocol: "Response was not HTTP",
  blocked: "Address not allowed",
  ours: "Error in the desk",
};

export const STATES: Record<DeliveryState, { name: string; tone: Tone; hint: string }> = {
  pending: { name: "pending", tone: "quiet", hint: "Not attempted yet." },
  sending: { name: "sending", tone: "info", hint: "A request is in flight." },
  waiting: { name: "waiting", tone: "warn", hint: "Failed, will be retried." },
  delivered: { name: "delivered", tone: "good", hint: "The receiver responded 2xx." },
  abandoned: { name: "abandoned", tone: "bad", hint: "Given up after its last retry." },
  skipped: { name: "skipped", tone: "quiet", hint: "The webhook is not subscribed to it." },
  expired: { name: "expired", tone: "bad", hint: "Deleted from the log undelivered." },
};

export const EVENTS: Record<EventType, string> = {
  ping: "Ping",
  ticket_opened: "Ticket opened",
  ticket_updated: "Ticket updated",
  ticket_closed: "Ticket closed",
  service_unavailable: "Service unavailable",
  service_available: "Service available",
  webhook_down: "Webhook down",
  webhook_recovered: "Webhook recovered",
  webhook_disabled: "Webhook disabled",
  delivery_abandoned: "Delivery abandoned",
};

export const ORDERING_LABELS: Record<Ordering, string> = {
  ticket: "In order within a ticket",
  webhook: "In order across all tickets",
  none: "In no order",
};

/** Scopes of API keys, and what their holders may do. */
export const SCOPES: Record<Scope, string> = {
  read: "see everything but keys",
  tickets: "see and change tickets and the service",
  webhooks: "see and change webhooks",
  admin: "everything, keys included",
};

/** The outcome of an attempt: a short text, and its tone. */
export function outcome(attempt: Attempt): { text: string; tone: Tone } {
  if (attempt.failure !== undefined) return { text: FAILURES[attempt.failure], tone: "bad" };
  const status = attempt.status ?? 0;
  if (status >= 200 && status < 300) return { text: `Responded ${status}`, tone: "good" };
  const asksToWait = status === 429 || status === 503;
  return { text: `Responded ${status}`, tone: asksToWait ? "warn" : "bad" };
}

/** Digits at an id's end that differ between any two ids: they begin with their times. */
const ID_DIGITS = 6;

/** An id in short, to tell rows with the same text apart: `tkt_…00002a`. */
export function shortId(id: string): string {
  const [prefix = "", digits = ""] = id.split("_");
  return digits.length > ID_DIGITS ? `${prefix}_…${digits.slice(-ID_DIGITS)}` : id;
}

/** A count with its noun. */
export function count(number: number, noun: string): string {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}
