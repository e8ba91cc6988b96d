/** Readings of typed text: a value, or what is wrong with the text. */

export type Reading<T> = { value: T } | Invalid;

export interface Invalid {
  /** The rest of a sentence about the field. */
  error: string;
}

export function isError<T>(reading: Reading<T>): reading is Invalid {
  return "error" in reading;
}

/** A number between two limits, as a multiple of `unit`: 1.5 seconds are 1 500. */
export function readAmount(text: string, min: number, max: number, unit = 1): Reading<number> {
  const value = Math.round(Number(text) * unit);
  if (text.trim() !== "" && value >= min && value <= max) return { value };
  const [least, most] = [min / unit, max / unit].map((limit) => limit.toLocaleString("en"));
  return { error: `must be a number from ${least} to ${most}` };
}

/** The same, where an empty text stands for the default. */
export function readOptional(text: string, min: number, max: number): Reading<number | undefined> {
  return text.trim() === "" ? { value: undefined } : readAmount(text, min, max);
}
