//! The contract with integrators: the API and the deliveries as the integration guide has them,
//! from top to bottom. None of this may ever change.

use std::collections::BTreeSet;

use hookdesk_core::Millis;
use hookdesk_tests::{Answer, Delivery, Receiver, SOON, desk, unix_seconds};
use serde_json::{Value, json};

/// A time as events have it: `2023-01-01T00:00:00.123Z` without the milliseconds.
fn whole_seconds(time: &Value) -> String {
    let time = time.as_str().expect("a time is a string");
    assert!(time.len() == 24 && time.ends_with('Z'), "{time} is not UTC with milliseconds");
    format!("{}Z", &time[..19])
}

/// What an event's UUIDv7 says of when it happened (RFC 9562 §5.7: 48 bits of milliseconds).
fn time_of(event: &str) -> Value {
    let hex = event.strip_prefix("evt_").expect("events are named evt_");
    let unix_ms = u64::from_str_radix(&hex[..12], 16).expect("hex digits");
    json!(Millis(unix_ms).rfc3339())
}

fn bodies(deliveries: &[Delivery]) -> Vec<String> {
    let text = |one: &Delivery| String::from_utf8(one.body.clone()).expect("JSON is UTF-8");
    deliveries.iter().map(text).collect()
}

#[tokio::test]
async fn a_registration_shows_all_settings_and_the_secret() {
    let (_server, client) = desk();
    let url = "https://partner.example/hook?for=desk";

    let answer = client.post("/webhooks/register", json!({ "callback_url": url })).await;

    let answer = answer.expect(201);
    let (id, secret) = (answer.string("/data/id"), answer.string("/data/secret"));
    let created_at = answer.string("/data/created_at");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("location"), Some(format!("/webhooks/{id}").as_str()));
    assert_eq!(
        answer.json,
        json!({ "data": {
            "id": id, "callback_url": url, "status": "active", "reason": null,
            "events": [
                "ping", "ticket_opened", "ticket_updated", "ticket_closed", "service_unavailable",
                "service_available",
            ],
            "partner": null, "ordering": "ticket", "description": null, "headers": {}, "rate_limit": null,
            "retry_schedule": [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400],
            "timeout_ms": 15_000, "max_in_flight": 64,
            "created_at": created_at, "secret": secret,
        }})
    );
    assert!(id.starts_with("whk_") && id.len() == 36, "{id}");
    assert!(secret.starts_with("whsec_") && secret.len() == 50, "{secret}");
    whole_seconds(&json!(created_at));
}

#[tokio::test]
async fn a_secret_is_never_shown_again() {
    let (_server, client) = desk();
    let first = client.register("https://one.example/hook").await;
    let second = client.register("https://two.example/hook").await;

    let list = client.get("/webhooks").await.expect(200);
    let one = client.get(&format!("/webhooks/{}", first.id)).await.expect(200);

    assert_ne!(first.secret, second.secret);
    for text in [list.text, one.text] {
        assert!(!text.contains("whsec_") && !text.contains("secret"), "{text}");
    }
}

#[tokio::test]
async fn webhooks_are_listed_oldest_first_with_their_callback_urls() {
    let (_server, client) = desk();
    let mut registered = Vec::new();
    for number in 0..120 {
        let url = format!("https://partner.example/{number}");
        registered.push(json!([client.register(&url).await.id, url]));
    }
    client.unregister(registered.remove(60)[0].as_str().expect("an id")).await;

    let list = client.get("/webhooks").await.expect(200);

    let items = list.items().iter();
    let listed: Vec<Value> = items.map(|one| json!([one["id"], one["callback_url"]])).collect();
    assert_eq!(listed, registered);
    assert_eq!(list.json["next"], Value::Null);
}

#[tokio::test]
async fn unregistering_answers_with_the_id_and_is_not_known_twice() {
    let (_server, client) = desk();
    let webhook = client.register("https://partner.example/hook").await;
    let path = format!("/webhooks/unregister/{}", webhook.id);

    let first = client.delete(&path).await.expect(200);
    let second = client.delete(&path).await.expect(404);

    assert_eq!(first.json, json!({ "data": { "id": webhook.id } }));
    assert_eq!(second.code(), Some("not_found"));
    assert_eq!(client.get("/webhooks").await.json, json!({ "data": [], "next": null }));
    client.get(&format!("/webhooks/{}", webhook.id)).await.expect(404);
}

#[tokio::test]
async fn a_ticket_is_opened_updated_closed_and_stays_closed() {
    let (_server, client) = desk();
    let opened = client.post("/tickets", json!({ "ticket_message": "It burns" })).await.expect(201);
    let id = opened.string("/data/id");
    let path = format!("/tickets/{id}");
    let read = client.get(&path).await.expect(200);

    let updated = client.patch(&path, json!({ "ticket_message": "It is out" })).await.expect(200);
    let closed = client.delete(&path).await.expect(200);
    let again = client.delete(&path).await.expect(200);

    assert_eq!(opened.json, json!({ "data": { "id": id } }));
    assert_eq!(opened.header("location"), Some(path.as_str()));
    assert_eq!(opened.header("cache-control"), Some("no-store"));
    let ticket = |message, status, updated_at: &Value, closed_at: &Value, version| {
        json!({ "data": {
            "id": id, "ticket_message": message, "status": status,
            "opened_at": read.data()["opened_at"], "updated_at": updated_at,
            "closed_at": closed_at, "version": version,
        }})
    };
    let at = |answer: &Answer, name: &str| answer.data()[name].clone();
    let (opened_at, updated_at) = (at(&read, "opened_at"), at(&updated, "updated_at"));
    let closed_at = at(&closed, "closed_at");
    assert_eq!(read.json, ticket("It burns", "open", &opened_at, &Value::Null, 1));
    assert_eq!(updated.json, ticket("It is out", "open", &updated_at, &Value::Null, 2));
    assert_eq!(closed.json, ticket("It is out", "closed", &closed_at, &closed_at, 3));
    assert_eq!(again.text, closed.text);
    assert_eq!(client.get(&path).await.text, closed.text);
    let list = client.get("/tickets").await.expect(200);
    assert_eq!(list.json, json!({ "data": [closed.data()], "next": null }));
}

#[tokio::test]
async fn the_services_status_is_what_was_announced_last() {
    let (_server, client) = desk();
    let fresh = client.get("/service").await.expect(200);

    let unavailable = client.post("/service/unavailable", None).await.expect(202);
    let down = client.get("/service").await.expect(200);
    client.post("/service/unavailable", None).await.expect(202);
    let still_down = client.get("/service").await.expect(200);
    client.post("/service/available", None).await.expect(202);
    let up = client.get("/service").await.expect(200);

    assert_eq!(fresh.json, json!({ "data": { "available": true, "since": null } }));
    let event = unavailable.string("/data/id");
    assert_eq!(unavailable.json, json!({ "data": { "id": event } }));
    assert_eq!(down.json, json!({ "data": { "available": false, "since": time_of(&event) } }));
    assert_eq!(still_down.text, down.text);
    assert_eq!(up.data()["available"], true);
}

#[tokio::test]
async fn exactly_the_six_events_are_told_in_exactly_these_bytes() {
    let (mut server, client) = desk();
    let receiver = Receiver::kind();
    // One after another, so that what arrives is what happened.
    let settings = json!({ "callback_url": receiver.url(), "ordering": "webhook" });
    let webhook = client.register_with(settings).await;

    let ping = client.ping().await;
    let id = client.open_ticket("„Größe“ \"7\"\n\u{1f525} </script>").await;
    let opened = client.get(&format!("/tickets/{id}")).await.data().clone();
    let updated = client.update_ticket(&id, "7\\8").await;
    let closed = client.close_ticket(&id).await;
    let closed_again = client.close_ticket(&id).await;
    let unavailable = client.announce("/service/unavailable").await;
    let unavailable_again = client.announce("/service/unavailable").await;
    let available = client.announce("/service/available").await;
    let told = receiver.wait_for(|all| all.len() >= 7, SOON).await;
    client.wait_told(&webhook.id, SOON).await;
    server.terminate();

    let plain = |event: &str, at: &Value| {
        format!(r#"{{"event":"{event}","created":"{}","data":{{}}}}"#, whole_seconds(at))
    };
    let with_message = |event: &str, at: &Value, message: &str| {
        let data = format!(r#"{{"ticket_message":{message}}}"#);
        plain(event, at).replace("{}", &data)
    };
    let fire = "\"„Größe“ \\\"7\\\"\\n\u{1f525} </script>\"";
    assert_eq!(closed, closed_again);
    assert_eq!(
        bodies(&told),
        [
            plain("ping", &time_of(&ping)),
            with_message("ticket_opened", &opened["opened_at"], fire),
            with_message("ticket_updated", &updated["updated_at"], r#""7\\8""#),
            plain("ticket_closed", &closed["closed_at"]),
            plain("service_unavailable", &time_of(&unavailable)),
            plain("service_unavailable", &time_of(&unavailable_again)),
            plain("service_available", &time_of(&available)),
        ]
    );
    assert_eq!(receiver.count(), 7);
}

#[tokio::test]
async fn a_delivery_has_exactly_the_documented_headers() {
    let (server, client) = desk();
    let receiver = Receiver::kind();
    let webhook = client.register(&receiver.url()).await;
    let before = unix_seconds();

    let ticket = client.open_ticket("one").await;
    client.update_ticket(&ticket, "two").await;
    client.close_ticket(&ticket).await;
    let ping = client.ping().await;

    let told = receiver.wait_for(|all| all.len() == 4, SOON).await;
    let (pings, changes): (Vec<_>, Vec<_>) = told.iter().partition(|one| one.event() == ping);
    // Those of the transport are HTTP's own, and what Cloudflare adds to all that a Worker sends.
    let transport = ["accept", "host", "content-length", "cf-worker"];
    let names = |one: &Delivery| -> BTreeSet<String> {
        let names = one.headers.iter().map(|(name, _)| name.clone());
        names.filter(|name| !transport.contains(&&**name)).collect()
    };
    let set = |names: &[&str]| -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    };
    let plain = ["content-type", "user-agent", "webhook-id", "webhook-timestamp"];
    let plain = [&plain[..], &["webhook-signature", "hookdesk-attempt"]].concat();
    let of_ticket = [&plain[..], &["hookdesk-ticket", "hookdesk-ticket-version"]].concat();
    assert_eq!(names(pings[0]), set(&plain));
    for (change, version) in changes.iter().zip(1..) {
        assert_eq!(names(change), set(&of_ticket));
        assert_eq!((change.ticket(), change.version()), (Some(ticket.as_str()), Some(version)));
    }
    let agent = format!("HookDesk/{}", env!("CARGO_PKG_VERSION"));
    for one in &told {
        assert_eq!(format!("{} {}", one.method, one.path), "POST /hook");
        assert_eq!(one.header("content-type"), Some("application/json"));
        assert_eq!(one.header("user-agent"), Some(agent.as_str()));
        assert_eq!(one.header("host"), Some(format!("127.0.0.1:{}", receiver.port()).as_str()));
        assert_eq!(one.attempt(), 1);
        let timestamp = one.header("webhook-timestamp").and_then(|at| at.parse().ok());
        assert!(timestamp.is_some_and(|at| (before..=unix_seconds()).contains(&at)), "{one}");
        assert!(one.signed_with(&webhook.secret), "{one}");
    }
    let ids: BTreeSet<&str> = told.iter().map(Delivery::event).collect();
    assert_eq!(ids.len(), 4);
    drop(server);
}
