/** What a caller may see and do, as `GET /me` says. The page shows no more; the desk judges each call. */

import { createContext } from "svelte";

import { EVENT_TYPES, GUIDE_TYPES } from "../rows";
import type { EventType, Me, Scope } from "../rows";

export interface Permissions {
  readTickets: boolean;
  changeTickets: boolean;
  readWebhooks: boolean;
  changeWebhooks: boolean;
  readLog: boolean;
  readPartners: boolean;
  /** Keys, partners and the audit. */
  administer: boolean;
  /** The partner whose webhooks are all that the caller reaches. */
  partner: string | null;
  /** The event types to which its webhooks may subscribe. */
  events: readonly EventType[];
}

export function permissionsOf({ scopes, partner, events }: Me): Permissions {
  const has = (...some: Scope[]): boolean => scopes.some((scope) => some.includes(scope));
  const isOperator = partner === null;
  return {
    readTickets: isOperator && has("read", "tickets", "admin"),
    changeTickets: isOperator && has("tickets", "admin"),
    readWebhooks: has("read", "webhooks", "admin"),
    changeWebhooks: has("webhooks", "admin"),
    readLog: isOperator && has("read", "admin"),
    readPartners: isOperator && has("read", "admin"),
    administer: isOperator && has("admin"),
    partner,
    events: isOperator ? EVENT_TYPES : (events ?? EVENT_TYPES.slice(0, GUIDE_TYPES)),
  };
}

const ANYONE: Me = {
  caller: "anyone",
  id: null,
  name: null,
  scopes: ["admin"],
  partner: null,
  events: null,
  expires_at: null,
};

/** Those of a caller on a desk that asks for no key. */
export const EVERYTHING = permissionsOf(ANYONE);
/** Those of a caller that is not known. */
export const NOTHING = permissionsOf({ ...ANYONE, scopes: [] });

/** The permissions of whoever the page is shown to, for all components. */
export const [usePermissions, providePermissions] = createContext<() => Permissions>();
