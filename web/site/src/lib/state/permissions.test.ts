import { expect, test } from "vitest";

import { EVENT_TYPES } from "../rows";
import type { Me, Scope } from "../rows";
import { EVERYTHING, permissionsOf } from "./permissions";

function granted(scopes: Scope[], partner: string | null = null): string[] {
  const me: Me = {
    caller: "key",
    id: "key_1",
    name: null,
    scopes,
    partner,
    events: partner === null ? null : ["ticket_closed"],
    expires_at: null,
  };
  const all = Object.entries(permissionsOf(me));
  return all.filter(([, value]) => value === true).map(([name]) => name);
}

test("each scope shows what it grants", () => {
  expect(granted(["read"])).toEqual(["readTickets", "readWebhooks", "readLog", "readPartners"]);
  expect(granted(["tickets"])).toEqual(["readTickets", "changeTickets"]);
  expect(granted(["webhooks"])).toEqual(["readWebhooks", "changeWebhooks"]);
  expect(granted(["tickets", "webhooks"])).toHaveLength(4);
  expect(granted(["admin"])).toHaveLength(7);
});

test("a partner sees webhooks alone, whatever its scopes", () => {
  expect(granted(["read"], "acme")).toEqual(["readWebhooks"]);
  expect(granted(["read", "webhooks", "admin"], "acme")).toEqual(["readWebhooks", "changeWebhooks"]);
});

test("a partner is offered the event types that were granted, and an operator all", () => {
  const me: Me = {
    caller: "key",
    id: "key_1",
    name: "Acme",
    scopes: ["webhooks"],
    partner: "acme",
    events: ["ticket_closed"],
    expires_at: null,
  };
  expect(permissionsOf(me).events).toEqual(["ticket_closed"]);
  expect(EVERYTHING.events).toEqual(EVENT_TYPES);
});
