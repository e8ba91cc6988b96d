import { expect, test } from "vitest";

import { PRESETS, blank } from "./presets";
import { behaviourSource, hostsOf, newReceiver, withoutReceiver } from "./scenario";
import { scheduledCalls } from "./scheduled-calls";
import { SeededRandom } from "./seeded-random";

test("receivers with similar names have different hosts", () => {
  const hosts = (...names: string[]) => hostsOf(names.map((name) => newReceiver(name)));
  expect(hosts("Shop", "shop!", "", "☃")).toEqual([
    "shop.example",
    "shop-2.example",
    "receiver.example",
    "receiver-4.example",
  ]);
  expect(hosts("Shop", "Shop", "Shop 2")[2]).toBe("shop-2-3.example");
});

test("an empty scenario has no receivers, and makes no calls", () => {
  expect(blank().receivers).toEqual([]);
  expect(scheduledCalls(blank(), new SeededRandom(1))).toEqual([]);
});

test("a receiver can share the behaviour of another one, but not of one that shares itself", () => {
  const all = [newReceiver("a"), { ...newReceiver("b"), like: 0 }, { ...newReceiver("c"), like: 1 }];
  expect(all.map((_, index) => behaviourSource(all, index))).toEqual([0, 0, 2]);
});

test("an added call changes neither the times nor the random numbers of others", () => {
  const scenario = PRESETS.weekend?.() ?? blank();
  const call = { id: 1, at: 60_000, method: "POST" as const, path: "/service/unavailable" };
  const random = new SeededRandom(scenario.seed);
  const before = scheduledCalls(scenario, random).map(({ at, key }) => [at, key]);
  expect(before.length).toBeGreaterThan(100);
  const after = scheduledCalls({ ...scenario, acts: [call] }, random).map(({ at, key }) => [at, key]);
  expect(after.filter(([, key]) => key !== call.id)).toEqual(before);
});

test("random numbers are equal for equal seeds and purposes, and differ for others", () => {
  const drawn = [0, 1].flatMap((seed) =>
    [0, 1, 2 ** 40].map((about) => new SeededRandom(seed).chance(about)),
  );
  expect(new Set(drawn).size).toBe(drawn.length);
  expect(drawn[0]).toMatch(/^[0-9a-f]{96}$/);
  expect(new SeededRandom(1).chance(1)).toBe(drawn[4]);
});

test("removing a receiver keeps the others, their shared behaviour and the calls about them", () => {
  const flapping = newReceiver("b", { kind: "gone" });
  const call = (id: number, path: string) => ({ id, at: 0, method: "POST" as const, path });
  const scenario = {
    ...blank(),
    receivers: [newReceiver("a"), flapping, { ...newReceiver("c"), like: 1 }, { ...newReceiver("d"), like: 0 }],
    acts: [call(1, "/webhooks/{webhook:1}/ping"), call(2, "/webhooks/{webhook:2}/ping"), call(3, "/tickets")],
  };
  const left = withoutReceiver(scenario, 1);
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
