import { expect, test } from "vitest";

import { outageDraft, readOutage } from "./outage-times";
import type { End, OutageDraft } from "./outage-times";

const FRIDAY = Date.UTC(2026, 0, 2, 12);
const TUESDAY = Date.UTC(2026, 0, 6, 12);

function read(draft: OutageDraft, edited: End) {
  return readOutage(draft, edited, FRIDAY, TUESDAY);
}

test("an outage is moved to other days by its beginning first, or by its end first", () => {
  const before = outageDraft(FRIDAY, Date.UTC(2026, 0, 2, 13));
  const [from, to] = ["2026-01-02T18:00", "2026-01-05T09:00"];
  const wanted = { from: Date.UTC(2026, 0, 2, 18), to: Date.UTC(2026, 0, 5, 9) };
  const first = read({ ...before, from }, "from");
  expect(first).toEqual({ times: null, errors: { from: "must be before the end of the outage" } });
  expect(read({ from, to }, "to")).toEqual({ times: wanted, errors: {} });
  expect(read({ ...before, to }, "to").times).toEqual({ ...wanted, from: FRIDAY });
  expect(read({ from, to }, "from").times).toEqual(wanted);
});

test("each field has its own error", () => {
  expect(read({ from: "", to: "2026-01-09T00:00" }, "to")).toEqual({
    times: null,
    errors: {
      from: "must be a whole date and time",
      to: "must be from 2026-01-02 12:00 to 2026-01-06 12:00",
    },
  });
  const same = "2026-01-03T00:00";
  expect(read({ from: same, to: same }, "to").errors).toEqual({ to: "must be after its beginning" });
});
