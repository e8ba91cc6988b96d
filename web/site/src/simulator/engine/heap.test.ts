import { expect, test } from "vitest";

import { Heap } from "./heap";

test("the lowest rank comes first, and equal ranks in order of insertion", () => {
  const heap = new Heap<[number, number]>(([rank]) => rank);
  const all = Array.from({ length: 500 }, (_, transition): [number, number] => [(transition * 7_919) % 50, transition]);
  for (const item of all) heap.add(item);
  const taken = all.map(() => heap.take());
  expect(taken).toEqual(all.toSorted(([a, m], [b, n]) => a - b || m - n));
  expect(heap.first).toBeUndefined();
  expect(() => heap.take()).toThrow(RangeError);
});
