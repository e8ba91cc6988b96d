/** What the desk shows, under the page's own names. Times are RFC 3339. */

import type { KeySecret, KeyView, LinkSecret, LinkView, ListPage, SecretText } from "hookdesk";
import { DEFAULT_EVENT_TYPES } from "hookdesk/names";

export { DELIVERY_STATES, EVENT_TYPES, ORDERINGS } from "hookdesk/names";
export type {
  AttemptView as Attempt,
  AuditAction,
  AuditView as AuditRow,
  CallerView as Me,
  CountView as Count,
  DeliveryState,
  DeliveryView as Delivery,
  DeskHealthView as DeskHealth,
  EndedView as Ended,
  EventType,
  EventView as LoggedEvent,
  Failure,
  HostView as Host,
  KeyView as ApiKey,
  Ordering,
  PartnerView as Partner,
  Reason,
  RunView as Run,
  Scope,
  SecretView as SecretName,
  ServiceView as Service,
  StateView as WebhookState,
  TicketView as Ticket,
  WebhookView as Webhook,
} from "hookdesk";

export type Page<T> = ListPage<T, string>;

/** A secret with its text: only registration and rotation show it. */
export type Shown = { id: string } & SecretText;

/** The number of event types of a webhook that subscribes to none by name: they come first. */
export const GUIDE_TYPES = DEFAULT_EVENT_TYPES.length;

/** An API key whose text is shown, if this is the first response to its making. */
export type ShownKey = KeyView & Partial<KeySecret>;

/** A link whose URL is shown, if this is the first response to its making. */
export type ShownLink = LinkView & Partial<LinkSecret>;
