import { expect, test } from "vitest";

import { readSchedule, textOfSchedule } from "./retry-schedule";

test("a schedule is taken as a whole, and what is no wait is named", () => {
  for (const [text, expected] of [
    ["5 60, 300", { value: [5, 60, 300] }],
    ["0", { value: [0] }],
    ["", { value: undefined }],
    [" none ", { value: [] }],
    ["5 60 banana", { error: "must be whole seconds from 0 to 604800, which “banana” is not" }],
    ["5 -60", { error: "must be whole seconds from 0 to 604800, which “-60” is not" }],
    ["5 1.5", { error: "must be whole seconds from 0 to 604800, which “1.5” is not" }],
    ["604801", { error: "must be whole seconds from 0 to 604800, which “604801” is not" }],
    ["1 ".repeat(21), { error: "must have at most 20 waits" }],
  ] as const) {
    expect(readSchedule(text), text).toEqual(expected);
  }
});

test("a schedule's text is read as the same schedule", () => {
  for (const waits of [[5, 60], [0], []]) {
    expect(readSchedule(textOfSchedule(waits))).toEqual({ value: waits });
  }
  expect([undefined, 5, null].map(textOfSchedule)).toEqual(["", "", ""]);
});
