/** The location of a mistake that a verdict names. */

import type { Verdict } from "hookdesk";

import { excerptAt } from "./bytes";
import type { Excerpt } from "./bytes";
import { NEEDED } from "./headers";
import type { Needed } from "./headers";
import type { PastedDelivery } from "./pasted-delivery.svelte";

export interface VerdictLocation {
  title: string;
  /** Shown before the excerpt: a header's name. */
  before: string;
  excerpt: Excerpt;
  note?: string;
}

/** Bytes shown on each side. */
const AROUND = 160;

/** Where the mistake is; `null` when it has no location. */
export function verdictLocation(delivery: PastedDelivery, verdict: Verdict): VerdictLocation | null {
  const header = NEEDED.find((needed) => needed === verdict.header);
  if (header !== undefined) return inHeader(delivery, header, verdict.offset);
  if (verdict.offset === undefined) return null;
  const isEnd = verdict.offset >= delivery.bytes.length;
  return {
    title: isEnd ? "At the end of the body" : `In the body, at byte ${verdict.offset}`,
    before: "",
    excerpt: excerptAt(delivery.bytes, verdict.offset, AROUND),
    note: `The body matches the signature up to there${isEnd ? ", and then something is missing" : ""}.`,
  };
}

function inHeader(delivery: PastedDelivery, header: Needed, offset?: number): VerdictLocation {
  const value = delivery.value(header);
  const before = `${header}: `;
  if (value === undefined) {
    const nothing: Excerpt = { before: "", at: "", after: "", cut: [false, false] };
    return { title: "Among the headers", before, excerpt: nothing };
  }
  const bytes = new TextEncoder().encode(value);
  if (offset === undefined) {
    const all: Excerpt = { before: "", at: value, after: "", cut: [false, false] };
    return { title: `In ${header}`, before, excerpt: all };
  }
  return {
    title: `In ${header}, at byte ${offset}`,
    before,
    excerpt: excerptAt(bytes, offset, AROUND),
  };
}
