/** The examples for frameworks in the package's README, with deliveries of a desk and others. */

import assert from "node:assert/strict";
import { createServer, type AddressInfo } from "node:net";
import { before, test } from "node:test";

import express from "express";
import fastify from "fastify";
import { init, sign } from "hookdesk";
import { verified } from "hookdesk/express";
import { verified as verifiedScope } from "hookdesk/fastify";

const SECRET = "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
const BODY = '{"event":"ping","created":"2023-01-01T00:00:00Z","data":{}}';

before(init);

/** A port that nothing listens on. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function signed(body: string, secret = SECRET): Record<string, string> {
  const seconds = Math.floor(Date.now() / 1000);
  return {
    "content-type": "application/json",
    "webhook-id": "evt_01856aa0c80070008000000000000001",
    "webhook-timestamp": String(seconds),
    "webhook-signature": sign(secret, "evt_01856aa0c80070008000000000000001", seconds, body),
  };
}

const forged = { "webhook-signature": "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" };

const REQUESTS: [name: string, body: string | undefined, headers: object, status: number][] = [
  ["signed", BODY, {}, 204],
  ["another body", BODY.replace("ping", "pong"), {}, 401],
  ["a forged signature", BODY, forged, 401],
  ["another type of content", BODY, { ...forged, "content-type": "text/plain" }, 401],
  ["no body", undefined, {}, 401],
];

for (const framework of ["express", "fastify"]) {
  test(`the example for ${framework} takes what verifies, and nothing else`, async () => {
    // Express prints errors elsewhere.
    process.env.NODE_ENV = "test";
    process.env.HOOKDESK_SECRET = SECRET;
    process.env.PORT = String(await freePort());
    await import(`./readme-${framework}.js`);
    for (const [name, body, headers, status] of REQUESTS) {
      const all = { ...signed(BODY), ...headers };
      const request = { method: "POST", headers: all, body: body ?? null };
      const response: Response = await fetch(`http://127.0.0.1:${process.env.PORT}/hook`, request);
      assert.equal(response.status, status, `${name}: ${await response.text()}`);
    }
  });
}

test("a body that was parsed before is told as that", async () => {
  const app = express();
  app.use(express.json());
  app.post("/hook", verified({ secrets: SECRET }), (_request, response) => void response.sendStatus(204));
  let told = "";
  const report: express.ErrorRequestHandler = (error: Error, _request, response, _next) => {
    told = error.message;
    response.sendStatus(500);
  };
  app.use(report);
  const server = app.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  const request = { method: "POST", headers: signed(BODY), body: BODY };
  const { status } = await fetch(`http://127.0.0.1:${port}/hook`, request);
  server.close();
  assert.equal(status, 500);
  assert.match(told, /put verified\(\) before express\.json\(\)/);
});

test("a body that was kept as bytes is as good as one that was not read", async () => {
  const app = express();
  app.post("/hook", express.raw({ type: "*/*" }), verified({ secrets: () => [SECRET] }), (request, response) => {
    response.json(request.body);
  });
  const server = app.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  const request = { method: "POST", headers: signed(BODY), body: BODY };
  const response = await fetch(`http://127.0.0.1:${port}/hook`, request);
  assert.deepEqual(await response.json(), JSON.parse(BODY));
  server.close();
});

test("a body without an end is not read to it", async () => {
  let error: { status?: number } = {};
  const endless = async function* (): AsyncGenerator<Uint8Array> {
    for (;;) yield new Uint8Array(65_536);
  };
  await new Promise<void>((resolve) => {
    const request = Object.assign(endless(), { headers: signed(BODY) });
    verified({ secrets: SECRET })(request, {}, (thrown) => {
      error = thrown as typeof error;
      resolve();
    });
  });
  assert.equal(error.status, 413);
});

test("a scope of Fastify leaves other routes their parsers", async () => {
  const app = fastify();
  await app.register(async (scope) => {
    verifiedScope(scope, { secrets: [SECRET] });
    scope.post("/hook", async (request) => request.body);
  });
  app.post("/else", async (request) => request.body);
  const taken = await app.inject({ method: "POST", url: "/hook", headers: signed(BODY), payload: BODY });
  assert.deepEqual(taken.json(), JSON.parse(BODY));
  const free = await app.inject({ method: "POST", url: "/else", payload: { a: 1 } });
  assert.deepEqual(free.json(), { a: 1 });
});

test("a receiver without a secret does not start", () => {
  for (const secrets of [undefined, "", []] as const) {
    assert.throws(() => verified({ secrets }), /secrets: give the whsec_…/);
    assert.throws(() => verifiedScope(fastify(), { secrets }), /secrets: give/);
  }
});
