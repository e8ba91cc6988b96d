/** Values across the WebAssembly boundary: which are accepted, and which are refused. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { init, MemoryDesk, StoredDesk, workerOptions } from "hookdesk";
import type { At, Handled, Input, Storage } from "hookdesk";

await init();

const at: At = { nowMs: Date.UTC(2026, 0), chance: "00".repeat(48) };
const open = (message: string): Input => ({
  at,
  call: {
    method: "POST",
    path: "/tickets",
    headers: [["content-type", "application/json"]],
    body: JSON.stringify({ ticket_message: message }),
  },
});
const status = (handled: Handled | undefined): number | undefined => handled?.response?.status;

test("wrong types are TypeErrors that say where, and the desk goes on", () => {
  const desk = new MemoryDesk(at, {});
  const wrong: [unknown, RegExp][] = [
    [undefined, /inputs: it is not a value of JSON/],
    [() => 1, /inputs/],
    [5, /inputs: it must be a list, and is a number/],
    [[{ at: { ...at, nowMs: 1.5 } }], /inputs\[0\]\.at\.nowMs: it must be a whole number from 0/],
    [[{ at: { ...at, nowMs: -1 } }], /inputs\[0\]\.at\.nowMs: .* and is a negative number/],
    [[{ at: { ...at, nowMs: NaN } }], /inputs\[0\]\.at\.nowMs: .* and is null, NaN or infinite/],
    [[{ at: { ...at, chance: "00" } }], /inputs\[0\]\.at\.chance: chance must be 96 hex digits/],
    [[{ at, call: { method: "GET" } }], /inputs\[0\]\.call: missing field `path`/],
    [[{ at, call: { method: 7, path: "/" } }], /call\.method: it must be a string, and is a number/],
    [[{ at, cal: {} }], /unknown field `cal`; there are at, call, report/],
    [[{ at, report: { durationMs: 1 } }], /report: missing field `key`/],
    [[{ at: 10n }], /BigInt/],
  ];
  for (const [inputs, words] of wrong) {
    const error = thrown(() => desk.run(inputs as Input[]));
    assert.ok(error instanceof TypeError, `${String(error)} for ${String(words)}`);
    assert.match(error.message, words);
  }
  const [handled] = desk.run([open("still here")]);
  assert.equal(status(handled), 201);
});

test("options that make no sense name themselves", () => {
  const wrong: [object, RegExp][] = [
    [{ opne: true }, /options: unknown field `opne`; there are open, key, /],
    [{ downAfter: 0 }, /downAfter must be from 1/],
    [{ allowTarget: ["10.0.0.1/8"] }, /10\.0\.0\.0\/8/],
    [{ open: true, key: "0123456789abcdef" }, /exclude each other/],
  ];
  for (const [options, words] of wrong) {
    assert.match(String(thrown(() => new MemoryDesk(at, options))), words);
  }
  assert.match(String(thrown(() => workerOptions({}))), /HOOKDESK_KEY/);
  for (let often = 0; often < 3_000; often += 1) {
    assert.ok(thrown(() => workerOptions(null as never)) instanceof TypeError);
  }
  const open = { HOOKDESK_OPEN: "1", DESK: {} };
  assert.deepEqual(workerOptions(open).open, true);
  assert.match(String(thrown(() => workerOptions({ ...open, HOOKDESK_RETAIN_S: true }))), /RETAIN_S/);
});

test("of several inputs those before a senseless one happened", () => {
  const desk = new MemoryDesk(at, {});
  const report: Input = {
    at,
    report: { key: { webhook: `whk_${"0".repeat(32)}`, seq: 1, number: 1, sentAtMs: 1 }, durationMs: 1 },
  };
  assert.match(String(thrown(() => desk.run([open("one"), report]))), /inputs\[1\]/);
  const [list] = desk.run([{ at, call: { method: "GET", path: "/tickets" } }]);
  assert.equal(JSON.parse(list?.response?.body ?? "").data.length, 1);
});

test("a store that fails is told in words, and callers get a 503", () => {
  const storage: Storage = {
    query: () => {
      throw new Error("the disk is gone");
    },
    commit: () => true,
  };
  assert.match(String(thrown(() => new StoredDesk(storage, at, {}))), /Fault: the disk is gone/);
});

function thrown(step: () => unknown): unknown {
  try {
    step();
  } catch (error) {
    return error;
  }
  return undefined;
}
