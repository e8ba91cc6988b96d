/** Preset scenarios, each of which shows one situation. */

import { DAY, HOUR, MINUTE, SECOND } from "../../lib/format/durations";
import { newReceiver } from "./scenario";
import type { Load, Scenario } from "./scenario";

/** A Friday, for the weekend outage. */
const FRIDAY_NOON = Date.UTC(2026, 0, 2, 12);

function load(tickets: number, from: number, to: number, updates = 1): Load {
  return { tickets, from, to, updates, closes: true };
}

function scenario(title: string, about: string, parts: Partial<Scenario>): Scenario {
  const whole = { start: FRIDAY_NOON, length: DAY, seed: 1, receivers: [], load: null, acts: [] };
  return { hookdesk_rehearsal: 1, title, about, ...whole, ...parts };
}

const SHOP = "Shop";

export const PRESETS: Record<string, () => Scenario> = {
  weekend: () =>
    scenario(
      "Weekend outage",
      "A receiver goes down on Friday at 18:00 and is back on Monday at 09:00. Ten failures take it " +
        "down; from then on it is only probed, and no retry is used up. It heals with the first " +
        "probe that gets through, one request at a time, then more.",
      {
        length: 4 * DAY,
        load: load(150, 30 * MINUTE, 3.5 * DAY),
        receivers: [
          { ...newReceiver(SHOP), outages: [{ from: 6 * HOUR, to: 69 * HOUR, kind: "refused" }] },
          newReceiver("Warehouse"),
        ],
      },
    ),
  slow: () =>
    scenario(
      "Slow receiver",
      "One receiver does its work before it responds, and some responses come after the timeout of " +
        "15 s. Each timeout halves its window of concurrent requests. The other receiver is not affected.",
      {
        length: 8 * HOUR,
        load: load(250, 10 * MINUTE, 4 * HOUR),
        receivers: [newReceiver("Slow", { kind: "slow", latency: 12 * SECOND }), newReceiver("Quick")],
      },
    ),
  limits: () =>
    scenario(
      "429 storm",
      "A receiver accepts ten requests a minute and refuses others with 429 and Retry-After. The " +
        "desk waits for as long as Retry-After says. The second receiver is the same with one " +
        "request in flight at most: it refuses fewer.",
      {
        length: 6 * HOUR,
        load: load(600, 10 * MINUTE, 30 * MINUTE, 0),
        receivers: [
          newReceiver("As it comes", { kind: "limited", perMinute: 10, retryAfter: "60" }),
          {
            ...newReceiver("One at a time", { kind: "limited", perMinute: 10, retryAfter: "60" }),
            settings: { max_in_flight: 1 },
          },
        ],
      },
    ),
  poison: () =>
    scenario(
      "Poisoned ticket",
      "A receiver fails on every ticket that mentions a refund. Only those tickets wait for their " +
        "retries; all others are delivered. Where all events are in one order, they all wait.",
      {
        length: 4 * DAY,
        load: load(60, 10 * MINUTE, 20 * HOUR),
        receivers: [
          newReceiver("In order within a ticket", { kind: "choking", text: "refund" }),
          {
            ...newReceiver("All in one order", { kind: "choking", text: "refund" }),
            settings: { ordering: "webhook" },
            like: 0,
          },
        ],
      },
    ),
  rotation: () =>
    scenario(
      "Key rotation",
      "The secret is replaced at 15:00, with an overlap of two hours. Until 17:00 each request has " +
        "two signatures, so the receiver can change to the new secret at any time in between. Select " +
        "a mark to see its signatures.",
      {
        length: 8 * HOUR,
        load: load(60, 10 * MINUTE, 7 * HOUR, 0),
        receivers: [newReceiver(SHOP)],
        acts: [
          {
            id: 1,
            at: 3 * HOUR,
            method: "POST",
            path: "/webhooks/{webhook:0}/secret/rotate",
            body: { overlap_seconds: 7_200 },
          },
        ],
      },
    ),
  gone: () =>
    scenario(
      "Receiver gone",
      "A receiver responds 410 Gone: its webhook is disabled at once, and nothing more is sent. Its " +
        "backlog is kept. Another receiver fails for five days, and is disabled then.",
      {
        length: 7 * DAY,
        load: load(80, 10 * MINUTE, 6 * DAY),
        receivers: [
          newReceiver("Gone", { kind: "gone" }),
          { ...newReceiver("Dead"), outages: [{ from: 8 * HOUR, to: 8 * DAY, kind: "refused" }] },
          newReceiver("Well"),
        ],
      },
    ),
  unheard: () =>
    scenario(
      "Lost response",
      "The receiver processes every request, but each third response is lost. The desk cannot know " +
        "that, and sends again under the same webhook-id. A receiver that ignores the id processes " +
        "those events twice.",
      {
        length: 6 * HOUR,
        load: load(40, 10 * MINUTE, 2 * HOUR),
        receivers: [newReceiver(SHOP, { kind: "unheard", each: 3 })],
      },
    ),
};

/** A scenario without receivers and without tickets. */
export function blank(): Scenario {
  return scenario("My scenario", "", { length: 4 * DAY });
}
