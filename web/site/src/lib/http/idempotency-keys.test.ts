import { expect, test } from "vitest";

import { IdempotencyKeys } from "./idempotency-keys";

test("a call with an unknown outcome is repeated under its key, and any other under a new one", async () => {
  const idempotency = new IdempotencyKeys();
  const keys: string[] = [];
  const call = (name: string, error?: string): Promise<void> => {
    const make = async (key: string): Promise<void> => {
      keys.push(key);
      if (error) throw new Error(error);
    };
    return idempotency.run(name, make, (of) => (of as Error).message === "lost").catch(() => {});
  };
  await call("a", "lost");
  await call("b");
  await call("a", "lost");
  await call("a", "refused");
  await call("a");
  await call("a");
  const [first, other, again, refused, corrected, last] = keys;
  expect(again).toBe(first);
  expect(refused).toBe(first);
  expect(new Set([first, other, corrected, last]).size).toBe(4);
});
