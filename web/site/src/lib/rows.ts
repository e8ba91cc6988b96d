/** What the desk shows, field by field, as `core/src/api/view.rs` writes it. Times are RFC 3339. */

export interface Page<T> {
  data: T[];
  /** The cursor of the next page. */
  next: string | null;
}

export interface Ticket {
  id: string;
  ticket_message: string;
  status: "open" | "closed";
  opened_at: string;
  updated_at: string;
  closed_at: string | null;
  version: number;
}

export interface Webhook {
  id: string;
  callback_url: string;
  status: "active" | "paused" | "disabled";
  reason: Reason | null;
  events: EventType[];
  ordering: Ordering;
  description: string | null;
  headers: Record<string, string>;
  /** Seconds before each retry. */
  retry_schedule: number[];
  timeout_ms: number;
  max_in_flight: number;
  /** Requests a second. */
  rate_limit: number | null;
  created_at: string;
}

/** A webhook and how its deliveries stand. */
export interface WebhookState extends Webhook {
  health: "healthy" | "down";
  failing_since: string | null;
  next_probe_at: string | null;
  /** Events still owed. */
  backlog: number;
  in_flight: number;
  /** Requests that may be in flight at this time. */
  window: number;
  waiting_lanes: number;
  expired: { from: string; to: string; count: number } | null;
}

/** A secret with its text: only registration and rotation show it. */
export interface Shown {
  id: string;
  secret: string;
}

export interface SecretName {
  id: string;
  created_at: string;
  ends_at: string | null;
}

export interface Delivery {
  event_id: string;
  event: EventType;
  state: DeliveryState;
  attempts: number;
  next_attempt_at: string | null;
  reason: Reason | null;
}

export interface Attempt {
  number: number;
  at: string;
  duration_ms: number | null;
  status?: number;
  failure?: Failure;
  response_excerpt: string | null;
  reason: Reason;
  next_attempt_at: string | null;
}

export interface LoggedEvent {
  id: string;
  event: EventType;
  created: string;
  data: unknown;
  ticket_id: string | null;
  ticket_version: number | null;
  webhook_id: string | null;
}

export interface Service {
  available: boolean;
  since: string | null;
}

/** What a replay sends once more, and what it leaves out as it is owed anyway. */
export interface Count {
  count: number;
  owed: number;
}

/** A replay that runs. */
export interface Run extends Count {
  only: "undelivered" | "all";
  per_second: number | null;
  started_at: string;
  sent: number;
  pending: number;
}

export const ORDERINGS = ["ticket", "webhook", "none"] as const;
export type Ordering = (typeof ORDERINGS)[number];

/** Of the guide, and then those that tell of the desk itself. */
export const EVENT_TYPES = [
  "ping",
  "ticket_opened",
  "ticket_updated",
  "ticket_closed",
  "service_unavailable",
  "service_available",
  "webhook_down",
  "webhook_recovered",
  "webhook_disabled",
  "delivery_abandoned",
] as const;
export type EventType = (typeof EVENT_TYPES)[number];
/** How many of them a webhook hears of that names none. */
export const GUIDE_TYPES = 6;

export const DELIVERY_STATES = [
  "pending",
  "sending",
  "waiting",
  "delivered",
  "abandoned",
  "skipped",
  "expired",
] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

export type Failure =
  "dns" | "connect" | "tls" | "timeout" | "reset" | "protocol" | "blocked" | "ours";

export type Reason =
  | "delivered"
  | "retry"
  | "retries_used_up"
  | "gone"
  | "taken_over"
  | "lost"
  | "our_fault"
  | "late"
  | "stopped"
  | "probe"
  | "failing"
  | "paused"
  | "retry_after"
  | "reordering"
  | "too_many_lanes"
  | "expired"
  | "resend"
  | "turn";
