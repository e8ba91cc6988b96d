import { expect, test } from "vitest";

import type { Track } from "./recording";
import { statisticsOf } from "./statistics";
import { transitionsOf } from "./transitions";

type State = Track["states"][number];

function caughtUp(states: [at: number, state: Partial<State>][]) {
  const usual = { id: "wh_1", status: "active", down: false, backlog: 0, inFlight: 0, window: 64 } as const;
  const all = states.map(([at, state]) => ({ ...usual, ...state, at }));
  const track = { name: "", url: "", webhook: "wh_1", refused: null, unregisteredAt: null, states: all };
  const times = { start: 0, end: 100, truncated: null, cost: { inputs: 0, ms: 0 } };
  const recording = { ...times, tracks: [track], lanes: [], events: [], attempts: [] };
  const marked = transitionsOf(recording.tracks).filter(({ kind }) => kind === "caught-up");
  return [statisticsOf(recording)[0]?.caughtUp, marked.map(({ at }) => at)];
}

test("it is caught up at the time that the timeline marks, whatever is opened after that", () => {
  const outage: [number, Partial<State>][] = [
    [1, { down: true, backlog: 3 }],
    [2, { backlog: 2 }],
    [3, {}],
  ];
  expect(caughtUp([...outage, [7, { backlog: 1 }], [8, {}]])).toEqual([3, [3]]);
  expect(caughtUp([...outage, [9, { down: true, backlog: 1 }]])).toEqual([null, [3]]);
  expect(caughtUp([[7, { backlog: 1 }], [8, {}]])).toEqual([null, []]);
});
