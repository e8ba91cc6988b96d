//! Callers with keys, over a desk in memory and as a host would ask it.

use serde_json::{Value, json};

use super::*;
use crate::api::rig::{Rig, START};
use crate::api::routes;
use crate::model::access::Access;
use crate::{HolderId, Moment};

/// What a scope allows, as it is documented.
fn allows(scope: &str, method: &str, path: &str) -> bool {
    let is_below = |root: &str| path == root || path.starts_with(&format!("{root}/"));
    match scope {
        "admin" => true,
        "read" => method == "GET" && !is_below("/keys") && !is_below("/audit"),
        "tickets" => is_below("/tickets") || is_below("/service"),
        "webhooks" => is_below("/webhooks"),
        _ => panic!("no scope"),
    }
}

#[test]
fn each_scope_opens_its_routes_and_no_other() {
    let mut rig = Rig::new();
    for scope in Scope::ALL.map(Scope::name) {
        let (key, _) = rig.make(&[scope]);
        for (method, pattern, access) in routes::all() {
            let path = pattern.replace("{id}", "x").replace("{event_id}", "x");
            let path = path.replace("{secret_id}", "x");
            let (status, body) = rig.with(&key, method, &path, &Value::Null);
            let is_open = matches!(access, Access::Open | Access::AnyKey);
            let allowed = is_open || allows(scope, method, pattern);
            assert_ne!(status, 401, "{scope} {method} {pattern}: {body}");
            assert_eq!(status != 403, allowed, "{scope} {method} {pattern}: {body}");
            assert_eq!(body["code"] == "forbidden", !allowed, "{body}");
            let (status, _) =
                rig.call(Callers::Keys { binding: None }, method, &path, (None, &[]), &Value::Null);
            assert_eq!(status == 401, access != Access::Open, "{method} {pattern}");
        }
    }
}

#[test]
fn a_path_that_is_not_there_is_told_to_callers_with_a_key() {
    let mut rig = Rig::new();
    let (key, _) = rig.make(&["tickets"]);
    for (method, path, told) in [("GET", "/nothing", 404), ("PUT", "/tickets", 405)] {
        assert_eq!(rig.with(&key, method, path, &Value::Null).0, told);
        assert_eq!(rig.with("hdk_other", method, path, &Value::Null).0, 401);
    }
    assert_eq!(rig.with(&key, "OPTIONS", "/tickets", &Value::Null).0, 204);
}

#[test]
fn what_is_no_key_of_the_desk_is_refused_alike() {
    let mut rig = Rig::new();
    let (key, id) = rig.make(&["read"]);
    let unknown = KeyText::new(KeyKind::Bearer, [0xee; 32]);
    let detail = |rig: &mut Rig, key: &str| {
        let (status, body) = rig.with(key, "GET", "/tickets", &Value::Null);
        assert_eq!((status, &body["code"]), (401, &json!("unauthorized")), "{body}");
        body["detail"].as_str().unwrap().to_owned()
    };
    let none = detail(&mut rig, unknown.reveal());
    let cut = detail(&mut rig, &key[..key.len() - 1]);
    assert!(cut.contains("checksum") && cut != none, "{cut}");
    let ends = json!({ "expires_at": START.plus(1_000).rfc3339() });
    assert_eq!(rig.admin("PATCH", &format!("/keys/{id}"), &ends).0, 200);
    assert_eq!(rig.with(&key, "GET", "/tickets", &Value::Null).0, 200);
    rig.now = START.plus(1_000);
    assert_eq!(detail(&mut rig, &key), none);
    rig.admin("PATCH", &format!("/keys/{id}"), &json!({ "expires_at": null }));
    assert_eq!(rig.with(&key, "GET", "/tickets", &Value::Null).0, 200);
    assert_eq!(rig.admin("DELETE", &format!("/keys/{id}"), &Value::Null).0, 200);
    assert_eq!(detail(&mut rig, &key), none);
    assert_eq!(rig.admin("DELETE", &format!("/keys/{id}"), &Value::Null).0, 404);
}

#[test]
fn a_key_that_is_revoked_in_a_batch_decides_nothing_after_it() {
    let mut rig = Rig::new();
    let (_, id) = rig.make(&["tickets"]);
    let id = KeyId::parse(&id).unwrap();
    let holder = HolderId::new(START, &[0; 16]);
    let own = Moment::new(START, [1; 16], holder);
    let access = Access::ChangeTickets;
    let by =
        Moment { authorization: Some(Authorization { caller: Caller::Key(id), access }), ..own };
    let told = || Command::Announce(crate::Availability::Unavailable);
    let batch = [(told(), by), (Command::RevokeKey { id }, own), (told(), by)];
    let decided = rig.desk.run(&batch).unwrap();
    let replies: Vec<_> = decided.iter().map(|one| one.reply.is_ok()).collect();
    assert_eq!(replies, [true, true, false]);
    assert_eq!(decided[2].reply, Err(Refusal::Unauthorized));
    assert_eq!(rig.desk.store_mut().log().unwrap().head.0, 1);
}

#[test]
fn a_key_is_shown_once_and_only_its_digest_is_stored() {
    let mut rig = Rig::new();
    let body = json!({ "scopes": ["read", "tickets"], "name": "Billing" });
    let once = (None, &[("idempotency-key", "k")][..]);
    let admin = Callers::CommandLine { uid: 0 };
    let (status, made) = rig.call(admin.clone(), "POST", "/keys", once, &body);
    assert_eq!(status, 201, "{made}");
    let key = made["data"]["key"].as_str().unwrap().to_owned();
    let (status, again) = rig.call(admin, "POST", "/keys", once, &body);
    assert_eq!((status, again["data"].get("key")), (201, None), "it is not kept");
    assert_eq!(again["data"]["id"], made["data"]["id"]);
    let (_, listed) = rig.admin("GET", "/keys", &Value::Null);
    let [row] = listed["data"].as_array().unwrap().as_slice() else { panic!("{listed}") };
    assert_eq!((&row["name"], &row["scopes"]), (&json!("Billing"), &json!(["read", "tickets"])));
    assert!(key.starts_with(row["prefix"].as_str().unwrap()), "{listed}");
    let stored = format!("{:?}", rig.desk.store());
    assert!(!stored.contains(&key) && stored.contains(row["prefix"].as_str().unwrap()));
    let (_, me) = rig.with(&key, "GET", "/me", &Value::Null);
    assert_eq!((&me["data"]["caller"], &me["data"]["id"]), (&json!("key"), &row["id"]));
}

#[test]
fn idempotency_keys_are_those_of_one_api_key() {
    let mut rig = Rig::new();
    let (first_key, _) = rig.make(&["tickets"]);
    let (other_key, _) = rig.make(&["tickets"]);
    let mut open = |key: &str| {
        let once = (Some(key), &[("idempotency-key", "k")][..]);
        let body = json!({ "ticket_message": "m" });
        rig.call(Callers::Keys { binding: None }, "POST", "/tickets", once, &body).1
    };
    let first = open(&first_key);
    assert_eq!(open(&first_key), first);
    assert_ne!(open(&other_key), first);
}

#[test]
fn a_wrong_key_is_refused_field_by_field() {
    let mut rig = Rig::new();
    for (body, pointers) in [
        (json!({}), &["#/scopes"][..]),
        (json!({ "scopes": [] }), &["#/scopes"]),
        (json!({ "scopes": "read" }), &["#/scopes"]),
        (json!({ "scopes": ["read", "write", 7] }), &["#/scopes/1", "#/scopes/2"]),
        (json!({ "scopes": ["read"], "name": "" }), &["#/name"]),
        (json!({ "scopes": ["read"], "name": "n".repeat(201) }), &["#/name"]),
        (json!({ "scopes": ["read"], "expires_at": START.rfc3339() }), &["#/expires_at"]),
        (json!({ "scopes": ["read"], "expires_at": "soon" }), &["#/expires_at"]),
        (json!({ "scopes": ["read"], "scope": "read" }), &["#/scope"]),
    ] {
        let (status, problem) = rig.admin("POST", "/keys", &body);
        assert_eq!(status, 422, "{body}: {problem}");
        let errors = problem["errors"].as_array().unwrap().iter();
        let told: Vec<_> = errors.map(|error| error["pointer"].as_str().unwrap()).collect();
        assert_eq!(told, pointers, "{body}");
    }
    assert_eq!(rig.keys().iter().count(), 0);
    assert_eq!(rig.admin("PATCH", "/keys/binding", &json!({})).1["code"], "bound_key");
    assert_eq!(rig.admin("DELETE", "/keys/key_1", &Value::Null).0, 404);
}

#[test]
fn a_desk_has_a_thousand_keys_and_lists_them_in_pages() {
    let mut rig = Rig::new();
    for n in 0..ApiKey::MAX {
        let settings = KeySettings { scopes: Scopes::of([Scope::Read]), ..KeySettings::default() };
        let digest = crate::Digest::of(&[&n.to_be_bytes()]);
        let prefix = format!("hdk_{n}");
        rig.decide(None, Command::CreateKey(NewKey { digest, prefix, settings }), None);
    }
    let (status, body) = rig.admin("POST", "/keys", &json!({ "scopes": ["read"] }));
    assert_eq!((status, &body["code"]), (409, &json!("too_many_keys")));
    let (mut path, mut seen) = ("/keys?limit=300".to_owned(), 0);
    loop {
        let (_, page) = rig.admin("GET", &path, &Value::Null);
        seen += page["data"].as_array().unwrap().len();
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/keys?limit=300&after={next}");
    }
    assert_eq!(seen, ApiKey::MAX);
}

#[test]
fn the_last_use_is_noted_and_never_goes_back() {
    let mut rig = Rig::new();
    let (_, id) = rig.make(&["read"]);
    let id = KeyId::parse(&id).unwrap();
    let mut note = |at| {
        rig.decide(None, Command::NoteKeyUse { used: vec![(id, at)] }, None);
        rig.desk.store_mut().api_key(id).unwrap().unwrap()
    };
    let noted = note(START);
    assert_eq!((noted.last_used_at, noted.rev), (Some(START), 1));
    assert_eq!(note(Millis(START.0 - 1)), noted);
    assert_eq!(note(START.plus(60_000)).last_used_at, Some(START.plus(60_000)));
}
