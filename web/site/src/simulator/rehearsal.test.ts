import { expect, test } from "vitest";

import { Dice } from "./dice";
import { callsOf } from "./load";
import { blank } from "./presets";
import { hostOf, original, receiver } from "./rehearsal";

test("receivers whose names are alike have hosts of their own", () => {
  const all = ["Shop", "shop!", "", "☃"].map((name) => receiver(name));
  const hosts = all.map((_, index) => hostOf(all, index));
  expect(hosts).toEqual(["shop.example", "shop-2.example", "receiver.example", "receiver-4.example"]);
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
