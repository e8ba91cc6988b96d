/** The form of an API key: its fields as text, and the settings that they stand for. */

import type { Settings } from "../lib/http/desk";
import { EVENT_TYPES, GUIDE_TYPES } from "../lib/rows";
import type { ApiKey, EventType, Scope } from "../lib/rows";

export interface KeyDraft {
  name: string;
  scopes: Scope[];
  partner: string;
  /** What a partner may be sent. */
  events: EventType[];
  rate_limit: string;
  /** A time of this browser's zone, as a `datetime-local` field has it. */
  expires_at: string;
}

/** The event types that may be granted to a partner. */
export const GRANTABLE = EVENT_TYPES.slice(0, GUIDE_TYPES);

export function emptyKeyDraft(): KeyDraft {
  return { name: "", scopes: [], partner: "", events: GRANTABLE, rate_limit: "", expires_at: "" };
}

/** The fields of a key as it is. */
export function keyDraftOf(key: ApiKey): KeyDraft {
  return {
    name: key.name ?? "",
    scopes: key.scopes,
    partner: key.partner ?? "",
    events: key.events ?? GRANTABLE,
    rate_limit: key.rate_limit === null ? "" : String(key.rate_limit),
    expires_at: key.expires_at === null ? "" : localTime(new Date(key.expires_at)),
  };
}

/** What a form changes of the key that it was filled from. A field that was emptied becomes the default. */
export function keyChangesOf(draft: KeyDraft, key: ApiKey): Settings {
  const emptied = { name: null, rate_limit: null, expires_at: null };
  const was = keyDraftOf(key);
  const isChanged = ([name]: [string, unknown]): boolean => {
    const field = name as keyof KeyDraft;
    return JSON.stringify(draft[field]) !== JSON.stringify(was[field]);
  };
  const settings: Settings = { ...emptied, ...keySettingsOf(draft) };
  return Object.fromEntries(Object.entries(settings).filter(isChanged));
}

/** As a `datetime-local` field has it. */
function localTime(time: Date): string {
  const minutes = time.getTimezoneOffset();
  return new Date(time.getTime() - minutes * 60_000).toISOString().slice(0, "2000-01-01T00:00".length);
}

/** The settings of a form: empty ones are left out, and text that is not a number is for the desk to refuse. */
export function keySettingsOf(draft: KeyDraft): Settings {
  const name = draft.name.trim();
  const partner = draft.partner.trim();
  const rate = draft.rate_limit.trim();
  return {
    scopes: draft.scopes,
    ...(name === "" ? {} : { name }),
    ...(partner === "" ? {} : { partner, events: draft.events }),
    ...(rate === "" ? {} : { rate_limit: /^\d+$/.test(rate) ? Number(rate) : rate }),
    ...(draft.expires_at === "" ? {} : { expires_at: new Date(draft.expires_at).toISOString() }),
  };
}
