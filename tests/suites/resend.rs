//! Resend of one event.

use hookdesk_tests::{Client, Delivery, Gate, Reaction, Receiver, SOON, Webhook, desk, desk_with};
use serde_json::{Value, json};

/// Where the last event stands for the webhook.
async fn newest(client: &Client, webhook: &Webhook) -> Value {
    client.deliveries(&webhook.id, "?limit=1").await.remove(0)
}

/// Waits until the last event stands like this.
async fn wait_newest(client: &Client, webhook: &Webhook, state: &str) -> Value {
    let path = format!("/webhooks/{}/deliveries?limit=1", webhook.id);
    let stands = client.wait(&path, |answer| answer.data()[0]["state"] == state, SOON).await;
    stands.data()[0].clone()
}

/// What each attempt for an event came to, as the desk lists them.
async fn reasons(client: &Client, webhook: &Webhook, event: &str) -> Vec<(u64, String)> {
    let path = format!("/webhooks/{}/deliveries/{event}", webhook.id);
    let list = client.get(&path).await.expect(200);
    let attempt = |one: &Value| {
        let reason = one["reason"].as_str().expect("a reason").to_owned();
        (one["number"].as_u64().expect("a number"), reason)
    };
    list.items().iter().map(attempt).collect()
}

/// The problem of a resend that is refused.
async fn refusal(client: &Client, webhook: &str, event: &str) -> (u16, String) {
    let answer = client.resend(webhook, event).await;
    (answer.status, answer.code().unwrap_or_default().to_owned())
}

fn not_its_turn() -> (u16, String) {
    (409, "not_its_turn".to_owned())
}

fn not_found() -> (u16, String) {
    (404, "not_found".to_owned())
}

fn attempts(deliveries: &[Delivery]) -> Vec<u32> {
    deliveries.iter().map(Delivery::attempt).collect()
}

#[tokio::test]
async fn a_delivered_event_is_sent_again_as_it_was() {
    let (_server, client) = desk();
    let receiver = Receiver::kind();
    let webhook = client.register(&receiver.url()).await;
    let ticket = client.open_ticket("once").await;
    client.update_ticket(&ticket, "twice").await;
    let event = receiver.wait_for(|all| all.len() == 2, SOON).await[0].event().to_owned();

    for _ in 0..2 {
        client.wait_told(&webhook.id, SOON).await;
        let answer = client.resend(&webhook.id, &event).await.expect(202);
        assert_eq!(answer.json, json!({ "data": { "id": event } }));
    }

    client.wait_told(&webhook.id, SOON).await;
    let told = receiver.deliveries();
    assert_eq!(told.len(), 4);
    let told: Vec<Delivery> = told.into_iter().filter(|one| one.event() == event).collect();
    assert_eq!(attempts(&told), [1, 2, 3]);
    for one in &told {
        assert!(one.signed_with(&webhook.secret), "{one}");
        assert_eq!((&one.body, one.ticket()), (&told[0].body, Some(&*ticket)));
        assert_eq!(one.version(), Some(1));
    }
    let delivered = |number| (number, "delivered".to_owned());
    assert_eq!(reasons(&client, &webhook, &event).await, [1, 2, 3].map(delivered));
    let stands = &client.deliveries(&webhook.id, "").await[1];
    assert_eq!((&stands["state"], &stands["attempts"]), (&json!("delivered"), &json!(3)));
    let state = client.webhook(&webhook.id).await;
    assert_eq!(state["owed"]["count"], 2, "it is owed once");
}

#[tokio::test]
async fn an_abandoned_event_is_delivered_when_it_is_sent_again() {
    let (_server, client) = desk();
    let receiver = Receiver::start(|_| Reaction::Status(500));
    let webhook = client.register_with_schedule(&receiver.url(), json!([])).await;
    client.open_ticket("lost").await;
    let event = wait_newest(&client, &webhook, "abandoned").await["event_id"].clone();
    receiver.behave(|_| Reaction::Status(200));

    client.resend(&webhook.id, event.as_str().expect("an id")).await.expect(202);

    let stands = wait_newest(&client, &webhook, "delivered").await;
    assert_eq!((&stands["event_id"], &stands["attempts"]), (&event, &json!(2)));
    assert_eq!(attempts(&receiver.deliveries()), [1, 2]);
}

#[tokio::test]
async fn what_is_sent_again_has_the_full_ladder() {
    let (_server, client) = desk();
    let receiver = Receiver::start(|_| Reaction::Status(500));
    let webhook = client.register_with_schedule(&receiver.url(), json!([0, 0])).await;
    client.open_ticket("lost").await;
    let stands = wait_newest(&client, &webhook, "abandoned").await;
    let event = stands["event_id"].as_str().expect("an id");

    client.resend(&webhook.id, event).await.expect(202);

    client.wait_told(&webhook.id, SOON).await;
    assert_eq!(attempts(&receiver.deliveries()), [1, 2, 3, 4, 5, 6]);
    assert_eq!(newest(&client, &webhook).await["state"], "abandoned");
    let reasons: Vec<_> = reasons(&client, &webhook, event).await;
    let reasons: Vec<_> = reasons.iter().map(|(_, reason)| reason.as_str()).collect();
    let ladder = ["retry", "retry", "retries_used_up"];
    assert_eq!(reasons, [ladder, ladder].concat());
}

#[tokio::test]
async fn a_head_that_waits_goes_at_once_and_what_is_behind_it_only_after() {
    let (_server, client) = desk();
    let receiver = Receiver::start(|_| Reaction::Status(500));
    let webhook = client.register_with_schedule(&receiver.url(), json!([600])).await;
    let ticket = client.open_ticket("head").await;
    client.update_ticket(&ticket, "behind").await;
    client.wait_webhook(&webhook.id, |state| state["waiting_lanes"] == 1, SOON).await;
    let [head, behind] = &client.events().await[..] else { panic!("not two events") };
    receiver.behave(|_| Reaction::Status(200));

    assert_eq!(refusal(&client, &webhook.id, behind).await, not_its_turn());
    client.resend(&webhook.id, head).await.expect(202);

    // In far less than the ladder's ten minutes.
    client.wait_told(&webhook.id, SOON).await;
    let told = receiver.deliveries();
    let told: Vec<_> = told.iter().map(|one| (one.event(), one.attempt())).collect();
    assert_eq!(told, [(&**head, 1), (head, 2), (behind, 1)]);
}

#[tokio::test]
async fn what_is_in_flight_or_unread_is_refused() {
    let (_server, client) = desk();
    let gate = Gate::closed();
    let held = gate.clone();
    let receiver = Receiver::start(move |_| held.then(Reaction::Status(200)));
    let webhook = client.register_with_schedule(&receiver.url(), json!([0])).await;
    client.open_ticket("in flight").await;
    receiver.wait_for(|all| all.len() == 1, SOON).await;
    client.amend(&webhook.id, json!({ "status": "paused" })).await;
    client.open_ticket("unread").await;

    for event in client.events().await {
        assert_eq!(refusal(&client, &webhook.id, &event).await, not_its_turn());
    }

    gate.open();
    client.amend(&webhook.id, json!({ "status": "active" })).await;
    client.wait_told(&webhook.id, SOON).await;
    assert_eq!(attempts(&receiver.deliveries()), [1, 1]);
}

#[tokio::test]
async fn what_never_was_the_webhooks_is_unknown() {
    let (_server, client) = desk();
    let receiver = Receiver::kind();
    client.open_ticket("before").await;
    let webhook = client.register(&receiver.url()).await;
    let other = client.register(&receiver.url()).await;
    client.announce(&format!("/webhooks/{}/ping", other.id)).await;
    client.open_ticket("after").await;
    client.wait_told(&webhook.id, SOON).await;
    client.wait_told(&other.id, SOON).await;
    let [before, ping, after] = &client.events().await[..] else { panic!("not three events") };
    let unregistered = client.register(&receiver.url()).await;
    client.unregister(&unregistered.id).await;
    let told = receiver.count();

    let (beyond, elsewhere) = (format!("{}4", &after[..35]), after.replace("evt_0", "evt_1"));
    for event in [before, ping, &beyond, &elsewhere, "evt_1", &webhook.id] {
        assert_eq!(refusal(&client, &webhook.id, event).await, not_found(), "{event}");
    }
    for webhook in [&unregistered.id, "whk_1", after] {
        assert_eq!(refusal(&client, webhook, after).await, not_found(), "{webhook}");
    }

    client.resend(&other.id, ping).await.expect(202);
    client.wait_told(&other.id, SOON).await;
    assert_eq!(receiver.count(), told + 1);
}

#[tokio::test]
async fn a_paused_webhook_is_sent_it_when_it_goes_on() {
    let (mut server, client) = desk();
    let receiver = Receiver::kind();
    let webhook = client.register_with_schedule(&receiver.url(), json!([0])).await;
    client.open_ticket("once").await;
    client.wait_told(&webhook.id, SOON).await;
    client.amend(&webhook.id, json!({ "status": "paused" })).await;
    let event = receiver.deliveries()[0].event().to_owned();

    client.resend(&webhook.id, &event).await.expect(202);
    // It waits through a restart too.
    server.restart();

    let state = client.webhook(&webhook.id).await;
    assert_eq!((&state["backlog"], &state["in_flight"]), (&json!(1), &json!(0)));
    assert_eq!(newest(&client, &webhook).await["state"], "waiting");
    assert_eq!(receiver.count(), 1);
    client.amend(&webhook.id, json!({ "status": "active" })).await;
    client.wait_told(&webhook.id, SOON).await;
    assert_eq!(attempts(&receiver.deliveries()), [1, 2]);
}

#[tokio::test]
async fn what_was_skipped_is_pending_and_then_delivered() {
    let (_server, client) = desk();
    let receiver = Receiver::kind();
    let settings = json!({ "callback_url": receiver.url(), "events": ["ticket_closed"] });
    let webhook = client.register_with(settings).await;
    client.open_ticket("skipped").await;
    let stands = newest(&client, &webhook).await;
    assert_eq!(stands["state"], "skipped");
    client.amend(&webhook.id, json!({ "status": "paused" })).await;

    client.resend(&webhook.id, stands["event_id"].as_str().expect("an id")).await.expect(202);

    let stands = newest(&client, &webhook).await;
    assert_eq!((&stands["state"], &stands["reason"]), (&json!("pending"), &json!("paused")));
    client.amend(&webhook.id, json!({ "status": "active" })).await;
    wait_newest(&client, &webhook, "delivered").await;
    assert_eq!(attempts(&receiver.deliveries()), [1]);
    assert_eq!(client.webhook(&webhook.id).await["owed"]["count"], 1, "it is owed after all");
}

#[tokio::test]
async fn a_receiver_that_is_down_is_probed_at_once() {
    let never = ["--probe-first-ms", "3600000", "--probe-most-ms", "3600000"];
    let (_server, client) = desk_with(&[&never[..], &["--down-after", "3"]].concat());
    let receiver = Receiver::kind();
    let webhook = client.register_with_schedule(&receiver.url(), json!([1, 1, 1])).await;
    client.open_ticket("heard").await;
    client.wait_told(&webhook.id, SOON).await;
    let heard = receiver.deliveries()[0].event().to_owned();
    receiver.behave(|_| Reaction::Status(500));
    client.amend(&webhook.id, json!({ "status": "paused" })).await;
    for number in 0..5 {
        client.open_ticket(&number.to_string()).await;
    }
    client.amend(&webhook.id, json!({ "status": "active" })).await;
    let down = |state: &Value| state["health"] == "down" && state["in_flight"] == 0;
    client.wait_webhook(&webhook.id, down, SOON).await;
    receiver.behave(|_| Reaction::Status(200));

    client.resend(&webhook.id, &heard).await.expect(202);

    // In far less than the hour until the next probe.
    let state = client.wait_told(&webhook.id, SOON).await;
    assert_eq!(state["health"], "healthy");
    let again = receiver.deliveries().into_iter().filter(|one| one.event() == heard);
    assert_eq!(attempts(&again.collect::<Vec<_>>()), [1, 2]);
}

#[tokio::test]
async fn a_list_shows_what_is_sent_again() {
    let (_server, client) = desk();
    let gate = Gate::closed();
    let held = gate.clone();
    let receiver = Receiver::start(move |one| match one.attempt() {
        2 => held.then(Reaction::Status(500)),
        _ => Reaction::Status(200),
    });
    let webhook = client.register_with_schedule(&receiver.url(), json!([600])).await;
    client.open_ticket("once").await;
    client.wait_told(&webhook.id, SOON).await;
    let event = receiver.deliveries()[0].event().to_owned();

    client.resend(&webhook.id, &event).await.expect(202);
    receiver.wait_for(|all| all.len() == 2, SOON).await;
    let sending = client.deliveries(&webhook.id, "?state=sending").await;
    gate.open();
    let waiting = wait_newest(&client, &webhook, "waiting").await;

    assert_eq!(sending[0]["event_id"], *event);
    assert_eq!((&waiting["attempts"], &waiting["reason"]), (&json!(2), &json!("retry")));
    assert!(waiting["next_attempt_at"].is_string(), "{waiting}");
    assert_eq!(client.deliveries(&webhook.id, "?state=waiting").await, [waiting]);
    client.resend(&webhook.id, &event).await.expect(202);
    wait_newest(&client, &webhook, "delivered").await;
    assert_eq!(attempts(&receiver.deliveries()), [1, 2, 3]);
}

#[tokio::test]
async fn a_resend_that_comes_to_nothing_takes_nothing_back() {
    let (_server, client) = desk();
    let receiver = Receiver::kind();
    let webhook = client.register_with_schedule(&receiver.url(), json!([])).await;
    client.open_ticket("once").await;
    client.wait_told(&webhook.id, SOON).await;
    let event = receiver.deliveries()[0].event().to_owned();
    receiver.behave(|_| Reaction::Status(500));

    client.resend(&webhook.id, &event).await.expect(202);

    client.wait_told(&webhook.id, SOON).await;
    let stands = newest(&client, &webhook).await;
    assert_eq!((&stands["state"], &stands["reason"]), (&json!("delivered"), &json!("delivered")));
    assert_eq!(stands["attempts"], 2);
}
