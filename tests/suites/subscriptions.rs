//! Subscriptions: every webhook gets the events of its types from its registration on.

use std::collections::BTreeMap;

use hookdesk_tests::{Delivery, Reaction, Receiver, SOON, desk};
use serde_json::{Value, json};

fn sorted_ids(deliveries: &[Delivery]) -> Vec<String> {
    let mut ids: Vec<_> = deliveries.iter().map(|one| one.event().to_owned()).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn every_webhook_is_told_the_same() {
    let (_server, client) = desk();
    let receivers: Vec<Receiver> = (0..5).map(|_| Receiver::kind()).collect();
    let mut secrets = Vec::new();
    for receiver in &receivers {
        secrets.push(client.register(&receiver.url()).await.secret);
    }

    let ticket = client.open_ticket("one").await;
    client.update_ticket(&ticket, "two").await;
    client.ping().await;

    let bytes = |all: &[Delivery]| -> BTreeMap<String, Vec<u8>> {
        all.iter().map(|one| (one.event().to_owned(), one.body.clone())).collect()
    };
    let first = bytes(&receivers[0].wait_for(|all| all.len() == 3, SOON).await);
    for (receiver, secret) in receivers.iter().zip(&secrets) {
        let told = receiver.wait_for(|all| all.len() == 3, SOON).await;
        assert_eq!(bytes(&told), first);
        assert!(told.iter().all(|one| one.signed_with(secret)));
    }
}

#[tokio::test]
async fn an_unregistered_webhook_is_told_nothing_more() {
    let (mut server, client) = desk();
    let (leaving, staying) = (Receiver::kind(), Receiver::kind());
    let webhook = client.register(&leaving.url()).await;
    client.register(&staying.url()).await;
    client.open_ticket("told to both").await;
    leaving.wait_for(|all| all.len() == 1, SOON).await;

    client.unregister(&webhook.id).await;
    client.open_ticket("told to one").await;

    staying.wait_for(|all| all.len() == 2, SOON).await;
    // Whatever was sent in the same commit has arrived when the server ends.
    server.terminate();
    assert_eq!(leaving.count(), 1);
}

#[tokio::test]
async fn a_webhook_that_is_unregistered_while_its_retry_waits_is_not_told_again() {
    let (mut server, client) = desk();
    let (leaving, staying) = (Receiver::kind(), Receiver::kind());
    leaving.behave(|_| Reaction::Status(500));
    staying.behave(|one| Reaction::Status(if one.attempt() < 4 { 500 } else { 200 }));
    let settings = json!({ "callback_url": leaving.url(), "retry_schedule": [2] });
    let webhook = client.register_with(settings).await;
    let settings = json!({ "callback_url": staying.url(), "retry_schedule": [1, 1, 1] });
    client.register_with(settings).await;
    client.open_ticket("never taken").await;
    let waits = |state: &Value| state["waiting_lanes"] == 1;
    client.wait_webhook(&webhook.id, waits, SOON).await;

    client.unregister(&webhook.id).await;

    // Three waits of a second are longer than one of two, however each is spread.
    staying.wait_for(|all| all.len() == 4, SOON).await;
    server.terminate();
    assert_eq!(leaving.count(), 1);
}

#[tokio::test]
async fn a_new_webhook_hears_only_what_follows() {
    let (mut server, client) = desk();
    let (old, new) = (Receiver::kind(), Receiver::kind());
    client.register(&old.url()).await;
    let ticket = client.open_ticket("before").await;
    client.ping().await;

    client.register(&new.url()).await;
    client.update_ticket(&ticket, "after").await;

    let told = new.wait_for(|all| all.len() == 1, SOON).await;
    old.wait_for(|all| all.len() == 3, SOON).await;
    server.terminate();
    assert_eq!((told[0].event_type().as_str(), told[0].version()), ("ticket_updated", Some(2)));
    assert_eq!((new.count(), old.count()), (1, 3));
}

#[tokio::test]
async fn the_same_url_registered_twice_is_two_webhooks() {
    let (mut server, client) = desk();
    let receiver = Receiver::kind();
    let first = client.register(&receiver.url()).await;
    let second = client.register(&receiver.url()).await;

    client.open_ticket("told twice").await;
    let twice = receiver.wait_for(|all| all.len() == 2, SOON).await;
    client.unregister(&first.id).await;
    client.ping().await;
    let told = receiver.wait_for(|all| all.len() == 3, SOON).await;
    server.terminate();

    assert_ne!(first.id, second.id);
    assert_eq!(twice[0].event(), twice[1].event());
    for secret in [&first.secret, &second.secret] {
        assert_eq!(twice.iter().filter(|one| one.signed_with(secret)).count(), 1);
    }
    assert!(told[2].signed_with(&second.secret));
    assert_eq!(receiver.count(), 3);
}

#[tokio::test]
async fn each_call_is_told_once_and_in_the_order_of_its_ticket() {
    let (mut server, client) = desk();
    let receiver = Receiver::kind();
    let webhook = client.register(&receiver.url()).await;
    let mut events = Vec::new();

    for path in ["/service/available", "/service/unavailable", "/service/unavailable"] {
        events.push(client.announce(path).await);
    }
    for _ in 0..3 {
        events.push(client.ping().await);
    }
    client.wait_told(&webhook.id, SOON).await;
    server.terminate();

    let told = receiver.deliveries();
    assert_eq!(sorted_ids(&told), events, "ids grow, and each came once");
    let service: Vec<_> =
        told.iter().filter(|one| one.event_type() != "ping").map(Delivery::event).collect();
    assert_eq!(service, events[..3]);
}

#[tokio::test]
async fn what_happens_without_any_webhook_is_told_to_nobody_and_kept() {
    let (mut server, client) = desk();
    let ticket = client.open_ticket("nobody hears").await;
    client.close_ticket(&ticket).await;
    client.ping().await;
    let receiver = Receiver::kind();
    let webhook = client.register(&receiver.url()).await;

    let ping = client.ping().await;

    client.wait_told(&webhook.id, SOON).await;
    server.terminate();
    assert_eq!(sorted_ids(&receiver.deliveries()), [ping]);
    server.restart();
    assert_eq!(client.get("/tickets").await.data()[0]["id"], ticket);
}
