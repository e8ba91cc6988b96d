/** The form of a webhook's settings: its fields as text, and the settings that they stand for. */

import { Refused } from "../lib/http/backend";
import type { Settings } from "../lib/http/desk";
import { EVENT_TYPES, GUIDE_TYPES } from "../lib/rows";
import type { EventType, Webhook } from "../lib/rows";

export interface SettingsDraft {
  callback_url: string;
  description: string;
  events: EventType[];
  ordering: string;
  /** Seconds, separated by commas or spaces. */
  retry_schedule: string;
  timeout_ms: string;
  max_in_flight: string;
  rate_limit: string;
  /** One `name: value` a line. */
  headers: string;
}

/**
 * The form of a new webhook, with those of the guide's events that are offered. Empty fields stand for the
 * desk's defaults.
 */
export function emptyDraft(offered: readonly EventType[] = EVENT_TYPES): SettingsDraft {
  return {
    callback_url: "",
    description: "",
    events: EVENT_TYPES.slice(0, GUIDE_TYPES).filter((type) => offered.includes(type)),
    ordering: "ticket",
    retry_schedule: "",
    timeout_ms: "",
    max_in_flight: "",
    rate_limit: "",
    headers: "",
  };
}

export function draftOf(webhook: Webhook): SettingsDraft {
  const visible = Object.entries(webhook.headers).filter(([, value]) => value !== null);
  const headers = visible.map(([name, value]) => `${name}: ${value}`);
  return {
    callback_url: webhook.callback_url,
    description: webhook.description ?? "",
    events: webhook.events,
    ordering: webhook.ordering,
    retry_schedule: scheduleText(webhook.retry_schedule),
    timeout_ms: String(webhook.timeout_ms),
    max_in_flight: String(webhook.max_in_flight),
    rate_limit: webhook.rate_limit === null ? "" : String(webhook.rate_limit),
    headers: headers.join("\n"),
  };
}

/** The names of the headers whose values the caller may not see. */
export function hiddenHeaders(webhook: Webhook | null): string[] {
  const all = Object.entries(webhook?.headers ?? {});
  return all.filter(([, value]) => value === null).map(([name]) => name);
}

/** The text of a schedule without retries. */
const NONE = "none";

export function scheduleText(waits: unknown[]): string {
  return waits.length > 0 ? waits.join(", ") : NONE;
}

/** The settings of a form. Text that is not a number is sent as it is, for the desk to refuse. */
export function settingsOf(draft: SettingsDraft): Settings {
  return {
    callback_url: draft.callback_url,
    description: draft.description === "" ? null : draft.description,
    events: draft.events,
    ordering: draft.ordering,
    retry_schedule: parseSchedule(draft.retry_schedule),
    timeout_ms: number(draft.timeout_ms),
    max_in_flight: number(draft.max_in_flight),
    rate_limit: number(draft.rate_limit),
    headers: Object.fromEntries(pairsOf(draft.headers)),
  };
}

/** The settings in which `draft` differs from `before`. */
export function changedSettings(before: SettingsDraft, draft: SettingsDraft): Settings {
  const was = settingsOf(before);
  const differs = ([name, value]: [string, unknown]): boolean =>
    JSON.stringify(value) !== JSON.stringify(was[name]);
  return Object.fromEntries(Object.entries(settingsOf(draft)).filter(differs));
}

/** The seconds of a schedule; `null` when the field is empty. */
export function parseSchedule(text: string): (number | string)[] | null {
  if (text.trim().toLowerCase() === NONE) return [];
  const parts = text.split(/[\s,]+/).filter((part) => part !== "");
  return parts.length === 0 ? null : parts.map((part) => number(part) ?? part);
}

function number(text: string): number | string | null {
  const trimmed = text.trim();
  if (trimmed === "") return null;
  return /^\d+$/.test(trimmed) ? Number(trimmed) : trimmed;
}

function pairsOf(text: string): [name: string, value: string][] {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.map((line) => {
    const at = line.indexOf(":");
    return at < 0 ? [line.trim(), ""] : [line.slice(0, at).trim(), line.slice(at + 1).trim()];
  });
}

/** Throws `Refused` when a header is given twice, which a JSON object cannot express. */
export function rejectDuplicateHeaders({ headers }: SettingsDraft): void {
  const names = pairsOf(headers).map(([name]) => name.toLowerCase());
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice === undefined) return;
  const detail = `must not contain ${twice} twice`;
  const errors = [{ pointer: "#/headers", detail }];
  throw new Refused({ title: "Duplicate header", detail, code: "bad_field", errors });
}
