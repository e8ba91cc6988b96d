//! The meaning of a receiver's HTTP response: success, retry, `Retry-After`, 410.

use hookdesk_tests::{Delivery, Reaction, Receiver, SOON, desk};
use serde_json::{Value, json};

fn once(receiver: &Receiver) -> Value {
    json!({ "callback_url": receiver.url(), "retry_schedule": [] })
}

#[tokio::test]
async fn every_2xx_is_a_delivery() {
    let (mut server, client) = desk();
    let statuses = [200, 201, 202, 204, 206, 299];
    let mut receivers = Vec::new();
    for status in statuses {
        let receiver = Receiver::start(move |_| Reaction::Status(status));
        let webhook = client.register_with(once(&receiver)).await;
        receivers.push((receiver, webhook));
    }

    client.ping().await;

    for (_, webhook) in &receivers {
        client.wait_told(&webhook.id, SOON).await;
    }
    server.terminate();
    let attempts = server.attempts();
    assert_eq!(attempts.iter().filter_map(|one| one.status).collect::<Vec<_>>(), statuses);
    assert!(attempts.iter().all(|one| one.reason == "delivered"), "{attempts:?}");
}

#[tokio::test]
async fn anything_else_is_a_failure() {
    let (mut server, client) = desk();
    let statuses = [300, 301, 304, 400, 401, 404, 409, 418, 429, 500, 503, 599, 999];
    let mut receivers = Vec::new();
    for status in statuses {
        let receiver = Receiver::start(move |_| Reaction::Status(status));
        let webhook = client.register_with(once(&receiver)).await;
        receivers.push((receiver, webhook));
    }

    client.ping().await;

    for (_, webhook) in &receivers {
        let state = client.wait_told(&webhook.id, SOON).await;
        assert_eq!(state["status"], "active");
    }
    server.terminate();
    let attempts = server.attempts();
    assert_eq!(attempts.iter().filter_map(|one| one.status).collect::<Vec<_>>(), statuses);
    assert!(attempts.iter().all(|one| one.reason == "retries_used_up"), "{attempts:?}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (mut server, client) = desk();
    let elsewhere = Receiver::kind();
    let location = elsewhere.url();
    let receiver = Receiver::start(move |one| Reaction::Answer {
        status: if one.event_type() == "ping" { 302 } else { 307 },
        headers: vec![("location".to_owned(), location.clone())],
        body: Vec::new(),
    });
    let webhook = client.register_with(once(&receiver)).await;

    client.ping().await;
    client.open_ticket("signed for one address").await;

    client.wait_told(&webhook.id, SOON).await;
    server.terminate();
    assert_eq!((receiver.count(), elsewhere.count()), (2, 0));
    let attempts = server.attempts();
    assert_eq!(attempts.iter().filter_map(|one| one.status).collect::<Vec<_>>(), [302, 307]);
}

#[tokio::test]
async fn gone_disables_the_webhook_and_no_other() {
    let (mut server, client) = desk();
    let gone = Receiver::start(|_| Reaction::Status(410));
    let kind = Receiver::kind();
    let settings = json!({ "callback_url": gone.url(), "retry_schedule": [0, 0, 0] });
    let leaving = client.register_with(settings).await;
    let staying = client.register(&kind.url()).await;
    let ticket = client.open_ticket("one").await;

    let disabled = |state: &Value| state["status"] == "disabled";
    let state = client.wait_webhook(&leaving.id, disabled, SOON).await;
    client.update_ticket(&ticket, "two").await;
    client.ping().await;

    client.wait_told(&staying.id, SOON).await;
    let later = client.webhook(&leaving.id).await;
    assert_eq!(state["reason"], "gone");
    assert_eq!((&later["backlog"], &later["in_flight"]), (&json!(3), &json!(0)));
    let list = client.get("/webhooks").await;
    assert_eq!(
        (&list.data()[0]["status"], &list.data()[0]["reason"]),
        (&json!("disabled"), &json!("gone"))
    );
    assert_eq!(
        (&list.data()[1]["status"], &list.data()[1]["reason"]),
        (&json!("active"), &Value::Null)
    );
    server.terminate();
    server.restart();
    client.ping().await;
    client.wait_told(&staying.id, SOON).await;
    server.terminate();
    assert_eq!((gone.count(), kind.count()), (1, 4));
}

#[tokio::test]
async fn the_beginning_of_an_answer_is_kept_for_the_integrator() {
    let (mut server, client) = desk();
    let receiver = Receiver::start(|_| Reaction::Answer {
        status: 400,
        headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
        body: "é is not ours\0".repeat(1_000).into_bytes(),
    });
    let webhook = client.register_with(once(&receiver)).await;

    client.ping().await;

    client.wait_told(&webhook.id, SOON).await;
    server.terminate();
    let [attempt] = server.attempts().try_into().expect("one was made");
    let excerpt = attempt.excerpt.expect("the answer had a body");
    assert!(excerpt.starts_with("é is not ours\u{fffd}é is not"), "{excerpt}");
    assert!((1_000..=1_024).contains(&excerpt.len()), "{}", excerpt.len());
}

#[tokio::test]
async fn each_attempt_is_signed_anew_with_its_own_time() {
    let (_server, client) = desk();
    let receiver =
        Receiver::start(|one| Reaction::Status(if one.attempt() < 3 { 500 } else { 200 }));
    let settings = json!({ "callback_url": receiver.url(), "retry_schedule": [2, 2] });
    let webhook = client.register_with(settings).await;

    client.open_ticket("twice refused").await;

    client.wait_told(&webhook.id, SOON).await;
    let told = receiver.deliveries();
    let seconds = |one: &Delivery| -> u64 {
        let timestamp = one.header("webhook-timestamp").expect("it is always there");
        timestamp.parse().expect("seconds")
    };
    assert_eq!(told.iter().map(Delivery::attempt).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(told.iter().all(|one| one.signed_with(&webhook.secret)));
    assert!(told.windows(2).all(|pair| seconds(&pair[0]) < seconds(&pair[1])));
    assert!(told.iter().all(|one| (one.event(), &one.body) == (told[0].event(), &told[0].body)));
}
