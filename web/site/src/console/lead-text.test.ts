import { expect, test } from "vitest";

import type { Problem } from "../lib/http/backend";
import type { Host } from "../lib/rows";
import { leadOf } from "./lead-text";

const SINCE = "2026-01-02T14:02:00.000Z";
const [OWN, OTHER] = ["9c1b77aa0123456789abcdef01234567", "3f2a91bc0123456789abcdef01234567"];
const LEADS: Host = { id: OWN, leads: true, leader: OWN, since: SINCE };
const FOLLOWS: Host = { id: OWN, leads: false, leader: OTHER, since: SINCE };
const LEADERLESS: Problem = { title: "No", detail: "No host leads.", code: "store_unavailable" };

test("who leads is said where hosts share the desk, and in the desk's words why that is not known", () => {
  const unknown = { text: "Which host leads is not known. No host leads.", since: null };
  for (const [host, problem, expected] of [
    [undefined, null, null],
    [undefined, LEADERLESS, null],
    [LEADS, null, { text: "Host 9c1b77aa… answers this page, and leads the desk since", since: SINCE }],
    [
      FOLLOWS,
      null,
      {
        text: "Host 3f2a91bc… leads the desk. Host 9c1b77aa… answers this page, and follows it since",
        since: SINCE,
      },
    ],
    [LEADS, LEADERLESS, unknown],
    [FOLLOWS, LEADERLESS, unknown],
  ] as [Host | undefined, Problem | null, object | null][]) {
    expect(leadOf(host, problem), JSON.stringify([host, problem])).toEqual(expected);
  }
});
