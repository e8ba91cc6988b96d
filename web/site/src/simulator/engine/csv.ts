/** CSV export of a recording's attempts (RFC 4180). */

import type { Recording } from "./recording";

const NAMES = "at_ms,receiver,webhook,event,seq,attempt,status,failure,reason,next_attempt_at_ms";

export function toCsv({ attempts, events, tracks }: Recording): string {
  const rows = attempts.map(({ at, track, seq, number, status, failure, reason, next }) => {
    const { name, webhook } = tracks[track] ?? { name: "", webhook: null };
    const fields = [at, name, webhook, events[seq]?.id, seq, number, status, failure, reason, next];
    return fields.map((field) => quoted(String(field ?? ""))).join(",");
  });
  return [NAMES, ...rows, ""].join("\r\n");
}

/** Quotes a field where needed. An apostrophe keeps spreadsheets from reading it as a formula. */
function quoted(field: string): string {
  const text = /^[=+@-]/.test(field) ? `'${field}` : field;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
