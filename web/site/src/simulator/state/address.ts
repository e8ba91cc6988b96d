/** The page's address, whose fragment has the open scenario, so that it can be passed on. */

import { problemOf } from "../../lib/http/backend";
import { fromFragment, sharedFragment, toFragment, withShared } from "../engine/share-link";
import type { Scenario } from "../engine/scenario";
import type { SimulatorState } from "./simulator.svelte";

/** Milliseconds after a change before it is in the address, which browsers limit. */
const DEBOUNCE_MS = 400;
/** Marks entries of the browser's history that this page wrote. */
const OWN = "hookdesk-simulator";

export class Address {
  /** The fragment of the open scenario; `null` when it is too large for a link. */
  #shared: string | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #changes = 0;

  constructor(readonly simulator: SimulatorState) {}

  /** Another fragment is shown. One that this page wrote may have an earlier state of the scenario. */
  async changed(): Promise<void> {
    const shared = sharedFragment(location.hash);
    if (shared === null || shared === this.#shared || isOwn()) this.#write();
    else await this.open();
  }

  /** Opens the scenario of the address, if there is one. */
  async open(): Promise<void> {
    const shared = sharedFragment(location.hash);
    if (shared === null) return;
    try {
      this.simulator.open(await fromFragment(shared));
      this.#shared = shared;
    } catch (error) {
      this.simulator.refusal = problemOf(error);
    }
    this.#write();
  }

  /** Puts a scenario into the address once it has not been changed for a moment. */
  follow(scenario: Scenario): () => void {
    this.#changes += 1;
    const change = this.#changes;
    this.#timer = setTimeout(async () => {
      const shared = await toFragment(scenario);
      if (change !== this.#changes || this.#isForeign()) return;
      this.#shared = shared;
      this.#write();
    }, DEBOUNCE_MS);
    return () => clearTimeout(this.#timer);
  }

  /** Whether somebody has just put another scenario into the address, which is to be opened. */
  #isForeign(): boolean {
    const shared = sharedFragment(location.hash);
    return !isOwn() && shared !== null && shared !== this.#shared;
  }

  #write(): void {
    const hash = withShared(location.hash, this.#shared);
    if (hash === location.hash && isOwn()) return;
    history.replaceState(OWN, "", hash || location.pathname + location.search);
  }
}

/** Whether this page wrote the address: the tab's own scenario is as new as that of the address. */
export function isOwn(): boolean {
  return history.state === OWN;
}
