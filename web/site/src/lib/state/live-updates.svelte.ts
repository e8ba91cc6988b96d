/** Live updates: views reload when the desk signals an event, at a limited rate. */

import { createContext, untrack } from "svelte";

import type { Signal } from "../http/backend";
import type { Desk } from "../http/desk";

/** Milliseconds between two loads of a view, however many events there are. */
const MIN_INTERVAL_MS = 600;

export class LiveUpdates {
  /** Whether the desk's events arrive; `null` until that is known. */
  connected = $state<boolean | null>(null);
  readonly #watchers = new Set<() => void>();

  /** Follows the desk's events, until the returned function is called. */
  follow(desk: Desk, mayReadLog: boolean): () => void {
    const onSignal = (signal: Signal): void => {
      if (signal !== "event") this.connected = signal === "connected";
      // Events before a connection are not signalled.
      if (signal !== "lost") this.invalidate();
    };
    // A first signal may come at once, and what the views then read is not what this depends on.
    return untrack(() => desk.listen(onSignal, mayReadLog));
  }

  /** Has all views reload, because something has changed. */
  invalidate(): void {
    for (const reload of this.#watchers) reload();
  }

  /**
   * Loads at once, again after each change, and every `intervalMs`; also when the interval becomes another,
   * as what was last loaded may be from before that. Loads do not overlap, and a hidden page has none. For
   * an `$effect`: the returned function ends it.
   */
  watch(load: () => Promise<void>, intervalMs: () => number): () => void {
    let [isPaused, isDue, hasEnded] = [false, false, false];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const run = async (): Promise<void> => {
      isDue = isPaused || document.hidden;
      if (isDue || hasEnded) return;
      clearTimeout(timer);
      isPaused = true;
      await load();
      if (!hasEnded) timer = setTimeout(resume, MIN_INTERVAL_MS);
    };
    const resume = (): void => {
      isPaused = false;
      if (isDue) void run();
      else timer = setTimeout(run, interval);
    };
    const reload = (): void => void run();
    const interval = $derived(intervalMs());
    this.#watchers.add(reload);
    document.addEventListener("visibilitychange", reload);
    $effect(() => {
      void interval;
      // The effect must not depend on what `load` reads.
      untrack(reload);
    });
    return () => {
      hasEnded = true;
      clearTimeout(timer);
      this.#watchers.delete(reload);
      document.removeEventListener("visibilitychange", reload);
    };
  }
}

export const [useLiveUpdates, provideLiveUpdates] = createContext<LiveUpdates>();
