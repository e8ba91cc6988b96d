/** What is used before `init()` says so, and nothing is lost by it. */

import assert from "node:assert/strict";
import { test } from "node:test";

import * as hookdesk from "hookdesk";
import { TestDesk } from "hookdesk/testing";
import * as small from "hookdesk/verify";

const at: hookdesk.At = { nowMs: Date.UTC(2026, 0), chance: "00".repeat(48) };
const secret = "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

test("everything asks for init() before it is there, and works after it", async () => {
  const uses: (() => unknown)[] = [
    () => new TestDesk(),
    () => new hookdesk.MemoryDesk(at, {}),
    () => new hookdesk.StoredDesk({ query: () => [], commit: () => true }, at, {}),
    () => new hookdesk.IncidentPlayer(""),
    () => hookdesk.verify([], "", secret, at.nowMs),
    () => hookdesk.sign(secret, "id", 0, ""),
    () => hookdesk.workerOptions({}),
    () => hookdesk.mostBody(),
    () => hookdesk.mostBodyWaitMs(),
    () => hookdesk.mostRead(),
    () => hookdesk.unanswered(),
    () => hookdesk.misconfigured(""),
    () => hookdesk.unknownBindings({}),
    () => small.verify([], "", secret, at.nowMs),
    () => small.sign(secret, "id", 0, ""),
  ];
  for (const use of uses) {
    assert.throws(use, /hookdesk is not ready: await init\(\) once before anything else/, use.toString());
  }
  hookdesk.reset();
  await hookdesk.init();
  await hookdesk.init();
  await small.init();
  assert.equal(hookdesk.sign(secret, "id", 0, ""), small.sign(secret, "id", 0, ""));
  hookdesk.reset();
  assert.ok(new TestDesk().now > 0);
});

test("what loads the module is no part of what it offers", () => {
  const names = [...Object.keys(hookdesk), ...Object.keys(small)];
  assert.deepEqual(names.filter((name) => /^_|^default$|initSync|load/.test(name)), []);
});
