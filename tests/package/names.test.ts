/** What a page knows of the desk's names without WebAssembly, beside what the desk says. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { init, type ListPage, type Reason, type StateView } from "hookdesk";
import { DEFAULT_EVENT_TYPES, DELIVERY_STATES, EVENT_TYPES, ORDERINGS } from "hookdesk/names";
import { Refused, TestDesk } from "hookdesk/testing";

const URL = "https://partner.example/hook";

await init();

test("a webhook that names no events hears of the default ones, which come first", () => {
  const desk = new TestDesk();
  const { id } = desk.register(URL, () => new Response(""));
  const webhook = desk.call<StateView>("GET", `/webhooks/${id}`);
  assert.deepEqual(webhook.events, DEFAULT_EVENT_TYPES);
  assert.deepEqual(EVENT_TYPES.slice(0, DEFAULT_EVENT_TYPES.length), DEFAULT_EVENT_TYPES);
  assert.equal(webhook.owed.count, 0);
  const reason: Reason | null = webhook.reason;
  assert.equal(reason, null);
});

test("the desk takes each name, and no other", () => {
  const desk = new TestDesk();
  for (const ordering of ORDERINGS) {
    const { id } = desk.register(URL, () => new Response(""), { ordering, events: EVENT_TYPES });
    const webhook = desk.call<StateView>("GET", `/webhooks/${id}`);
    assert.equal(webhook.ordering, ordering);
    assert.deepEqual(webhook.events, EVENT_TYPES);
    for (const state of DELIVERY_STATES) {
      desk.call<ListPage<unknown, string>["data"]>("GET", `/webhooks/${id}/deliveries?state=${state}`);
    }
    assert.throws(() => desk.call("GET", `/webhooks/${id}/deliveries?state=lost`), Refused);
  }
  const settings = { ordering: "event", events: ["ticket_lost"] };
  assert.throws(() => desk.register(URL, () => new Response(""), settings as never), Refused);
});
