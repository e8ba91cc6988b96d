/** Rehearsals that are ready to be looked at, each to show one thing. */

import { receiver } from "./scenario";
import type { Load, Rehearsal } from "./scenario";
import { DAY, HOUR, MINUTE, SECOND } from "../../lib/format/durations";

/** A Friday, so that a weekend is near. */
const FRIDAY_NOON = Date.UTC(2026, 0, 2, 12);

function load(tickets: number, from: number, to: number, updates = 1): Load {
  return { tickets, from, to, updates, closes: true };
}

function rehearsal(title: string, about: string, parts: Partial<Rehearsal>): Rehearsal {
  const whole = { start: FRIDAY_NOON, length: DAY, seed: 1, receivers: [], load: null, acts: [] };
  return { hookdesk_rehearsal: 1, title, about, ...whole, ...parts };
}

const SHOP = "Shop";

export const PRESETS: Record<string, () => Rehearsal> = {
  weekend: () =>
    rehearsal(
      "Weekend outage",
      "A receiver goes down on Friday at 18:00 and is back on Monday at 09:00. Ten failures take it " +
        "down; from then on it is only probed, and no retry is used up. It heals with the first " +
        "probe that gets through, one request at a time, then more.",
      {
        length: 4 * DAY,
        load: load(150, 30 * MINUTE, 3.5 * DAY),
        receivers: [
          { ...receiver(SHOP), outages: [{ from: 6 * HOUR, to: 69 * HOUR, kind: "refused" }] },
          receiver("Warehouse"),
        ],
      },
    ),
  slow: () =>
    rehearsal(
      "Slow receiver",
      "One receiver works before it answers, and some answers come after the timeout of 15 s. Each " +
        "timeout halves how much is sent to it at once. The other receiver is not slowed.",
      {
        length: 8 * HOUR,
        load: load(250, 10 * MINUTE, 4 * HOUR),
        receivers: [receiver("Slow", { kind: "slow", latency: 12 * SECOND }), receiver("Quick")],
      },
    ),
  limits: () =>
    rehearsal(
      "429 storm",
      "A receiver takes ten requests a minute and refuses the rest with 429 and Retry-After. The " +
        "desk waits as long as it asks. Beside it the same receiver, sent to with one request in " +
        "flight at most: fewer are refused.",
      {
        length: 6 * HOUR,
        load: load(600, 10 * MINUTE, 30 * MINUTE, 0),
        receivers: [
          receiver("As it comes", { kind: "limited", perMinute: 10, retryAfter: "60" }),
          {
            ...receiver("One at a time", { kind: "limited", perMinute: 10, retryAfter: "60" }),
            settings: { max_in_flight: 1 },
          },
        ],
      },
    ),
  poison: () =>
    rehearsal(
      "Poisoned ticket",
      "A receiver chokes on every ticket that speaks of a refund. Only those tickets wait and climb " +
        "their ladder; all others pass them by. With one order for everything, they all wait.",
      {
        length: 4 * DAY,
        load: load(60, 10 * MINUTE, 20 * HOUR),
        receivers: [
          receiver("In order within a ticket", { kind: "choking", text: "refund" }),
          {
            ...receiver("All in one order", { kind: "choking", text: "refund" }),
            settings: { ordering: "webhook" },
            like: 0,
          },
        ],
      },
    ),
  rotation: () =>
    rehearsal(
      "Key rotation",
      "The secret is replaced at 15:00, with an overlap of two hours. Until 17:00 each request has " +
        "two signatures, so the receiver may change over at any time in between. Choose a mark and " +
        "see its signatures.",
      {
        length: 8 * HOUR,
        load: load(60, 10 * MINUTE, 7 * HOUR, 0),
        receivers: [receiver(SHOP)],
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
    rehearsal(
      "Receiver gone",
      "A receiver answers 410 Gone: the webhook is disabled at once, and nothing is sent to it. What " +
        "it is owed is kept. Another one fails for five days on end, and is disabled then.",
      {
        length: 7 * DAY,
        load: load(80, 10 * MINUTE, 6 * DAY),
        receivers: [
          receiver("Gone", { kind: "gone" }),
          { ...receiver("Dead"), outages: [{ from: 8 * HOUR, to: 8 * DAY, kind: "refused" }] },
          receiver("Well"),
        ],
      },
    ),
  unheard: () =>
    rehearsal(
      "Lost answer",
      "The receiver does what it is asked, but each third answer is lost. The desk cannot know, and " +
        "sends again under the same webhook-id. A receiver that does not look at that id does its " +
        "work twice.",
      {
        length: 6 * HOUR,
        load: load(40, 10 * MINUTE, 2 * HOUR),
        receivers: [receiver(SHOP, { kind: "unheard", each: 3 })],
      },
    ),
};

export function blank(): Rehearsal {
  return rehearsal("My rehearsal", "", {
    length: 4 * DAY,
    load: load(40, 30 * MINUTE, 3 * DAY),
    receivers: [receiver("My receiver")],
  });
}
