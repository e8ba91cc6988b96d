/** The words in which a row of the audit is shown. */

import type { AuditAction, AuditRow } from "../lib/rows";

export const ACTIONS: Record<AuditAction, string> = {
  key_created: "Key made",
  key_changed: "Key changed",
  key_revoked: "Key revoked",
  link_created: "Link for a partner made",
  sessions_ended: "Sessions of a partner ended",
  partner_removed: "Partner removed",
  webhook_registered: "Webhook registered",
  webhook_changed: "Webhook changed",
  webhook_handed_over: "Webhook given to a partner",
  webhook_enabled: "Webhook enabled",
  webhook_unregistered: "Webhook unregistered",
  secret_rotated: "Secret rotated",
  secret_ended: "Secret ended",
  event_resent: "Event resent",
  replay_started: "Replay started",
  replay_stopped: "Replay stopped",
  service_announced: "Service announced",
  keys_refused: "Calls with wrong keys refused",
};

/** Who made the change. */
export function actorOf({ by }: AuditRow): string {
  switch (by.caller) {
    case "key":
      return by.name === null ? `the key ${by.id ?? ""}` : `${by.name} (${by.id ?? ""})`;
    case "session":
      return by.id === null ? `a browser (${by.name ?? ""})` : `a browser: ${by.name ?? "the key"} (${by.id})`;
    case "command_line":
      return `the user ${by.uid ?? "?"} on the desk's machine`;
    case "binding":
      return "the holder of the desk's own key";
    default:
      return "anyone: the desk asks for no key";
  }
}

/** Where the call came from, and the id of its response. */
export function sourceOf({ peer, request_id }: AuditRow): string {
  const from = peer === null ? "" : `, from ${peer}`;
  return request_id === null ? from : `${from} (${request_id})`;
}

/** The ids of what was changed. */
export function objectOf(row: AuditRow): string {
  const ids = [row.webhook_id, row.event_id, row.key_id, row.partner];
  return ids.filter((id) => id !== null).join(" ");
}

/** One setting, before and after; empty where there was or is none. */
export interface Change {
  name: string;
  before: string;
  after: string;
}

export function changesOf({ before, after }: AuditRow): Change[] {
  const [was, is] = [before, after].map((state) => ({ ...state }) as Record<string, unknown>);
  const names = [...new Set([...Object.keys(was ?? {}), ...Object.keys(is ?? {})])];
  const text = (value: unknown): string =>
    value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value);
  return names.map((name) => ({ name, before: text(was?.[name]), after: text(is?.[name]) }));
}
