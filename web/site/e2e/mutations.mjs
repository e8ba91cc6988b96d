// Deliveries that stacks in Python and Node.js have altered, each with the expected verdict.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

/**
 * @typedef {object} Mutation
 * @property {string} name
 * @property {string} label
 * @property {[string, string][]} headers
 * @property {string} [body]
 * @property {string} [body_base64]
 * @property {[text: string, ended: boolean][]} secrets
 * @property {number} now
 */

const MUTATIONS = new URL("../../../tests/data/mutations.jsonl", import.meta.url);
/** Deliveries of each label that are typed into the page, spread over the file. */
const OF_EACH = 2;

/** Some deliveries of each label that can be typed into the page. */
export function representatives() {
  const lines = readFileSync(MUTATIONS, "utf8").trim().split("\n");
  const all = lines.map((line) => /** @type {Mutation} */ (JSON.parse(line)));
  /** @type {Map<string, Mutation[]>} */
  const labelled = new Map(all.map(({ label }) => [label, []]));
  // The field for secrets cannot express an empty one, or one with a line end.
  const typed = all.filter(({ secrets }) =>
    secrets.every(([text]) => text !== "" && !/[\r\n]/.test(text)),
  );
  for (const one of typed) labelled.get(one.label)?.push(one);
  return [...labelled].flatMap(([label, of]) => {
    assert.ok(of.length > 0, `nothing of ${label} can be typed`);
    const step = Math.max(1, Math.floor(of.length / OF_EACH));
    return of.filter((_, index) => index % step === 0).slice(0, OF_EACH);
  });
}

/** @param {Mutation} one */
export function bodyOf({ body, body_base64 }) {
  return body === undefined ? Buffer.from(body_base64 ?? "", "base64") : Buffer.from(body);
}

/** @param {Mutation} one */
export function secretsOf({ secrets }) {
  return secrets.map(([text, ended]) => ({ text, ended }));
}
