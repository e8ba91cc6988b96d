import { expect, test } from "vitest";

import type { Track } from "./recording";
import { turnsOf } from "./transitions";

type Stand = Track["stands"][number];

function track(stands: [at: number, stand: Partial<Stand>][]): Track {
  const usual = { id: "wh_1", status: "active", down: false, backlog: 0, inFlight: 0, window: 64 } as const;
  const all = stands.map(([at, stand]) => ({ ...usual, ...stand, at }));
  return { name: "", url: "", webhook: "wh_1", refused: null, left: null, stands: all };
}

test("an outage turns down, back, and to having caught up once", () => {
  const turns = turnsOf([
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
  expect(turns.map(({ at, kind, reason, owed }) => [at, kind, reason, owed])).toEqual([
    [2, "down", "failing", 4],
    [4, "back", null, 8],
    [6, "caught-up", null, 0],
  ]);
});

test("a status is told before all else, and who owes nothing has nothing to catch up with", () => {
  const turns = turnsOf([
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
  expect(turns.map(({ at, track, kind }) => [at, track, kind])).toEqual([
    [1, 1, "paused"],
    [3, 0, "disabled"],
    [4, 1, "active"],
    [5, 0, "active"],
    [6, 1, "down"],
    [7, 1, "back"],
  ]);
});
