/** The form of a new API key: its fields as text, and the settings that they stand for. */

import type { Settings } from "../lib/http/desk";
import { EVENT_TYPES, GUIDE_TYPES } from "../lib/rows";
import type { EventType, Scope } from "../lib/rows";

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
