/** The desk as functions: each is one call of the HTTP contract. */

import { createContext } from "svelte";

import { isNotFound, isUnknown } from "./backend";
import type { Backend, Method, Signal } from "./backend";
import { Once } from "./idempotency-keys";
import type {
  Attempt,
  Count,
  Delivery,
  DeliveryState,
  LoggedEvent,
  Page,
  Run,
  SecretName,
  Service,
  Shown,
  Ticket,
  Webhook,
  WebhookState,
} from "../rows";

/** Rows of a page: as many as are looked through without a search, and quick to draw. */
const PAGE = 50;
/** Webhooks of which one has heard something, where anything works at all. */
const LOOKED_AT = 3;

export type Status = Ticket["status"];
export type Order = "newest" | "oldest";

/** A part of the log that is to be sent once more. */
export interface Part {
  since: string;
  until?: string;
  only: Run["only"];
  per_second?: number | string;
}

export interface Beginning {
  /** The first webhook. */
  webhook: string | null;
  ticket: boolean;
  delivered: boolean;
}

/** Settings as they are sent; the desk says what is wrong with them. */
export type Settings = Record<string, unknown>;

export class Desk {
  readonly #once = new Once();

  constructor(readonly backend: Backend) {}

  listen(onEvent: (signal: Signal) => void): () => void {
    return this.backend.listen(onEvent);
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

  /** Counts what a replay would send. */
  preview(id: string, part: Part): Promise<Count> {
    return this.#data("POST", `/webhooks/${id}/replay`, { ...part, dry_run: true });
  }

  replay(id: string, part: Part): Promise<Count> {
    return this.#data("POST", `/webhooks/${id}/replay`, part);
  }

  /** The replay that runs, if one does. */
  async running(id: string): Promise<Run | null> {
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

  /** How far somebody came who is new here. */
  async beginning(): Promise<Beginning> {
    const [webhooks, tickets] = await Promise.all([
      this.#page<Webhook>("/webhooks", { after: null }, LOOKED_AT),
      this.#page<Ticket>("/tickets", { after: null }, 1),
    ]);
    const found = webhooks.data.map(({ id }) =>
      this.#page<Delivery>(`/webhooks/${id}/deliveries`, { state: "delivered" }, 1),
    );
    const delivered = (await Promise.all(found)).some((page) => page.data.length > 0);
    const webhook = webhooks.data[0]?.id ?? null;
    return { webhook, ticket: tickets.data.length > 0, delivered };
  }

  /** What changes something is done once, however often it is asked for until it is answered. */
  async #data<T>(method: Method, path: string, body?: object): Promise<T> {
    const call = (headers = {}): Promise<unknown> => this.backend.call(method, path, body, headers);
    const isKeyed = method === "POST" || method === "PATCH";
    const what = JSON.stringify([method, path, body]);
    const keyed = (key: string): Promise<unknown> => call({ "idempotency-key": key });
    const answer = await (isKeyed ? this.#once.do(what, keyed, isUnknown) : call());
    return (answer as { data: T }).data;
  }

  async #page<T>(
    path: string,
    query: Record<string, string | null>,
    limit = PAGE,
  ): Promise<Page<T>> {
    const given = Object.entries(query).filter(([, value]) => value !== null);
    const parameters = [...given, ["limit", limit]].map(([name, value]) => `${name}=${value}`);
    return (await this.backend.call("GET", `${path}?${parameters.join("&")}`)) as Page<T>;
  }
}

/** The desk that all of the page is about. */
export const [useDesk, provideDesk] = createContext<Desk>();
