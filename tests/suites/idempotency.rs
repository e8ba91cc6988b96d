//! Idempotency keys: a repeated call has no second effect, and gets the first response again.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use hookdesk::store::sqlite::Sqlite;
use hookdesk_core::{
    Changes, Commit, Digest, Expect, Fact, IdempotencyRecord, MemoryStore, Millis, Need, Put, Store,
};
use hookdesk_tests::{Answer, Client, Delivery, Receiver, SOON, desk, ticket_body};
use reqwest::Method;
use serde_json::{Value, json};

const REPLAYED: &str = "idempotent-replayed";

async fn call(client: &Client, method: Method, path: &str, key: &str, body: &Value) -> Answer {
    let request = client.request(method, path).header("idempotency-key", key);
    let request = if body.is_null() {
        request
    } else {
        request.header("content-type", "application/json").body(body.to_string())
    };
    client.send(request).await
}

async fn post(client: &Client, path: &str, key: &str, body: Value) -> Answer {
    call(client, Method::POST, path, key, &body).await
}

/// The same answer to the byte, said to be a repetition.
#[track_caller]
fn assert_again(again: &Answer, first: &Answer) {
    assert_eq!((again.status, &again.text), (first.status, &first.text), "{}", first.asked);
    for name in ["location", "content-type", "cache-control"] {
        assert_eq!(again.header(name), first.header(name), "{}: {name}", first.asked);
    }
    assert_eq!((first.header(REPLAYED), again.header(REPLAYED)), (None, Some("true")));
}

async fn count(client: &Client, path: &str) -> usize {
    let list = client.get(path).await.expect(200);
    list.items().len()
}

#[tokio::test]
async fn every_kind_of_call_is_done_once_and_answered_the_same_to_the_byte() {
    let (server, client) = desk();
    let receiver = Receiver::kind();
    let webhook = client.register(&receiver.url()).await;
    let ticket = client.open_ticket("one").await;
    client.wait_told(&webhook.id, SOON).await;
    let own = |rest: &str| format!("/webhooks/{}{rest}", webhook.id);
    let elsewhere = json!({ "callback_url": "https://partner.example/" });
    let (post, patch) = (Method::POST, Method::PATCH);
    let calls = [
        (&post, "/tickets".to_owned(), ticket_body("two"), 201),
        (&post, "/webhooks/register".to_owned(), elsewhere, 201),
        (&post, "/webhooks/ping".to_owned(), Value::Null, 202),
        (&post, "/service/unavailable".to_owned(), Value::Null, 202),
        (&patch, format!("/tickets/{ticket}"), ticket_body("three"), 200),
        (&patch, own(""), json!({ "description": "d" }), 200),
        (&post, own("/enable"), Value::Null, 200),
        (&post, own("/ping"), Value::Null, 202),
        (&post, own("/secret/rotate"), Value::Null, 201),
    ];

    for (index, (method, path, body, status)) in calls.iter().enumerate() {
        let key = format!("key-{index}");
        let first = call(&client, (*method).clone(), path, &key, body).await.expect(*status);
        let again = call(&client, (*method).clone(), path, &key, body).await;
        assert_again(&again, &first);
    }

    client.wait_told(&webhook.id, SOON).await;
    let told: Vec<String> = receiver.deliveries().iter().map(Delivery::event_type).collect();
    assert_eq!(told.len(), 1 + 5, "{told:?}");
    assert_eq!((count(&client, "/tickets").await, count(&client, "/webhooks").await), (2, 2));
    assert_eq!(count(&client, &own("/secrets")).await, 2);
    drop(server);
}

#[tokio::test]
async fn a_key_that_another_call_has_is_refused() {
    let (_server, client) = desk();
    let ticket = client.open_ticket("one").await;
    let first = post(&client, "/tickets", "k", ticket_body("two")).await.expect(201);

    let others = [
        (Method::POST, "/tickets".to_owned(), ticket_body("three")),
        (Method::POST, "/tickets".to_owned(), json!({ "ticket_message": "two", "source": "crm" })),
        (Method::POST, "/webhooks/ping".to_owned(), Value::Null),
        (Method::PATCH, format!("/tickets/{ticket}"), ticket_body("two")),
    ];

    for (method, path, body) in others {
        let other = call(&client, method, &path, "k", &body).await;
        assert_eq!((other.status, other.code()), (422, Some("idempotency_key_reused")), "{path}");
        assert_eq!(other.header(REPLAYED), None);
    }
    assert_again(&post(&client, "/tickets", "k", ticket_body("two")).await, &first);
    let another_key = post(&client, "/tickets", "l", ticket_body("two")).await.expect(201);
    assert_ne!(another_key.string("/data/id"), first.string("/data/id"));
    assert_eq!(count(&client, "/tickets").await, 3);
}

#[tokio::test]
async fn equal_calls_at_once_open_one_ticket_and_tell_one_event() {
    let (_server, client) = desk();
    let receiver = Receiver::kind();
    let webhook = client.register(&receiver.url()).await;

    let all = (0..16).map(|_| post(&client, "/tickets", "k", ticket_body("one of sixteen")));
    let answers = join_all(all).await;

    assert!(answers.iter().all(|answer| answer.status == 201 && answer.text == answers[0].text));
    let first = answers.iter().filter(|answer| answer.header(REPLAYED).is_none()).count();
    assert_eq!((first, count(&client, "/tickets").await), (1, 1));
    client.wait_told(&webhook.id, SOON).await;
    assert_eq!(receiver.count(), 1);
}

#[tokio::test]
async fn an_answer_is_given_again_after_a_kill() {
    let (mut server, client) = desk();
    let receiver = Receiver::kind();
    let settings = json!({ "callback_url": receiver.url() });
    let registered = post(&client, "/webhooks/register", "r", settings.clone()).await.expect(201);
    let opened = post(&client, "/tickets", "t", ticket_body("one")).await.expect(201);
    client.wait_told(&registered.string("/data/id"), SOON).await;

    server.restart();

    assert_again(&post(&client, "/tickets", "t", ticket_body("one")).await, &opened);
    assert_again(&post(&client, "/webhooks/register", "r", settings).await, &registered);
    client.wait_told(&registered.string("/data/id"), SOON).await;
    assert_eq!((receiver.count(), count(&client, "/webhooks").await), (1, 1));
}

#[tokio::test]
async fn calls_over_a_kill_are_each_done_once() {
    let (mut server, client) = desk();
    let insist = |number: usize| {
        let client = client.clone();
        async move {
            let (key, body) = (format!("k{number}"), ticket_body(&format!("ticket {number}")));
            loop {
                let request = client.request(Method::POST, "/tickets");
                let request = request.header("idempotency-key", &key);
                let request = request.header("content-type", "application/json");
                if let Ok(answer) = client.attempt(request.body(body.to_string())).await {
                    return answer.expect(201).string("/data/id");
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    };

    let callers: Vec<_> = (0..64).map(|number| tokio::spawn(insist(number))).collect();
    // Some of them are answered before the kill, and some in the middle of it.
    while count(&client, "/tickets").await == 0 {}
    server.restart();
    let mut opened: Vec<String> = Vec::new();
    for caller in callers {
        opened.push(caller.await.expect("callers do not panic"));
    }

    opened.sort();
    opened.dedup();
    assert_eq!((opened.len(), count(&client, "/tickets").await), (64, 64));
}

#[tokio::test]
async fn a_refusal_is_given_again_and_what_the_door_refuses_is_not_kept() {
    let (_server, client) = desk();
    let settings = json!({ "callback_url": "https://partner.example/", "status": "paused" });
    let webhook = client.register_with(settings).await;
    let path = format!("/webhooks/{}", webhook.id);
    let ping = format!("{path}/ping");

    let refused = post(&client, &ping, "k", Value::Null).await.expect(409);
    client.patch(&path, json!({ "status": "active" })).await.expect(200);
    let again = post(&client, &ping, "k", Value::Null).await;
    post(&client, "/tickets", "l", json!({ "ticket_message": 7 })).await.expect(422);
    let corrected = post(&client, "/tickets", "l", ticket_body("seven")).await.expect(201);

    assert_again(&again, &refused);
    assert_eq!(again.code(), Some("webhook_not_active"));
    assert_eq!(corrected.header(REPLAYED), None);
    post(&client, &ping, "m", Value::Null).await.expect(202);
}

#[tokio::test]
async fn a_secret_is_left_out_of_an_answer_once_it_has_ended() {
    let (server, client) = desk();
    let settings = json!({ "callback_url": "https://partner.example/" });
    let registered = post(&client, "/webhooks/register", "k", settings.clone()).await.expect(201);
    let path = format!("/webhooks/{}", registered.string("/data/id"));
    let rotate = format!("{path}/secret/rotate");
    let at_once = json!({ "overlap_seconds": 0 });
    let rotated = post(&client, &rotate, "l", at_once.clone()).await.expect(201);

    let registered_again = post(&client, "/webhooks/register", "k", settings).await.expect(201);
    let rotated_again = post(&client, &rotate, "l", at_once.clone()).await;

    let without = |answer: &Answer| {
        let secret = format!(",\"secret\":\"{}\"", answer.string("/data/secret"));
        answer.text.replace(&secret, "")
    };
    assert_eq!(registered_again.text, without(&registered));
    assert_again(&rotated_again, &rotated);
    // A stored answer would end with its secret, which no row of a webhook does.
    let kept = server.stored_bytes();
    for answer in [&registered, &rotated] {
        let secret = answer.string("/data/secret");
        let end = format!("{secret}\"}}");
        assert!(!kept.windows(end.len()).any(|here| here == end.as_bytes()));
    }
    assert_eq!(server.places(&rotated.string("/data/secret")), ["webhooks.secrets"]);
    assert!(server.places(&registered.string("/data/secret")).is_empty());
    client.unregister(&registered.string("/data/id")).await;
    let gone = post(&client, &rotate, "l", at_once).await.expect(201);
    assert_eq!(gone.text, without(&rotated));
}

#[tokio::test]
async fn a_key_is_free_after_a_day() {
    let (mut server, client) = desk();
    let first = post(&client, "/tickets", "k", ticket_body("one")).await.expect(201);
    server.kill();
    server.change("UPDATE keys SET at = at - 86400000");
    server.restart();

    let second = post(&client, "/tickets", "k", ticket_body("another")).await.expect(201);

    assert_ne!(second.string("/data/id"), first.string("/data/id"));
    assert_again(&post(&client, "/tickets", "k", ticket_body("another")).await, &second);
}

fn first_answer(at: Millis, body: &str) -> IdempotencyRecord {
    let (key, request) = (Digest::of(&[b"k"]), Digest::of(&[b"r"]));
    let body = body.to_owned();
    IdempotencyRecord { key, request, at, status: 200, location: None, body, shown: None }
}

/// Two hosts that answer at once under one key, and two that answer once it is free again.
fn assert_one_answers_first<S: Store>(mut store: S)
where
    S::Fault: std::fmt::Debug,
{
    let key = first_answer(Millis(1), "").key;
    let mut put = |answer: IdempotencyRecord, expect| {
        let put = Put { row: Some(Arc::new(answer)), expect };
        let answers = [(key, put)].into();
        let commit = store.commit(&Changes { idempotency_records: answers, ..Changes::default() });
        let fact = store.load(&Need::IdempotencyRecord(key)).expect("it can be read");
        let Fact::IdempotencyRecord(Some(kept)) = fact else { panic!("not kept: {fact:?}") };
        (commit.expect("it can be stored"), kept.body)
    };
    let kept = |commit, body: &str| (commit, body.to_owned());
    let absent = Expect::Absent;
    assert_eq!(put(first_answer(Millis(1), "a"), absent), kept(Commit::Done, "a"));
    assert_eq!(put(first_answer(Millis(2), "b"), absent), kept(Commit::Conflict, "a"));
    let outdated = Expect::Rev(1);
    assert_eq!(put(first_answer(Millis(3), "c"), outdated), kept(Commit::Done, "c"));
    assert_eq!(put(first_answer(Millis(4), "d"), outdated), kept(Commit::Conflict, "c"));
}

#[test]
fn of_hosts_that_answer_under_one_key_the_first_is_kept() {
    assert_one_answers_first(MemoryStore::default());
    assert_one_answers_first(Sqlite::in_memory().expect("SQLite makes a database in memory"));
}

#[tokio::test]
async fn a_key_has_1_to_255_visible_characters_and_is_there_once() {
    let (_server, client) = desk();
    let (long, longer) = ("k".repeat(255), "k".repeat(256));
    for good in ["1", "~", "\"quoted\"", &long] {
        post(&client, "/webhooks/ping", good, Value::Null).await.expect(202);
    }
    let with = |lines: &str| {
        format!(
            "POST /webhooks/ping HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{lines}\r\n"
        )
    };
    let one = |key: &str| format!("idempotency-key: {key}\r\n");
    let bad = [one(""), one("a b"), one("\u{e9}"), one(&longer), one("k") + &one("k")];
    for lines in bad {
        let answer = client.raw(with(&lines).as_bytes()).await;
        assert_eq!((answer.status, answer.code()), (422, Some("bad_field")), "{lines}");
        assert_eq!(answer.string("/errors/0/pointer"), "Idempotency-Key");
    }
}

#[tokio::test]
async fn other_methods_take_no_notice_of_a_key() {
    let (_server, client) = desk();
    let ticket = client.open_ticket("one").await;
    let path = format!("/tickets/{ticket}");

    for _ in 0..2 {
        let closed = call(&client, Method::DELETE, &path, "no good key", &Value::Null).await;
        assert_eq!((closed.status, closed.header(REPLAYED)), (200, None));
    }
    call(&client, Method::GET, &path, "", &Value::Null).await.expect(200);
}
