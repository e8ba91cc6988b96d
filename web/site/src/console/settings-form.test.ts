import { expect, test } from "vitest";

import type { Webhook } from "../lib/rows";
import { changedSettings, draftOf, hiddenHeaders } from "./settings-form";

const WEBHOOK: Webhook = {
  id: "whk_1",
  partner: "acme",
  callback_url: "https://acme.example/hook",
  status: "active",
  reason: null,
  events: ["ping"],
  ordering: "ticket",
  description: null,
  headers: { "x-desk": null },
  retry_schedule: [],
  timeout_ms: 1_000,
  max_in_flight: 1,
  rate_limit: null,
  created_at: "2030-01-01T00:00:00Z",
};

test("headers whose values are hidden stay as they are, unless others are entered", () => {
  const before = draftOf(WEBHOOK);
  expect(hiddenHeaders(WEBHOOK)).toEqual(["x-desk"]);
  expect(changedSettings(before, { ...before, timeout_ms: "2000" })).toEqual({ timeout_ms: 2_000 });
  const entered = { ...before, headers: "x-own: mine" };
  expect(changedSettings(before, entered)).toEqual({ headers: { "x-own": "mine" } });
});

test("headers whose values are shown are edited", () => {
  const shown = { ...WEBHOOK, headers: { "x-own": "mine" } };
  expect(hiddenHeaders(shown)).toEqual([]);
  expect(draftOf(shown).headers).toBe("x-own: mine");
});
