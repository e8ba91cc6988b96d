/** Example deliveries: one that verifies, and common mistakes. */

import { sign } from "hookdesk";

import { EMPTY } from "./pasted-delivery.svelte";
import type { DeliveryFields } from "./pasted-delivery.svelte";

const SECRET = "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
const FORMER = "whsec_CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg=";
const ID = "evt_01977420dca370008000000000000001";
const BODY =
  '{"event":"ticket_opened","created":"2025-06-15T15:06:40Z",' +
  '"data":{"ticket_message":"Grüße: my order is late"}}';
/** An hour and a half in seconds, beyond any tolerance. */
const LATE_S = 5_400;

export interface Example {
  name: string;
  fields: (nowSeconds: number) => DeliveryFields;
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

/** The valid delivery with changes. */
function changed(
  change: (valid: DeliveryFields, seconds: number) => Partial<DeliveryFields>,
): Example["fields"] {
  return (seconds) => {
    const headers = lines(seconds, sign(SECRET, ID, seconds, BODY));
    const valid = { ...EMPTY, headers, body: BODY, secrets: SECRET };
    return { ...valid, ...change(valid, seconds) };
  };
}

function hexOf(signature: string): string {
  const digits = [...atob(signature.slice("v1,".length))].map((byte) =>
    byte.charCodeAt(0).toString(16).padStart(2, "0"),
  );
  return `v1,${digits.join("")}`;
}

/** Headers as JSON, as Node.js has them. */
function asObject(headers: string): string {
  const pairs = headers.split("\n").slice(1);
  const named = pairs.map((line) => [line.split(": ")[0]?.toLowerCase(), line.split(": ")[1]]);
  return JSON.stringify(Object.fromEntries(named), null, 2);
}

export const EXAMPLES: Example[] = [
  { name: "Valid", fields: changed(() => ({})) },
  {
    name: "Body reserialised",
    fields: changed(({ headers }) => ({
      headers: asObject(headers),
      body: JSON.stringify(JSON.parse(BODY), null, 2),
    })),
  },
  {
    name: "Rotated secret",
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
    name: "Missing header",
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
    name: "Hex instead of base64",
    fields: changed((_, seconds) => ({
      headers: lines(seconds, hexOf(sign(SECRET, ID, seconds, BODY))),
    })),
  },
];
