//! Faults of an object and its store: a desk that breaks, rows that are lost, a file that is locked.

use hookdesk_tests::{
    Answer, Client, Gate, Host, Options, Reaction, Receiver, SOON, Server, event_ids, ticket_body,
};
use reqwest::Method;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::edge;

/// The object's file, beside the object that has it open.
fn beside(server: &Server) -> Connection {
    let file = Connection::open(server.database()).expect("it is there");
    file.busy_timeout(SOON).expect("it takes options");
    file
}

/// Registers under an idempotency key, with what is kept for its repetition then damaged so that
/// giving it again breaks the desk.
async fn register_as_a_trap(server: &Server, settings: &Value) -> (Answer, Connection) {
    let answer = register_again(&server.client(), settings).await.expect(201);
    let file = beside(server);
    let trap = "ALTER TABLE keys ADD COLUMN kept TEXT; UPDATE keys SET kept = body, body = '[]'";
    file.execute_batch(trap).expect("it is a desk's");
    (answer, file)
}

async fn register_again(client: &Client, settings: &Value) -> Answer {
    let request = client.request(Method::POST, "/webhooks/register");
    let request = request.header("idempotency-key", "again");
    client.send(request.header("content-type", "application/json").body(settings.to_string())).await
}

#[tokio::test]
#[ignore = "wants the Worker built: .ci/host-tests edge"]
async fn a_desk_that_broke_goes_on_in_a_new_instance() {
    let (mut server, client) = edge();
    server.expect_errors();
    let receiver = Receiver::kind();
    let settings = json!({ "callback_url": receiver.url() });
    let (first, file) = register_as_a_trap(&server, &settings).await;
    let process = server.pid();

    let broken = register_again(&client, &settings).await;
    server.wait_log("HookDesk broke at", SOON);
    file.execute_batch("UPDATE keys SET body = kept").expect("it is a desk's");
    let again = register_again(&client, &settings).await.expect(201);
    client.open_ticket("one").await;

    assert_eq!((broken.status, broken.code()), (503, Some("store_unavailable")));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.data(), first.data());
    receiver.wait_for(|all| all.len() == 1, SOON).await;
    client.wait_told(&first.string("/data/id"), SOON).await;
    assert_eq!(server.pid(), process);
}

#[tokio::test]
#[ignore = "wants the Worker built: .ci/host-tests edge"]
async fn a_desk_that_broke_is_woken_by_its_alarm_though_nobody_calls() {
    let (mut server, client) = edge();
    server.expect_errors();
    let receiver = Receiver::start(|delivery| match delivery.attempt() {
        1 => Reaction::Status(500),
        _ => Reaction::Status(200),
    });
    let settings = json!({ "callback_url": receiver.url(), "retry_schedule": [2] });
    register_as_a_trap(&server, &settings).await;
    client.open_ticket("one").await;
    receiver.wait_for(|all| all.len() == 1, SOON).await;

    let broken = register_again(&client, &settings).await;
    server.wait_log("HookDesk broke at", SOON);

    assert_eq!(broken.status, 503);
    let told = receiver.wait_for(|all| all.len() == 2, SOON).await;
    assert_eq!(told[1].attempt(), 2);
}

#[tokio::test]
#[ignore = "wants the Worker built: .ci/host-tests edge"]
async fn rows_that_were_lost_are_a_fault_until_they_are_back() {
    // With retention it would seem that all there was is old.
    let arguments = ["--retain-s", "0"].map(str::to_owned).to_vec();
    let mut server = Server::start(Options { host: Host::Edge, arguments, ..Options::default() });
    let client = server.client();
    server.expect_errors();
    let receiver = Receiver::kind();
    let webhook = client.register(&receiver.url()).await;
    client.amend(&webhook.id, json!({ "status": "paused" })).await;
    client.open_ticket("one").await;
    let lost = client.events().await.remove(0);
    server.terminate();
    let file = beside(&server);
    file.execute_batch("CREATE TABLE kept AS SELECT * FROM events; DELETE FROM events")
        .expect("it is a desk's");
    server.restart();

    let settings = json!({ "status": "active" });
    let fault = client.patch(&format!("/webhooks/{}", webhook.id), settings.clone()).await;
    server.wait_log("its rows do not fit together", SOON);
    file.execute_batch("INSERT INTO events SELECT * FROM kept").expect("it is a desk's");
    client.amend(&webhook.id, settings).await;

    assert_eq!((fault.status, fault.code()), (503, Some("store_unavailable")));
    let told = receiver.wait_for(|all| all.len() == 1, SOON).await;
    assert_eq!(told[0].event(), lost);
}

#[tokio::test]
#[ignore = "wants the Worker built: .ci/host-tests edge"]
async fn a_store_that_is_held_by_another_loses_nothing() {
    let (mut server, client) = edge();
    server.expect_errors();
    let gate = Gate::closed();
    let held = gate.clone();
    let receiver = Receiver::start(move |_| held.then(Reaction::Status(200)));
    let webhook = client.register(&receiver.url()).await;
    client.open_ticket("one").await;
    receiver.wait_for(|all| all.len() == 1, SOON).await;

    let file = beside(&server);
    file.execute_batch("BEGIN IMMEDIATE").expect("nobody writes");
    gate.open();
    let refused = client.post("/tickets", ticket_body("two")).await;
    let unready = client.get("/health/ready").await;
    file.execute_batch("ROLLBACK").expect("it was begun");

    assert_eq!((refused.status, refused.code()), (503, Some("store_unavailable")));
    assert_eq!((unready.status, unready.code()), (503, Some("store_unavailable")));
    client.wait("/health/ready", |answer| answer.status == 200, SOON).await;
    let state: Value = client.wait_told(&webhook.id, SOON).await;
    assert_eq!(state["owed"]["count"], 1);
    client.open_ticket("three").await;
    client.wait_told(&webhook.id, SOON).await;
    assert_eq!(event_ids(&receiver.deliveries()).len(), 2);
}
