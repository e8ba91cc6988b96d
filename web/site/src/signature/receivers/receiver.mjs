// Receives webhooks, with Node's standard library: PORT=9000 WEBHOOK_SECRET=whsec_... node receiver.mjs

import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const KEY = Buffer.from(process.env.WEBHOOK_SECRET.replace(/^whsec_/, ""), "base64");
if (KEY.length === 0) throw new Error("WEBHOOK_SECRET is not a secret");
const TOLERANCE_S = 5 * 60;
const MAX_BODY_BYTES = 1024 * 1024;
// Keep these ids in your database, in the transaction that processes the event.
const seen = new Set();

/** Whether the body is signed with the secret, and recent. */
function verifies(headers, body) {
  const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": given } = headers;
  if (!id || !given || !/^\d+$/.test(timestamp ?? "")) return false;
  if (Math.abs(Date.now() / 1000 - Number(timestamp)) > TOLERANCE_S) return false;
  const mac = createHmac("sha256", KEY).update(`${id}.${timestamp}.`).update(body).digest("base64");
  const expected = Buffer.from(`v1,${mac}`);
  // During a rotation there are several signatures: one must match.
  return given.split(" ").some((one) => {
    const signature = Buffer.from(one);
    return signature.length === expected.length && timingSafeEqual(signature, expected);
  });
}

const server = createServer(async (request, response) => {
  const answer = (status) => response.writeHead(status).end();
  try {
    const chunks = [];
    let length = 0;
    for await (const chunk of request) {
      length += chunk.length;
      if (length > MAX_BODY_BYTES) return answer(413);
      chunks.push(chunk);
    }
    // The raw body: after parsing and serialising, the signature would not match.
    const body = Buffer.concat(chunks);
    if (!verifies(request.headers, body)) return answer(400);

    const id = request.headers["webhook-id"];
    if (seen.has(id)) {
      console.log(`known ${id}`);
    } else {
      const { event } = JSON.parse(body);
      seen.add(id);
      // Put it into a queue here, and process it later: the sender waits for the response.
      console.log(`new ${id} ${event}`);
    }
    answer(204);
  } catch (error) {
    console.error(error);
    if (!response.headersSent) answer(500);
  }
});

server.listen(Number(process.env.PORT), "127.0.0.1", () => {
  console.log(`listening on port ${process.env.PORT}`);
});
