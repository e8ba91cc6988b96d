import { expect, test } from "vitest";

import { emptyKeyDraft, keySettingsOf } from "./key-form";

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
