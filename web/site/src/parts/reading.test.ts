import { expect, test } from "vitest";

import { readAmount, readOptional } from "./reading";

test("a number beyond its limits is named, and not replaced by one within them", () => {
  for (const [text, expected] of [
    ["1.5", { value: 1_500 }],
    [" 2 ", { value: 2_000 }],
    ["0.001", { value: 1 }],
    ["0", { error: "must be a number from 0.001 to 1,000" }],
    ["1001", { error: "must be a number from 0.001 to 1,000" }],
    ["banana", { error: "must be a number from 0.001 to 1,000" }],
    ["", { error: "must be a number from 0.001 to 1,000" }],
    ["1e999", { error: "must be a number from 0.001 to 1,000" }],
  ] as const) {
    expect(readAmount(text, 1, 1_000_000, 1_000), text).toEqual(expected);
  }
});

test("an empty text stands for the default", () => {
  expect(readOptional(" ", 1, 2)).toEqual({ value: undefined });
  expect(readOptional("3", 1, 2)).toEqual({ error: "must be a number from 1 to 2" });
});
