/** Purposes of random numbers: the first of the numbers that name one. */
export const PURPOSE = {
  desk: 0,
  call: 1,
  report: 2,
  wake: 3,
  latency: 4,
  hostileReaction: 5,
  firstMessage: 6,
  opening: 7,
  update: 8,
  laterMessage: 9,
  closing: 10,
  recording: 11,
} as const;

/**
 * Random numbers derived from a seed and from numbers that name their purpose, so that adding a call
 * changes no other call's numbers.
 */
export class SeededRandom {
  constructor(readonly seed: number) {}

  /** 96 hex digits, the random input of a desk. */
  chance(...purpose: number[]): string {
    let state = this.#state(purpose);
    let digits = "";
    for (let index = 0; index < 12; index += 1) {
      state = (state + 0x6d2b79f5) >>> 0;
      digits += mix(state).toString(16).padStart(8, "0");
    }
    return digits;
  }

  /** A number of [0, 1). */
  fraction(...purpose: number[]): number {
    return mix((this.#state(purpose) + 0x6d2b79f5) >>> 0) / 2 ** 32;
  }

  /** One of `options`, which are not empty. */
  pick<T>(options: readonly [T, ...T[]], ...purpose: number[]): T {
    return options[Math.floor(this.fraction(...purpose) * options.length)] ?? options[0];
  }

  #state(purpose: number[]): number {
    let state = mix(this.seed >>> 0);
    for (const number of purpose) {
      state = mix((state ^ number) >>> 0);
      state = mix((state ^ Math.floor(number / 2 ** 32)) >>> 0);
    }
    return state;
  }
}

/** A step of mulberry32, which is not for cryptography. */
function mix(state: number): number {
  let mixed = Math.imul(state ^ (state >>> 15), state | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return (mixed ^ (mixed >>> 14)) >>> 0;
}
