//! Graceful shutdown on SIGTERM: calls and deliveries in progress end, and none is repeated for it.

use std::time::Duration;

use hookdesk_tests::{Options, Reaction, Receiver, SOON, Server};
use serde_json::json;

/// An answer that comes when a server that does not wait for it has long ended.
fn slow() -> Reaction {
    Reaction::Delay(Duration::from_secs(1), Box::new(Reaction::Status(200)))
}

#[tokio::test]
async fn an_idle_server_ends_with_0_and_keeps_all() {
    let mut server = Server::start(Options::default());
    let client = server.client();
    let ticket = client.open_ticket("kept").await;

    let (status, _) = server.terminate();
    server.restart();

    assert_eq!(status.code(), Some(0));
    assert_eq!(client.get(&format!("/tickets/{ticket}")).await.expect(200).data()["version"], 1);
}

/// Whoever heard that it listens may stop it. Repeated, because what could go wrong is a race.
#[test]
fn a_server_that_is_stopped_as_soon_as_it_listens_ends_with_0() {
    for start in 1..=50 {
        let mut server = Server::start(Options::default());
        let (status, _) = server.terminate();
        assert_eq!(status.code(), Some(0), "start {start}: {status}");
    }
}

#[tokio::test]
async fn a_delivery_in_flight_is_waited_for_and_not_sent_again() {
    let mut server = Server::start(Options::default());
    let client = server.client();
    let receiver = Receiver::start(|_| slow());
    let webhook = client.register(&receiver.url()).await;
    client.open_ticket("in flight").await;
    let told = receiver.wait_for(|all| all.len() == 1, SOON).await;

    let (status, _) = server.terminate();

    assert_eq!(status.code(), Some(0));
    server.restart();
    let ping = client.ping().await;
    client.wait_told(&webhook.id, SOON).await;
    let events: Vec<_> = receiver.deliveries().iter().map(|one| one.event().to_owned()).collect();
    assert_eq!(events, [told[0].event(), &ping]);
}

#[tokio::test]
async fn what_was_not_sent_when_it_stopped_is_sent_by_the_next() {
    let mut server = Server::start(Options::default());
    let client = server.client();
    let receiver = Receiver::start(|_| slow());
    let settings = json!({ "callback_url": receiver.url(), "ordering": "webhook" });
    let webhook = client.register_with(settings).await;
    let ticket = client.open_ticket("one").await;
    for number in 2..=5 {
        client.update_ticket(&ticket, &format!("{number}")).await;
    }
    receiver.wait_for(|all| all.len() == 1, SOON).await;

    let (status, _) = server.terminate();
    server.restart();

    client.wait_told(&webhook.id, SOON).await;
    let versions: Vec<_> =
        receiver.deliveries().iter().map(hookdesk_tests::Delivery::version).collect();
    assert_eq!(status.code(), Some(0));
    assert_eq!(versions, [Some(1), Some(2), Some(3), Some(4), Some(5)]);
}

#[tokio::test]
async fn a_caller_that_keeps_its_connection_takes_no_time_from_a_delivery() {
    let mut server = Server::start(Options::default());
    let client = server.client().with_pool();
    let receiver = Receiver::start(|_| slow());
    client.register(&receiver.url()).await;
    client.open_ticket("in flight").await;
    receiver.wait_for(|all| all.len() == 1, SOON).await;

    let (status, _) = server.terminate();

    assert_eq!(status.code(), Some(0));
    let attempts = server.attempts();
    assert_eq!((attempts.len(), attempts[0].reason.as_str()), (1, "delivered"));
    assert!(!server.log().contains("not all requests ended"), "{}", server.log());
}

#[tokio::test]
async fn a_receiver_that_hangs_is_left_to_the_next_start() {
    let mut server = Server::start(Options::default());
    let client = server.client();
    let receiver = Receiver::start(|_| Reaction::Hang);
    let settings = json!({ "callback_url": receiver.url(), "timeout_ms": 30_000 });
    let webhook = client.register_with(settings).await;
    client.open_ticket("hanging").await;
    receiver.wait_for(|all| all.len() == 1, SOON).await;

    let (status, _) = server.terminate();
    receiver.behave(|_| Reaction::Status(200));
    server.restart();

    assert_eq!(status.code(), Some(0));
    client.wait_told(&webhook.id, SOON).await;
    let told = receiver.deliveries();
    let attempts: Vec<_> = told.iter().map(hookdesk_tests::Delivery::attempt).collect();
    assert_eq!(attempts, [1, 2]);
    assert_eq!((told[0].event(), &told[0].body), (told[1].event(), &told[1].body));
}
