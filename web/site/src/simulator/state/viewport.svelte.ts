/** The part of the timeline that is shown. */

import { SECOND } from "../../lib/format/durations";

/** A span of time in milliseconds of unix time. */
export interface Bounds {
  readonly start: number;
  readonly end: number;
}

export class Viewport {
  #range = $state.raw({ from: 0, to: 1 });

  constructor(readonly bounds: Bounds) {}

  get from(): number {
    return this.#range.from;
  }

  get to(): number {
    return this.#range.to;
  }

  /** Shows a part within the bounds, of a second at least. */
  show(from: number, to: number): void {
    const { start } = this.bounds;
    const end = Math.max(this.bounds.end, start + SECOND);
    const length = Math.min(Math.max(to - from, SECOND), end - start);
    const begin = Math.min(Math.max(from, start), end - length);
    this.#range = { from: begin, to: begin + length };
  }

  showAll(): void {
    this.show(this.bounds.start, this.bounds.end);
  }

  /** Zooms out by a factor above 1, and in by one below; `around` keeps its place. */
  zoom(factor: number, around: number): void {
    const { from, to } = this;
    const share = Math.min(Math.max((around - from) / (to - from), 0), 1);
    const length = (to - from) * factor;
    this.show(around - share * length, around + (1 - share) * length);
  }

  /** Centres on a time that is outside. */
  reveal(at: number): void {
    const { from, to } = this;
    if (at >= from && at <= to) return;
    const half = (to - from) / 2;
    this.show(at - half, at + half);
  }
}
