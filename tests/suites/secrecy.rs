//! Secrets and keys that callers put into the wrong place by mistake: they come back in no refusal,
//! and stand in no log.

use hookdesk_tests::{Answer, Client, desk};
use reqwest::Method;
use serde_json::{Value, json};

/// A signing secret, and an API key of another service.
const SECRET: &str = "whsec_QwErTyUiOpAsDfGhJkLzXcVbNm0123456789abcdefg=";
const KEY: &str = "sk_live_9f8e7d6c5b4a39281706";

fn is_kept(text: &str) -> bool {
    !text.contains(&SECRET[6..20]) && !text.contains(&KEY[8..20])
}

#[track_caller]
fn assert_kept(answer: &Answer) {
    assert!(answer.status >= 400, "{} is taken: {}", answer.asked, answer.text);
    assert!(is_kept(&answer.text), "{}: {}", answer.asked, answer.text);
}

async fn refuse(client: &Client, method: Method, path: &str, body: &Value) {
    let request = client.request(method, path).header("content-type", "application/json");
    assert_kept(&client.send(request.body(body.to_string())).await);
}

#[tokio::test]
async fn a_refusal_repeats_no_value_of_the_call() {
    let (server, client) = desk();
    let webhook = client.register("http://127.0.0.1:9/hook").await.id;
    let ticket = client.open_ticket("one").await;
    let url = "http://127.0.0.1:9/hook";

    for field in [
        json!({ "secret": SECRET.trim_end_matches('=').replace("whsec_", "whsec") }),
        json!({ "secret": [SECRET] }),
        json!({ "secret": { SECRET: 1 } }),
        json!({ "callback_url": SECRET }),
        json!({ "callback_url": format!("http://user:{KEY}@example.com/hook") }),
        json!({ "callback_url": format!("https://example.com/hook#{KEY}") }),
        json!({ "callback_url": format!("ftp://example.com/{KEY}") }),
        json!({ "callback_url": format!("https://example.com/ {KEY}") }),
        json!({ "events": SECRET }),
        json!({ "events": [SECRET] }),
        json!({ "ordering": SECRET }),
        json!({ "description": [SECRET] }),
        json!({ "headers": SECRET }),
        json!({ "headers": { "x-api-key": format!("{KEY}\n") } }),
        json!({ "headers": { "x-api-key": [KEY] } }),
        json!({ "headers": { "host": KEY } }),
        json!({ "retry_schedule": SECRET }),
        json!({ "retry_schedule": [SECRET] }),
        json!({ "timeout_ms": SECRET }),
        json!({ "max_in_flight": SECRET }),
        json!({ "rate_limit": SECRET }),
        json!({ "status": SECRET }),
    ] {
        let mut body = json!({ "callback_url": url });
        body.as_object_mut().expect("an object").extend(field.as_object().expect("one").clone());
        refuse(&client, Method::POST, "/webhooks/register", &body).await;
        refuse(&client, Method::PATCH, &format!("/webhooks/{webhook}"), &field).await;
    }
    let own = |path: &str| format!("/webhooks/{webhook}/{path}");
    for (path, body) in [
        ("/tickets".to_owned(), json!({ "ticket_message": [SECRET] })),
        ("/tickets".to_owned(), json!(SECRET)),
        (own("secret/rotate"), json!({ "secret": SECRET.replace('=', "!") })),
        (own("secret/rotate"), json!({ "overlap_seconds": SECRET })),
        (own("replay"), json!({ "since": SECRET, "only": SECRET })),
        (
            own("replay"),
            json!({ "since": "2023-01-01T00:00:00Z", "only": "all", "dry_run": SECRET }),
        ),
        (own("replay"), json!({ "since": "2023-01-01T00:00:00Z", "only": "all", "until": SECRET })),
        (own(&format!("deliveries/{KEY}/resend")), json!({})),
        (format!("/{KEY}"), json!({})),
    ] {
        refuse(&client, Method::POST, &path, &body).await;
    }
    for path in [
        format!("/webhooks/{KEY}"),
        format!("/tickets/{KEY}"),
        format!("/tickets?after={KEY}"),
        format!("/tickets?limit={KEY}"),
        format!("/tickets?status={KEY}"),
        format!("/events/{KEY}"),
        format!("/events?after={KEY}"),
        own(&format!("deliveries?state={KEY}")),
    ] {
        assert_kept(&client.get(&path).await);
    }
    let patch = format!("/tickets/{ticket}");
    refuse(&client, Method::PATCH, &patch, &json!({ "ticket_message": 5, "secret": KEY })).await;
    let body = json!({ "ticket_message": "two" }).to_string();
    for (key, body) in [(format!("{KEY} {KEY}"), body), (KEY.to_owned(), format!("{{{KEY:?}"))] {
        let request = client.request(Method::POST, "/tickets").header("idempotency-key", key);
        let request = request.header("content-type", "application/json").body(body);
        assert_kept(&client.send(request).await);
    }

    assert!(is_kept(&server.log()), "{}", server.log());
}
