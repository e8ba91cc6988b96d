//! Partners beside each other: what the key of one tells of another, and of the operator.

use serde_json::{Value, json};

use crate::api::rig::Rig;
use crate::api::routes;
use crate::delivery::answer::{Answer, Failure};
use crate::engine::store::Rows;

/// A desk with the webhooks of two partners and of the operator, each with a key.
struct Partners {
    rig: Rig,
    acme: Owned,
    other: Owned,
    own: Owned,
}

#[derive(Clone)]
struct Owned {
    key: String,
    webhook: String,
}

impl Partners {
    fn new() -> Self {
        let mut rig = Rig::new();
        let mut of = |partner: &str| {
            let body = json!({ "scopes": ["read", "webhooks"], "partner": partner });
            let (_, made) = rig.admin("POST", "/keys", &body);
            let key = text(&made, "key");
            let webhook = register(&mut rig, &key, &json!({ "callback_url": "https://p.example" }));
            Owned { key, webhook: text(&webhook, "id") }
        };
        let (acme, other) = (of("acme"), of("other"));
        let (key, _) = rig.make(&["read", "tickets", "webhooks"]);
        let webhook = register(&mut rig, &key, &json!({ "callback_url": "https://o.example" }));
        let own = Owned { key, webhook: text(&webhook, "id") };
        Self { rig, acme, other, own }
    }

    /// Opens a ticket, and gives the id of its event.
    fn open(&mut self) -> String {
        let body = json!({ "ticket_message": "m" });
        self.rig.with(&self.own.key, "POST", "/tickets", &body);
        let store = self.rig.desk.store_mut();
        store.events_before(None, 1).unwrap()[0].id.to_string()
    }
}

fn text(made: &Value, name: &str) -> String {
    made["data"][name].as_str().unwrap_or_else(|| panic!("{name} of {made}")).to_owned()
}

fn register(rig: &mut Rig, key: &str, body: &Value) -> Value {
    let (status, made) = rig.with(key, "POST", "/webhooks/register", body);
    assert_eq!(status, 201, "{made}");
    made
}

fn get(desk: &mut Partners, key: &str, path: &str) -> (u16, Value) {
    desk.rig.with(key, "GET", path, &Value::Null)
}

/// A body that the route takes.
fn body(method: &str, pattern: &str) -> Value {
    match (method, pattern) {
        ("PATCH", "/webhooks/{id}") => json!({ "description": "d" }),
        (_, "/webhooks/{id}/replay") if method == "POST" => {
            json!({ "since": "2020-01-01T00:00:00Z", "only": "all" })
        }
        _ => Value::Null,
    }
}

#[test]
fn another_partners_webhook_is_as_unknown_as_one_that_never_was() {
    let mut desk = Partners::new();
    let event = desk.open();
    let (acme, nobody) = (desk.acme.key.clone(), desk.own.webhook.replace('0', "1"));
    for other in [desk.other.webhook.clone(), desk.own.webhook.clone()] {
        for (method, pattern, _) in routes::all().filter(|(_, of, _)| of.starts_with("/webhooks/"))
        {
            if !pattern.contains("{id}") {
                continue;
            }
            let mut call = |id: &str| {
                let path = pattern.replace("{id}", id).replace("{event_id}", &event);
                let path = path.replace("{secret_id}", "sec_018bcfe5680070018303030303030303");
                desk.rig.with(&acme, method, &path, &body(method, pattern))
            };
            let told = call(&other);
            assert_eq!(told.0, 404, "{method} {pattern}: {}", told.1);
            assert_eq!(told, call(&nobody), "{method} {pattern}");
        }
    }
    let own = desk.acme.webhook.clone();
    assert_eq!(get(&mut desk, &acme, &format!("/webhooks/{own}")).0, 200);
}

#[test]
fn what_is_about_more_than_webhooks_is_forbidden_to_a_partner() {
    let mut desk = Partners::new();
    let own = desk.acme.webhook.clone();
    for (method, pattern, _) in routes::all() {
        let path = pattern.replace("{id}", &own).replace("{partner}", "acme");
        let path = path.replace("{event_id}", "evt_1").replace("{secret_id}", "sec_1");
        let is_open = pattern.starts_with("/health/") || matches!(pattern, "/me" | "/session");
        let is_of_webhooks = pattern.starts_with("/webhooks") && pattern != "/webhooks/ping";
        let (status, told) = desk.rig.with(&desk.acme.key, method, &path, &Value::Null);
        assert_eq!(status != 403, is_open || is_of_webhooks, "{method} {pattern}: {told}");
        if pattern == "/webhooks/unregister/{id}" {
            let made = register(
                &mut desk.rig,
                &desk.acme.key,
                &json!({ "callback_url": "https://p.example" }),
            );
            assert_eq!(made["data"]["partner"], "acme");
        }
    }
}

#[test]
fn lists_show_a_partner_its_own_and_the_operator_all() {
    let mut desk = Partners::new();
    let ids = |page: &Value| -> Vec<String> {
        let rows = page["data"].as_array().unwrap().iter();
        rows.map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    };
    let (acme, own) = (desk.acme.clone(), desk.own.clone());
    for path in ["/webhooks", "/webhooks?limit=5", "/webhooks?partner=acme"] {
        let (_, page) = get(&mut desk, &acme.key, path);
        assert_eq!((ids(&page), &page["next"]), (vec![acme.webhook.clone()], &Value::Null));
    }
    let (_, page) = get(&mut desk, &acme.key, "/webhooks?partner=other");
    assert_eq!(page, get(&mut desk, &acme.key, "/webhooks?partner=nobody").1);
    assert_eq!(ids(&get(&mut desk, &own.key, "/webhooks").1).len(), 3);
    let (_, page) = get(&mut desk, &own.key, "/webhooks?partner=acme");
    assert_eq!(ids(&page), [acme.webhook]);
    let (_, page) = get(&mut desk, &own.key, "/partners?limit=1");
    assert_eq!(page["data"], json!([{ "partner": "acme", "webhooks": 1, "keys": 1 }]));
    let (_, page) = get(&mut desk, &own.key, "/partners?limit=1&after=acme");
    assert_eq!(
        page,
        json!({ "data": [{ "partner": "other", "webhooks": 1, "keys": 1 }], "next": null })
    );
    let (status, _) = get(&mut desk, &own.key, "/partners?after=-");
    assert_eq!(status, 422);
}

#[test]
fn a_partner_chooses_among_the_events_that_it_is_granted() {
    let mut desk = Partners::new();
    let body =
        json!({ "scopes": ["read", "webhooks"], "partner": "few", "events": ["ticket_closed"] });
    let (_, made) = desk.rig.admin("POST", "/keys", &body);
    let (key, key_id) = (text(&made, "key"), text(&made, "id"));
    let url = "https://p.example";
    let made = register(&mut desk.rig, &key, &json!({ "callback_url": url }));
    assert_eq!(made["data"]["events"], json!(["ticket_closed"]));
    let (id, path) = (text(&made, "id"), format!("/webhooks/{}", text(&made, "id")));
    let refused = |(status, problem): (u16, Value)| {
        assert_eq!(
            (status, &problem["errors"][0]["pointer"]),
            (422, &json!("#/events")),
            "{problem}"
        );
    };
    for events in [json!(["ticket_opened"]), json!(["ticket_closed", "webhook_down"]), json!(null)]
    {
        let both = json!({ "callback_url": url, "events": events });
        refused(desk.rig.with(&key, "POST", "/webhooks/register", &both));
        refused(desk.rig.with(&key, "PATCH", &path, &json!({ "events": events })));
    }
    let opened = desk.open();
    let resend = |event: &str| format!("{path}/deliveries/{event}/resend");
    assert_eq!(desk.rig.with(&key, "POST", &resend(&opened), &Value::Null).0, 404);
    let (_, page) = get(&mut desk, &key, &format!("{path}/deliveries"));
    assert_eq!(page["data"], json!([]), "its times tell nothing of others' events");
    assert_eq!(get(&mut desk, &key, &format!("{path}/deliveries/{opened}")).0, 404);
    // The operator lets the webhook hear more than the key is granted.
    let all = json!({ "events": null });
    assert_eq!(desk.rig.admin("PATCH", &path, &all).0, 200);
    let replay = json!({ "since": "2020-01-01T00:00:00Z", "only": "all" });
    let (status, problem) = desk.rig.with(&key, "POST", &format!("{path}/replay"), &replay);
    assert_eq!((status, &problem["code"]), (403, &json!("forbidden")), "{problem}");
    desk.rig.admin("PATCH", &format!("/keys/{key_id}"), &json!({ "events": null }));
    assert_eq!(desk.rig.with(&key, "POST", &format!("{path}/replay"), &replay).0, 202);
    assert_eq!(get(&mut desk, &key, &format!("/webhooks/{id}/replay")).0, 200);
}

#[test]
fn what_a_partner_is_not_told_of_leaves_no_trace_in_cursors() {
    let mut desk = Partners::new();
    let body =
        json!({ "scopes": ["read", "webhooks"], "partner": "few", "events": ["ticket_closed"] });
    let (_, made) = desk.rig.admin("POST", "/keys", &body);
    let key = text(&made, "key");
    let made = register(&mut desk.rig, &key, &json!({ "callback_url": "https://p.example" }));
    let path = format!("/webhooks/{}/deliveries", text(&made, "id"));
    for _ in 0..1_100 {
        desk.rig.now = desk.rig.now.plus(1_000);
        desk.open();
    }
    let (_, page) = get(&mut desk, &key, &path);
    let next = page["next"].as_str().expect("a page looks at a thousand events").to_owned();
    let first = crate::EventId::parse(&next).unwrap();
    let registered = text(&made, "created_at");
    assert_eq!(first.made_at().rfc3339(), registered, "no time of an event");
    let (_, page) = get(&mut desk, &key, &format!("{path}?after={next}"));
    assert_eq!(page, json!({ "data": [], "next": null }));
}

#[test]
fn a_partner_names_no_partner_and_has_so_many_webhooks() {
    let mut desk = Partners::new();
    let (acme, own) = (desk.acme.clone(), desk.own.clone());
    let named = json!({ "callback_url": "https://p.example", "partner": "acme" });
    for partner in [json!("acme"), json!("other"), json!("-")] {
        let body = json!({ "callback_url": "https://p.example", "partner": partner });
        let (status, problem) = desk.rig.with(&acme.key, "POST", "/webhooks/register", &body);
        assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("#/partner")));
    }
    for _ in 1..20 {
        register(&mut desk.rig, &own.key, &named);
    }
    let (status, problem) = desk.rig.with(&own.key, "POST", "/webhooks/register", &named);
    assert_eq!((status, &problem["code"]), (409, &json!("too_many_webhooks")), "{problem}");
    let unnamed = json!({ "callback_url": "https://p.example" });
    assert_eq!(desk.rig.with(&acme.key, "POST", "/webhooks/register", &unnamed).1, problem);
    register(&mut desk.rig, &desk.other.key.clone(), &unnamed);
}

#[test]
fn a_partners_webhook_calls_public_addresses_and_never_changes_hands() {
    let mut desk = Partners::new();
    let (own, path) = (desk.own.clone(), format!("/webhooks/{}", desk.own.webhook));
    let (_, before) = get(&mut desk, &own.key, &format!("{path}/secrets"));
    let give = json!({ "partner": "acme" });
    let (status, problem) = desk.rig.with(&own.key, "PATCH", &path, &give);
    assert_eq!((status, &problem["code"]), (403, &json!("forbidden")), "admin alone gives");
    let operational = json!({ "partner": "acme", "events": ["webhook_down"] });
    let (_, problem) = desk.rig.admin("PATCH", &path, &operational);
    assert_eq!(problem["errors"][0]["pointer"], "#/events");
    let (status, given) = desk.rig.admin("PATCH", &path, &give);
    assert_eq!((status, &given["data"]["partner"]), (200, &json!("acme")));
    assert_eq!(given["data"].get("secret"), None);
    let acme = desk.acme.clone();
    let (_, after) = get(&mut desk, &acme.key, &format!("{path}/secrets"));
    let ids = |page: &Value| page["data"].as_array().unwrap().len();
    assert!(ids(&after) == 1 && after["data"][0]["id"] != before["data"][0]["id"], "{after}");
    for (body, pointer) in [
        (json!({ "partner": "other" }), "#/partner"),
        (json!({ "partner": null }), "#/partner"),
        (json!({ "events": ["webhook_down"] }), "#/events"),
        (json!({ "callback_url": "http://127.0.0.1/" }), "#/callback_url"),
    ] {
        let (status, problem) = desk.rig.admin("PATCH", &path, &body);
        assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!(pointer)), "{body}");
    }
    assert_eq!(desk.rig.admin("PATCH", &path, &give).0, 200, "it is acme's already");
    let by_itself = desk.rig.with(&desk.acme.key.clone(), "PATCH", &path, &give);
    assert_eq!(by_itself.0, 422, "{}", by_itself.1);
}

#[test]
fn headers_are_shown_to_those_who_set_them_and_stay_at_their_origin() {
    let mut desk = Partners::new();
    let (acme, own) = (desk.acme.clone(), desk.own.clone());
    let path = format!("/webhooks/{}", acme.webhook);
    let shown = |desk: &mut Partners, key: &str| get(desk, key, &path).1["data"]["headers"].clone();
    let (reads, _) = desk.rig.make(&["read"]);
    desk.rig.with(&acme.key, "PATCH", &path, &json!({ "headers": { "x-a": "theirs" } }));
    assert_eq!(shown(&mut desk, &acme.key), json!({ "x-a": "theirs" }));
    assert_eq!(shown(&mut desk, &reads), json!({ "x-a": null }));
    let (_, changed) =
        desk.rig.with(&own.key, "PATCH", &path, &json!({ "headers": { "x-a": "ours" } }));
    assert_eq!(changed["data"]["headers"], json!({ "x-a": "ours" }));
    let (_, changed) = desk.rig.with(&acme.key, "PATCH", &path, &json!({ "description": "d" }));
    assert_eq!(changed["data"]["headers"], json!({ "x-a": null }));
    let same = json!({ "callback_url": "https://p.example/other" });
    desk.rig.with(&acme.key, "PATCH", &path, &same);
    assert_eq!(shown(&mut desk, &own.key), json!({ "x-a": "ours" }), "the origin is the same");
    let moved = json!({ "callback_url": "https://elsewhere.example" });
    desk.rig.with(&acme.key, "PATCH", &path, &moved);
    assert_eq!(shown(&mut desk, &own.key), json!({}));
}

#[test]
fn a_partner_is_removed_with_all_that_is_its_own() {
    let mut desk = Partners::new();
    let (acme, own) = (desk.acme.clone(), desk.own.clone());
    let (status, removed) = desk.rig.admin("DELETE", "/partners/acme", &Value::Null);
    assert_eq!(
        (status, removed),
        (200, json!({ "data": { "partner": "acme", "webhooks": 1, "keys": 1 } }))
    );
    assert_eq!(get(&mut desk, &acme.key, "/me").0, 401);
    assert_eq!(get(&mut desk, &own.key, &format!("/webhooks/{}", acme.webhook)).0, 404);
    assert_eq!(desk.rig.admin("DELETE", "/partners/acme", &Value::Null).0, 404);
    assert_eq!(get(&mut desk, &own.key, "/partners").1["data"].as_array().unwrap().len(), 1);
}

#[test]
fn a_partners_key_reads_its_webhooks_and_changes_them_and_no_more() {
    let mut desk = Partners::new();
    for (body, pointer) in [
        (json!({ "scopes": ["admin"], "partner": "acme" }), "#/scopes"),
        (json!({ "scopes": ["read", "tickets"], "partner": "acme" }), "#/scopes"),
        (json!({ "scopes": ["read"], "partner": "a b" }), "#/partner"),
        (json!({ "scopes": ["read"], "events": ["ping"] }), "#/events"),
        (json!({ "scopes": ["read"], "partner": "a", "events": ["webhook_down"] }), "#/events"),
        (json!({ "scopes": ["read"], "rate_limit": 0 }), "#/rate_limit"),
    ] {
        let (status, problem) = desk.rig.admin("POST", "/keys", &body);
        assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!(pointer)), "{body}");
    }
    let body = json!({ "scopes": ["read"], "partner": "acme", "rate_limit": 7 });
    let (_, made) = desk.rig.admin("POST", "/keys", &body);
    let (path, key) = (format!("/keys/{}", text(&made, "id")), text(&made, "key"));
    assert_eq!(
        (&made["data"]["partner"], &made["data"]["rate_limit"]),
        (&json!("acme"), &json!(7))
    );
    for (body, pointer) in [
        (json!({ "scopes": ["tickets"] }), "#/scopes"),
        (json!({ "partner": "other" }), "#/partner"),
    ] {
        let (status, problem) = desk.rig.admin("PATCH", &path, &body);
        assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!(pointer)), "{body}");
    }
    let webhook = format!("/webhooks/{}", desk.acme.webhook);
    assert_eq!(get(&mut desk, &key, &webhook).0, 200);
    assert_eq!(desk.rig.with(&key, "PATCH", &webhook, &json!({})).0, 403, "it only reads");
    let (_, me) = get(&mut desk, &key, "/me");
    assert_eq!(me["data"]["partner"], "acme");
}

#[test]
fn a_partners_webhooks_share_what_one_may_take() {
    let mut desk = Partners::new();
    let acme = desk.acme.clone();
    for _ in 1..20 {
        register(&mut desk.rig, &acme.key, &json!({ "callback_url": "https://p.example" }));
    }
    let mut in_flight = std::collections::BTreeMap::new();
    for _ in 0..40 {
        desk.open();
    }
    for (webhook, reader) in desk.rig.wake() {
        *in_flight.entry(webhook.partner.map(|of| of.to_string())).or_insert(0) +=
            reader.in_flight();
    }
    let of = |name: &str| in_flight[&Some(name.to_owned())];
    assert!(of("acme") <= 128, "{in_flight:?}");
    assert_eq!((of("other"), in_flight[&None]), (40, 40), "{in_flight:?}");
}

#[test]
fn a_partner_cannot_tell_a_forbidden_address_from_a_name_that_leads_nowhere() {
    let told = |failure: Failure| {
        let mut desk = Partners::new();
        let event = desk.open();
        desk.rig.wake();
        desk.rig.end_all(&Answer::Failure(failure));
        [desk.acme.clone(), desk.own.clone()].map(|of| {
            let path = format!("/webhooks/{}/deliveries", of.webhook);
            let (_, deliveries) = get(&mut desk, &of.key, &path);
            let (_, attempts) = get(&mut desk, &of.key, &format!("{path}/{event}"));
            let (delivery, attempt) = (&deliveries["data"][0], &attempts["data"][0]);
            (attempt["failure"].clone(), attempt["reason"].clone(), delivery["reason"].clone())
        })
    };
    let ([theirs, ours], nowhere) = (told(Failure::Blocked), told(Failure::Dns));
    assert_eq!(theirs, nowhere[0]);
    assert_eq!(theirs, (json!("dns"), json!("unreachable"), json!("unreachable")));
    assert_eq!(ours, (json!("blocked"), json!("retry"), json!("retry")));
}
