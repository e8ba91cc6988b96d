// fetch of Node.js as a caller with an API key. Prints what a caller relies on, a line each.

import assert from "node:assert/strict";

const { BASE, KEY, LIMITED } = process.env;

function call(method, path, { body, key = KEY, ...headers } = {}) {
  const all = { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers };
  const signal = AbortSignal.timeout(20_000);
  return fetch(BASE + path, { method, headers: all, body: JSON.stringify(body), signal });
}

const { data: me } = await (await call("GET", "/me")).json();
console.log("caller", me.caller);
const body = { ticket_message: "from Node.js" };
const first = await (await call("POST", "/tickets", { body, "idempotency-key": "node-1" })).json();
const again = await call("POST", "/tickets", { body, "idempotency-key": "node-1" });
assert.deepEqual(await again.json(), first);
console.log("repeated", again.headers.get("idempotent-replayed"));
console.log("wrong", (await call("GET", "/tickets", { key: "hdk_wrong" })).status);
let limited;
for (let calls = 0; calls < 50 && limited?.status !== 429; calls += 1) {
  limited = await call("GET", "/me", { key: LIMITED });
  await limited.text();
}
console.log("limited", limited.headers.get("retry-after"));
const stream = await call("GET", "/events", { accept: "text/event-stream" });
const reader = stream.body.pipeThrough(new TextDecoderStream()).getReader();
let heard = (await reader.read()).value;
await (await call("DELETE", `/tickets/${first.data.id}`)).text();
while (!/^event: ticket_closed$/m.test(heard)) heard += (await reader.read()).value;
await reader.cancel();
console.log("heard", "ticket_closed");
