//! Webhook settings: given at registration, changed one by one, and applied to deliveries.

use hookdesk_tests::{Client, Gate, Reaction, Receiver, SOON, desk};
use serde_json::{Value, json};

async fn amend(client: &Client, webhook: &str, settings: Value) -> Value {
    let answer = client.patch(&format!("/webhooks/{webhook}"), settings).await;
    answer.expect(200).data().clone()
}

#[tokio::test]
async fn settings_are_taken_at_registration_and_changed_one_by_one() {
    let (_server, client) = desk();
    let settings = json!({
        "callback_url": "https://partner.example/", "events": ["ticket_closed", "ping"],
        "ordering": "none", "description": "their CRM", "headers": { "x-api-key": "k" },
        "retry_schedule": [1, 2], "timeout_ms": 2_000, "max_in_flight": 3, "rate_limit": 7,
        "status": "paused",
    });

    let webhook = client.register_with(settings.clone()).await;
    let shown = client.webhook(&webhook.id).await;
    let amended =
        amend(&client, &webhook.id, json!({ "rate_limit": null, "timeout_ms": 9_000 })).await;

    for (name, value) in settings.as_object().unwrap() {
        let value = if name == "events" { &json!(["ping", "ticket_closed"]) } else { value };
        assert_eq!(&shown[name], value, "{name}");
        let later = match name.as_str() {
            "rate_limit" => &Value::Null,
            "timeout_ms" => &json!(9_000),
            _ => value,
        };
        assert_eq!(&amended[name], later, "{name}");
    }
    assert_eq!(shown["reason"], "paused");
    let nobody = client.patch("/webhooks/whk_1", json!({})).await;
    assert_eq!((nobody.status, nobody.code()), (404, Some("not_found")));
}

#[tokio::test]
async fn changes_of_different_settings_at_once_are_all_kept() {
    let (_server, client) = desk();
    let webhook = client.register("https://partner.example/").await;
    let path = format!("/webhooks/{}", webhook.id);
    let changes = [
        json!({ "timeout_ms": 1_234 }),
        json!({ "max_in_flight": 12 }),
        json!({ "description": "d" }),
        json!({ "rate_limit": 99 }),
    ];

    let all = changes.iter().map(|change| client.patch(&path, change.clone()));
    for answer in futures_util::future::join_all(all).await {
        answer.expect(200);
    }

    let shown = client.webhook(&webhook.id).await;
    for change in changes {
        for (name, value) in change.as_object().unwrap() {
            assert_eq!(&shown[name], value);
        }
    }
}

#[tokio::test]
async fn a_webhook_hears_of_what_it_names_with_its_own_headers_and_secret() {
    let (_server, client) = desk();
    let receiver = Receiver::kind();
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let settings = json!({
        "callback_url": receiver.url(), "events": ["ticket_closed"], "secret": secret,
        "headers": { "Authorization": "Bearer partner" },
    });
    let webhook = client.register_with(settings).await;
    assert_eq!(webhook.secret, secret);

    let ticket = client.open_ticket("one").await;
    client.update_ticket(&ticket, "two").await;
    client.close_ticket(&ticket).await;
    client.ping().await;

    let heard = receiver.wait_for(|all| all.len() == 2, SOON).await;
    let mut types: Vec<String> = heard.iter().map(hookdesk_tests::Delivery::event_type).collect();
    types.sort();
    assert_eq!(types, ["ping", "ticket_closed"]);
    assert!(heard.iter().all(|one| one.signed_with(secret)));
    assert!(heard.iter().all(|one| one.header("authorization") == Some("Bearer partner")));
    client.wait_told(&webhook.id, SOON).await;
}

#[tokio::test]
async fn a_paused_webhook_hears_everything_when_it_goes_on() {
    let (_server, client) = desk();
    let receiver = Receiver::kind();
    let webhook = client.register(&receiver.url()).await;
    let path = format!("/webhooks/{}", webhook.id);
    amend(&client, &webhook.id, json!({ "status": "paused" })).await;

    client.open_ticket("while paused").await;
    client.ping().await;
    let refused = client.post(&format!("{path}/ping"), None).await;
    let paused = client.webhook(&webhook.id).await;

    assert_eq!((refused.status, refused.code()), (409, Some("webhook_not_active")));
    assert_eq!((&paused["backlog"], &paused["reason"]), (&json!(2), &json!("paused")));
    assert_eq!(receiver.count(), 0);
    amend(&client, &webhook.id, json!({ "status": "active" })).await;
    let one = client.post(&format!("{path}/ping"), None).await.expect(202);
    let heard = receiver.wait_for(|all| all.len() == 3, SOON).await;
    assert!(heard.iter().any(|delivery| delivery.event() == one.string("/data/id")));
}

#[tokio::test]
async fn a_moved_callback_url_holds_from_the_next_request() {
    let (_server, client) = desk();
    let (old, new) = (Receiver::start(|_| Reaction::Status(500)), Receiver::kind());
    let settings = json!({ "callback_url": old.url(), "retry_schedule": [1, 1] });
    let webhook = client.register_with(settings).await;
    client.open_ticket("moved").await;
    old.wait_for(|all| !all.is_empty(), SOON).await;

    amend(&client, &webhook.id, json!({ "callback_url": new.url() })).await;

    let heard = new.wait_for(|all| !all.is_empty(), SOON).await;
    assert_eq!(heard[0].event(), old.deliveries()[0].event());
    assert!(heard[0].attempt() >= 2);
    let bad = json!({ "callback_url": "http://10.0.0.1/" });
    let refused = client.patch(&format!("/webhooks/{}", webhook.id), bad).await;
    assert_eq!((refused.status, refused.code()), (422, Some("bad_callback_url")));
}

#[tokio::test]
async fn another_ordering_waits_until_all_is_over() {
    let (_server, client) = desk();
    let gate = Gate::closed();
    let receiver = Receiver::start({
        let gate = gate.clone();
        move |_| gate.then(Reaction::Status(200))
    });
    let webhook = client.register(&receiver.url()).await;
    let ticket = client.open_ticket("one").await;
    client.update_ticket(&ticket, "two").await;
    receiver.wait_for(|all| all.len() == 1, SOON).await;

    amend(&client, &webhook.id, json!({ "ordering": "none" })).await;
    client.open_ticket("unread").await;
    let reordering = client.webhook(&webhook.id).await;

    assert_eq!((&reordering["reason"], receiver.count()), (&json!("reordering"), 1));
    gate.open();
    let heard = receiver.wait_for(|all| all.len() == 3, SOON).await;
    assert_eq!(heard[1].version(), Some(2), "the lane is finished first");
    client.wait_told(&webhook.id, SOON).await;
}
