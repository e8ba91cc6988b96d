import { expect, test } from "vitest";

import type { Route } from "../lib/navigation/route.svelte";
import { EVERYTHING } from "../lib/state/permissions";
import { visibleRoute } from "./visible-route";

const VIEWS: Route[] = [
  { view: "tickets" },
  { view: "webhooks" },
  { view: "register" },
  { view: "webhook", id: "whk_1", tab: "settings", event: null },
  { view: "keys" },
  { view: "partners" },
  { view: "audit" },
];

test("who may see everything sees what the address names", () => {
  for (const route of VIEWS) expect(visibleRoute(route, EVERYTHING)).toEqual(route);
});

test("any other view is the first one that the caller may see", () => {
  const reader = {
    ...EVERYTHING,
    readTickets: false,
    changeWebhooks: false,
    readPartners: false,
    administer: false,
  };
  const seen = VIEWS.map((route) => visibleRoute(route, reader).view);
  expect(seen).toEqual(["webhooks", "webhooks", "webhooks", "webhook", "webhooks", "webhooks", "webhooks"]);
  const clerk = { ...reader, readTickets: true, readWebhooks: false };
  expect(new Set(VIEWS.map((route) => visibleRoute(route, clerk).view))).toEqual(new Set(["tickets"]));
});
