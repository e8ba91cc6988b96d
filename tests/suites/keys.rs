//! API keys: who may call the binary, what for, and how long.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use hookdesk_core::Millis;
use hookdesk_tests::{Client, Folder, Options, SOON, Server, binary, unix_seconds};
use serde_json::{Value, json};
use tokio::time::timeout;

/// A desk that asks for keys, and a caller with the one of its admin key file.
pub fn keyed_desk() -> (Server, Client, Folder) {
    keyed_desk_with(&[])
}

/// The same, with further arguments.
pub fn keyed_desk_with(more: &[&str]) -> (Server, Client, Folder) {
    let folder = Folder::new();
    let file = folder.path().join("admin.key");
    let mut options = options(&file);
    options.arguments.extend(more.iter().map(ToString::to_string));
    let server = Server::start(options);
    let key = fs::read_to_string(&file).expect("it was made");
    let client = server.client().with_key(key.trim());
    (server, client, folder)
}

pub fn options(file: &Path) -> Options {
    let file = file.to_str().expect("it is text");
    Options::with_arguments(&["--auth", "--admin-key-file", file])
}

/// `hookdesk key` over the server's database.
async fn key(server: &Server, arguments: &[&str]) -> Output {
    let mut command = Command::new(binary());
    let database = server.database_url();
    command.arg("key").args(arguments).args(["--database", &database]);
    let done = tokio::task::spawn_blocking(move || command.output()).await;
    done.expect("it does not panic").expect("the binary can be run")
}

/// What it prints when it does well.
pub async fn printed(server: &Server, arguments: &[&str]) -> String {
    let done = key(server, arguments).await;
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{said}");
    String::from_utf8(done.stdout).expect("it is text").trim().to_owned()
}

async fn listed(server: &Server) -> Vec<Value> {
    let printed = printed(server, &["list", "--json"]).await;
    serde_json::from_str(&printed).expect("it is a list in JSON")
}

pub async fn make(admin: &Client, scopes: &[&str]) -> (String, String) {
    let made = admin.post("/keys", json!({ "scopes": scopes })).await.expect(201);
    (made.string("/data/id"), made.string("/data/key"))
}

#[tokio::test]
async fn a_key_file_is_made_once_and_opens_the_desk() {
    let folder = Folder::new();
    let file = folder.path().join("admin.key");
    let mut server = Server::start(options(&file));
    let key = fs::read_to_string(&file).expect("it was made");
    assert_eq!(fs::metadata(&file).expect("it is there").permissions().mode() & 0o777, 0o600);

    server.client().get("/tickets").await.expect(401);
    server.client().get("/health/ready").await.expect(200);
    server.client().with_key(key.trim()).open_ticket("hello").await;
    server.restart();
    assert_eq!(fs::read_to_string(&file).expect("it stays"), key);
    let me = server.client().with_key(key.trim()).get("/me").await.expect(200);
    assert_eq!(me.string("/data/name"), "admin key file");
    assert_eq!(listed(&server).await.len(), 1);

    fs::write(&file, "secret").expect("it can be written");
    let said = Server::refusal(options(&file), SOON);
    assert!(said.contains("holds no API key"), "{said}");
    assert!(!said.contains("secret"), "{said}");
}

#[tokio::test]
async fn the_command_line_makes_and_ends_keys_of_a_desk_that_runs_or_not() {
    let (mut server, admin, _folder) = keyed_desk();
    let made =
        printed(&server, &["create", "--scope", "read", "tickets", "--name", "Billing"]).await;
    let client = server.client().with_key(&made);
    client.open_ticket("hello").await;
    client.post("/webhooks/ping", None).await.expect(403);

    server.terminate();
    let keys = listed(&server).await;
    let used: Vec<_> = keys.iter().map(|key| key["last_used_at"].is_string()).collect();
    assert_eq!(used, [false, true], "{keys:?}");
    let later = printed(&server, &["create", "--scope", "read", "--expires", "1h"]).await;
    let ids: Vec<_> = listed(&server).await.into_iter().map(|key| key["id"].clone()).collect();
    let [_, billing, read] = ids.as_slice() else { panic!("{ids:?}") };
    printed(&server, &["revoke", billing.as_str().expect("it is text")]).await;

    server.restart();
    client.get("/tickets").await.expect(401);
    let reader = server.client().with_key(&later);
    reader.get("/tickets").await.expect(200);
    printed(&server, &["revoke", read.as_str().expect("it is text")]).await;
    reader.get("/tickets").await.expect(401);
    admin.get("/tickets").await.expect(200);

    let nowhere = server.folder().join("nowhere.db");
    let database = format!("sqlite://{}", nowhere.display());
    let refused = Command::new(binary()).args(["key", "list", "--database", &database]).output();
    let said = String::from_utf8(refused.expect("it runs").stderr).expect("it is text");
    assert!(said.contains("there is no database at") && !nowhere.exists(), "{said}");
    for (arguments, words) in [
        (&["create", "--scope", "write"][..], "must be one of read, tickets, webhooks, admin"),
        (&["create", "--scope", "read", "--expires", "soon"], "--expires soon"),
        (&["revoke", "key_1"], "There is no API key with this id."),
    ] {
        let refused = key(&server, arguments).await;
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains(words), "{said}");
    }
}

#[tokio::test]
async fn what_lasts_ends_when_its_key_is_revoked() {
    let (server, admin, _folder) = keyed_desk();
    let (id, key) = make(&admin, &["read"]).await;
    let client = server.client().with_key(&key);
    let mut stream = client.stream(None).await;
    let (other, kept) = make(&admin, &["read"]).await;
    let mut going_on = server.client().with_key(&kept).stream(None).await;
    let poll = {
        let client = client.clone();
        tokio::spawn(async move { client.get("/events?wait=60").await })
    };
    tokio::time::sleep(Duration::from_millis(200)).await;

    admin.delete(&format!("/keys/{id}")).await.expect(200);

    let end = timeout(SOON, stream.frame()).await.expect("it ends at once");
    assert_eq!(end.expect("it is not broken off"), None);
    let answer = timeout(SOON, poll).await.expect("it is answered at once");
    answer.expect("it does not panic").expect(401);
    client.get("/tickets").await.expect(401);
    admin.open_ticket("hello").await;
    going_on.event().await;
    // Less than reading is as good as none.
    admin.patch(&format!("/keys/{other}"), json!({ "scopes": ["tickets"] })).await.expect(200);
    let end = timeout(SOON, going_on.frame()).await.expect("it ends at once");
    assert_eq!(end.expect("it is not broken off"), None);
}

#[tokio::test]
async fn a_stream_lasts_until_its_key_expires() {
    let (server, admin, _folder) = keyed_desk();
    let at = Millis((unix_seconds() + 3) * 1_000);
    let body = json!({ "scopes": ["read"], "expires_at": at.rfc3339() });
    let key = admin.post("/keys", body).await.expect(201).string("/data/key");
    let client = server.client().with_key(key);
    let mut stream = client.stream(None).await;
    let end = timeout(SOON, stream.frame()).await.expect("it ends when the key does");
    assert_eq!(end.expect("it is not broken off"), None);
    client.get("/tickets").await.expect(401);
}

/// A head without a key is answered although its body does not come.
#[tokio::test]
async fn who_has_no_key_is_refused_before_the_body() {
    let (server, admin, _folder) = keyed_desk();
    let (_, reading) = make(&admin, &["read"]).await;
    for (header, status) in [
        (String::new(), 401),
        ("authorization: Basic aGVsbG86d29ybGQ=\r\n".to_owned(), 401),
        (format!("authorization: Bearer {reading}\r\n"), 403),
    ] {
        let head = format!(
            "POST /tickets HTTP/1.1\r\nhost: 127.0.0.1:{}\r\ncontent-type: application/json\r\n\
             content-length: 1000\r\nexpect: 100-continue\r\n{header}\r\n",
            server.port()
        );
        let answer = timeout(SOON, server.client().raw(head.as_bytes())).await;
        answer.expect("it is answered at once").expect(status);
    }
}

#[tokio::test]
async fn a_desk_with_keys_calls_no_loopback_and_keeps_only_digests() {
    let (server, admin, _folder) = keyed_desk();
    let body = json!({ "callback_url": "http://127.0.0.1:9000/hook" });
    let refused = admin.post("/webhooks/register", body).await;
    assert_eq!((refused.status, refused.code()), (422, Some("bad_callback_url")));
    let (_, key) = make(&admin, &["admin"]).await;
    let stored = server.stored_bytes();
    let is_there = |text: &str| stored.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(!is_there(&key) && is_there(&key[..9]));
    assert!(!server.log().contains(&key[9..]), "{}", server.log());
}
