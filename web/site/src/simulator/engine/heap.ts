/** A priority queue (binary heap): the lowest rank first, and equal ranks in order of insertion. */
export class Heap<T> {
  readonly #rows: { rank: number; order: number; item: T }[] = [];
  #added = 0;

  constructor(readonly rankOf: (item: T) => number) {}

  get first(): T | undefined {
    return this.#rows[0]?.item;
  }

  add(item: T): void {
    this.#added += 1;
    this.#rows.push({ rank: this.rankOf(item), order: this.#added, item });
    let index = this.#rows.length - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#isBefore(index, parent)) break;
      this.#swap(index, parent);
      index = parent;
    }
  }

  /** Removes the first item. Throws a `RangeError` when there is none. */
  take(): T {
    const [first] = this.#rows;
    const last = this.#rows.pop();
    if (!first || !last) throw new RangeError("the heap is empty");
    if (this.#rows.length > 0) this.#rows[0] = last;
    let index = 0;
    for (;;) {
      const [left, right] = [2 * index + 1, 2 * index + 2];
      let least = index;
      if (this.#isBefore(left, least)) least = left;
      if (this.#isBefore(right, least)) least = right;
      if (least === index) return first.item;
      this.#swap(index, least);
      index = least;
    }
  }

  #isBefore(one: number, other: number): boolean {
    const [a, b] = [this.#rows[one], this.#rows[other]];
    if (!a || !b) return false;
    return a.rank < b.rank || (a.rank === b.rank && a.order < b.order);
  }

  #swap(one: number, other: number): void {
    const [a, b] = [this.#rows[one], this.#rows[other]];
    if (a && b) [this.#rows[one], this.#rows[other]] = [b, a];
  }
}
