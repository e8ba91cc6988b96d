/** Where a verdict points to. */

import type { Verdict } from "hookdesk";

import { placeIn } from "./bytes";
import type { Place } from "./bytes";
import type { Draft } from "./pasted-delivery.svelte";
import { NEEDED } from "./headers";

export interface Where {
  title: string;
  /** What stands before the place and is not part of it: a header's name. */
  before: string;
  place: Place;
  note?: string;
}

/** Bytes that are shown on each side of a place. */
const AROUND = 160;

/** The place that a verdict is about; `null` when it is about none. */
export function whereOf(draft: Draft, verdict: Verdict): Where | null {
  const header = NEEDED.find((needed) => needed === verdict.header);
  if (header !== undefined) return inHeader(draft, header, verdict.offset);
  if (verdict.offset === undefined) return null;
  const isEnd = verdict.offset >= draft.bytes.length;
  return {
    title: isEnd ? "At the end of the body" : `In the body, at byte ${verdict.offset}`,
    before: "",
    place: placeIn(draft.bytes, verdict.offset, AROUND),
    note: `Up to there it is what was signed${isEnd ? ", and something is missing after it." : "."}`,
  };
}

function inHeader(draft: Draft, header: (typeof NEEDED)[number], offset?: number): Where {
  const value = draft.value(header);
  const before = `${header}: `;
  if (value === undefined) {
    const nothing: Place = { before: "", at: "", after: "", cut: [false, false] };
    return { title: "Among the headers", before, place: nothing };
  }
  const bytes = new TextEncoder().encode(value);
  if (offset === undefined) {
    const all: Place = { before: "", at: value, after: "", cut: [false, false] };
    return { title: `In ${header}`, before, place: all };
  }
  return {
    title: `In ${header}, at byte ${offset}`,
    before,
    place: placeIn(bytes, offset, AROUND),
  };
}
