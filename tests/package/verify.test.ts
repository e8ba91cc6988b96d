/** Diagnosis of the labelled deliveries by the package, equal to the native one. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { init, sign, verify } from "hookdesk";

await init();

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
    const { code } = verify(one.headers, body, secrets, one.now);
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
  assert.throws(() => verify(headers, body, secrets, 1.5), TypeError);
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
