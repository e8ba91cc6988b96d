// Verifies recorded deliveries with the published Standard Webhooks library of JavaScript.
//
// The file named as the argument holds `[{"secret", "headers", "body", "valid"}, …]`; where there is a
// `message`, the body must hold that. The library refuses a timestamp more than five minutes from
// now, so deliveries must be fresh. Only its own verification error counts as a refusal: any other
// means that the entry never was a fair try.

import { readFileSync } from "node:fs";
import { Webhook, WebhookVerificationError } from "standardwebhooks";

function verifies({ secret, headers, body }) {
  try {
    new Webhook(secret).verify(body, headers);
    return null;
  } catch (error) {
    if (error instanceof WebhookVerificationError) return error.message;
    throw error;
  }
}

const entries = JSON.parse(readFileSync(process.argv[2], "utf8"));
if (entries.length === 0) throw new Error("no entries: that would prove nothing");

let [verified, refused] = [0, 0];
for (const [index, entry] of entries.entries()) {
  const refusal = verifies(entry);
  if (refusal === null) verified += 1;
  else refused += 1;
  if ((refusal === null) !== entry.valid) {
    const id = entry.headers["webhook-id"];
    console.error(`entry ${index} (${id}): ${refusal ?? "verified, and should not be"}`);
    process.exit(1);
  }
  if (entry.message !== undefined && JSON.parse(entry.body).data.ticket_message !== entry.message) {
    console.error(`entry ${index}: its body holds another message`);
    process.exit(1);
  }
}
console.log(`verified ${verified}, refused ${refused}`);
