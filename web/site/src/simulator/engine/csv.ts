/** CSV export of a recording's attempts (RFC 4180). */

import type { Recording, SentAttempt } from "./recording";

/** Times are RFC 3339 in UTC. */
const NAMES = [
  "at", "receiver", "webhook", "event", "event_type", "ticket", "seq", "attempt", "status", "failure",
  "duration_ms", "reason", "next_attempt_at", "next_probe_at",
];

export function toCsv(recording: Recording): string {
  const rows = recording.attempts.map((sent) => {
    const fields = fieldsOf(recording, sent);
    return fields.map((field) => quoted(String(field ?? ""))).join(",");
  });
  return [NAMES.join(","), ...rows, ""].join("\r\n");
}

/** The fields of a row, in the order of `NAMES`. */
function fieldsOf({ events, lanes, tracks }: Recording, sent: SentAttempt): unknown[] {
  const { at, end, track, seq, number, status, failure, reason, next, held } = sent;
  const { name, webhook } = tracks[track] ?? { name: "", webhook: null };
  const event = events[seq];
  const about = lanes[event?.lane ?? -1]?.about;
  const ticket = about?.startsWith(TICKET) ? about : null;
  const times = [timestamp(next), timestamp(held?.probe ?? null)];
  const sentEvent = [event?.id, event?.event, ticket, seq];
  return [timestamp(at), name, webhook, ...sentEvent, number, status, failure, end - at, reason, ...times];
}

/** What a ticket's id begins with. */
const TICKET = "tkt_";

function timestamp(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}

/** Quotes a field where needed. An apostrophe keeps spreadsheets from reading it as a formula. */
function quoted(field: string): string {
  const text = /^[=+@-]/.test(field) ? `'${field}` : field;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
