import { expect, test } from "vitest";

import type { AuditRow } from "../lib/rows";
import { actorOf, changesOf, objectOf, sourceOf } from "./audit-text";

const ROW: AuditRow = {
  id: "aud_1",
  at: "2030-01-01T00:00:00.000Z",
  by: { caller: "key", id: "key_1", name: "Acme", uid: null },
  peer: null,
  request_id: null,
  action: "webhook_changed",
  webhook_id: "whk_1",
  event_id: null,
  key_id: null,
  partner: null,
  before: { timeout_ms: 15_000, events: ["ping"] },
  after: { timeout_ms: 5_000, description: "ours" },
};

test("what changed is shown before and after, and what came or went on one side", () => {
  expect(changesOf(ROW)).toEqual([
    { name: "timeout_ms", before: "15000", after: "5000" },
    { name: "events", before: '["ping"]', after: "" },
    { name: "description", before: "", after: "ours" },
  ]);
  expect(changesOf({ ...ROW, before: null, after: null })).toEqual([]);
});

test("who made a change is named as the desk knows it", () => {
  const by = (actor: Partial<AuditRow["by"]>): string => actorOf({ ...ROW, by: { ...ROW.by, ...actor } });
  expect(by({})).toBe("Acme (key_1)");
  expect(by({ name: null })).toBe("the key key_1");
  expect(by({ caller: "session" })).toBe("a browser: Acme (key_1)");
  expect(by({ caller: "session", id: null })).toBe("a browser (Acme)");
  expect(by({ caller: "command_line", id: null, name: null, uid: 0 })).toContain("user 0");
  expect(by({ caller: "anyone", id: null, name: null })).toContain("asks for no key");
});

test("where a call came from is told as far as it is known", () => {
  expect(sourceOf(ROW)).toBe("");
  expect(sourceOf({ ...ROW, peer: "192.0.2.1", request_id: "req_1" })).toBe(", from 192.0.2.1 (req_1)");
});

test("what was changed is named by its ids", () => {
  expect(objectOf({ ...ROW, event_id: "evt_1" })).toBe("whk_1 evt_1");
  expect(objectOf({ ...ROW, webhook_id: null, partner: "acme" })).toBe("acme");
});
