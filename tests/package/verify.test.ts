/** Diagnosis of the labelled deliveries by the package, equal to the native one. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { init, MemoryDesk, IncidentPlayer, sign, verify, workerOptions } from "hookdesk";
import * as small from "hookdesk/verify";

await init();
await small.init();

interface Mutation {
  name: string;
  label: string;
  headers: [string, string][];
  body?: string;
  body_base64?: string;
  secrets: [text: string, ended: boolean][];
  now: number;
}

test("mistakes are told apart", () => {
  const lines = readFileSync(new URL("mutations.jsonl", import.meta.url), "utf8").trim().split("\n");
  const wrong = lines.filter((line) => {
    const one = JSON.parse(line) as Mutation;
    const bytes = Buffer.from(one.body_base64 ?? "", "base64");
    const body = one.body ?? new Uint8Array(bytes);
    const secrets = one.secrets.map(([text, ended]) => ({ text, ended }));
    if (one.now < 1e10) {
      assert.throws(() => verify(one.headers, body, secrets, one.now), /nowMs: it is in seconds/);
      return false;
    }
    const verdict = verify(one.headers, body, secrets, one.now);
    const { code } = verdict;
    assert.deepEqual(small.verify(one.headers, body, secrets, one.now), verdict, one.name);
    assert.equal(code === "good", one.label === "good", one.name);
    return code !== one.label;
  });
  assert.ok(lines.length >= 300);
  assert.ok(wrong.length <= lines.length / 100, `${wrong.length} of ${lines.length} are wrong`);
});

test("headers may come as a fetch handler has them, and secrets as plain texts", () => {
  const headers = new Headers({
    "Webhook-Id": "evt_01856aa0c80070008000000000000001",
    "Webhook-Timestamp": "1672531200",
    "Webhook-Signature": "v1,Hj29zFf6yi8iAdWK7Nyhv10FCLSXCWdGPZfI5KZlFxA=",
  });
  const body = '{"event":"ping","created":"2023-01-01T00:00:00Z","data":{}}';
  const secrets = ["whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="];
  const good = verify(headers, body, secrets, 1_672_531_201_000);
  assert.deepEqual(good.verdict, "good");
  assert.equal(verify(headers, body, secrets, 1_672_540_000_000).code, "timestamp_stale");
  const plain = { ...Object.fromEntries(headers), "x-more": ["a", "b"], "x-none": undefined };
  assert.equal(verify(plain, body, secrets, 1_672_531_201_000).code, "good");
  for (let often = 0; often < 3_000; often += 1) {
    assert.throws(() => verify(null as never, body, secrets, 0), TypeError);
  }
  assert.throws(() => verify(headers, 5 as never, secrets, 0), TypeError);
});

const SECRET = "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
const BODY = '{"event":"ping","created":"2023-01-01T00:00:00Z","data":{}}';
const NOW = 1_672_531_201_000;
const HEADERS: [string, string][] = [
  ["webhook-id", "evt_01856aa0c80070008000000000000001"],
  ["webhook-timestamp", "1672531200"],
  ["webhook-signature", "v1,Hj29zFf6yi8iAdWK7Nyhv10FCLSXCWdGPZfI5KZlFxA="],
];

test("a lone secret is taken for a list of one", () => {
  for (const secrets of [SECRET, [SECRET], { text: SECRET, ended: false }]) {
    assert.equal(verify(HEADERS, BODY, secrets, NOW).code, "good");
    assert.equal(small.verify(HEADERS, BODY, secrets, NOW).code, "good");
  }
});

test("a clock in another unit, or none, is told as that", () => {
  const wrong: [unknown, RegExp][] = [
    [NOW / 1_000, /nowMs: it is in seconds, and must be in milliseconds/],
    [NOW / 1_000 + 0.5, /nowMs: it is in seconds/],
    [NOW * 1_000, /nowMs: it must be whole milliseconds/],
    [NOW + 0.5, /nowMs: it must be whole milliseconds/],
    [-1, /nowMs/],
    [NaN, /nowMs/],
    [Infinity, /nowMs/],
    [undefined, /nowMs/],
    [null, /nowMs/],
    [String(NOW), /nowMs/],
    [BigInt(NOW), /nowMs/],
    [new Date(NOW), /nowMs/],
  ];
  for (const [now, words] of wrong) {
    assert.throws(() => verify(HEADERS, BODY, SECRET, now as never), { name: "TypeError", message: words });
  }
  for (const seconds of [NOW, NaN, -1, 0.5, "1", undefined]) {
    assert.throws(() => sign(SECRET, "id", seconds as never, BODY), /timestampSeconds: .*whole seconds/);
  }
});

test("no error repeats what it was given", () => {
  const at = { nowMs: NOW, chance: "00".repeat(48) };
  const desk = new MemoryDesk(at, {});
  const player = new IncidentPlayer('{"hookdesk_incident":1,"version":"0.1.0","redacted":false,"number":1}');
  const calls: ((secret: never) => unknown)[] = [
    (secret) => verify(secret, BODY, SECRET, NOW),
    (secret) => verify([secret], BODY, SECRET, NOW),
    (secret) => verify([[secret]] as never, BODY, SECRET, NOW),
    (secret) => verify([["a", [secret]]] as never, BODY, SECRET, NOW),
    (secret) => verify({ a: { b: secret } } as never, BODY, SECRET, NOW),
    (secret) => verify(HEADERS, [secret] as never, SECRET, NOW),
    (secret) => verify(HEADERS, BODY, [[secret]] as never, NOW),
    (secret) => verify(HEADERS, BODY, { text: secret } as never, NOW),
    (secret) => verify(HEADERS, BODY, { secret } as never, NOW),
    (secret) => verify(HEADERS, BODY, [5, secret] as never, NOW),
    (secret) => verify(HEADERS, BODY, SECRET, secret),
    (secret) => sign([secret] as never, "id", 0, BODY),
    (secret) => sign(secret + "!", "id", 0, BODY),
    (secret) => sign(SECRET, [secret] as never, 0, BODY),
    (secret) => sign(SECRET, "id", secret, BODY),
    (secret) => sign(SECRET, "id", 0, [secret] as never),
    (secret) => new MemoryDesk(secret, {}),
    (secret) => new MemoryDesk({ ...at, chance: secret }, {}),
    (secret) => new MemoryDesk(at, secret),
    (secret) => new MemoryDesk(at, { [secret]: true }),
    (secret) => new MemoryDesk(at, { open: secret }),
    (secret) => new MemoryDesk(at, { key: [secret] as never }),
    (secret) => new MemoryDesk(at, { open: true, key: secret }),
    (secret) => new MemoryDesk(at, { key: `${String(secret)} ` }),
    (secret) => desk.run(secret),
    (secret) => desk.run([secret]),
    (secret) => desk.run([{ at, call: secret }]),
    (secret) => desk.run([{ at, call: { method: "GET", path: "/", headers: secret } }]),
    (secret) => desk.run([{ at, report: secret }]),
    (secret) => desk.record(secret),
    (secret) => new IncidentPlayer(secret),
    (secret) => new IncidentPlayer([secret] as never),
    (secret) => player.play(secret),
    (secret) => player.play(JSON.stringify({ input: { [secret]: secret } })),
    (secret) => player.play(JSON.stringify({ input: secret, mac: secret, chain: secret })),
    (secret) => workerOptions(secret),
    (secret) => workerOptions({ HOOKDESK_OPEN: "1", HOOKDESK_DOWN_AFTER: secret }),
    (secret) => workerOptions({ HOOKDESK_OPEN: "1", HOOKDESK_RETAIN_S: [secret] }),
  ];
  calls.forEach((call, index) => {
    assert.throws(
      () => call(SECRET as never),
      (error) => error instanceof TypeError && !error.message.includes("BwcHBwc"),
      `${index}: ${call.toString()}`,
    );
  });
});

test("what is signed is what a desk sends, and verifies", () => {
  const secret = "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
  const id = "evt_01856aa0c80070008000000000000001";
  const body = '{"event":"ping","created":"2023-01-01T00:00:00Z","data":{}}';
  const signature = sign(secret, id, 1_672_531_200, body);
  assert.equal(signature, "v1,Hj29zFf6yi8iAdWK7Nyhv10FCLSXCWdGPZfI5KZlFxA=");
  assert.equal(sign(secret.slice(6), id, 1_672_531_200, new TextEncoder().encode(body)), signature);

  const bytes = new Uint8Array([0, 255, 10]);
  const headers = [
    ["webhook-id", "msg 1"],
    ["webhook-timestamp", "0"],
    ["webhook-signature", sign(secret, "msg 1", 0, bytes)],
  ] as [string, string][];
  assert.equal(verify(headers, bytes, [secret], 0).code, "good");
});

test("what cannot be signed is a TypeError that repeats no secret", () => {
  const secret = "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
  for (const bad of ["", "whsec_", "whsec_é", "sec_019774247a4f70008000000000000036"]) {
    assert.throws(() => sign(bad, "id", 0, ""), {
      name: "TypeError",
      message: "secret: it must be whsec_ and the base64 of a key",
    });
  }
  assert.throws(() => sign(null as never, "id", 0, ""), TypeError);
  for (const seconds of [1.5, -1, NaN]) {
    assert.throws(() => sign(secret, "id", seconds, ""), TypeError);
  }
  assert.throws(() => sign(secret, "id", 0, 5 as never), TypeError);
});
