//! Answers whose head comes and whose body does not, or only a part of it: the status counts.

use std::fmt::Write as _;
use std::time::Duration;

use hookdesk_tests::{Client, NEVER_DOWN, Reaction, Receiver, SOON, Server, Webhook, desk_with};
use serde_json::{Value, json};

/// What follows an answer's head, and what of it is the excerpt.
type Cut = (&'static str, fn(String) -> Reaction, &'static str);

const CUTS: [Cut; 8] = [
    ("silence", |head| stall(head + "\r\n"), ""),
    ("an end", |head| raw(head + "\r\n"), ""),
    ("silence in a length", |head| stall(head + "content-length: 50\r\n\r\nno"), "no"),
    ("an end in a length", |head| raw(head + "content-length: 50\r\n\r\nno"), "no"),
    ("silence in chunks", |head| stall(head + CHUNKED + "2\r\nno\r\n"), "no"),
    ("an end in chunks", |head| raw(head + CHUNKED + "2\r\nno\r\n"), "no"),
    ("broken chunks", |head| raw(head + CHUNKED + "2\r\nno\r\nzz\r\n"), "no"),
    (
        "a body that drips",
        |head| {
            let head = (head + CHUNKED + "2\r\nno\r\nffff\r\n").into_bytes();
            Reaction::Drip { head, byte_every: Duration::from_millis(100) }
        },
        "no",
    ),
];

const CHUNKED: &str = "transfer-encoding: chunked\r\n\r\n";

fn stall(bytes: String) -> Reaction {
    Reaction::Stall(bytes.into_bytes())
}

fn raw(bytes: String) -> Reaction {
    Reaction::Raw(bytes.into_bytes())
}

/// Each status, whether it asks for an hour's wait, and how the first attempt ends.
const STATUSES: [(u16, bool, &str); 6] = [
    (200, false, "delivered"),
    (410, false, "gone"),
    (429, true, "retry"),
    (503, true, "retry"),
    (500, false, "retry"),
    (302, false, "retry"),
];

fn head(status: u16, asks_to_wait: bool) -> String {
    let mut head = format!("HTTP/1.1 {status} Odd\r\n");
    if asks_to_wait {
        write!(head, "retry-after: 3600\r\n").expect("a string takes all");
    }
    head
}

async fn register(client: &Client, receiver: &Receiver) -> Webhook {
    let settings = json!({
        "callback_url": receiver.url(), "timeout_ms": 5_000, "retry_schedule": [600],
    });
    client.register_with(settings).await
}

/// Milliseconds from an attempt to the next one, as recorded.
fn wait_ms(server: &Server, webhook: &Webhook) -> Option<i64> {
    let id = &webhook.id;
    let sql =
        format!("SELECT coalesce(next_attempt_at - at, -1) FROM attempts WHERE webhook = '{id}'");
    Some(server.number(&sql)).filter(|wait_ms| *wait_ms >= 0)
}

#[tokio::test]
async fn a_status_counts_whatever_follows_the_head() {
    let (mut server, client) = desk_with(&NEVER_DOWN);
    let mut cases = Vec::new();
    for (cut, reaction, excerpt) in CUTS {
        for (status, asks_to_wait, reason) in STATUSES {
            let reaction = reaction(head(status, asks_to_wait));
            let receiver = Receiver::start(move |_| reaction.clone());
            let webhook = register(&client, &receiver).await;
            let what = format!("{status} and {cut}");
            cases.push((what, webhook, receiver, (status, asks_to_wait, reason, excerpt)));
        }
    }

    client.ping().await;

    for (_, webhook, receiver, (status, ..)) in &cases {
        receiver.wait_for(|all| all.len() == 1, SOON).await;
        let ended = |state: &Value| state["in_flight"] == 0;
        let state = client.wait_webhook(&webhook.id, ended, SOON).await;
        let expected = if *status == 410 { "disabled" } else { "active" };
        assert_eq!(state["status"], expected, "{state}");
    }
    server.terminate();
    for (what, webhook, receiver, (status, asks_to_wait, reason, excerpt)) in &cases {
        let attempts = server.attempts();
        let attempt = attempts.iter().find(|one| one.webhook == webhook.id).expect("recorded");
        let found = (attempt.status, attempt.reason.as_str());
        assert_eq!(found, (Some(*status), *reason), "{what}: {attempt:?}");
        let seen = attempt.excerpt.as_deref().unwrap_or_default();
        assert!(seen.starts_with(excerpt), "{what}: {seen:?}");
        let waits_an_hour = wait_ms(&server, webhook).is_some_and(|ms| ms >= 3_600_000);
        assert_eq!(waits_an_hour, *asks_to_wait, "{what}");
        assert_eq!(receiver.count(), 1, "{what}");
    }
}

#[tokio::test]
async fn an_interim_status_is_no_answer() {
    let (mut server, client) = desk_with(&NEVER_DOWN);
    let mut cases = Vec::new();
    for (interim, failure) in [
        ("HTTP/1.1 100 Continue\r\n\r\n", "timeout"),
        ("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n", "timeout"),
        ("HTTP/1.1 200 OK\r\nx: a head without an end", "timeout"),
        ("", "timeout"),
        (
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
            "protocol",
        ),
    ] {
        let receiver = Receiver::start(move |_| stall(interim.to_owned()));
        let settings = json!({
            "callback_url": receiver.url(), "timeout_ms": 1_000, "retry_schedule": [],
        });
        cases.push((interim, failure, client.register_with(settings).await, receiver));
    }

    client.ping().await;

    for (.., webhook, _) in &cases {
        client.wait_told(&webhook.id, SOON).await;
    }
    server.terminate();
    for (interim, failure, webhook, _) in &cases {
        let attempts = server.attempts();
        let attempt = attempts.iter().find(|one| one.webhook == webhook.id).expect("recorded");
        let found = (attempt.status, attempt.failure.as_deref());
        assert_eq!(found, (None, Some(*failure)), "{interim:?}");
    }
}
