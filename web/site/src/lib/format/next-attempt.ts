/** What the next attempt of a delivery waits for. */

import type { DeliveryState, WebhookState } from "../rows";

export type NextAttempt =
  /** A time of the retry schedule. */
  | { waitsFor: "retry"; at: string }
  /** The receiver is down: nothing but probes is sent, whatever the retry schedule says. */
  | { waitsFor: "probe"; at: string };

/** The webhook's next probe; `null` when the receiver is not down, or nothing is sent to it. */
export function nextProbe(webhook: WebhookState): string | null {
  return webhook.status === "active" && webhook.health === "down" ? webhook.next_probe_at : null;
}

/** `null` when nothing is planned. */
export function nextAttempt(
  state: DeliveryState | undefined,
  plannedAt: string | null,
  probe: string | null,
): NextAttempt | null {
  if (state !== undefined && !OPEN.has(state)) return null;
  if (probe !== null && state !== undefined) return { waitsFor: "probe", at: probe };
  return plannedAt === null ? null : { waitsFor: "retry", at: plannedAt };
}

/** States of deliveries that wait for an attempt. */
const OPEN = new Set<DeliveryState>(["pending", "waiting"]);
