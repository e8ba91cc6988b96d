//! Generator of the database file of the current schema, for `data/schemas`:
//! `cargo build --workspace && cargo run --example schema`.
//!
//! Run it once, when a new schema has landed. It writes `N.db`, in which there is something of
//! everything, as a killed server left it, and `N.json`, which says what that is. A file that is
//! there is never made again: it stands for those that are out in the world.

#![expect(clippy::print_stderr, reason = "somebody waits for it")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hookdesk_core::sql::sqlite::MIGRATIONS;
use hookdesk_tests::{Client, Delivery, Options, Reaction, Receiver, Server, Webhook};
use rusqlite::Connection;
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(30);
/// Enough for the waiting event not to be given up, and short enough to be due in any later test.
const RETRIES_S: [u32; 20] = [5; 20];

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/schemas");
    let folder = env::args().nth(1).map_or(folder, PathBuf::from);
    let file = folder.join(format!("{}.db", MIGRATIONS.len()));
    assert!(!file.exists(), "{} is there, and is never made again", file.display());
    let mut server = Server::start(Options::default());
    // The receivers live until the server is dead, so that a request is in flight then.
    let (said, _receivers) = fill(&server.client()).await;
    server.kill();
    checkpoint(&server.database());
    fs::copy(server.database(), &file).expect("the folder can be written to");
    let text = serde_json::to_string_pretty(&said).expect("JSON is text") + "\n";
    fs::write(file.with_extension("json"), text).expect("the folder can be written to");
    eprintln!("made {}", file.display());
}

/// Makes something of everything, and gives what is then in the desk and what it still owes.
async fn fill(client: &Client) -> (Value, [Receiver; 4]) {
    let kind = Receiver::kind();
    let gone = Receiver::start(|_| Reaction::Status(410));
    let failing = Receiver::start(|_| Reaction::Status(500));
    let hanging = Receiver::start(|_| Reaction::Hang);
    let told = client.register(&kind.url()).await;
    let settings = json!({ "callback_url": gone.url(), "ordering": "none", "max_in_flight": 1 });
    let disabled = client.register_with(settings).await;
    let settings = json!({ "callback_url": failing.url(), "retry_schedule": RETRIES_S });
    let waiting = client.register_with(settings).await;
    let settings = json!({
        "callback_url": hanging.url(), "ordering": "webhook", "timeout_ms": 30_000,
    });
    let sending = client.register_with(settings).await;

    let open = client.open_ticket("Grüße \u{1f525}").await;
    client.update_ticket(&open, "changed").await;
    let closed = client.open_ticket("done with").await;
    client.close_ticket(&closed).await;
    client.announce("/service/unavailable").await;
    client.ping().await;

    client.wait_told(&told.id, SOON).await;
    client.wait_webhook(&disabled.id, |state| state["status"] == "disabled", SOON).await;
    let all_wait = |state: &Value| state["waiting_lanes"] == 4 && state["in_flight"] == 0;
    client.wait_webhook(&waiting.id, all_wait, SOON).await;
    hanging.wait_for(|all| all.len() == 1, SOON).await;
    let rotate = format!("/webhooks/{}/secret/rotate", waiting.id);
    let rotated = client.post(&rotate, None).await.expect(201);
    let keys = [
        json!({ "scopes": ["read", "tickets"], "name": "Billing" }),
        json!({ "scopes": ["admin"], "expires_at": "2100-01-01T00:00:00Z" }),
    ];
    for key in keys {
        client.post("/keys", key).await.expect(201);
    }
    add_partner(client).await;
    let said = json!({
        "keys": client.get("/keys").await.data(),
        "partners": client.get("/partners").await.data(),
        "audit": client.get("/audit").await.data(),
        "tickets": client.get("/tickets").await.data(),
        "service": client.get("/service").await.data(),
        "webhooks": client.get("/webhooks").await.data(),
        "log": log(&kind),
        "sent": [sent(&waiting, &failing), sent(&sending, &hanging)],
        "secrets": [told.secret, disabled.secret, rotated.data()["secret"], sending.secret],
    });
    (said, [kind, gone, failing, hanging])
}

/// A partner with a key, and with a webhook that is sent nothing.
async fn add_partner(client: &Client) {
    let key = json!({
        "scopes": ["read", "webhooks"], "partner": "acme", "events": ["ticket_closed"],
        "rate_limit": 20,
    });
    client.post("/keys", key).await.expect(201);
    let settings = json!({
        "callback_url": "https://partner.example/", "partner": "acme", "status": "paused",
    });
    client.register_with(settings).await;
}

/// All events, as one heard them that was told everything: ids grow along the log.
fn log(kind: &Receiver) -> Vec<Value> {
    let mut told = kind.deliveries();
    told.sort_by(|one, other| one.event().cmp(other.event()));
    told.iter().map(event).collect()
}

fn event(one: &Delivery) -> Value {
    let body = String::from_utf8(one.body.clone()).expect("JSON is UTF-8");
    json!({ "id": one.event(), "body": body })
}

/// What a webhook was sent in vain: how often each event.
fn sent(webhook: &Webhook, receiver: &Receiver) -> Value {
    let mut attempts = json!({});
    for one in receiver.deliveries() {
        attempts[one.event()] = json!(one.attempt());
    }
    json!({ "webhook": webhook.id, "attempts": attempts })
}

/// Puts all into the one file.
fn checkpoint(database: &Path) {
    let connection = Connection::open(database).expect("it is a database");
    let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
    assert_eq!(busy, Ok(0), "somebody else has it");
    connection.close().expect("nothing is open on it");
}
