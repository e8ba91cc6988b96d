import { expect, test } from "vitest";

import { Dice } from "./seeded-random";
import { callsOf } from "./scheduled-calls";
import { blank } from "./presets";
import { hostsOf, original, receiver, without } from "./scenario";

test("receivers whose names are alike have hosts of their own", () => {
  const hosts = (...names: string[]) => hostsOf(names.map((name) => receiver(name)));
  expect(hosts("Shop", "shop!", "", "☃")).toEqual([
    "shop.example",
    "shop-2.example",
    "receiver.example",
    "receiver-4.example",
  ]);
  expect(hosts("Shop", "Shop", "Shop 2")[2]).toBe("shop-2-3.example");
});

test("a receiver is like another one, and never like one that is like another", () => {
  const all = [receiver("a"), { ...receiver("b"), like: 0 }, { ...receiver("c"), like: 1 }];
  expect(all.map((_, index) => original(all, index))).toEqual([0, 0, 2]);
});

test("an act that is added changes neither the times nor the chance of what is there", () => {
  const rehearsal = blank();
  const act = { id: 1, at: 60_000, method: "POST" as const, path: "/service/unavailable" };
  const dice = new Dice(rehearsal.seed);
  const before = callsOf(rehearsal, dice).map(({ at, key }) => [at, key]);
  const after = callsOf({ ...rehearsal, acts: [act] }, dice).map(({ at, key }) => [at, key]);
  expect(after.filter(([, key]) => key !== act.id)).toEqual(before);
});

test("chance is the same for the same, and another for another", () => {
  const drawn = [0, 1].flatMap((seed) =>
    [0, 1, 2 ** 40].map((about) => new Dice(seed).chance(about)),
  );
  expect(new Set(drawn).size).toBe(drawn.length);
  expect(drawn[0]).toMatch(/^[0-9a-f]{96}$/);
  expect(new Dice(1).chance(1)).toBe(drawn[4]);
});

test("a receiver that is removed leaves the others, their copies and what is done to them as they were", () => {
  const flapping = receiver("b", { kind: "gone" });
  const act = (id: number, path: string) => ({ id, at: 0, method: "POST" as const, path });
  const rehearsal = {
    ...blank(),
    receivers: [receiver("a"), flapping, { ...receiver("c"), like: 1 }, { ...receiver("d"), like: 0 }],
    acts: [act(1, "/webhooks/{webhook:1}/ping"), act(2, "/webhooks/{webhook:2}/ping"), act(3, "/tickets")],
  };
  const left = without(rehearsal, 1);
  expect(left.receivers.map(({ name, like }) => [name, like])).toEqual([
    ["a", null],
    ["c", null],
    ["d", 0],
  ]);
  expect(left.receivers[1]?.behaviour).toEqual({ kind: "gone" });
  expect(left.acts.map(({ id, path }) => [id, path])).toEqual([
    [2, "/webhooks/{webhook:1}/ping"],
    [3, "/tickets"],
  ]);
});
