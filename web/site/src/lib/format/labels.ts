/** Labels of the API's enumerations: states, reasons, failures and events. */

import type { Attempt, DeliveryState, EventType, Failure, Ordering, Reason } from "../rows";

export type Tone = "good" | "bad" | "warn" | "info" | "quiet";

export const REASONS: Record<Reason, string> = {
  delivered: "The receiver answered 2xx: nothing is left to do.",
  retry: "It failed and is tried again.",
  retries_used_up: "It failed and that was the last retry. Mend the receiver, then resend it.",
  gone: "The receiver answered 410 Gone. Register the URL that replaces it.",
  taken_over: "The desk stopped before an answer came, so it is sent again.",
  lost: "No answer was ever reported, so it is sent again.",
  our_fault: "The desk itself could not send, and does so again. See its log.",
  late: "The answer came after the timeout and changed nothing.",
  stopped: "It failed, and its replay was stopped: it is not tried again.",
  probe: "A probe of a receiver that is down failed. It costs no retry.",
  failing: "The receiver keeps failing. It is probed until it is back; mend it.",
  paused: "Somebody paused it. It goes on when it is resumed.",
  retry_after: "The receiver asked for a pause with Retry-After. It goes on by itself.",
  reordering: "Another ordering was chosen, and begins when nothing waits any more.",
  too_many_lanes: "10 000 tickets wait for the receiver, and no more are read until some are done.",
  expired: "It became older than the log is kept, and is gone undelivered.",
  resend: "Somebody asked for it once more.",
  turn: "Its turn has come, and it waits for room.",
};

export const FAILURES: Record<Failure, string> = {
  dns: "Host name did not resolve",
  connect: "No connection",
  tls: "No TLS session",
  timeout: "No answer in time",
  reset: "Connection broke off",
  protocol: "Answer was not HTTP",
  blocked: "Address must not be called",
  ours: "The desk's own fault",
};

export const STATES: Record<DeliveryState, { name: string; tone: Tone; hint: string }> = {
  pending: { name: "pending", tone: "quiet", hint: "It has not been its turn yet." },
  sending: { name: "sending", tone: "info", hint: "A request for it is in flight." },
  waiting: { name: "waiting", tone: "warn", hint: "It failed and is tried again." },
  delivered: { name: "delivered", tone: "good", hint: "The receiver has it." },
  abandoned: { name: "abandoned", tone: "bad", hint: "Given up after its last retry." },
  skipped: { name: "skipped", tone: "quiet", hint: "The webhook did not want it." },
  expired: { name: "expired", tone: "bad", hint: "The log no longer has it." },
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
  webhook: "All in one order",
  none: "In no order",
};

/** What came of an attempt, in a few words, and how bad that is. */
export function outcome(attempt: Attempt): { text: string; tone: Tone } {
  if (attempt.failure !== undefined) return { text: FAILURES[attempt.failure], tone: "bad" };
  const status = attempt.status ?? 0;
  if (status >= 200 && status < 300) return { text: `Answered ${status}`, tone: "good" };
  const asksToWait = status === 429 || status === 503;
  return { text: `Answered ${status}`, tone: asksToWait ? "warn" : "bad" };
}

/** A count with its noun. */
export function count(number: number, noun: string): string {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}
