/** Chance that follows from a seed and from what it is for, so that what is added changes no other. */
export class Dice {
  constructor(readonly seed: number) {}

  /** 96 hex digits, as a desk takes them. */
  chance(...about: number[]): string {
    let state = this.#state(about);
    let digits = "";
    for (let index = 0; index < 12; index += 1) {
      state = (state + 0x6d2b79f5) >>> 0;
      digits += mix(state).toString(16).padStart(8, "0");
    }
    return digits;
  }

  /** From 0 up to 1. */
  share(...about: number[]): number {
    return mix((this.#state(about) + 0x6d2b79f5) >>> 0) / 2 ** 32;
  }

  #state(about: number[]): number {
    let state = mix(this.seed >>> 0);
    for (const number of about) {
      state = mix((state ^ number) >>> 0);
      state = mix((state ^ Math.floor(number / 2 ** 32)) >>> 0);
    }
    return state;
  }
}

/** A step of mulberry32: good for play and for nothing else. */
function mix(state: number): number {
  let mixed = Math.imul(state ^ (state >>> 15), state | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return (mixed ^ (mixed >>> 14)) >>> 0;
}
