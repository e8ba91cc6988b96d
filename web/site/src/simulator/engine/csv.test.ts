import { expect, test } from "vitest";

import { toCsv } from "./csv";
import type { Recording } from "./recording";

test("names cannot break the table, and are not read as formulas", () => {
  const track = { url: "", webhook: "wh_1", refused: null, unregisteredAt: null, states: [] };
  const recording: Recording = {
    start: 0,
    end: 1,
    tracks: [{ ...track, name: '=1+"2",\n3' }],
    lanes: [],
    events: [undefined, { id: "evt_1", event: "ping", at: 0, lane: null }],
    attempts: [
      { at: 5, end: 6, track: 0, seq: 1, number: 1, status: 200, failure: null, reason: "delivered", next: null, accepted: true },
    ],
    truncated: null,
    cost: { inputs: 0, ms: 0 },
  };
  const [, ...rows] = toCsv(recording).split("\r\n");
  expect(rows).toEqual([`5,"'=1+""2"",\n3",wh_1,evt_1,1,1,200,,delivered,`, ""]);
});
