import { UNREACHABLE, problemOf } from "../http/backend";
import type { Problem } from "../http/backend";
import type { Page } from "../rows";

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

  refresh(): Promise<void> {
    return this.#turn(this.#way);
  }

  forward(): Promise<void> {
    return this.#turn(this.next === null ? this.#way : [...this.#way, this.next]);
  }

  back(): Promise<void> {
    return this.#turn(this.#way.slice(0, -1));
  }

  /** The same row as it is by now. */
  replace(row: T, isSame: (other: T) => boolean): void {
    this.rows = this.rows.map((other) => (isSame(other) ? row : other));
  }

  /** Goes to the page at the end of a way, once it is there. */
  async #turn(way: string[]): Promise<void> {
    this.#asked += 1;
    const asked = this.#asked;
    try {
      const page = await this.load(way.at(-1) ?? null);
      if (asked !== this.#asked) return;
      this.#way = way;
      this.rows = page.data;
      this.next = page.next;
      this.problem = null;
    } catch (error) {
      if (asked !== this.#asked) return;
      const problem = problemOf(error);
      // What is shown may be old, which the page's head says; it is better than nothing.
      const isKept = problem.code === UNREACHABLE && this.rows.length > 0 && way === this.#way;
      this.problem = isKept ? null : problem;
    }
    this.known = true;
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
