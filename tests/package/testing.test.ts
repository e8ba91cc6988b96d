/** The package's test double, as a partner's own tests use it. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { init } from "hookdesk";
import { Refused, TestDesk, type Reaction, type Receiver } from "hookdesk/testing";
import { Webhook } from "standardwebhooks";

const URL = "https://partner.example/hook";
const DAY = 24 * 60 * 60 * 1000;

await init();

const good = (): Response => new Response("");
const failing = (): Response => new Response("no", { status: 500 });

test("a delivery has the bytes and the headers that the server sends", async () => {
  const desk = new TestDesk();
  let body = "";
  const { secret } = desk.register(URL, async (request) => {
    body = await request.text();
    return good();
  });
  desk.openTicket("Grüße, \"quoted\" \u{1f525}");
  await desk.settle();
  assert.equal(
    body,
    '{"event":"ticket_opened","created":"2026-01-01T00:00:00Z",' +
      '"data":{"ticket_message":"Grüße, \\"quoted\\" \u{1f525}"}}',
  );
  const [delivery] = desk.deliveries;
  assert.ok(delivery);
  assert.equal(delivery.headers["webhook-timestamp"], String(Date.UTC(2026, 0) / 1000));
  assert.match(delivery.headers["user-agent"] ?? "", /^HookDesk\//);
  assert.equal(delivery.headers["hookdesk-ticket-version"], "1");
  verify(secret, delivery.headers, delivery.body);
});

/** The published library, at the time of the delivery. */
function verify(secret: string, headers: Record<string, string>, body: string): void {
  const real = Date.now;
  Date.now = () => Number(headers["webhook-timestamp"]) * 1000;
  try {
    new Webhook(secret).verify(body, headers);
  } finally {
    Date.now = real;
  }
}

test("a receiver that fails is tried ten times in 75 hours, and then given up", async () => {
  const desk = new TestDesk();
  const { id } = desk.register(URL, failing, { retry_schedule: undefined });
  const ticket = desk.openTicket("late");
  await desk.advance(5 * DAY);
  const mine = desk.deliveries.map(({ attempt }) => attempt);
  assert.deepEqual(mine, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  assert.equal(new Set(desk.deliveries.map((delivery) => delivery.id)).size, 1);
  const [state] = desk.call<{ state: string }[]>("GET", `/webhooks/${id}/deliveries`);
  assert.equal(state?.state, "abandoned");
  assert.match(ticket.id, /^tkt_/);
});

test("an answer that is lost makes a repeat under the same webhook-id", async () => {
  const desk = new TestDesk();
  const answers: Reaction[] = ["timeout", good()];
  desk.register(URL, () => answers.shift() ?? failing());
  desk.openTicket("late");
  await desk.advance(60_000);
  const [first, second] = desk.deliveries;
  assert.equal(first?.id, second?.id);
  assert.deepEqual([first?.outcome, second?.outcome], ["timeout", 200]);
  assert.equal(desk.deliveries.length, 2);
});

test("Retry-After is heeded", async () => {
  const desk = new TestDesk();
  const wait = { status: 429, headers: { "retry-after": "1800" } };
  const answers = [new Response("", wait), good()];
  desk.register(URL, () => answers.shift() ?? failing());
  desk.openTicket("late");
  await desk.advance(1_799_000);
  assert.equal(desk.deliveries.length, 1);
  await desk.advance(1_000);
  assert.equal(desk.deliveries.length, 2);
});

test("inside a ticket nothing overtakes", async () => {
  const desk = new TestDesk();
  let down = true;
  desk.register(URL, () => (down ? failing() : good()));
  const { id } = desk.openTicket("one");
  desk.updateTicket(id, "two");
  desk.closeTicket(id);
  await desk.settle();
  assert.equal(desk.deliveries.length, 1);
  down = false;
  await desk.advance(60_000);
  const versions = desk.deliveries.map(({ headers }) => headers["hookdesk-ticket-version"]);
  assert.deepEqual(versions, ["1", "1", "2", "3"]);
});

test("while secrets overlap both sign, and then the new one alone", async () => {
  const desk = new TestDesk();
  const { id, secret: old } = desk.register(URL, good);
  const { secret } = desk.rotate(id, 3_600);
  assert.notEqual(secret, old);
  desk.openTicket("while");
  await desk.advance(3_600_000);
  desk.openTicket("after");
  await desk.settle();
  const [during, after] = desk.deliveries;
  assert.ok(during && after);
  verify(old, during.headers, during.body);
  verify(secret, during.headers, during.body);
  verify(secret, after.headers, after.body);
  assert.throws(() => verify(old, after.headers, after.body));
});

test("what the desk refuses is thrown with its code", () => {
  const desk = new TestDesk();
  assert.throws(
    () => desk.openTicket(""),
    (error) => error instanceof Refused && error.status === 422 && error.code === "bad_field",
  );
  assert.throws(
    () => desk.register("http://10.0.0.1/hook", good),
    (error) => error instanceof Refused && error.code === "bad_callback_url",
  );
  assert.throws(
    () => desk.call("GET", "/nothing"),
    (error) => error instanceof Refused && error.status === 404,
  );
});

test("a receiver's own mistakes are thrown, and count as failures", async () => {
  const desk = new TestDesk();
  const mistakes: Receiver[] = [
    () => {
      throw new Error("my bug");
    },
    () => undefined as never,
    () => ({ status: 200 }) as never,
  ];
  desk.register(URL, (request) => (mistakes.shift() ?? good)(request));
  desk.openTicket("late");
  await assert.rejects(desk.settle(), /my bug/);
  await assert.rejects(desk.advance(10_000), /must give a Response or a failure/);
  await assert.rejects(desk.advance(DAY), TypeError);
  await desk.advance(DAY);
  assert.deepEqual(desk.deliveries.map(({ outcome }) => outcome), ["reset", "reset", "reset", 200]);
});

test("a webhook that moves has its receiver named", async () => {
  const desk = new TestDesk();
  const { id } = desk.register(URL, good);
  desk.call("PATCH", `/webhooks/${id}`, { callback_url: `${URL}/new` });
  desk.openTicket("lost");
  await assert.rejects(desk.settle(), /no receiver for .*\/new/);
  desk.receive(`${URL}/new`, good);
  desk.openTicket("found");
  await desk.settle();
  assert.equal(desk.deliveries.length, 1);
});

test("equal seeds make equal desks", async () => {
  const run = async (seed: number): Promise<string> => {
    const desk = new TestDesk({ seed });
    const { secret } = desk.register(URL, good);
    desk.openTicket("same");
    await desk.settle();
    return secret + JSON.stringify(desk.deliveries);
  };
  assert.equal(await run(7), await run(7));
  assert.notEqual(await run(7), await run(8));
});
