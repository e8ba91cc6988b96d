import { expect, test } from "vitest";

import { resolveNextAttempts } from "./next-attempts";
import type { Recording, SentAttempt, Track } from "./recording";

type State = Track["states"][number];

const PLANNED = 300;

function attempt(at: number, parts: Partial<SentAttempt> = {}): SentAttempt {
  const sent = { at, end: at + 1, track: 0, seq: 1, number: 1, status: 500, failure: null, accepted: false };
  return { ...sent, reason: "retry", next: PLANNED, held: null, ...parts };
}

function resolved(attempts: SentAttempt[], state: Partial<State>, unregisteredAt: number | null = null) {
  const whole = { id: "wh_1", status: "active", down: false, backlog: 1, inFlight: 0, window: 1, at: 0 } as const;
  const track = { name: "", url: "", webhook: "wh_1", refused: null, unregisteredAt, states: [{ ...whole, ...state }] };
  const recording: Recording = {
    start: 0, end: 1_000, tracks: [track], lanes: [], events: [], attempts, truncated: null, cost: { inputs: 0, ms: 0 },
  };
  resolveNextAttempts(recording);
  return attempts.map(({ next, held }) => [next, held]);
}

test("the next attempt is at the time at which it was sent, not at the planned one", () => {
  const all = [attempt(10), attempt(11, { seq: 2 }), attempt(900, { number: 2, reason: "delivered", next: null })];
  expect(resolved(all, {})).toEqual([[900, null], [PLANNED, null], [null, null]]);
});

test("what is held at the end has no planned time, and says what it waits for", () => {
  const last = () => [attempt(10)];
  expect(resolved(last(), { down: true, reason: "failing", nextProbeAtMs: 1_200 })).toEqual([
    [null, { reason: "failing", probe: 1_200 }],
  ]);
  expect(resolved(last(), { status: "paused", down: true, reason: "paused", nextProbeAtMs: 1_200 })).toEqual([
    [null, { reason: "paused", probe: null }],
  ]);
  expect(resolved(last(), {}, 500)).toEqual([[null, { reason: null, probe: null }]]);
});

test("after a final attempt there is none, also where a replay sends the event again", () => {
  const all = [attempt(10, { reason: "retries_used_up", next: null }), attempt(20, { number: 2 })];
  expect(resolved(all, { down: true, reason: "failing" })[0]).toEqual([null, null]);
});
