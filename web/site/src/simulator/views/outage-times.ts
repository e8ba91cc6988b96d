/** The two times of an outage as they are typed: both are kept until they make an outage. */

import { isError } from "../../parts/reading";
import { readTime, toField } from "./utc-time";

export type End = "from" | "to";

/** Values of two `datetime-local` fields. */
export type OutageDraft = Record<End, string>;

export interface OutageTimes {
  /** Milliseconds of unix time. */
  times: Record<End, number> | null;
  /** What is wrong with each field. */
  errors: Partial<Record<End, string>>;
}

export function outageDraft(from: number, to: number): OutageDraft {
  return { from: toField(from), to: toField(to) };
}

/**
 * The times of a draft within a scenario. Where only their order is wrong, the error is that of the
 * field that was edited last.
 */
export function readOutage(draft: OutageDraft, edited: End, start: number, end: number): OutageTimes {
  const [from, to] = [readTime(draft.from, start, end), readTime(draft.to, start, end)];
  if (isError(from) || isError(to)) {
    const errors: OutageTimes["errors"] = {};
    if (isError(from)) errors.from = from.error;
    if (isError(to)) errors.to = to.error;
    return { times: null, errors };
  }
  if (from.value < to.value) return { times: { from: from.value, to: to.value }, errors: {} };
  const order = { from: "must be before the end of the outage", to: "must be after its beginning" };
  return { times: null, errors: { [edited]: order[edited] } };
}
