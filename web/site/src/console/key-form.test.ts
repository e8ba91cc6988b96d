import { expect, test } from "vitest";

import type { ApiKey } from "../lib/rows";
import { emptyKeyDraft, keyChangesOf, keyDraftOf, keySettingsOf } from "./key-form";

test("fields that are empty are left out, but for the scopes, which the desk asks for", () => {
  expect(keySettingsOf(emptyKeyDraft())).toEqual({ scopes: [] });
});

test("a key of a partner is granted events, and any other is not", () => {
  const draft = { ...emptyKeyDraft(), name: " Acme ", scopes: ["read" as const], rate_limit: "5" };
  expect(keySettingsOf(draft)).toEqual({ scopes: ["read"], name: "Acme", rate_limit: 5 });
  const events = ["ticket_closed" as const];
  expect(keySettingsOf({ ...draft, partner: "acme", events })).toMatchObject({ partner: "acme", events });
});

test("a time is sent in UTC, and what is no number as it is", () => {
  const draft = { ...emptyKeyDraft(), rate_limit: "many", expires_at: "2030-01-02T03:04" };
  const { rate_limit, expires_at } = keySettingsOf(draft);
  expect(rate_limit).toBe("many");
  expect(expires_at).toBe(new Date(2030, 0, 2, 3, 4).toISOString());
});

const KEY: ApiKey = {
  id: "key_1",
  prefix: "hdk_abcde",
  name: "Acme",
  scopes: ["read"],
  partner: "acme",
  events: ["ping", "ticket_closed"],
  rate_limit: 5,
  created_at: "2030-01-01T00:00:00.000Z",
  expires_at: "2030-02-03T04:05:00.000Z",
  last_used_at: null,
};

test("a key that is not changed changes nothing", () => {
  expect(keyChangesOf(keyDraftOf(KEY), KEY)).toEqual({});
  const bare = { ...KEY, name: null, partner: null, events: null, rate_limit: null, expires_at: null };
  expect(keyChangesOf(keyDraftOf(bare), bare)).toEqual({});
});

test("only what was changed of a key is sent, and what was emptied as null", () => {
  const draft = { ...keyDraftOf(KEY), name: " ", rate_limit: "", expires_at: "" };
  expect(keyChangesOf(draft, KEY)).toEqual({ name: null, rate_limit: null, expires_at: null });
  const granted = { ...keyDraftOf(KEY), scopes: ["webhooks" as const], events: ["ping" as const] };
  expect(keyChangesOf(granted, KEY)).toEqual({ scopes: ["webhooks"], events: ["ping"] });
  const later = { ...keyDraftOf(KEY), expires_at: "2031-01-02T03:04" };
  expect(keyChangesOf(later, KEY)).toEqual({ expires_at: new Date(2031, 0, 2, 3, 4).toISOString() });
});
