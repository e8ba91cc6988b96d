/** Playback: the time that is shown, and how fast it advances. */

import { MINUTE } from "../../lib/format/durations";
import type { Bounds, Viewport } from "./viewport.svelte";

/** Milliseconds of simulated time in a second. */
export const SPEEDS = [MINUTE / 2, 5 * MINUTE, 30 * MINUTE, 180 * MINUTE];

export class Playback {
  /** The time that is shown, in milliseconds of unix time. */
  playhead = $state(0);
  playing = $state(false);
  /** Milliseconds of simulated time in a second. */
  speed = $state(SPEEDS[1] ?? MINUTE);

  constructor(
    readonly bounds: Bounds,
    readonly viewport: Viewport,
  ) {}

  /** Moves the playhead to a time, within the bounds and into view. */
  seek(at: number): void {
    const { start, end } = this.bounds;
    this.playhead = Math.min(Math.max(Math.round(at), start), end);
    this.viewport.reveal(this.playhead);
  }

  /** Plays, from the start if the end was reached, or pauses. */
  toggle(): void {
    const { start, end } = this.bounds;
    if (!this.playing && this.playhead >= end) this.seek(start);
    this.playing = !this.playing;
  }

  /** Advances by real time, and stops at the end. */
  advance(ms: number): void {
    this.seek(this.playhead + (ms / 1_000) * this.speed);
    if (this.playhead >= this.bounds.end) this.playing = false;
  }

  /** Stops at a time, whether it is in view or not. */
  reset(at: number): void {
    this.playing = false;
    this.playhead = at;
  }
}
