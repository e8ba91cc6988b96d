import { UNREACHABLE, problemOf } from "./backend";
import type { Problem } from "./backend";
import type { Page } from "./rows";

/** A list of any length, of which one page is shown. */
export class Pages<T> {
  rows = $state.raw<T[]>([]);
  problem = $state.raw<Problem | null>(null);
  /** Whether an answer has come for this page. */
  known = $state(false);
  next = $state<string | null>(null);
  /** The cursors that led here; the first page has none. */
  #way = $state.raw<string[]>([]);
  #asked = 0;

  constructor(readonly load: (after: string | null) => Promise<Page<T>>) {}

  get number(): number {
    return this.#way.length + 1;
  }

  async refresh(): Promise<void> {
    this.#asked += 1;
    const asked = this.#asked;
    try {
      const page = await this.load(this.#way.at(-1) ?? null);
      if (asked !== this.#asked) return;
      this.rows = page.data;
      this.next = page.next;
      this.problem = null;
    } catch (error) {
      if (asked !== this.#asked) return;
      const problem = problemOf(error);
      // What is shown may be old, which the page's head says; it is better than nothing.
      const isKept = problem.code === UNREACHABLE && this.rows.length > 0;
      this.problem = isKept ? null : problem;
    }
    this.known = true;
  }

  forward(): Promise<void> {
    if (this.next !== null) this.#way = [...this.#way, this.next];
    return this.refresh();
  }

  back(): Promise<void> {
    this.#way = this.#way.slice(0, -1);
    return this.refresh();
  }

  /** From the first page on: the list is another one. */
  restart(): Promise<void> {
    this.#way = [];
    this.known = false;
    this.rows = [];
    this.next = null;
    return this.refresh();
  }
}
