//! The audit of the real binary: over HTTP and on the command line, of a desk that runs or not.

use std::process::{Command, Output};

use hookdesk_tests::{Options, Server, binary};
use serde_json::{Value, json};

/// `hookdesk audit` over the server's database.
async fn audit(server: &Server, arguments: &[&str]) -> Output {
    let mut command = Command::new(binary());
    let database = server.database_url();
    command.arg("audit").args(arguments).args(["--database", &database]);
    let done = tokio::task::spawn_blocking(move || command.output()).await;
    done.expect("it does not panic").expect("the binary can be run")
}

/// What it prints when it does well.
async fn printed(server: &Server, arguments: &[&str]) -> String {
    let done = audit(server, arguments).await;
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("it is text")
}

fn actions(rows: &Value) -> Vec<&str> {
    let rows = rows.as_array().expect("a list").iter();
    rows.map(|row| row["action"].as_str().expect("it is text")).collect()
}

#[tokio::test]
async fn the_audit_is_the_same_over_http_and_on_the_command_line() {
    let mut server = Server::start(Options::default());
    let client = server.client();
    let settings =
        json!({ "callback_url": "https://example.com/secret", "description": "Billing" });
    let webhook = client.register_with(settings).await;
    let path = format!("/webhooks/{}", webhook.id);
    client.patch(&path, json!({ "status": "paused" })).await.expect(200);
    client.post("/service/unavailable", None).await.expect(202);
    client.open_ticket("hello").await;

    let listed = client.get("/audit").await.expect(200).data().clone();
    let expected = ["service_announced", "webhook_changed", "webhook_registered"];
    assert_eq!(actions(&listed), expected);
    assert_eq!(listed[1]["before"], json!({ "status": "active" }));
    assert_eq!(listed[0]["by"]["caller"], "anyone");
    let running: Value =
        serde_json::from_str(&printed(&server, &["--json"]).await).expect("it is JSON");
    assert_eq!(running, listed);

    server.terminate();
    let of_webhook = printed(&server, &["--webhook", &webhook.id, "--limit", "1"]).await;
    assert!(of_webhook.contains("webhook_changed"), "{of_webhook}");
    assert!(of_webhook.contains("status \"active\" → \"paused\""), "{of_webhook}");
    assert_eq!(of_webhook.lines().count(), 1, "{of_webhook}");
    let all = printed(&server, &[]).await;
    assert!(!all.contains("secret") && all.lines().count() == 3, "{all}");
    let refused = audit(&server, &["--webhook", "whk_1"]).await;
    assert!(!refused.status.success());

    server.restart();
    assert_eq!(client.get("/audit").await.expect(200).data(), &listed);
}

#[tokio::test]
async fn rows_are_deleted_when_they_are_too_old() {
    let mut server = Server::start(Options::with_arguments(&["--retain-audit-s", "1"]));
    let client = server.client();
    client.post("/service/unavailable", None).await.expect(202);
    tokio::time::timeout(hookdesk_tests::SOON, async {
        while client.get("/audit").await.expect(200).data() != &json!([]) {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    })
    .await
    .expect("it is deleted");
    let refused = Options::with_arguments(&["--retain-audit-s", "3153600001"]);
    let said = Server::refusal(refused, hookdesk_tests::SOON);
    assert!(said.contains("--retain-audit-s"), "{said}");
    server.terminate();
}
