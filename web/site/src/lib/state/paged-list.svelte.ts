/** A list of any length, one page of which is loaded. */

import { UNREACHABLE, problemOf } from "../http/backend";
import type { Problem } from "../http/backend";
import type { Page } from "../rows";

export class PagedList<T> {
  rows = $state.raw<T[]>([]);
  problem = $state.raw<Problem | null>(null);
  /** Whether the page was loaded, or could not be. */
  known = $state(false);
  next = $state<string | null>(null);
  /** The cursors of the pages up to this one; the first page has none. */
  #cursors = $state.raw<string[]>([]);
  /** Counts loads, of which the latest counts. */
  #loads = 0;

  constructor(readonly load: (after: string | null) => Promise<Page<T>>) {}

  get number(): number {
    return this.#cursors.length + 1;
  }

  refresh(): Promise<void> {
    return this.#open(this.#cursors);
  }

  forward(): Promise<void> {
    return this.#open(this.next === null ? this.#cursors : [...this.#cursors, this.next]);
  }

  back(): Promise<void> {
    return this.#open(this.#cursors.slice(0, -1));
  }

  /** Replaces a row by a newer version of it. */
  replace(row: T, isSame: (other: T) => boolean): void {
    this.rows = this.rows.map((other) => (isSame(other) ? row : other));
  }

  /** Loads the page at the end of `cursors`, and shows it once it is loaded. */
  async #open(cursors: string[]): Promise<void> {
    this.#loads += 1;
    const load = this.#loads;
    try {
      const page = await this.load(cursors.at(-1) ?? null);
      if (load !== this.#loads) return;
      this.#cursors = cursors;
      this.rows = page.data;
      this.next = page.next;
      this.problem = null;
    } catch (error) {
      if (load !== this.#loads) return;
      const problem = problemOf(error);
      // Rows that are shown stay while the desk is unreachable, which the page's header says.
      const isStale = problem.code === UNREACHABLE && this.rows.length > 0 && cursors === this.#cursors;
      this.problem = isStale ? null : problem;
    }
    this.known = true;
  }

  /** Loads the first page of another list. */
  restart(): Promise<void> {
    this.#cursors = [];
    this.known = false;
    this.rows = [];
    this.next = null;
    return this.refresh();
  }
}
