// Receives webhooks, with Node's own library: PORT=9000 WEBHOOK_SECRET=whsec_… node receiver.mjs

import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const KEY = Buffer.from(process.env.WEBHOOK_SECRET.replace(/^whsec_/, ""), "base64");
if (KEY.length === 0) throw new Error("WEBHOOK_SECRET is no secret");
const TOLERANCE_S = 5 * 60;
const LONGEST_BODY = 1024 * 1024;
// Keep these ids in your database, written together with what you do for them.
const seen = new Set();

/** Whether the body came from somebody who knows the secret, and not long ago. */
function verifies(headers, body) {
  const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": given } = headers;
  if (!id || !given || !/^\d+$/.test(timestamp ?? "")) return false;
  if (Math.abs(Date.now() / 1000 - Number(timestamp)) > TOLERANCE_S) return false;
  const mac = createHmac("sha256", KEY).update(`${id}.${timestamp}.`).update(body).digest("base64");
  const expected = Buffer.from(`v1,${mac}`);
  // While secrets rotate there are several signatures: one must fit.
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
      if (length > LONGEST_BODY) return answer(413);
      chunks.push(chunk);
    }
    // The bytes as they came: what is parsed and written anew has another signature.
    const body = Buffer.concat(chunks);
    if (!verifies(request.headers, body)) return answer(400);

    const id = request.headers["webhook-id"];
    if (seen.has(id)) {
      console.log(`known ${id}`);
    } else {
      const { event } = JSON.parse(body);
      seen.add(id);
      // Put it into a queue here, and work on it later: the sender waits for the answer.
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
