import { expect, test } from "vitest";

import { Once } from "./idempotency-keys";

test("what was lost is done again under its key, and what was answered under another", async () => {
  const once = new Once();
  const keys: string[] = [];
  const go = (what: string, error?: string): Promise<void> => {
    const work = async (key: string): Promise<void> => {
      keys.push(key);
      if (error) throw new Error(error);
    };
    return once.do(what, work, (of) => (of as Error).message === "lost").catch(() => {});
  };
  await go("a", "lost");
  await go("b");
  await go("a", "lost");
  await go("a", "refused");
  await go("a");
  await go("a");
  const [first, other, again, refused, mended, last] = keys;
  expect(again).toBe(first);
  expect(refused).toBe(first);
  expect(new Set([first, other, mended, last]).size).toBe(4);
});
