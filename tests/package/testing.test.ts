/** The package's test double, as a partner's own tests use it. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { init, type EventBody } from "hookdesk";
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

test("what is in flight to a webhook that is unregistered is cut off", async () => {
  const desk = new TestDesk();
  const { id } = desk.register(URL, good);
  desk.openTicket("for nobody");
  desk.call("DELETE", `/webhooks/unregister/${id}`);
  await desk.settle();
  assert.deepEqual(desk.deliveries, []);
});

test("a receiver that fails is tried ten times in 75 hours, and then given up", async () => {
  const desk = new TestDesk();
  const { id } = desk.register(URL, failing, { retry_schedule: null });
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
    () => "time-out" as never,
    async () => Promise.reject(new Error("my other bug")),
  ];
  desk.register(URL, (request, clock) => (mistakes.shift() ?? good)(request, clock));
  desk.openTicket("late");
  await assert.rejects(desk.settle(), /my bug/);
  await assert.rejects(desk.advance(10_000), /must give a Response or one of "dns"/);
  await assert.rejects(desk.advance(DAY), TypeError);
  await assert.rejects(desk.advance(DAY), TypeError);
  await assert.rejects(desk.advance(DAY), /my other bug/);
  await desk.advance(DAY);
  const outcomes = desk.deliveries.map(({ outcome }) => outcome);
  assert.deepEqual(outcomes, [500, 500, 500, 500, 500, 200]);
});

test("a webhook that moves has its receiver named", async () => {
  const desk = new TestDesk();
  const { id } = desk.register(URL, good);
  desk.call("PATCH", `/webhooks/${id}`, { callback_url: `${URL}/new` });
  desk.openTicket("lost");
  await assert.rejects(desk.settle(), /no receiver for .*\/new/);
  desk.receive(`${URL}/new`, good);
  await desk.advance(10_000);
  assert.deepEqual(desk.deliveries.map(({ outcome }) => outcome), ["connect", 200]);
});

test("an answer after the webhook's timeout is a timeout, whoever is late", async () => {
  const late: Receiver = async (_request, clock) => {
    await clock.sleep(1_300);
    return good();
  };
  const table: [number, Receiver, [number | string, number]][] = [
    [0, late, ["timeout", 1_000]],
    [1_300, good, ["timeout", 1_000]],
    [300, async (_, clock) => (await clock.sleep(700), good()), [200, 1_000]],
    [301, async (_, clock) => (await clock.sleep(700), good()), ["timeout", 1_000]],
    [0, async (_, clock) => (await clock.sleep(999), good()), [200, 999]],
    [0, () => "timeout", ["timeout", 1_000]],
    [200, () => "reset", ["reset", 200]],
  ];
  for (const [latency, receiver, expected] of table) {
    const desk = new TestDesk({ latency });
    desk.register(URL, receiver, { timeout_ms: 1_000, retry_schedule: [] });
    desk.openTicket("late");
    const start = desk.now;
    await desk.settle();
    const ends = desk.deliveries.map(({ outcome, durationMs }) => [outcome, durationMs]);
    assert.deepEqual(ends, [expected], `${latency} ${receiver.toString()}`);
    assert.ok(desk.now - start >= expected[1]);
  }
});

test("a receiver that is too late has done its work, and is told that nobody listens", async () => {
  const desk = new TestDesk();
  const done: boolean[] = [];
  desk.register(
    URL,
    async (request, clock) => {
      await clock.sleep(done.length === 0 ? 1_300 : 0);
      done.push(request.signal.aborted);
      return good();
    },
    { timeout_ms: 1_000 },
  );
  desk.openTicket("late");
  await desk.advance(1_000);
  assert.deepEqual([done.length, desk.deliveries.length, desk.inFlight], [0, 1, 0]);
  await desk.advance(60_000);
  assert.deepEqual(done, [true, false]);
  assert.deepEqual(desk.deliveries.map(({ outcome }) => outcome), ["timeout", 200]);
});

test("tickets opened at once are sent at once, up to the window", async () => {
  for (const [most, expected] of [[1, 1], [2, 2], [3, 3]] as const) {
    const desk = new TestDesk();
    const seen: number[] = [];
    const receiver: Receiver = async (_request, clock) => {
      await clock.sleep(100);
      seen.push(desk.inFlight);
      return good();
    };
    const { id } = desk.register(URL, receiver, { max_in_flight: most });
    for (let count = 0; count < 6; count += 1) desk.openTicket(`ticket ${count}`);
    await desk.advance(50);
    assert.equal(desk.webhook(id).in_flight, expected);
    assert.equal(desk.inFlight, expected);
    await desk.settle();
    assert.equal(Math.max(...seen), expected);
    assert.equal(desk.deliveries.length, 6);
    const spans = desk.deliveries.map(({ durationMs }) => durationMs);
    assert.deepEqual(new Set(spans), new Set([100]));
  }
});

test("a receiver may wait for another request, and call the desk", async () => {
  const desk = new TestDesk();
  let both: () => void = () => undefined;
  const second = new Promise<void>((resolve) => (both = resolve));
  let count = 0;
  desk.register(URL, async () => {
    count += 1;
    if (count === 2) both();
    if (count === 1) desk.openTicket("another");
    await second;
    return good();
  });
  desk.openTicket("one");
  await desk.settle();
  assert.equal(desk.deliveries.length, 2);
});

test("time that is none is told, and nothing has passed", async () => {
  const desk = new TestDesk();
  const { now } = desk;
  for (const bad of [undefined, null, NaN, Infinity, -1, 0.5, "5", 5n, Date.UTC(9999, 0)]) {
    await assert.rejects(desk.advance(bad as never), /advance: it must be whole milliseconds from 0/);
    assert.equal(desk.now, now);
  }
  for (const bad of [NaN, -1, 0.5, "now", null, new Date(), Infinity]) {
    assert.throws(() => new TestDesk({ now: bad as never }), /now: it must be whole milliseconds/);
    assert.throws(() => new TestDesk({ latency: bad as never }), /latency: it must be whole/);
  }
  for (const bad of [NaN, 0.5, "1", null, Infinity]) {
    assert.throws(() => new TestDesk({ seed: bad as never }), /seed: it must be a whole number/);
  }
  assert.throws(() => new TestDesk({ now: Date.UTC(2026, 0) / 1000 }), /now: it is in seconds/);
  desk.register(URL, async (_request, clock) => (await clock.sleep(undefined as never), good()));
  desk.openTicket("one");
  await assert.rejects(desk.settle(), /sleep: it must be whole milliseconds/);
  const running = desk.advance(1_000_000);
  await assert.rejects(desk.settle(), /await it first/);
  await assert.rejects(running, /sleep/);
});

test("ping, resend and replay are methods", async () => {
  const desk = new TestDesk();
  const { id } = desk.register(URL, good);
  desk.openTicket("one");
  await desk.settle();
  const [first] = desk.deliveries;
  assert.ok(first);
  assert.equal(desk.resend(id, first.id).id, first.id);
  await desk.settle();
  const { count } = desk.replay(id, { since: first.id, only: "all" });
  assert.equal(count, 1);
  await desk.settle();
  desk.ping(id);
  desk.ping();
  await desk.settle();
  const events = desk.deliveries.map(({ body }) => (JSON.parse(body) as EventBody).event);
  assert.deepEqual(events, ["ticket_opened", "ticket_opened", "ticket_opened", "ping", "ping"]);
  assert.equal(desk.webhook(id).backlog, 0);
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
