import { createContext, untrack } from "svelte";

import type { Desk } from "../http/desk";

/** Between two looks at the desk, however much happens there. */
const BREATH_MS = 600;

/** Lets views follow what happens at the desk, at a pace that suits eyes. */
export class News {
  /** Whether the desk is heard; unknown at first. */
  connected = $state<boolean | null>(null);
  readonly #followers = new Set<() => void>();

  /** Begins to listen, until what it returns is called. */
  follow(desk: Desk): () => void {
    return desk.listen((signal) => {
      if (signal !== "event") this.connected = signal === "connected";
      // What happened while nobody listened is not told by itself.
      if (signal !== "lost") this.tell();
    });
  }

  /** Something changed, so what is shown may be old. */
  tell(): void {
    for (const look of this.#followers) look();
  }

  /**
   * Looks at once, again when something changed, and after `restMs` besides. Looks never overlap,
   * and there is none while the page is hidden. For an `$effect`, which ends it.
   */
  watch(look: () => Promise<void>, restMs: () => number): () => void {
    let [busy, due, ended] = [false, false, false];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const turn = async (): Promise<void> => {
      due = busy || document.hidden;
      if (due || ended) return;
      clearTimeout(timer);
      busy = true;
      await look();
      if (!ended) timer = setTimeout(breathed, BREATH_MS);
    };
    const breathed = (): void => {
      busy = false;
      if (due) void turn();
      else timer = setTimeout(turn, restMs());
    };
    const wanted = (): void => void turn();
    this.#followers.add(wanted);
    document.addEventListener("visibilitychange", wanted);
    // What it reads before it first waits is not what the effect is about.
    untrack(wanted);
    return () => {
      ended = true;
      clearTimeout(timer);
      this.#followers.delete(wanted);
      document.removeEventListener("visibilitychange", wanted);
    };
  }
}

export const [useNews, provideNews] = createContext<News>();
