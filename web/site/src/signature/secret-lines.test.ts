import { expect, test } from "vitest";

import { readSecrets } from "./secret-lines";

test("secrets are lines, marked where they have ended", () => {
  const table: [line: string, text: string, ended: boolean][] = [
    ["whsec_AA==", "whsec_AA==", false],
    ["whsec_AA== # rotated", "whsec_AA==", true],
    ["whsec_AA== (ended)", "whsec_AA==", true],
    ["ended: whsec_AA==", "whsec_AA==", true],
    ["old whsec_AA==", "whsec_AA==", true],
    ["WEBHOOK_SECRET=whsec_AA==", "WEBHOOK_SECRET=whsec_AA==", false],
    ["AA==", "AA==", false],
    ["AAA=", "AAA=", false],
    ['"whsec_AA=="', '"whsec_AA=="', false],
    ["  whsec_AA== ", "  whsec_AA== ", false],
    ["whsec_old=", "whsec_old=", false],
  ];
  for (const [line, text, ended] of table)
    expect(readSecrets(line), line).toEqual([{ text, ended }]);
  expect(readSecrets("\n a\n\n  \nb # rotated\n")).toEqual([
    { text: " a", ended: false },
    { text: "b", ended: true },
  ]);
});
