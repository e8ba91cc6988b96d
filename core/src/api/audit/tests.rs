//! Callers and the audit, over a desk in memory.

use serde_json::{Value, json};

use crate::api::Callers;
use crate::api::rig::Rig;
use crate::engine::store::Rows as _;

const URL: &str = "https://example.com/Zaphod?of=Zaphod";

/// The rows of a page of the audit.
fn rows(rig: &mut Rig, query: &str) -> Vec<Value> {
    let (status, page) = rig.admin("GET", &format!("/audit{query}"), &Value::Null);
    assert_eq!(status, 200, "{page}");
    page["data"].as_array().unwrap().clone()
}

fn text(made: &Value, name: &str) -> String {
    made["data"][name].as_str().unwrap_or_else(|| panic!("{name} of {made}")).to_owned()
}

/// A desk whose calls are checked for the rows that they append.
struct Audited {
    rig: Rig,
    seen: usize,
}

impl Audited {
    fn new() -> Self {
        Self { rig: Rig::new(), seen: 0 }
    }

    /// Makes a call, which is answered with `status`, and gives the answer and the new rows, oldest
    /// first.
    fn call(&mut self, status: u16, method: &str, path: &str, body: &Value) -> (Value, Vec<Value>) {
        let (told, answer) = self.rig.admin(method, path, body);
        assert_eq!(told, status, "{method} {path}: {answer}");
        let mut all = rows(&mut self.rig, "?limit=1000");
        all.reverse();
        let new = all.split_off(self.seen);
        self.seen += new.len();
        (answer, new)
    }

    /// The same, and checks the actions of the rows.
    fn does(
        &mut self,
        (status, method, path): (u16, &str, &str),
        body: &Value,
        actions: &[&str],
    ) -> (Value, Vec<Value>) {
        let (answer, new) = self.call(status, method, path, body);
        let found: Vec<_> = new.iter().map(|row| row["action"].as_str().unwrap()).collect();
        assert_eq!(found, actions, "{method} {path}");
        (answer, new)
    }
}

#[test]
fn each_change_by_a_caller_is_a_row_and_nothing_else_is() {
    let mut desk = Audited::new();
    let none = Value::Null;
    let (key, _) = desk.does(
        (201, "POST", "/keys"),
        &json!({ "scopes": ["read"], "partner": "acme", "name": "Billing" }),
        &["key_created"],
    );
    let key = format!("/keys/{}", text(&key, "id"));
    let (_, new) = desk.does((200, "PATCH", &key), &json!({ "name": "B" }), &["key_changed"]);
    let told = (&new[0]["before"], &new[0]["after"]);
    assert_eq!(told, (&json!({ "name": "Billing" }), &json!({ "name": "B" })));
    let (webhook, new) = desk.does(
        (201, "POST", "/webhooks/register"),
        &json!({ "callback_url": URL, "headers": { "x-key": "Zaphod" }, "events": ["ticket_closed"] }),
        &["webhook_registered"],
    );
    let id = text(&webhook, "id");
    assert_eq!((&new[0]["before"], &new[0]["webhook_id"]), (&none, &json!(id)));
    assert_eq!(new[0]["after"]["headers"], json!(["x-key"]));
    let webhook = format!("/webhooks/{id}");
    let of = |rest: &str| format!("{webhook}{rest}");

    let moved = json!({ "callback_url": format!("{URL}2") });
    let (_, new) = desk.does((200, "PATCH", &webhook), &moved, &["webhook_changed"]);
    let (before, after) = (&new[0]["before"]["callback_url"], &new[0]["after"]["callback_url"]);
    assert_eq!(before["origin"], "https://example.com");
    assert!(before["origin"] == after["origin"] && before["digest"] != after["digest"]);
    let headers = json!({ "headers": { "x-key": "Beeblebrox" } });
    let (_, new) = desk.does((200, "PATCH", &webhook), &headers, &["webhook_changed"]);
    assert_eq!(new[0]["after"], json!({ "headers_set": true }));
    let same = json!({ "timeout_ms": 15_000 });
    let (_, new) = desk.does((200, "PATCH", &webhook), &same, &["webhook_changed"]);
    assert_eq!((&new[0]["before"], &new[0]["after"]), (&json!({}), &json!({})));
    desk.does((200, "POST", &of("/enable")), &none, &[]);
    let (_, new) = desk.does((201, "POST", &of("/secret/rotate")), &none, &["secret_rotated"]);
    assert_eq!(new[0]["after"]["secrets"].as_array().unwrap().len(), 2);
    let old = new[0]["before"]["secrets"][0]["id"].as_str().unwrap();
    desk.does((200, "DELETE", &of(&format!("/secrets/{old}"))), &none, &["secret_ended"]);

    desk.does((202, "POST", "/webhooks/ping"), &none, &[]);
    desk.does((202, "POST", &of("/ping")), &none, &[]);
    let (ticket, _) = desk.does((201, "POST", "/tickets"), &json!({ "ticket_message": "m" }), &[]);
    let ticket = format!("/tickets/{}", text(&ticket, "id"));
    let (page, _) = desk.does((200, "GET", "/webhooks"), &none, &[]);
    assert_eq!(page["data"].as_array().unwrap().len(), 1);
    desk.rig.wake();
    let event = desk.rig.desk.store_mut().events_before(None, 1).unwrap()[0].id.to_string();
    let resend = of(&format!("/deliveries/{event}/resend"));
    let (_, new) = desk.does((202, "POST", &resend), &none, &["event_resent"]);
    assert_eq!((&new[0]["event_id"], &new[0]["webhook_id"]), (&json!(event), &json!(id)));
    desk.does((200, "PATCH", &ticket), &json!({ "ticket_message": "n" }), &[]);
    desk.does((200, "DELETE", &ticket), &none, &[]);
    let (_, new) = desk.does((202, "POST", "/service/unavailable"), &none, &["service_announced"]);
    assert_eq!(new[0]["after"], json!({ "available": false }));
    let replay = json!({ "since": "2020-01-01T00:00:00Z", "only": "all", "dry_run": true });
    desk.does((200, "POST", &of("/replay")), &replay, &[]);
    let replay = json!({ "since": "2020-01-01T00:00:00Z", "only": "all" });
    let (_, new) = desk.does((202, "POST", &of("/replay")), &replay, &["replay_started"]);
    assert_eq!(new[0]["before"], json!({ "replay": null }));
    desk.does((409, "POST", &of("/replay")), &replay, &[]);
    desk.does((200, "DELETE", &of("/replay")), &none, &["replay_stopped"]);

    let given = json!({ "partner": "acme" });
    let (_, new) = desk.does((200, "PATCH", &webhook), &given, &["webhook_handed_over"]);
    assert_eq!(new[0]["after"]["partner"], "acme");
    desk.does((422, "PATCH", &webhook), &json!({ "partner": "other" }), &[]);
    desk.does((404, "PATCH", "/keys/key_018bcfe5680070018303030303030303"), &json!({}), &[]);
    let gone = ["partner_removed", "key_revoked", "webhook_unregistered"];
    let (_, new) = desk.does((200, "DELETE", "/partners/acme"), &none, &gone);
    assert_eq!(new[0]["before"], json!({ "keys": 1, "webhooks": 1 }));
    let own = json!({ "callback_url": URL });
    let (own, _) = desk.does((201, "POST", "/webhooks/register"), &own, &["webhook_registered"]);
    let own = format!("/webhooks/unregister/{}", text(&own, "id"));
    desk.does((200, "DELETE", &own), &none, &["webhook_unregistered"]);

    let all = Value::from(rows(&mut desk.rig, "?limit=1000")).to_string();
    for private in ["Zaphod", "Beeblebrox", "whsec_", "hdk_"] {
        assert!(!all.contains(private), "{private} in {all}");
    }
}

#[test]
fn a_repeated_call_appends_no_second_row() {
    let mut rig = Rig::new();
    let body = json!({ "callback_url": URL });
    let mut register = || {
        let callers = Callers::CommandLine { uid: 0 };
        let headers = [("idempotency-key", "one")];
        let path = "/webhooks/register";
        let (status, _) = rig.call(callers, "POST", path, (None, &headers), &body);
        assert_eq!(status, 201);
        rows(&mut rig, "").len()
    };
    assert_eq!((register(), register()), (1, 1));
}

#[test]
fn a_row_says_who_made_the_change() {
    let mut rig = Rig::new();
    let body = json!({ "scopes": ["admin"], "name": "Billing" });
    let (_, made) = rig.admin("POST", "/keys", &body);
    let (key, id) = (text(&made, "key"), text(&made, "id"));
    rig.with(&key, "POST", "/service/available", &Value::Null);
    // What the key was called stays, also when it is gone.
    rig.with(&key, "DELETE", &format!("/keys/{id}"), &Value::Null);
    rig.call(Callers::All, "POST", "/service/available", (None, &[]), &Value::Null);
    let by: Vec<_> = rows(&mut rig, "").into_iter().map(|row| row["by"].clone()).collect();
    let named = json!({ "caller": "key", "id": id, "name": "Billing", "uid": null });
    let line = json!({ "caller": "command_line", "id": null, "name": null, "uid": 0 });
    let anyone = json!({ "caller": "anyone", "id": null, "name": null, "uid": null });
    assert_eq!(by, [anyone, named.clone(), named, line]);
}

#[test]
fn the_audit_comes_in_pages_of_all_or_of_one_webhook_or_key() {
    let mut rig = Rig::new();
    let (key, id) = rig.make(&["webhooks"]);
    let body = json!({ "callback_url": URL });
    let (_, made) = rig.with(&key, "POST", "/webhooks/register", &body);
    let webhook = text(&made, "id");
    rig.admin("DELETE", &format!("/webhooks/unregister/{webhook}"), &Value::Null);
    let actions = |rig: &mut Rig, query: &str| -> Vec<String> {
        let rows = rows(rig, query).into_iter();
        rows.map(|row| row["action"].as_str().unwrap().to_owned()).collect()
    };
    let all = ["webhook_unregistered", "webhook_registered", "key_created"];
    assert_eq!(actions(&mut rig, ""), all);
    assert_eq!(actions(&mut rig, &format!("?webhook={webhook}")), all[..2]);
    assert_eq!(actions(&mut rig, &format!("?key={id}")), all[1..2]);
    let mut query = "?limit=1".to_owned();
    for (place, action) in all.into_iter().enumerate() {
        let (_, page) = rig.admin("GET", &format!("/audit{query}"), &Value::Null);
        assert_eq!(page["data"][0]["action"], action);
        assert_eq!(page["next"].is_null(), place == 2, "{page}");
        query = format!("?limit=1&after={}", page["next"].as_str().unwrap_or_default());
    }
    for bad in ["?key=k", "?webhook=w", "?after=a", "?action=key_created"] {
        assert_eq!(rig.admin("GET", &format!("/audit{bad}"), &Value::Null).0, 422, "{bad}");
    }
    let both = format!("/audit?key={id}&webhook={webhook}");
    assert_eq!(rig.admin("GET", &both, &Value::Null).0, 422);
    assert_eq!(rig.with(&key, "GET", "/audit", &Value::Null).0, 403);
}
