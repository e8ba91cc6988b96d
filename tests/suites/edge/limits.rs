//! The platform's limit of six open requests, and readers that stall.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hookdesk_tests::{Delivery, Gate, Reaction, Receiver, SOON, event_ids};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::edge;

/// What a Worker may have open at once.
const OPEN_FETCHES: usize = 6;

#[tokio::test]
#[ignore = "wants the Worker built: .ci/host-tests edge"]
async fn at_most_six_requests_are_open_at_once() {
    let (_server, client) = edge();
    let gate = Gate::closed();
    let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let receivers: Vec<Receiver> = (0..8)
        .map(|_| {
            let (held, open, most) = (gate.clone(), Arc::clone(&open), Arc::clone(&most));
            Receiver::start(move |_| {
                let now = open.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                held.then(Reaction::Status(200))
            })
        })
        .collect();
    let mut webhooks = Vec::new();
    for receiver in &receivers {
        webhooks.push(client.register(&receiver.url()).await);
    }

    for number in 0..20 {
        client.open_ticket(&number.to_string()).await;
    }

    // The receivers hold what they have, so that all that is open has been counted.
    let mut in_flight = 0;
    for webhook in &webhooks {
        in_flight += client.webhook(&webhook.id).await["in_flight"].as_u64().expect("a number");
    }
    assert_eq!(in_flight, OPEN_FETCHES as u64);
    while open.load(Ordering::SeqCst) < OPEN_FETCHES {
        sleep(Duration::from_millis(10)).await;
    }
    sleep(Duration::from_millis(500)).await;
    assert_eq!(most.load(Ordering::SeqCst), OPEN_FETCHES);
    gate.open();
    for webhook in &webhooks {
        client.wait_told(&webhook.id, SOON).await;
    }
    assert!(receivers.iter().all(|receiver| event_ids(&receiver.deliveries()).len() == 20));
}

#[tokio::test]
#[ignore = "wants the Worker built: .ci/host-tests edge"]
async fn readers_of_long_lists_who_stall_harm_nobody_else() {
    // More than the desk keeps lists for.
    const READERS: usize = 70;
    let (mut server, client) = edge();
    // The runtime logs each answer that ends in the middle, as those of the first readers do.
    server.expect_errors();
    let message = "m".repeat(60_000);
    for _ in 0..60 {
        client.open_ticket(&message).await;
    }
    let gate = Gate::closed();
    let held = gate.clone();
    let receiver = Receiver::start(move |_| held.then(Reaction::Status(200)));
    // On a busy machine the lists take longer than most receivers have to answer.
    let settings = json!({ "callback_url": receiver.url(), "timeout_ms": 30_000 });
    let webhook = client.register_with(settings).await;
    client.open_ticket("one").await;
    receiver.wait_for(|all| all.len() == 1, SOON).await;

    let mut stalled = Vec::new();
    for _ in 0..READERS {
        let mut reader =
            TcpStream::connect(("127.0.0.1", server.port())).await.expect("it accepts");
        let call = format!("GET /tickets HTTP/1.1\r\nhost: 127.0.0.1:{}\r\n\r\n", server.port());
        reader.write_all(call.as_bytes()).await.expect("it is taken in");
        stalled.push(reader);
    }
    let whole = client.get("/tickets").await.expect(200);
    sleep(Duration::from_secs(6)).await;
    drop(stalled);
    gate.open();

    assert_eq!(whole.data().as_array().map(Vec::len), Some(61));
    client.wait_told(&webhook.id, SOON).await;
    let heard = receiver.deliveries();
    let attempts: Vec<_> = heard.iter().map(Delivery::attempt).collect();
    let path = format!(
        "/webhooks/{}/deliveries/{}",
        webhook.id,
        heard[0].header("webhook-id").unwrap_or_default()
    );
    let kept = client.get(&path).await;
    assert_eq!(attempts, [1], "what was open was let go of: {:?}", kept.data());
}
