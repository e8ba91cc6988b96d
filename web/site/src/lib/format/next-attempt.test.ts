import { expect, test } from "vitest";

import type { DeliveryState, WebhookState } from "../rows";
import { nextAttempt, nextProbe } from "./next-attempt";

const [PLANNED, PROBE] = ["2026-01-02T18:00:05.000Z", "2026-01-02T18:10:00.000Z"];

function webhook(parts: Partial<WebhookState>): WebhookState {
  return { status: "active", health: "down", next_probe_at: PROBE, ...parts } as WebhookState;
}

test("while the receiver is down, the next attempt waits for the next probe", () => {
  const probe = nextProbe(webhook({}));
  for (const [state, planned, expected] of [
    ["waiting", PLANNED, { waitsFor: "probe", at: PROBE }],
    ["waiting", null, { waitsFor: "probe", at: PROBE }],
    ["pending", null, { waitsFor: "probe", at: PROBE }],
    ["sending", null, null],
    ["delivered", null, null],
    ["abandoned", PLANNED, null],
    [undefined, PLANNED, { waitsFor: "retry", at: PLANNED }],
  ] as [DeliveryState | undefined, string | null, object | null][]) {
    expect(nextAttempt(state, planned, probe), `${state} ${planned}`).toEqual(expected);
  }
});

test("there is no probe while nothing is sent, or while the receiver is healthy", () => {
  expect(nextProbe(webhook({ status: "paused" }))).toBeNull();
  expect(nextProbe(webhook({ status: "disabled" }))).toBeNull();
  expect(nextProbe(webhook({ health: "healthy", next_probe_at: null }))).toBeNull();
  expect(nextAttempt("waiting", PLANNED, null)).toEqual({ waitsFor: "retry", at: PLANNED });
  expect(nextAttempt("waiting", null, null)).toBeNull();
});
