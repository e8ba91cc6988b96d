import { flushSync } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { LiveUpdates } from "./live-updates.svelte";

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("document", Object.assign(new EventTarget(), { hidden: false }));
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Watches at an interval, from `intervalMs` on. */
function watch(intervalMs: number): { loads: () => number; change: (ms: number) => void; end: () => void } {
  const updates = new LiveUpdates();
  let interval = $state(intervalMs);
  let loads = 0;
  const load = async (): Promise<void> => void (loads += 1);
  const end = $effect.root(() => {
    $effect(() => updates.watch(load, () => interval));
  });
  flushSync();
  const change = (ms: number): void => {
    interval = ms;
    flushSync();
  };
  return { loads: () => loads, change, end };
}

test("a view is loaded at once and at its interval, until it ends", async () => {
  const { loads, end } = watch(1_000);
  expect(loads()).toBe(1);
  await vi.advanceTimersByTimeAsync(1_600);
  expect(loads()).toBe(2);
  end();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(loads()).toBe(2);
});

test("a view whose interval becomes longer is loaded once more first", async () => {
  const { loads, change, end } = watch(1_000);
  await vi.advanceTimersByTimeAsync(100);
  change(10_000);
  await vi.advanceTimersByTimeAsync(600);
  expect(loads()).toBe(2);
  await vi.advanceTimersByTimeAsync(9_000);
  expect(loads()).toBe(2);
  end();
});

test("a view whose interval becomes shorter does not wait for the longer one", async () => {
  const { loads, change, end } = watch(10_000);
  await vi.advanceTimersByTimeAsync(5_000);
  change(1_000);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(loads()).toBeGreaterThan(2);
  end();
});
