/** The types of bodies, beside what the desk takes and sends. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { init } from "hookdesk";
import type {
  EventBody,
  EventType,
  KeyChange,
  NewKey,
  Registration,
  Replay,
  Rotation,
  SettingsChange,
  TicketMessage,
} from "hookdesk";
import { EVENT_TYPES } from "hookdesk/names";
import { Refused, TestDesk, type Method } from "hookdesk/testing";

const URL = "https://partner.example/hook";

await init();

/** Each field of a type, and no other. */
type Fields<T> = Record<keyof Required<T>, true>;
type DataOf<Type extends EventType> = Extract<EventBody, { event: Type }>["data"];

const registration: Fields<Registration> = {
  callback_url: true,
  secret: true,
  partner: true,
  events: true,
  ordering: true,
  description: true,
  headers: true,
  retry_schedule: true,
  timeout_ms: true,
  max_in_flight: true,
  rate_limit: true,
  status: true,
};
const { secret: _, ...change } = registration;
const settings: Fields<SettingsChange> = change;
const rotation: Fields<Rotation> = { overlap_seconds: true, secret: true };
const replay: Fields<Replay> = { since: true, until: true, only: true, per_second: true, dry_run: true };
const key: Fields<NewKey> = {
  scopes: true,
  partner: true,
  events: true,
  rate_limit: true,
  expires_at: true,
  name: true,
};
const { partner: __, ...changeOfKey } = key;
const keyChange: Fields<KeyChange> = changeOfKey;
const ticket: Fields<TicketMessage> = { ticket_message: true };

test("each declared field of a body is one that the desk reads", () => {
  const desk = new TestDesk();
  const { id } = desk.register(URL, () => new Response(""));
  const calls: [Method, `/${string}`, Record<string, true>][] = [
    ["POST", "/webhooks/register", registration],
    ["PATCH", `/webhooks/${id}`, settings],
    ["POST", `/webhooks/${id}/secret/rotate`, rotation],
    ["POST", `/webhooks/${id}/replay`, replay],
    ["POST", "/tickets", ticket],
    ["POST", "/keys", key],
    ["PATCH", "/keys/key_0197000000017abcaeeeeeeeeeeeeeee", keyChange],
  ];
  for (const [method, path, fields] of calls) {
    const wrong = Object.fromEntries(Object.keys(fields).map((name) => [name, { x: [] }]));
    assert.throws(
      () => desk.call(method, path, wrong),
      (error) => {
        assert.ok(error instanceof Refused && error.code === "bad_field", String(error));
        const named = error.errors.map(({ pointer }) => pointer.split("/")[1]);
        assert.deepEqual(named.sort(), Object.keys(fields).sort(), path);
        return true;
      },
    );
  }
});

const data: { [Type in EventType]: Fields<DataOf<Type>> } = {
  ping: {},
  ticket_opened: { ticket_message: true },
  ticket_updated: { ticket_message: true },
  ticket_closed: {},
  service_unavailable: {},
  service_available: {},
  webhook_down: { webhook_id: true, reason: true },
  webhook_recovered: { webhook_id: true, reason: true },
  webhook_disabled: { webhook_id: true, reason: true },
  delivery_abandoned: { webhook_id: true, event_id: true, reason: true },
};

test("each delivered body has the fields that its type declares", async () => {
  const desk = new TestDesk({ downAfter: 3 });
  const bodies: EventBody[] = [];
  const take = async (request: Request): Promise<Response> => {
    bodies.push((await request.json()) as EventBody);
    return new Response("");
  };
  desk.register(URL, take, { events: EVENT_TYPES });
  let status = 500;
  const failing = (): Response => new Response("", { status });
  desk.register(`${URL}/failing`, failing);
  const once = { events: ["service_available"], retry_schedule: [] } as const;
  desk.register(`${URL}/once`, failing, once);
  for (let count = 0; count < 5; count += 1) {
    const { id } = desk.openTicket(`ticket ${count}`);
    desk.updateTicket(id, "more");
    desk.closeTicket(id);
  }
  desk.call("POST", "/service/unavailable");
  desk.call("POST", "/service/available");
  desk.ping();
  await desk.advance(24 * 3_600_000);
  status = 200;
  await desk.advance(3_600_000);
  status = 410;
  desk.openTicket("last");
  await desk.advance(60_000);
  const seen = new Set<EventType>();
  for (const body of bodies) {
    seen.add(body.event);
    assert.deepEqual(Object.keys(body), ["event", "created", "data"]);
    assert.deepEqual(Object.keys(body.data).sort(), Object.keys(data[body.event]).sort(), body.event);
  }
  assert.deepEqual([...seen].sort(), [...EVENT_TYPES].sort());
});
