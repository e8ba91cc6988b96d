// Mistakes of careless receivers in Node.js, made to deliveries and labelled. Input and output are those
// of mutations.py.

import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { URLSearchParams } from "node:url";
import { inspect } from "node:util";

const given = JSON.parse(readFileSync(0, "utf8"));
const [secret] = given.secrets;
const bare = secret.slice("whsec_".length);

function write(name, label, delivery, { body = delivery.body, headers = delivery.headers } = {}) {
  const bytes = Buffer.from(body);
  const text = bytes.toString();
  const shown = Buffer.from(text).equals(bytes)
    ? { body: text }
    : { body_base64: bytes.toString("base64") };
  const { kind, now } = delivery;
  const line = { name: `${name} / ${kind}`, label, headers, ...shown, secrets: [[secret, false]], now };
  console.log(JSON.stringify(line));
}

function header(delivery, name) {
  return delivery.headers.find(([key]) => key === name)[1];
}

function signed(delivery, key, content) {
  const signature = `v1,${createHmac("sha256", key).update(content).digest("base64")}`;
  return delivery.headers.map(([name, value]) => [name, name === "webhook-signature" ? signature : value]);
}

const kinds = new Map();
for (const delivery of given.deliveries) {
  if (!kinds.has(delivery.kind)) kinds.set(delivery.kind, []);
  kinds.get(delivery.kind).push(delivery);
}
const firstOfEach = [...kinds.values()].map(([first]) => first);
const wide = given.deliveries.filter(({ body }) => /[^\x00-\x7f]/.test(body)).slice(0, 6);

// JSON.parse and JSON.stringify change nothing in our bodies but what they are told to.
for (const delivery of firstOfEach) {
  write("JSON.stringify", "good", delivery, { body: JSON.stringify(JSON.parse(delivery.body)) });
}
for (const delivery of [...firstOfEach, ...wide]) {
  const parsed = JSON.parse(delivery.body);
  write("JSON.stringify, 2", "body_reserialised", delivery, { body: JSON.stringify(parsed, null, 2) });
  write("JSON.stringify, tab", "body_reserialised", delivery, { body: JSON.stringify(parsed, null, "\t") });
  const { event, created, data } = parsed;
  write("keys in the order of an interface", "body_reserialised", delivery, {
    body: JSON.stringify({ data, event, created }),
  });
  write("a Date", "body_reserialised", delivery, {
    body: JSON.stringify({ event, created: new Date(created), data }),
  });
  write("an object made a string", "body_printed", delivery, { body: String(parsed) });
  write("util.inspect", "body_printed", delivery, { body: inspect(parsed) });
  write("a body that nothing parsed", "body_empty", delivery, { body: "{}" });
  write("undefined", "body_empty", delivery, { body: "undefined" });
  write("JSON.stringify of text", "body_quoted", delivery, { body: JSON.stringify(delivery.body) });
  write("JSON.stringify of a Buffer", "body_printed", delivery, {
    body: JSON.stringify(Buffer.from(delivery.body)),
  });
  write("a Uint8Array made a string", "body_printed", delivery, {
    body: String(new Uint8Array(Buffer.from(delivery.body))),
  });
  write("console.log of a Buffer", "body_printed", delivery, { body: inspect(Buffer.from(delivery.body)) });
  write("a form", "body_percent_encoded", delivery, {
    body: new URLSearchParams([[delivery.body, ""]]).toString(),
  });
  const fields = Object.fromEntries(new URLSearchParams(delivery.body));
  // One key, unless the message has what separates fields.
  if (!/[&=+%]/.test(delivery.body)) {
    write("a form of Express's", "body_quoted", delivery, { body: JSON.stringify(fields) });
  }
}
for (const delivery of wide) {
  const bytes = Buffer.from(delivery.body);
  write("read as latin1", "body_mojibake", delivery, { body: bytes.toString("latin1") });
  write("read as ascii", "body_characters_replaced", delivery, {
    // Chunks that end inside a character, each decoded for itself.
    body: [...bytes].map((byte) => Buffer.from([byte]).toString()).join(""),
  });
  write("written as utf16le", "body_utf16", delivery, { body: Buffer.from(delivery.body, "utf16le") });
  write("body.length for Content-Length", "body_cut_short", delivery, {
    body: bytes.subarray(0, delivery.body.length),
  });
}
for (const delivery of firstOfEach.slice(0, 4)) {
  const content = `${header(delivery, "webhook-id")}.${header(delivery, "webhook-timestamp")}.${delivery.body}`;
  const keys = [
    ["the whole text", "key_whole_text", secret],
    ["the base64", "key_not_decoded", bare],
    ["base64 of the whole text", "key_prefix_decoded", Buffer.from(secret, "base64")],
    ["atob", "key_read_as_text", atob(bare)],
    ["Buffer's toString", "key_read_as_text", Buffer.from(bare, "base64").toString()],
    ["hex digits", "key_hex_text", Buffer.from(bare, "base64").toString("hex")],
  ];
  for (const [name, label, key] of keys) {
    write(`signed with ${name}`, label, delivery, { headers: signed(delivery, key, content) });
  }
}
