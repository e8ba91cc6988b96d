/** A client of the desk's HTTP API: one method for each call. */

import { createContext } from "svelte";

import type {
  ApiKey,
  Attempt,
  AuditRow,
  Count,
  Delivery,
  DeliveryState,
  DeskHealth,
  Ended,
  LoggedEvent,
  Page,
  Partner,
  Run,
  SecretName,
  Service,
  Shown,
  ShownKey,
  ShownLink,
  Ticket,
  Webhook,
  WebhookState,
} from "../rows";
import { isNotFound, isUnknown } from "./backend";
import type { Backend, Method, Signal } from "./backend";
import { IdempotencyKeys } from "./idempotency-keys";

/** Rows of a page. */
const PAGE_SIZE = 50;
/** Webhooks in which the first delivery is looked for. */
const MAX_PROBED_WEBHOOKS = 3;

export type Status = Ticket["status"];
export type Order = "newest" | "oldest";

/** Parameters of a replay: the range of the log, which events of it, and the rate. */
export interface ReplayRange {
  since: string;
  until?: string;
  only: Run["only"];
  per_second?: number | string;
}

/** Progress towards the first delivery. */
export interface Onboarding {
  /** The first webhook's id. */
  webhook: string | null;
  ticket: boolean;
  delivered: boolean;
}

/** Settings of a webhook or a key as they are sent. The desk validates them. */
export type Settings = Record<string, unknown>;

export class Desk {
  readonly #idempotency = new IdempotencyKeys();

  constructor(readonly backend: Backend) {}

  listen(onSignal: (signal: Signal) => void, mayReadLog: boolean): () => void {
    return this.backend.listen(onSignal, mayReadLog);
  }

  tickets(only: Status | "all", order: Order, after: string | null): Promise<Page<Ticket>> {
    const status = only === "all" ? null : only;
    return this.#page("/tickets", { status, order, after });
  }

  openTicket(message: string): Promise<{ id: string }> {
    return this.#data("POST", "/tickets", { ticket_message: message });
  }

  updateTicket(id: string, message: string): Promise<Ticket> {
    return this.#data("PATCH", `/tickets/${id}`, { ticket_message: message });
  }

  closeTicket(id: string): Promise<Ticket> {
    return this.#data("DELETE", `/tickets/${id}`);
  }

  /** How the desk is: it refuses this while it is not ready. */
  health(): Promise<DeskHealth> {
    return this.#data("GET", "/health/ready");
  }

  service(): Promise<Service> {
    return this.#data("GET", "/service");
  }

  announce(available: boolean): Promise<{ id: string }> {
    return this.#data("POST", available ? "/service/available" : "/service/unavailable");
  }

  webhooks(after: string | null): Promise<Page<Webhook>> {
    return this.#page("/webhooks", { after });
  }

  webhook(id: string): Promise<WebhookState> {
    return this.#data("GET", `/webhooks/${id}`);
  }

  register(settings: Settings): Promise<Webhook & Shown> {
    return this.#data("POST", "/webhooks/register", settings);
  }

  amend(id: string, settings: Settings): Promise<Webhook> {
    return this.#data("PATCH", `/webhooks/${id}`, settings);
  }

  unregister(id: string): Promise<{ id: string }> {
    return this.#data("DELETE", `/webhooks/unregister/${id}`);
  }

  ping(id: string): Promise<{ id: string }> {
    return this.#data("POST", `/webhooks/${id}/ping`);
  }

  enable(id: string): Promise<Webhook> {
    return this.#data("POST", `/webhooks/${id}/enable`);
  }

  rotate(id: string, overlapSeconds: number): Promise<SecretName & Shown> {
    const body = { overlap_seconds: overlapSeconds };
    return this.#data("POST", `/webhooks/${id}/secret/rotate`, body);
  }

  secrets(id: string): Promise<SecretName[]> {
    return this.#data("GET", `/webhooks/${id}/secrets`);
  }

  endSecret(id: string, secret: string): Promise<{ id: string }> {
    return this.#data("DELETE", `/webhooks/${id}/secrets/${secret}`);
  }

  deliveries(
    id: string,
    state: DeliveryState | "all",
    after: string | null,
  ): Promise<Page<Delivery>> {
    const query = { state: state === "all" ? null : state, after };
    return this.#page(`/webhooks/${id}/deliveries`, query);
  }

  attempts(id: string, event: string): Promise<Attempt[]> {
    return this.#data("GET", `/webhooks/${id}/deliveries/${event}`);
  }

  event(id: string): Promise<LoggedEvent> {
    return this.#data("GET", `/events/${id}`);
  }

  resend(id: string, event: string): Promise<object> {
    return this.#data("POST", `/webhooks/${id}/deliveries/${event}/resend`);
  }

  /** Counts the events that a replay would send. */
  preview(id: string, range: ReplayRange): Promise<Count> {
    return this.#data("POST", `/webhooks/${id}/replay`, { ...range, dry_run: true });
  }

  replay(id: string, range: ReplayRange): Promise<Count> {
    return this.#data("POST", `/webhooks/${id}/replay`, range);
  }

  /** The running replay, if there is one. */
  async runningReplay(id: string): Promise<Run | null> {
    try {
      return await this.#data("GET", `/webhooks/${id}/replay`);
    } catch (error) {
      if (isNotFound(error)) return null;
      throw error;
    }
  }

  stopReplay(id: string): Promise<Run> {
    return this.#data("DELETE", `/webhooks/${id}/replay`);
  }

  keys(after: string | null): Promise<Page<ApiKey>> {
    return this.#page("/keys", { after });
  }

  /** Makes a key. A call that is repeated after a lost response does not show its text. */
  makeKey(settings: Settings): Promise<ShownKey> {
    return this.#data("POST", "/keys", settings);
  }

  revokeKey(id: string): Promise<{ id: string }> {
    return this.#data("DELETE", `/keys/${id}`);
  }

  amendKey(id: string, settings: Settings): Promise<ApiKey> {
    return this.#data("PATCH", `/keys/${id}`, settings);
  }

  partners(after: string | null): Promise<Page<Partner>> {
    return this.#page("/partners", { after });
  }

  /** Ends a partner's keys, and unregisters its webhooks. */
  removePartner(partner: string): Promise<Partner> {
    return this.#data("DELETE", `/partners/${partner}`);
  }

  /** Makes a link that signs somebody in once, as a partner. */
  makeLink(partner: string): Promise<ShownLink> {
    return this.#data("POST", `/partners/${encodeURIComponent(partner)}/link`);
  }

  endSessions(partner: string): Promise<Ended> {
    return this.#data("DELETE", `/partners/${partner}/sessions`);
  }

  audit(after: string | null): Promise<Page<AuditRow>> {
    return this.#page("/audit", { after });
  }

  async onboarding(): Promise<Onboarding> {
    const [webhooks, tickets] = await Promise.all([
      this.#page<Webhook>("/webhooks", { after: null }, MAX_PROBED_WEBHOOKS),
      this.#page<Ticket>("/tickets", { after: null }, 1),
    ]);
    const delivered = webhooks.data.map(({ id }) =>
      this.#page<Delivery>(`/webhooks/${id}/deliveries`, { state: "delivered" }, 1),
    );
    const hasDelivery = (await Promise.all(delivered)).some((page) => page.data.length > 0);
    const webhook = webhooks.data[0]?.id ?? null;
    return { webhook, ticket: tickets.data.length > 0, delivered: hasDelivery };
  }

  /** Makes a call. A POST or PATCH has an idempotency key until it has a response. */
  async #data<T>(method: Method, path: string, body?: object): Promise<T> {
    const call = (headers = {}): Promise<unknown> => this.backend.call(method, path, body, headers);
    const isKeyed = method === "POST" || method === "PATCH";
    const name = JSON.stringify([method, path, body]);
    const keyed = (key: string): Promise<unknown> => call({ "idempotency-key": key });
    const document = await (isKeyed ? this.#idempotency.run(name, keyed, isUnknown) : call());
    return (document as { data: T }).data;
  }

  async #page<T>(
    path: string,
    query: Record<string, string | null>,
    limit = PAGE_SIZE,
  ): Promise<Page<T>> {
    const filters = Object.entries(query).filter(([, value]) => value !== null);
    const parameters = [...filters, ["limit", limit]].map(([name, value]) => `${name}=${value}`);
    return (await this.backend.call("GET", `${path}?${parameters.join("&")}`)) as Page<T>;
  }
}

/** The desk of the page, for all components. */
export const [useDesk, provideDesk] = createContext<Desk>();
