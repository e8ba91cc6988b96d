// The border of the module, as a host that is mistaken or unlucky meets it: node --test web/edge/border.test.mjs
//
// The desk is the package's own, over a SQLite of Node's own.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, test } from "node:test";

import { init, reset, StoredDesk, unknownBindings, workerOptions } from "../pkg/package/node.js";

await init();

let now = 1_700_000_000_000;
let rows;
let storage;
let desk;

const at = () => ({ nowMs: ++now, chance: randomBytes(48).toString("hex") });
const open = () => new StoredDesk(storage, at(), { open: true });

function call(method, path, body, more = []) {
  const headers = [["host", "localhost"], ["content-type", "application/json"], ...more];
  const bytes = new TextEncoder().encode(body === undefined ? "" : JSON.stringify(body));
  return desk.call(at(), { method, path, query: "", headers }, bytes);
}

/** What a store is asked, over a database that is open. */
function over(database) {
  return {
    query(sql, values) {
      if (values.length === 0 && !sql.startsWith("SELECT")) return database.exec(sql), [];
      const statement = database.prepare(sql);
      statement.setReturnArrays(true);
      return statement.all(...values);
    },
    commit(statements) {
      database.exec("BEGIN");
      for (const [sql, values, changes] of statements) {
        if (values.length === 0) {
          database.exec(sql);
          continue;
        }
        const { changes: changed } = database.prepare(sql).run(...values);
        if (changes !== undefined && changed !== changes) return database.exec("ROLLBACK"), false;
      }
      database.exec("COMMIT");
      return true;
    },
  };
}

beforeEach(() => {
  rows = new DatabaseSync(":memory:");
  storage = over(rows);
  desk = open();
});
afterEach(() => rows.close());

/** Opens a ticket, and gives its id. */
function openTicket(message = "one") {
  const { response } = call("POST", "/tickets", { ticket_message: message });
  assert.equal(response.status, 201, response.body);
  return JSON.parse(response.body).data.id;
}

const NOT_JSON = [undefined, Symbol("a"), () => 1];
const WRONG = [...NOT_JSON, null, 1, "text", [], {}, { nowMs: "1" }, { nowMs: 1, chance: "zz" }];
const CALL = { method: "GET", path: "/tickets", query: "", headers: [] };

test("values of wrong types are refused with a TypeError, and the desk works on", () => {
  const bytes = new Uint8Array();
  for (const wrong of WRONG) {
    assert.throws(() => desk.wake(wrong), TypeError);
    assert.throws(() => desk.call(wrong, CALL, bytes), TypeError);
    assert.throws(() => desk.call(at(), wrong, bytes), TypeError);
    assert.throws(() => desk.report(at(), wrong), TypeError);
    assert.throws(() => new StoredDesk(storage, wrong, {}), TypeError);
  }
  assert.throws(() => new StoredDesk(storage, at(), { unknown: 1 }), TypeError);
  assert.throws(() => desk.call(at(), { ...CALL, headers: [["one"]] }, bytes), TypeError);
  for (const body of [null, 1, "text", {}]) {
    assert.throws(() => desk.call(at(), CALL, body), TypeError, String(body));
  }
  for (const list of [undefined, -1, 1.5, "x", {}]) assert.throws(() => desk.page(list), Error);
  for (const env of [{}, { HOOKDESK_OPEN: "1", HOOKDESK_RETAIN: "1" }]) {
    assert.throws(() => workerOptions(env), TypeError);
  }
  const others = { HOOKDESK_OPEN: "1", HOOKDESK_IMAGE: "1", HOOKDESK_PORT: "tcp://10.0.0.1:80" };
  assert.deepEqual(unknownBindings(others), ["HOOKDESK_IMAGE"]);
  assert.equal(workerOptions(others).open, true);
  openTicket();
});

test("a store that is no store is refused, and the desk works on", () => {
  for (const store of [{}, { query: 1 }, { query: () => 1, commit: () => true }]) {
    assert.throws(() => new StoredDesk(store, at(), {}), Error);
  }
  openTicket();
});

test("a store that answers nonsense is a fault until it is mended", () => {
  openTicket();
  for (const nonsense of [() => [[]], () => [["x", {}, null]], () => [[NaN]], () => 5, () => null]) {
    desk = open();
    const { query } = storage;
    storage.query = nonsense;
    const { response } = call("GET", "/tickets");
    storage.query = query;
    assert.notEqual(response.status, 500, String(nonsense));
    desk = open();
    assert.equal(JSON.parse(call("GET", "/tickets").response.body).data.length, 1);
  }
});

test("a store that throws once loses nothing, and its report is heard", () => {
  const settings = { callback_url: "http://127.0.0.1:9/hook" };
  const { response } = call("POST", "/webhooks/register", settings);
  const webhook = JSON.parse(response.body).data.id;
  const { requests } = call("POST", "/tickets", { ticket_message: "one" });
  assert.equal(requests.length, 1);
  const { commit } = storage;
  storage.commit = () => {
    throw new Error("disk I/O error");
  };

  const [{ key }] = requests;
  const unheard = desk.report(at(), { key, durationMs: 5, status: 200, retryAfter: null, body: "" });
  const refused = call("POST", "/tickets", { ticket_message: "two" });
  storage.commit = commit;
  const heard = desk.wake(at());

  assert.equal(unheard.fault, "disk I/O error");
  assert.ok(unheard.nextWakeMs > now - 10 && unheard.nextWakeMs < now + 1_000);
  assert.equal(refused.response.status, 503);
  assert.equal(heard.fault, undefined);
  const { backlog, in_flight } = JSON.parse(call("GET", `/webhooks/${webhook}`).response.body).data;
  assert.deepEqual({ backlog, in_flight }, { backlog: 0, in_flight: 0 });
});

test("a broken instance says so to all its desks, and a new one goes on over the same rows", () => {
  const settings = { callback_url: "http://127.0.0.1:9/hook" };
  const register = () => call("POST", "/webhooks/register", settings, [["idempotency-key", "again"]]);
  const first = register().response.body;
  const other = new StoredDesk(over(new DatabaseSync(":memory:")), at(), { open: true });
  // What is kept for a repetition is damaged so that giving it again breaks the desk.
  rows.exec("ALTER TABLE keys ADD COLUMN kept TEXT; UPDATE keys SET kept = body, body = '[]'");

  const broken = { name: "Broken", message: /^HookDesk broke at .*reply\.rs/ };
  assert.throws(register, broken);
  assert.throws(() => call("GET", "/tickets"), broken);
  assert.throws(() => other.wake(at()), broken);
  reset();
  rows.exec("UPDATE keys SET body = kept");
  desk = open();

  assert.equal(register().response.body, first);
  openTicket("two");
});
