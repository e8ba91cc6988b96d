//! An unregistered webhook holds nothing: its requests in flight are cut off, and leave no trace.

use std::time::Duration;

use hookdesk_tests::{Gate, Host, NEVER_DOWN, Reaction, Receiver, SOON, desk_with};
use hookdesk_web::{Driver, NotedStore};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Less than the timeout of what hangs below, so that nothing ends by that.
const BEFORE_ANY_TIMEOUT: Duration = Duration::from_secs(15);

#[tokio::test]
async fn requests_in_flight_give_their_places_back() {
    let (mut server, client) = desk_with(&NEVER_DOWN);
    let hanging = Receiver::start(|_| Reaction::Hang);
    let mut hung = Vec::new();
    for _ in 0..6 {
        let settings = json!({ "callback_url": hanging.url(), "timeout_ms": 30_000 });
        hung.push(client.register_with(settings).await);
    }
    client.open_tickets(80).await;
    hanging.wait_for(|all| all.len() >= Host::AT_ONCE, SOON).await;

    for webhook in &hung {
        client.unregister(&webhook.id).await;
    }
    let kind = Receiver::kind();
    let good = client.register(&kind.url()).await;
    for _ in 0..10 {
        client.ping().await;
    }

    client.wait_told(&good.id, BEFORE_ANY_TIMEOUT).await;
    assert!(kind.deliveries().iter().all(|one| one.attempt() == 1));
    let held = hanging.count();
    server.terminate();
    assert!(!server.log().contains("not all requests ended"), "they were waited for");
    let attempts = server.attempts();
    assert!(attempts.iter().all(|one| one.webhook == good.id), "{held} came: {attempts:?}");
}

#[tokio::test]
async fn requests_of_a_webhook_that_is_paused_or_moved_end_by_themselves() {
    let (mut server, client) = desk_with(&NEVER_DOWN);
    let gate = Gate::closed();
    let behind = gate.clone();
    let receiver = Receiver::start(move |_| behind.then(Reaction::Status(200)));
    let elsewhere = Receiver::kind();
    let mut webhooks = Vec::new();
    for change in [
        json!({ "status": "paused" }),
        json!({ "callback_url": elsewhere.url() }),
        json!({ "callback_url": elsewhere.url(), "status": "paused" }),
    ] {
        let settings = json!({ "callback_url": receiver.url(), "timeout_ms": 30_000 });
        webhooks.push((client.register_with(settings).await, change));
    }
    client.ping().await;
    receiver.wait_for(|all| all.len() == webhooks.len(), SOON).await;

    for (webhook, change) in &webhooks {
        client.amend(&webhook.id, change.clone()).await;
    }
    gate.open();

    for (webhook, _) in &webhooks {
        client.wait_told(&webhook.id, BEFORE_ANY_TIMEOUT).await;
    }
    server.terminate();
    let attempts = server.attempts();
    assert!(attempts.len() == 3 && attempts.iter().all(|one| one.reason == "delivered"));
    assert_eq!(elsewhere.count(), 0);
}

/// A value of JSON as what a desk in WebAssembly is given.
fn given<T: DeserializeOwned>(value: &Value) -> T {
    T::deserialize(value).expect("it is of this shape")
}

#[test]
fn a_host_in_javascript_is_given_what_to_abort() {
    let at = json!({ "nowMs": 1_700_000_000_000_u64, "chance": "00".repeat(48) });
    let driver = Driver::new(NotedStore::noting(), &given(&json!({ "open": true })), &given(&at));
    let mut driver = driver.expect("the options are good");
    let mut call = |method: &str, path: &str, body: Value| {
        let headers = [["content-type", "application/json"], ["host", "127.0.0.1"]];
        let body = body.to_string();
        let call = json!({ "method": method, "path": path, "headers": headers, "body": body });
        driver.handle(given(&json!({ "at": at, "call": call }))).expect("it is a call")
    };
    let url = json!({ "callback_url": "http://127.0.0.1:9/hook" });
    let registered = call("POST", "/webhooks/register", url).response.expect("an answer");
    let registered: Value = serde_json::from_str(&registered.body).expect("JSON");
    let id = registered["data"]["id"].as_str().expect("an id");
    let [request] = call("POST", "/webhooks/ping", json!({})).requests.try_into().expect("one");

    let effects = call("DELETE", &format!("/webhooks/unregister/{id}"), json!({}));

    let json = serde_json::to_value(&effects).expect("it can be written");
    assert_eq!(json["cancels"], json!([id]));
    let report = json!({ "key": request.key, "durationMs": 5, "status": 200, "body": "" });
    let late = driver.handle(given(&json!({ "at": at, "report": report }))).expect("a report");
    assert_eq!((late.changes.expect("they are noted").len(), late.fault), (0, None));
}
