//! Migration of database files of every past schema: `data/schemas/N.db` is a file of schema N as a
//! killed server left it, and `data/schemas/N.json` says what is in it. `examples/schema.rs` makes
//! both.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use hookdesk_core::sql::sqlite::MIGRATIONS;
use hookdesk_tests::{Client, Delivery, Folder, Options, Receiver, SOON, Server};
use rusqlite::Connection;
use serde_json::{Value, json};

fn schema(version: usize, extension: &str) -> PathBuf {
    let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/schemas");
    let file = schemas.join(format!("{version}.{extension}"));
    let make = "make it: cargo run --example schema";
    assert!(file.is_file(), "no {}; {make}", file.display());
    file
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}

/// Whether all that was said is still said. Later versions may say more of a thing.
fn assert_still_said(now: &Value, then: &Value) {
    match (now, then) {
        (Value::Object(now), Value::Object(then)) => {
            for (name, value) in then.iter().filter(|(name, _)| *name != "callback_url") {
                assert_still_said(&now[name], value);
            }
        }
        (Value::Array(now), Value::Array(then)) => {
            assert_eq!(now.len(), then.len());
            now.iter().zip(then).for_each(|(now, then)| assert_still_said(now, then));
        }
        (now, then) => assert_eq!(now, then),
    }
}

/// Starts on a copy in which each webhook calls its own path of this receiver.
fn serve_copy(version: usize, folder: &Folder, receiver: &Receiver) -> Server {
    let copy = folder.path().join("hookdesk.db");
    fs::copy(schema(version, "db"), &copy).expect("it can be copied");
    let records = Connection::open(&copy).expect("it is a database");
    let sql = "UPDATE webhooks SET callback_url = ?1 || '/' || id";
    let moved = records.execute(sql, [receiver.url()]).expect("every schema has callback URLs");
    assert!(moved > 0);
    records.close().expect("nothing is open on it");
    let database = Some(format!("sqlite://{}", copy.display()));
    // However old the file is by now.
    let arguments = ["--retain-s", "0"].map(str::to_owned).to_vec();
    Server::start(Options { database, arguments, ..Options::default() })
}

/// What one webhook was told: the body of each event, and of which attempt.
fn told(deliveries: &[Delivery], webhook: &str) -> BTreeMap<String, (String, u64)> {
    let mut told = BTreeMap::new();
    for one in deliveries.iter().filter(|one| one.path.ends_with(webhook)) {
        let body = String::from_utf8(one.body.clone()).expect("JSON is UTF-8");
        let before = told.insert(one.event().to_owned(), (body, one.attempt().into()));
        assert!(before.is_none(), "told twice: {one}");
    }
    told
}

/// All events of the log, each with the attempt that comes after those already made.
fn owed(then: &Value, attempts: &Value) -> BTreeMap<String, (String, u64)> {
    let log = then["log"].as_array().expect("a list").iter();
    let event = |event: &Value| {
        let (id, body) = (text(&event["id"]), text(&event["body"]));
        (id.to_owned(), (body.to_owned(), attempts[id].as_u64().unwrap_or(0) + 1))
    };
    log.map(event).collect()
}

async fn assert_goes_on(client: &Client, then: &Value, receiver: &Receiver) {
    let [quiet, disabled, waiting, sending] =
        [0, 1, 2, 3].map(|n| text(&then["webhooks"][n]["id"]));
    for webhook in [quiet, waiting, sending] {
        client.wait_told(webhook, SOON).await;
    }
    let all = receiver.deliveries();
    assert_eq!(told(&all, waiting), owed(then, &then["sent"][0]["attempts"]));
    assert_eq!(told(&all, sending), owed(then, &then["sent"][1]["attempts"]));
    assert!(told(&all, quiet).is_empty() && told(&all, disabled).is_empty());
    for (webhook, secret) in [(waiting, 2), (sending, 3)] {
        let secret = text(&then["secrets"][secret]);
        let mut to_it = all.iter().filter(|one| one.path.ends_with(webhook));
        assert!(to_it.all(|one| one.signed_with(secret)));
    }

    let ticket = text(&then["tickets"][0]["id"]);
    let version = then["tickets"][0]["version"].as_u64().expect("a number") + 1;
    let updated = client.update_ticket(ticket, "goes on").await;
    client.wait_told(quiet, SOON).await;
    let (new, old) = (told(&receiver.deliveries(), quiet), owed(then, &json!({})));
    let (event, (body, _)) = new.first_key_value().expect("it was told");
    assert_eq!((new.len(), &updated["version"]), (1, &json!(version)));
    assert!(body.contains("goes on") && old.keys().all(|earlier| earlier < event));
}

#[tokio::test]
async fn a_file_of_every_schema_is_served_and_goes_on() {
    for version in 1..=MIGRATIONS.len() {
        let then = fs::read_to_string(schema(version, "json")).expect("it can be read");
        let then: Value = serde_json::from_str(&then).expect("it is JSON");
        let (folder, receiver) = (Folder::new(), Receiver::kind());
        let mut server = serve_copy(version, &folder, &receiver);
        let client = server.client();

        let lists = ["tickets", "service", "webhooks", "keys", "partners", "audit"];
        // Earlier ones had no keys, partners or audit.
        for name in lists.into_iter().filter(|name| !then[name].is_null()) {
            let now = client.get(&format!("/{name}")).await.expect(200);
            assert_still_said(now.data(), &then[name]);
        }
        assert_goes_on(&client, &then, &receiver).await;

        let (status, _) = server.terminate();
        assert_eq!(status.code(), Some(0));
        let records = Connection::open(folder.path().join("hookdesk.db")).expect("it is there");
        let now = records.pragma_query_value(None, "user_version", |row| row.get(0));
        assert_eq!(now, Ok(i64::try_from(MIGRATIONS.len()).expect("a few")));
    }
}
