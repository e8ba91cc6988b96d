//! Readiness: what `GET /health/ready` says of a store that fails, and of a server that is paused.

use std::time::Duration;

use hookdesk_tests::{
    Client, Delivery, Options, Reaction, Receiver, SOON, Server, desk, ticket_body,
};
use rusqlite::Connection;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use serde_json::{Value, json};

/// A store that is held by another is waited for before it fails.
const FAULT: Duration = Duration::from_secs(30);

/// A call that cannot be committed, and a server that says so until it has found its store writable
/// again by itself.
async fn fails(client: &Client) {
    let refused = client.post("/tickets", ticket_body("in vain")).await.expect(503);
    assert_eq!(refused.code(), Some("store_unavailable"));
    for _ in 0..2 {
        let ready = client.get("/health/ready").await.expect(503);
        assert_eq!(ready.code(), Some("store_unavailable"));
        assert!(ready.json["detail"].as_str().unwrap_or_default().contains("written"));
        client.get("/tickets").await.expect(200);
        client.get("/health/live").await.expect(200);
        // Nothing would have to be written for it, so it proves nothing of the store.
        client.delete(&format!("/tickets/tkt_{:032x}", 0)).await.expect(503);
    }
}

async fn recovers(server: &Server, client: &Client) {
    let ready = client.wait("/health/ready", |answer| answer.status == 200, FAULT).await;
    assert_eq!(ready.text, r#"{"data":{"status":"ready"}}"#);
    client.open_ticket("kept").await;
    let count = |words: &str| server.log().matches(words).count();
    assert_eq!((count("the store failed"), count("the store works again")), (1, 1));
}

#[tokio::test]
async fn a_server_whose_store_is_held_by_another_is_not_ready() {
    let (mut server, client) = desk();
    server.expect_errors();
    let other = Connection::open(server.database()).expect("it is a database");

    other.execute_batch("BEGIN IMMEDIATE").expect("nobody writes");
    fails(&client).await;
    other.execute_batch("ROLLBACK").expect("it was begun");

    recovers(&server, &client).await;
}

/// As on a full disk: what is written beyond the limit fails, and what is there can be read.
#[tokio::test]
async fn a_server_whose_files_cannot_grow_is_not_ready() {
    let (mut server, client) = desk();
    server.expect_errors();
    client.open_ticket("before").await;
    let process = Pid::from_raw(server.pid().try_into().expect("pids are small"));
    let free = getrlimit(Resource::Fsize);
    let full = Rlimit { current: Some(8_192), ..free };

    prlimit(process, Resource::Fsize, full).expect("our own child may be limited");
    fails(&client).await;
    prlimit(process, Resource::Fsize, free).expect("the hard limit is as it was");

    recovers(&server, &client).await;
}

fn numbers(deliveries: &[Delivery]) -> Vec<u32> {
    deliveries.iter().map(Delivery::attempt).collect()
}

/// A retry that is due, a probe, an event that is not read, a resend, a replay and a ping all wait.
#[tokio::test]
async fn a_paused_server_takes_calls_and_sends_nothing() {
    let options = ["--down-after", "1", "--probe-first-ms", "1", "--probe-most-ms", "1"];
    let mut server = Server::start(Options::with_arguments(&options));
    let client = server.client();
    let (kind, failing) = (Receiver::kind(), Receiver::start(|_| Reaction::Status(500)));
    let good = client.register(&kind.url()).await;
    let settings = json!({ "callback_url": failing.url(), "retry_schedule": [0, 0, 0, 0, 0] });
    let bad = client.register_with(settings).await;
    client.open_ticket("one").await;
    client.wait_told(&good.id, SOON).await;
    failing.wait_for(|all| !all.is_empty(), SOON).await;
    let told = client.events().await.remove(0);

    server.restart_under(&[("HOOKDESK_PAUSED", "1")]);
    let before = (kind.count(), failing.count());
    let ready = client.get("/health/ready").await.expect(200);
    client.open_ticket("two").await;
    client.ping().await;
    client.announce(&format!("/webhooks/{}/ping", bad.id)).await;
    client.resend(&good.id, &told).await.expect(202);
    let all = json!({ "since": told, "only": "all" });
    client.replay(&good.id, all).await.expect(202);
    let owed: Value = client.get(&format!("/webhooks/{}", good.id)).await.expect(200).json;
    server.terminate();

    assert_eq!((&ready.data()["status"], &ready.data()["paused"]), (&json!("ready"), &json!(true)));
    assert!(server.log().contains("paused: nothing is sent"), "{}", server.log());
    assert_eq!(owed["data"]["in_flight"], 0);
    assert!(owed["data"]["backlog"].as_u64() >= Some(2), "{owed}");
    // A request that a killed server had sent is all that may still have come.
    assert_eq!(kind.count(), before.0);
    assert!(failing.count() <= before.1 + 1, "{:?}", numbers(&failing.deliveries()));

    failing.behave(|_| Reaction::Status(200));
    server.restart_under(&[]);
    client.wait_told(&good.id, SOON).await;
    client.wait_told(&bad.id, SOON).await;
    assert!(kind.count() >= before.0 + 3, "{:?}", numbers(&kind.deliveries()));
}
