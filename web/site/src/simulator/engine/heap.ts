/** Things by the number that each has, the least first; of equals the one that came first. */
export class Heap<T> {
  readonly #rows: { rank: number; turn: number; thing: T }[] = [];
  #turn = 0;

  constructor(readonly rankOf: (thing: T) => number) {}

  get least(): T | undefined {
    return this.#rows[0]?.thing;
  }

  add(thing: T): void {
    this.#turn += 1;
    this.#rows.push({ rank: this.rankOf(thing), turn: this.#turn, thing });
    let place = this.#rows.length - 1;
    while (place > 0) {
      const above = (place - 1) >> 1;
      if (!this.#isBefore(place, above)) break;
      this.#swap(place, above);
      place = above;
    }
  }

  take(): T {
    const [first] = this.#rows;
    const last = this.#rows.pop();
    if (!first || !last) throw new RangeError("nothing is there to be taken");
    if (this.#rows.length > 0) this.#rows[0] = last;
    let place = 0;
    for (;;) {
      const [left, right] = [2 * place + 1, 2 * place + 2];
      let least = place;
      if (this.#isBefore(left, least)) least = left;
      if (this.#isBefore(right, least)) least = right;
      if (least === place) return first.thing;
      this.#swap(place, least);
      place = least;
    }
  }

  #isBefore(one: number, other: number): boolean {
    const [a, b] = [this.#rows[one], this.#rows[other]];
    if (!a || !b) return false;
    return a.rank < b.rank || (a.rank === b.rank && a.turn < b.turn);
  }

  #swap(one: number, other: number): void {
    const [a, b] = [this.#rows[one], this.#rows[other]];
    if (a && b) [this.#rows[one], this.#rows[other]] = [b, a];
  }
}
