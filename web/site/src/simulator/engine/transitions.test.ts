import { expect, test } from "vitest";

import type { Track } from "./recording";
import { transitionsOf } from "./transitions";

type State = Track["states"][number];

function track(states: [at: number, state: Partial<State>][]): Track {
  const usual = { id: "wh_1", status: "active", down: false, backlog: 0, inFlight: 0, window: 64 } as const;
  const all = states.map(([at, state]) => ({ ...usual, ...state, at }));
  return { name: "", url: "", webhook: "wh_1", refused: null, unregisteredAt: null, states: all };
}

test("an outage has the transitions down, back, and caught up, each once", () => {
  const transitions = transitionsOf([
    track([
      [1, { backlog: 3 }],
      [2, { down: true, reason: "failing", backlog: 4 }],
      [3, { down: true, reason: "failing", backlog: 9 }],
      [4, { window: 1, backlog: 8 }],
      [5, { window: 2, backlog: 1 }],
      [6, {}],
      [7, { backlog: 1 }],
      [8, {}],
    ]),
  ]);
  expect(transitions.map(({ at, kind, reason, backlog }) => [at, kind, reason, backlog])).toEqual([
    [2, "down", "failing", 4],
    [4, "back", null, 8],
    [6, "caught-up", null, 0],
  ]);
});

test("a change of status takes precedence, and an empty backlog has no transition to caught up", () => {
  const transitions = transitionsOf([
    track([
      [3, { status: "disabled", down: true, reason: "gone" }],
      [5, {}],
      [6, {}],
    ]),
    track([
      [1, { status: "paused", reason: "paused", backlog: 2 }],
      [4, { backlog: 2 }],
      [6, { down: true, backlog: 2 }],
      [7, { backlog: 0 }],
    ]),
  ]);
  expect(transitions.map(({ at, track, kind }) => [at, track, kind])).toEqual([
    [1, 1, "paused"],
    [3, 0, "disabled"],
    [4, 1, "active"],
    [5, 0, "active"],
    [6, 1, "down"],
    [7, 1, "back"],
  ]);
});
