//! Receiver health: a receiver that is down is probed and recovers, and the API shows its state.

use std::time::Duration;

use hookdesk_tests::{Answer, Client, MINUTE, Reaction, Receiver, Server, Webhook, desk_with};
use serde_json::{Value, json};

/// A desk whose receivers are probed every fifth of a second.
fn desk(more: &[&str]) -> (Server, Client) {
    desk_with(&[&["--probe-first-ms", "100", "--probe-most-ms", "200"], more].concat())
}

async fn deliveries(client: &Client, webhook: &Webhook, query: &str) -> Value {
    let path = format!("/webhooks/{}/deliveries{query}", webhook.id);
    client.get(&path).await.expect(200).json
}

#[tokio::test]
async fn a_receiver_that_is_back_hears_everything_in_order() {
    let (_server, client) = desk(&[]);
    let receiver = Receiver::start(|_| Reaction::Status(500));
    let webhook = client.register_with_schedule(&receiver.url(), json!([1].repeat(20))).await;
    let mut tickets = Vec::new();
    for number in 0..30 {
        let ticket = client.open_ticket(&format!("ticket {number}")).await;
        client.update_ticket(&ticket, "changed").await;
        tickets.push(ticket);
    }
    let down = client.wait_webhook(&webhook.id, |state| state["health"] == "down", MINUTE).await;
    receiver.wait_for(|all| all.len() >= 15, MINUTE).await;

    assert_eq!((&down["status"], &down["reason"]), (&json!("active"), &json!("failing")));
    assert!(down["failing_since"].is_string() && down["next_probe_at"].is_string());
    let waiting = deliveries(&client, &webhook, "?state=waiting").await;
    let waiting = waiting["data"].as_array().expect("a list");
    let unknown = |one: &Value| one["next_attempt_at"].is_null() && one["reason"] == "failing";
    assert!(!waiting.is_empty() && waiting.iter().all(unknown), "{waiting:?}");
    receiver.behave(|_| Reaction::Status(200));

    let healthy = client.wait_told(&webhook.id, MINUTE).await;
    assert_eq!((&healthy["health"], &healthy["failing_since"]), (&json!("healthy"), &Value::Null));
    assert!(healthy["window"].as_u64() > Some(1), "it grows again: {healthy}");
    let abandoned = deliveries(&client, &webhook, "?state=abandoned").await;
    assert_eq!(abandoned["data"], json!([]));
    for ticket in tickets {
        let heard = receiver.deliveries();
        let of = heard.iter().filter(|one| one.ticket() == Some(&ticket));
        let versions: Vec<u64> = of.filter_map(hookdesk_tests::Delivery::version).collect();
        assert!(versions.is_sorted() && versions.ends_with(&[2]), "{versions:?}");
    }
}

#[tokio::test]
async fn each_delivery_says_where_it_stands_and_why() {
    let (_server, client) = desk(&[]);
    let receiver =
        Receiver::start(|delivery| match delivery.json()["data"]["ticket_message"].as_str() {
            Some("bad") => Reaction::Answer {
                status: 500,
                headers: Vec::new(),
                body: b"no such customer".to_vec(),
            },
            Some("late") => Reaction::Hang,
            _ => Reaction::Status(204),
        });
    let settings = json!({
        "callback_url": receiver.url(), "retry_schedule": [600], "timeout_ms": 30_000,
        "events": ["ticket_opened", "ticket_updated"],
    });
    let webhook = client.register_with(settings).await;
    let good = client.open_ticket("good").await;
    let bad = client.open_ticket("bad").await;
    client.update_ticket(&bad, "behind").await;
    client.open_ticket("late").await;
    client.close_ticket(&good).await;
    client
        .wait_webhook(
            &webhook.id,
            |state| state["waiting_lanes"] == 1 && state["in_flight"] == 1,
            MINUTE,
        )
        .await;

    let listed = deliveries(&client, &webhook, "").await;

    let said: Vec<(&str, &str, u64)> = listed["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let text = |name: &str| one[name].as_str().unwrap_or_default();
            (text("event"), text("state"), one["attempts"].as_u64().unwrap_or_default())
        })
        .collect();
    assert_eq!(
        said,
        [
            ("ticket_closed", "skipped", 0),
            ("ticket_opened", "sending", 0),
            ("ticket_updated", "pending", 0),
            ("ticket_opened", "waiting", 1),
            ("ticket_opened", "delivered", 1),
        ]
    );
    assert_eq!(listed["next"], Value::Null);
    let waiting = deliveries(&client, &webhook, "?state=waiting").await;
    let waiting = &waiting["data"][0];
    assert_eq!(waiting["reason"], "retry");
    let path =
        format!("/webhooks/{}/deliveries/{}", webhook.id, waiting["event_id"].as_str().unwrap());
    let attempts = client.get(&path).await.expect(200).json;
    let attempt = &attempts["data"][0];
    assert_eq!(
        (&attempt["number"], &attempt["status"], &attempt["response_excerpt"], &attempt["reason"]),
        (&json!(1), &json!(500), &json!("no such customer"), &json!("retry"))
    );
    assert_eq!(attempt["next_attempt_at"], waiting["next_attempt_at"]);
    let page = deliveries(&client, &webhook, "?limit=2").await;
    let next = page["next"].as_str().unwrap();
    let rest = deliveries(&client, &webhook, &format!("?limit=9&after={next}")).await;
    assert_eq!(rest["data"].as_array().unwrap().len(), 3);
}

/// When the ticket's event is tried again, by the list and by its last attempt.
async fn next_attempts(client: &Client, webhook: &Webhook, event: &str) -> [Value; 2] {
    let listed = deliveries(client, webhook, "?state=waiting&limit=1000").await;
    let listed = listed["data"].as_array().expect("a list");
    let listed = listed.iter().find(|one| one["event_id"] == *event).expect("it waits");
    let attempts = deliveries(client, webhook, &format!("/{event}")).await;
    let last = attempts["data"].as_array().and_then(|all| all.last()).expect("one");
    [listed, last].map(|one| one["next_attempt_at"].clone())
}

#[tokio::test]
async fn no_attempt_is_promised_while_a_webhook_is_paused_down_or_disabled() {
    let late = ["--down-after", "2", "--probe-first-ms", "60000", "--probe-most-ms", "60000"];
    let (_server, client) = desk_with(&late);
    let receiver = Receiver::start(|_| Reaction::Status(500));
    let webhook = client.register_with_schedule(&receiver.url(), json!([600])).await;
    let other = client.register_with_schedule(&receiver.url(), json!([600])).await;
    client.open_ticket("late").await;
    for of in [&webhook, &other] {
        client.wait_webhook(&of.id, |state| state["waiting_lanes"] == 1, MINUTE).await;
    }
    let event = client.events().await.remove(0);
    let [planned, last] = next_attempts(&client, &webhook, &event).await;
    assert!(planned.is_string() && planned == last, "{planned} {last}");

    client.amend(&webhook.id, json!({ "status": "paused" })).await;
    assert_eq!(next_attempts(&client, &webhook, &event).await, [Value::Null, Value::Null]);
    client.amend(&webhook.id, json!({ "status": "active" })).await;
    assert_eq!(next_attempts(&client, &webhook, &event).await, [planned.clone(), planned]);

    client.amend(&other.id, json!({ "status": "paused" })).await;
    let is_down = |answer: &Answer| answer.data()["health"] == "down";
    let path = format!("/webhooks/{}", webhook.id);
    // Of several tickets, and for a second.
    while !is_down(&client.get(&path).await) {
        client.open_ticket("late too").await;
        let at_rest = |state: &Value| state["in_flight"] == 0;
        client.wait_webhook(&webhook.id, at_rest, MINUTE).await;
    }
    assert_eq!(next_attempts(&client, &webhook, &event).await, [Value::Null, Value::Null]);

    receiver.behave(|_| Reaction::Status(410));
    client.amend(&other.id, json!({ "status": "active" })).await;
    client.wait_webhook(&other.id, |state| state["status"] == "disabled", MINUTE).await;
    assert_eq!(next_attempts(&client, &other, &event).await, [Value::Null, Value::Null]);
}

#[tokio::test]
async fn a_retry_after_moves_the_next_attempts_of_other_tickets_too() {
    let (_server, client) = desk(&[]);
    let receiver = Receiver::start(|_| Reaction::Status(500));
    let webhook = client.register_with_schedule(&receiver.url(), json!([300])).await;
    client.open_ticket("fails").await;
    client.wait_webhook(&webhook.id, |state| state["waiting_lanes"] == 1, MINUTE).await;
    let event = client.events().await.remove(0);
    let [planned, _] = next_attempts(&client, &webhook, &event).await;

    receiver.behave(|_| Reaction::Answer {
        status: 429,
        headers: vec![("retry-after".to_owned(), "600".to_owned())],
        body: Vec::new(),
    });
    client.open_ticket("asks for time").await;
    client.wait_webhook(&webhook.id, |state| state["reason"] == "retry_after", MINUTE).await;

    let [asked, last] = next_attempts(&client, &webhook, &event).await;
    // As texts times are in their order.
    assert!(asked.as_str() > planned.as_str() && asked == last, "{planned} {asked} {last}");
}

#[tokio::test]
async fn those_who_want_to_know_are_told_how_webhooks_fare() {
    let (_server, client) = desk(&["--down-after", "4"]);
    let told = Receiver::kind();
    let types = ["webhook_down", "webhook_recovered", "webhook_disabled", "delivery_abandoned"];
    client.register_with(json!({ "callback_url": told.url(), "events": types })).await;
    let failing = Receiver::start(|_| Reaction::Status(500));
    let webhook = client.register(&failing.url()).await;
    let hopeless = Receiver::start(|_| Reaction::Status(500));
    let settings = json!({
        "callback_url": hopeless.url(), "retry_schedule": [], "events": ["ticket_closed"],
    });
    let hopeless_id = client.register_with(settings).await.id;
    for number in 0..4 {
        client.open_ticket(&number.to_string()).await;
    }
    told.wait_for(|all| all.iter().any(|one| one.event_type() == "webhook_down"), MINUTE).await;
    failing.behave(|_| Reaction::Status(200));
    told.wait_for(|all| all.iter().any(|one| one.event_type() == "webhook_recovered"), MINUTE)
        .await;
    let ticket = client.open_ticket("closed at once").await;
    client.close_ticket(&ticket).await;
    told.wait_for(|all| all.iter().any(|one| one.event_type() == "delivery_abandoned"), MINUTE)
        .await;
    failing.behave(|_| Reaction::Status(410));
    client.open_ticket("gone").await;

    let heard = told.wait_for(|all| all.len() == 4, MINUTE).await;

    let of = |kind: &str| {
        let one = heard.iter().find(|one| one.event_type() == kind).unwrap();
        let data = one.json()["data"].clone();
        (data["webhook_id"].as_str().unwrap().to_owned(), data["reason"].clone())
    };
    assert_eq!(of("webhook_down"), (webhook.id.clone(), json!("failing")));
    assert_eq!(of("webhook_recovered").0, webhook.id);
    assert_eq!(of("webhook_disabled"), (webhook.id.clone(), json!("gone")));
    assert_eq!(of("delivery_abandoned"), (hopeless_id, json!("retries_used_up")));
}

#[tokio::test]
async fn a_webhook_that_only_fails_is_disabled_and_goes_on_when_enabled() {
    let (_server, client) = desk(&["--down-after", "3", "--disable-after-s", "1"]);
    let receiver = Receiver::start(|_| Reaction::Status(500));
    let webhook = client.register_with_schedule(&receiver.url(), json!([1, 1, 1, 1, 1])).await;
    for number in 0..5 {
        client.open_ticket(&number.to_string()).await;
    }
    let disabled =
        client.wait_webhook(&webhook.id, |state| state["status"] == "disabled", MINUTE).await;
    assert_eq!((&disabled["reason"], &disabled["backlog"]), (&json!("failing"), &json!(5)));
    let path = format!("/webhooks/{}", webhook.id);
    let refused = client.patch(&path, json!({ "status": "active" })).await;
    assert_eq!((refused.status, refused.code()), (409, Some("webhook_not_active")));

    receiver.behave(|_| Reaction::Status(200));
    client.post(&format!("{path}/enable"), None).await.expect(200);

    client.wait_told(&webhook.id, MINUTE).await;
}

#[tokio::test]
async fn what_is_for_another_webhook_alone_is_no_delivery() {
    let (_server, client) = desk(&[]);
    let receiver = Receiver::kind();
    let webhook = client.register(&receiver.url()).await;
    let other = client.register(&receiver.url()).await;
    let path = format!("/webhooks/{}/ping", webhook.id);
    let ping = client.post(&path, None).await.expect(202).string("/data/id");
    client.wait_told(&webhook.id, MINUTE).await;

    let listed = deliveries(&client, &webhook, "").await;
    let foreign = deliveries(&client, &other, "").await;

    assert_eq!(listed["data"][0]["event_id"], json!(ping));
    assert_eq!(foreign["data"], json!([]));
    let path = format!("/webhooks/{}/deliveries/{ping}", other.id);
    client.get(&path).await.expect(404);
}

#[tokio::test]
async fn attempts_are_listed_page_by_page() {
    let (_server, client) = desk(&[]);
    let receiver = Receiver::start(|_| Reaction::Status(500));
    let webhook = client.register_with_schedule(&receiver.url(), json!([0, 0, 0])).await;
    client.open_ticket("four times").await;
    client.wait_webhook(&webhook.id, |state| state["backlog"] == 0, MINUTE).await;
    let event = deliveries(&client, &webhook, "").await["data"][0]["event_id"].clone();
    let event = event.as_str().expect("an id");

    let first = deliveries(&client, &webhook, &format!("/{event}?limit=3")).await;
    let second = deliveries(&client, &webhook, &format!("/{event}?limit=3&after=3")).await;

    let numbers = |page: &Value| {
        let attempts = page["data"].as_array().expect("a list").iter();
        attempts.filter_map(|one| one["number"].as_u64()).collect::<Vec<_>>()
    };
    assert_eq!((numbers(&first), &first["next"]), (vec![1, 2, 3], &json!(3)));
    assert_eq!((numbers(&second), &second["next"]), (vec![4], &Value::Null));
    // Where it stands is said by its last attempt, and not by the last of a page.
    let planned = [&first["data"][2], &second["data"][0]].map(|one| &one["next_attempt_at"]);
    assert!(planned[0].is_string() && planned[1].is_null(), "{planned:?}");
}

#[tokio::test]
async fn a_retry_after_is_waited_for() {
    let (_server, client) = desk(&[]);
    let receiver = Receiver::start(|delivery| match delivery.attempt() {
        1 => Reaction::Answer {
            status: 429,
            headers: vec![("retry-after".to_owned(), "2".to_owned())],
            body: Vec::new(),
        },
        _ => Reaction::Status(200),
    });
    let settings = json!({ "callback_url": receiver.url(), "retry_schedule": [0] });
    let webhook = client.register_with(settings).await;
    client.open_ticket("busy").await;
    receiver.wait_for(|all| all.len() == 1, MINUTE).await;

    let asked =
        client.wait_webhook(&webhook.id, |state| state["reason"] == "retry_after", MINUTE).await;
    let heard = receiver.wait_for(|all| all.len() == 2, MINUTE).await;

    assert_eq!((&asked["health"], &asked["window"]), (&json!("healthy"), &json!(32)));
    assert!(heard[1].at.duration_since(heard[0].at) >= Duration::from_millis(1_900));
}
