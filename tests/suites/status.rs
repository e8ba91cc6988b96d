//! `hookdesk status`: what an operator sees of a running desk, and its exit codes.

use std::process::{Command, Output};

use hookdesk_tests::{MINUTE, Reaction, Receiver, Server, binary, desk_with};
use serde_json::{Value, json};

/// The exit code when somebody should look.
const AILING: i32 = 4;

/// The command runs beside the receivers of the test.
async fn status(arguments: &[&str], key: &str) -> Output {
    let mut command = Command::new(binary());
    command
        .arg("status")
        .args(arguments)
        .env("HOOKDESK_KEY", key)
        .env("HTTP_PROXY", "http://[::1]:1");
    let done = tokio::task::spawn_blocking(move || command.output()).await;
    done.expect("it does not panic").expect("the binary can be run")
}

fn address(server: &Server) -> String {
    format!("http://127.0.0.1:{}", server.port())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("it is text")
}

#[tokio::test]
async fn a_desk_whose_receivers_answer_is_well() {
    let (server, client) = desk_with(&[]);
    let receiver = Receiver::kind();
    let webhook = client.register(&receiver.url()).await;
    client.open_ticket("hello").await;
    client.wait_told(&webhook.id, MINUTE).await;

    let shown = status(&["--desk", &address(&server)], "").await;
    let json = status(&["--desk", &address(&server), "--json"], "").await;

    assert_eq!((shown.status.code(), json.status.code()), (Some(0), Some(0)));
    let shown = text(&shown.stdout);
    assert!(shown.starts_with("ready; webhooks 1, of which 0 fail\n"), "{shown}");
    assert!(shown.contains(&webhook.id) && shown.contains("backlog 0"), "{shown}");
    let json: Value = serde_json::from_slice(&json.stdout).expect("it is JSON");
    assert_eq!((&json["ready"], &json["webhooks"][0]["id"]), (&json!(true), &json!(webhook.id)));
}

#[tokio::test]
async fn a_webhook_that_is_disabled_is_for_somebody_to_look_at() {
    let (server, client) = desk_with(&[]);
    let gone = Receiver::start(|_| Reaction::Status(410));
    let webhook = client.register(&gone.url()).await;
    client.open_ticket("hello").await;
    client.wait_webhook(&webhook.id, |state| state["status"] == "disabled", MINUTE).await;

    let shown = status(&["--desk", &address(&server)], "").await;

    assert_eq!(shown.status.code(), Some(AILING));
    assert!(text(&shown.stdout).contains("disabled"), "{}", text(&shown.stdout));
}

#[tokio::test]
async fn a_desk_that_is_not_there_is_an_error() {
    let shown = status(&["--desk", "http://127.0.0.1:1"], "").await;
    assert_eq!(shown.status.code(), Some(1));
    let said = text(&shown.stderr);
    assert!(said.contains("http://127.0.0.1:1/ cannot be reached: "), "{said}");
}
