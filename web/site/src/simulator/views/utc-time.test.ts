import { expect, test } from "vitest";

import { dateTime, dayTime, fromField, ticks, toField } from "./utc-time";

const FRIDAY = Date.UTC(2026, 0, 2, 18, 0, 5);

test("times are shown in UTC, in every time zone", () => {
  expect(dayTime(FRIDAY)).toBe("Fri 18:00");
  expect(dateTime(FRIDAY)).toBe("Fri 2 Jan, 18:00:05");
  expect(toField(FRIDAY)).toBe("2026-01-02T18:00");
  expect(fromField("2026-01-02T18:00")).toBe(FRIDAY - 5_000);
  expect(fromField("")).toBeNull();
});

test("an axis has ticks that fit, at whole intervals, at every zoom", () => {
  for (const length of [1_000, 60_000, 3_600_000, 86_400_000, 345_600_000, 7_948_800_000]) {
    for (const width of [80, 300, 1_200]) {
      const marks = ticks(FRIDAY, FRIDAY + length, width);
      expect(marks.length, `${length} ${width}`).toBeLessThanOrEqual(width / 80 + 1);
      expect(marks.every(({ at }) => at >= FRIDAY && at <= FRIDAY + length)).toBe(true);
      expect(new Set(marks.map(({ label }) => label)).size, `${length} ${width}`).toBe(marks.length);
    }
  }
});
