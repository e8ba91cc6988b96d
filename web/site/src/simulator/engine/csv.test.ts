import { expect, test } from "vitest";

import { toCsv } from "./csv";
import type { Recording, SentAttempt } from "./recording";

const START = Date.UTC(2026, 0, 2, 18);
const SENT: SentAttempt = {
  at: START,
  end: START + 80,
  track: 0,
  seq: 1,
  number: 1,
  status: 200,
  failure: null,
  reason: "delivered",
  next: null,
  held: null,
  accepted: true,
};

function rowsOf(name: string, attempts: SentAttempt[]): string[] {
  const track = { name, url: "", webhook: "wh_1", refused: null, unregisteredAt: null, states: [] };
  const recording: Recording = {
    start: START,
    end: START + 1,
    tracks: [track],
    lanes: [
      { about: "tkt_7", label: "Late", from: START },
      { about: "service", label: "The service", from: START },
    ],
    events: [
      undefined,
      { id: "evt_1", event: "ping", at: 0, lane: null },
      { id: "evt_2", event: "ticket_opened", at: 0, lane: 0 },
      { id: "evt_3", event: "service_available", at: 0, lane: 1 },
    ],
    attempts,
    truncated: null,
    cost: { inputs: 0, ms: 0 },
  };
  return toCsv(recording).split("\r\n");
}

test("names cannot break the table, and are not read as formulas", () => {
  const [, ...rows] = rowsOf('=1+"2",\n3', [SENT]);
  expect(rows).toEqual([
    `2026-01-02T18:00:00.000Z,"'=1+""2"",\n3",wh_1,evt_1,ping,,1,1,200,,80,delivered,,`,
    "",
  ]);
});

test("a row has the event's type, its ticket, and times that people read", () => {
  const failed = { ...SENT, status: 500, accepted: false };
  const [names, ...rows] = rowsOf("Shop", [
    { ...failed, seq: 2, reason: "retry", next: START + 5_000 },
    { ...failed, seq: 3, reason: "probe", held: { reason: "failing", probe: START + 60_000 } },
  ]);
  expect(names).toBe(
    "at,receiver,webhook,event,event_type,ticket,seq,attempt,status,failure,duration_ms,reason," +
      "next_attempt_at,next_probe_at",
  );
  expect(rows).toEqual([
    "2026-01-02T18:00:00.000Z,Shop,wh_1,evt_2,ticket_opened,tkt_7,2,1,500,,80,retry,2026-01-02T18:00:05.000Z,",
    "2026-01-02T18:00:00.000Z,Shop,wh_1,evt_3,service_available,,3,1,500,,80,probe,,2026-01-02T18:01:00.000Z",
    "",
  ]);
});
