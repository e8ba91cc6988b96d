/** Deliveries to begin with: one that verifies, and what befalls others. */

import { sign } from "hookdesk";

import { EMPTY } from "./pasted-delivery.svelte";
import type { Fields } from "./pasted-delivery.svelte";

const SECRET = "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
const FORMER = "whsec_CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg=";
const ID = "evt_01977420dca370008000000000000001";
const BODY =
  '{"event":"ticket_opened","created":"2025-06-15T15:06:40Z",' +
  '"data":{"ticket_message":"Grüße: my order is late"}}';
/** Seconds of an hour and a half: beyond any tolerance. */
const LATE_S = 5_400;

export interface Example {
  name: string;
  fields: (nowSeconds: number) => Fields;
}

function lines(seconds: number, signature: string): string {
  return [
    "POST /hook HTTP/1.1",
    "Host: partner.example",
    "Content-Type: application/json",
    "User-Agent: HookDesk/0.1.0",
    `Webhook-Id: ${ID}`,
    `Webhook-Timestamp: ${seconds}`,
    `Webhook-Signature: ${signature}`,
    "Hookdesk-Attempt: 1",
  ].join("\n");
}

/** The good one, changed. */
function changed(change: (good: Fields, seconds: number) => Partial<Fields>): Example["fields"] {
  return (seconds) => {
    const headers = lines(seconds, sign(SECRET, ID, seconds, BODY));
    const good = { ...EMPTY, headers, body: BODY, secrets: SECRET };
    return { ...good, ...change(good, seconds) };
  };
}

function hexOf(signature: string): string {
  const digits = [...atob(signature.slice("v1,".length))].map((byte) =>
    byte.charCodeAt(0).toString(16).padStart(2, "0"),
  );
  return `v1,${digits.join("")}`;
}

/** The same headers as Node has them. */
function asObject(headers: string): string {
  const pairs = headers.split("\n").slice(1);
  const named = pairs.map((line) => [line.split(": ")[0]?.toLowerCase(), line.split(": ")[1]]);
  return JSON.stringify(Object.fromEntries(named), null, 2);
}

export const EXAMPLES: Example[] = [
  { name: "A good one", fields: changed(() => ({})) },
  {
    name: "Parsed and written anew",
    fields: changed(({ headers }) => ({
      headers: asObject(headers),
      body: JSON.stringify(JSON.parse(BODY), null, 2),
    })),
  },
  {
    name: "A secret that was replaced",
    fields: changed((_, seconds) => ({
      headers: lines(seconds, sign(FORMER, ID, seconds, BODY)),
      secrets: `${SECRET}\n${FORMER} # rotated`,
    })),
  },
  {
    name: "Too old",
    fields: (now) => ({ ...changed(() => ({}))(now - LATE_S), clock: "now" }),
  },
  {
    name: "A header lost on its way",
    fields: changed(({ headers }) => ({
      headers: headers
        .split("\n")
        .filter((line) => !line.startsWith("Webhook-Timestamp"))
        .map((line) => `> ${line}`)
        .join("\n"),
    })),
  },
  {
    name: "Wrong encoding",
    fields: changed(({ body }) => ({ body: body.replace("ü", "Ã¼").replace("ß", "ÃŸ") })),
  },
  {
    name: "Hex for base64",
    fields: changed((_, seconds) => ({
      headers: lines(seconds, hexOf(sign(SECRET, ID, seconds, BODY))),
    })),
  },
];
