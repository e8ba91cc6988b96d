//! Retention: events that are too old or too many are deleted, and receivers, lists and streams say
//! so.
//!
//! A server looks at its start, and then once a minute. So that nobody waits for anything to grow
//! old, what is to be old is made so in the file of a server that is stopped.

use std::collections::BTreeSet;
use std::fs;

use hookdesk_tests::{
    Answer, Client, Delivery, MINUTE, NEVER_DOWN, Options, Reaction, Receiver, Server, Webhook,
    desk_with,
};
use serde_json::{Value, json};

fn desk(arguments: &[&str]) -> (Server, Client) {
    desk_with(&[arguments, &NEVER_DOWN].concat())
}

/// A desk that keeps its log for an hour.
fn hourly() -> (Server, Client) {
    desk(&["--retain-s", "3600"])
}

/// Starts the server anew when its oldest events, so many of them, have become two hours old.
fn age(server: &mut Server, events: usize) {
    server.terminate();
    server.change(&format!(
        "UPDATE events SET created = created - 7200000 \
         WHERE seq IN (SELECT seq FROM events ORDER BY seq LIMIT {events})"
    ));
    server.restart();
}

/// Waits until the oldest event that is kept is this one, or none is.
async fn wait_oldest(client: &Client, oldest: Option<&String>) {
    let is_oldest = |answer: &Answer| answer.data()[0]["id"].as_str() == oldest.map(String::as_str);
    client.wait("/events?limit=1", is_oldest, MINUTE).await;
}

async fn pause(client: &Client, webhook: &Webhook) {
    client.amend(&webhook.id, json!({ "status": "paused" })).await;
}

async fn resume(client: &Client, webhook: &Webhook) {
    client.amend(&webhook.id, json!({ "status": "active" })).await;
}

fn events(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries.iter().map(Delivery::event).collect()
}

fn count(server: &Server, table: &str) -> i64 {
    server.number(&format!("SELECT count(*) FROM {table}"))
}

#[tokio::test]
async fn what_is_too_old_goes_with_its_attempts_and_tickets_stay() {
    let (mut server, client) = hourly();
    let receiver = Receiver::kind();
    let webhook = client.register(&receiver.url()).await;
    let tickets = client.open_tickets(10).await;
    client.update_ticket(&tickets[0], "young").await;
    client.wait_told(&webhook.id, MINUTE).await;
    let all = client.events().await;

    age(&mut server, 6);
    wait_oldest(&client, Some(&all[6])).await;

    assert_eq!(client.events().await, all[6..]);
    let pulled = client.get(&format!("/events?after={}", all[1])).await.expect(200);
    assert_eq!(pulled.json["expired"], json!({ "count": 4 }));
    assert_eq!(pulled.items().len(), 5);
    let known = client.get(&format!("/events?after={}", all[5])).await.expect(200);
    assert_eq!(known.json.get("expired"), None, "{}", known.text);
    client.get(&format!("/events/{}", all[5])).await.expect(404);
    let listed = client.deliveries(&webhook.id, "").await;
    let listed: BTreeSet<_> = listed.iter().filter_map(|one| one["event_id"].as_str()).collect();
    assert_eq!(listed, all[6..].iter().map(String::as_str).collect());
    let gone = format!("/webhooks/{}/deliveries/{}", webhook.id, all[0]);
    client.get(&gone).await.expect(404);
    client.resend(&webhook.id, &all[0]).await.expect(404);
    assert_eq!(client.get("/tickets").await.items().len(), 10);
    let state = client.webhook(&webhook.id).await;
    assert_eq!((&state["expired"], &state["owed"]["count"]), (&Value::Null, &json!(11)));
    assert_eq!((count(&server, "events"), count(&server, "attempts")), (5, 5));

    let part = json!({ "since": "1970-01-01T00:00:00Z", "only": "all" });
    let counted = client.replay(&webhook.id, part).await.expect(202);
    assert_eq!(*counted.data(), json!({ "count": 5, "owed": 0 }));
    client.wait_replayed(&webhook.id, MINUTE).await;
    client.close_ticket(&tickets[0]).await;
    client.wait_told(&webhook.id, MINUTE).await;
    let told = receiver.deliveries().split_off(11);
    assert_eq!(told.len(), 6);
    assert_eq!(told[5].version(), Some(3), "{}", told[5]);
}

#[tokio::test]
async fn a_log_that_is_kept_for_a_second_is_soon_empty() {
    let (mut server, client) = desk(&["--retain-s", "1"]);
    let ticket = client.open_ticket("short").await;
    let [event] = &client.events().await[..] else { panic!("not one event") };

    // Each start looks; some seconds of them.
    while client.events().await.len() == 1 {
        server.restart();
    }

    let pulled = client.get("/events?limit=1").await.expect(200);
    assert_eq!((pulled.data(), &pulled.json["next"]), (&json!([]), &Value::Null));
    client.get(&format!("/events/{event}")).await.expect(404);
    client.get(&format!("/tickets/{ticket}")).await.expect(200);
    // The log goes on where it was.
    client.update_ticket(&ticket, "more").await;
    let next = &client.events().await[0];
    assert!(next[20..] > event[20..], "{next} after {event}");
}

#[tokio::test]
async fn who_was_paused_hears_what_is_kept_and_is_told_what_is_not() {
    let (mut server, client) = hourly();
    let receiver = Receiver::kind();
    let webhook = client.register(&receiver.url()).await;
    let tickets = client.open_tickets(2).await;
    client.wait_told(&webhook.id, MINUTE).await;
    pause(&client, &webhook).await;
    for message in ["two", "three", "four", "five"] {
        client.update_ticket(&tickets[0], message).await;
    }
    client.close_ticket(&tickets[1]).await;
    let all = client.events().await;

    age(&mut server, 4);
    wait_oldest(&client, Some(&all[4])).await;

    let state = client.webhook(&webhook.id).await;
    let expired = json!({ "from": all[2], "to": all[3], "count": 2 });
    assert_eq!((&state["expired"], &state["backlog"]), (&expired, &json!(3)));
    resume(&client, &webhook).await;
    client.wait_told(&webhook.id, MINUTE).await;
    let told = receiver.deliveries().split_off(2);
    let of_first: Vec<_> =
        told.iter().filter(|one| one.ticket() == Some(&tickets[0])).cloned().collect();
    assert_eq!(events(&of_first), [&all[4], &all[5]]);
    assert_eq!(of_first.iter().filter_map(Delivery::version).collect::<Vec<_>>(), [4, 5]);
    assert_eq!(told.len(), 3);

    // What expires later adds to the record.
    pause(&client, &webhook).await;
    client.ping().await;
    let ping = client.events().await.remove(3);
    age(&mut server, 4);
    wait_oldest(&client, None).await;
    let state = client.webhook(&webhook.id).await;
    let expired = json!({ "from": all[2], "to": ping, "count": 3 });
    assert_eq!((&state["expired"], &state["backlog"]), (&expired, &json!(0)));
    assert_eq!(state["owed"]["count"], 8);
}

#[tokio::test]
async fn a_ticket_that_waits_goes_on_with_what_is_kept_and_others_are_told() {
    let (mut server, client) = hourly();
    let receiver = Receiver::start(|_| Reaction::Status(500));
    let settings = json!({ "callback_url": receiver.url(), "retry_schedule": [600] });
    let webhook = client.register_with(settings).await;
    let told = Receiver::kind();
    let settings = json!({ "callback_url": told.url(), "events": ["delivery_abandoned"] });
    let watcher = client.register_with(settings).await;
    let ticket = client.open_ticket("head").await;
    client.update_ticket(&ticket, "behind").await;
    client.update_ticket(&ticket, "kept").await;
    let waits = |state: &Value| state["waiting_lanes"] == 1 && state["owed"]["count"] == 3;
    client.wait_webhook(&webhook.id, waits, MINUTE).await;
    let all = client.events().await;
    receiver.behave(|_| Reaction::Status(200));

    age(&mut server, 2);
    // An object begins with a call, or when its alarm is due.
    client.get("/service").await.expect(200);

    let heard = told.wait_for(|all| all.len() == 1, MINUTE).await;
    let data = json!({ "webhook_id": webhook.id, "event_id": all[0], "reason": "expired" });
    assert_eq!(heard[0].event_type(), "delivery_abandoned");
    assert_eq!(heard[0].json()["data"], data);
    let state = client.wait_told(&webhook.id, MINUTE).await;
    let expired = json!({ "from": all[0], "to": all[1], "count": 2 });
    assert_eq!((&state["expired"], &state["waiting_lanes"]), (&expired, &json!(0)));
    assert_eq!(events(&receiver.deliveries()), [&all[0], &all[2]]);
    client.wait_told(&watcher.id, MINUTE).await;
    assert_eq!(told.count(), 1, "once for the ticket");
    // It stands in the log like any other event.
    let after = client.get(&format!("/events?after={}", all[2])).await.expect(200);
    assert_eq!(after.data()[0]["id"], *heard[0].event());
}

/// Many steps of letting go tell of thousands of lanes, while somebody streams the log.
#[tokio::test]
async fn a_stream_misses_nothing_of_what_letting_go_tells() {
    const LANES: usize = 1_500;
    let (mut server, client) = hourly();
    let pool = client.clone().with_pool();
    let receiver = Receiver::start(|_| Reaction::Status(500));
    let settings = json!({ "callback_url": receiver.url(), "retry_schedule": [600] });
    let webhook = client.register_with(settings).await;
    let settings = json!({
        "callback_url": receiver.url(), "events": ["delivery_abandoned"], "status": "paused",
    });
    client.register_with(settings).await;
    pool.open_tickets(LANES).await;
    client.wait_webhook(&webhook.id, |state| state["waiting_lanes"] == LANES, MINUTE).await;
    let first = client.events().await.remove(0);

    age(&mut server, LANES);
    let mut stream = client.stream(Some(&first)).await;
    let mut abandoned = BTreeSet::new();
    while abandoned.len() < LANES {
        let frame = stream.frame().await.expect("it is not broken off").expect("it goes on");
        if frame.event.as_deref() == Some("delivery_abandoned") {
            let data: Value =
                serde_json::from_str(&frame.data.expect("it has data")).expect("JSON");
            let event = data["data"]["event_id"].as_str().expect("an id").to_owned();
            assert!(abandoned.insert(event), "{data} twice");
        }
    }

    assert_eq!(client.webhook(&webhook.id).await["expired"]["count"], LANES);
}

/// Bytes that the file takes, and of them those that are free.
fn pages(server: &Server) -> (i64, i64) {
    let records = server.records();
    let pragma = |name| records.pragma_query_value(None, name, |row| row.get(0));
    let [size, all, free] = ["page_size", "page_count", "freelist_count"].map(pragma);
    let size: i64 = size.expect("a number");
    (size * all.expect("a number"), size * free.expect("a number"))
}

async fn open_long_tickets(client: &Client, count: usize) {
    for _ in 0..count {
        client.open_ticket(&"x".repeat(60_000)).await;
    }
}

/// Tickets stay, so it is their events alone whose pages are used again: updates of one ticket.
#[tokio::test]
async fn the_space_of_what_is_gone_is_used_again() {
    let (mut server, client) = hourly();
    let ticket = client.open_ticket("one").await;
    let long = "x".repeat(60_000);
    for _ in 0..50 {
        client.update_ticket(&ticket, &long).await;
    }
    server.terminate();
    let (before, _) = pages(&server);
    assert!(before > 50 * 60_000, "{before}");
    server.restart();

    age(&mut server, 51);
    wait_oldest(&client, None).await;
    server.terminate();
    let (_, free) = pages(&server);
    assert!(free > 50 * 60_000, "{free}");
    server.restart();
    for _ in 0..45 {
        client.update_ticket(&ticket, &long).await;
    }
    server.terminate();

    let (after, _) = pages(&server);
    assert!(after <= before, "{after} bytes, not {before}");
}

#[tokio::test]
async fn tickets_alone_beyond_the_size_are_said_once() {
    let (mut server, client) = desk(&["--retain-bytes", "1"]);
    server.wait_log("without a single event, more than --retain-bytes 1", MINUTE);
    client.open_ticket("more").await;
    client.get("/health/ready").await.expect(200);
    server.terminate();
    assert_eq!(server.log().matches("without a single event").count(), 1);
}

#[tokio::test]
async fn a_log_that_is_too_large_goes_however_young() {
    let (mut server, client) = desk(&["--retain-bytes", "2000000", "--retain-s", "0"]);
    let receiver = Receiver::kind();
    let webhook = client.register(&receiver.url()).await;
    pause(&client, &webhook).await;
    client.open_tickets(10).await;
    server.restart();
    client.get("/service").await.expect(200);
    assert_eq!(client.events().await.len(), 10, "it is not too large yet");

    open_long_tickets(&client, 12).await;
    let ticket = client.open_ticket("many").await;
    for _ in 0..40 {
        client.update_ticket(&ticket, &"y".repeat(60_000)).await;
    }
    let all = client.events().await;
    server.restart();

    let used = || {
        let (bytes, free) = pages(&server);
        bytes - free
    };
    client.wait("/service", |_| used() <= 2_000_000, MINUTE).await;
    assert!(used() > 1_500_000, "no more goes than must: {}", used());
    let state = client.webhook(&webhook.id).await;
    let gone = state["expired"]["count"].as_u64().expect("a number");
    assert_eq!(gone + state["backlog"].as_u64().expect("a number"), 63);
    assert_eq!(state["expired"]["from"], *all[0]);
    assert_eq!(client.get("/tickets").await.items().len(), 23);
    resume(&client, &webhook).await;
    client.open_ticket("after").await;
    client.wait_told(&webhook.id, MINUTE).await;
    assert_eq!(receiver.count() as u64, 64 - gone);
}

#[test]
fn periods_and_sizes_that_make_no_sense_are_refused() {
    let table = [
        ("--retain-s", "-1", "--retain-s"),
        ("--retain-s", "90d", "90d"),
        ("--retain-s", "3153600001", "3153600000"),
        ("--retain-bytes", "1.5", "1.5"),
        ("--retain-bytes", "10GB", "10GB"),
    ];
    for (option, value, words) in table {
        let arguments = vec![format!("{option}={value}")];
        let said = Server::refusal(Options { arguments, ..Options::default() }, MINUTE);
        assert!(said.contains(words) && said.contains(option), "{said}");
    }
    let name = "HOOKDESK_RETAIN_S".to_owned();
    let environment = vec![(name, "soon".to_owned())];
    let said = Server::refusal(Options { environment, ..Options::default() }, MINUTE);
    assert!(said.contains("soon") && said.contains("--retain-s"), "{said}");
}

/// The file is read beside the database that the harness names.
fn with_file(toml: &str) -> (hookdesk_tests::Folder, Options) {
    let folder = hookdesk_tests::Folder::new();
    let file = folder.path().join("hookdesk.toml");
    fs::write(&file, toml).expect("it can be written");
    let arguments = vec!["--config".to_owned(), file.display().to_string()];
    (folder, Options { arguments, ..Options::default() })
}

#[tokio::test]
async fn a_file_says_how_long_and_how_much_and_is_held_to_the_same_bounds() {
    for (toml, words) in [
        ("retain_s = 3153600001", "retain_s"),
        ("retain_s = -1", "retain_s"),
        ("retain_s = \"90 days\"", "retain_s"),
        ("retain_bytes = 1.5", "retain_bytes"),
        ("retain = 1", "retain"),
    ] {
        let (_folder, options) = with_file(toml);
        let said = Server::refusal(options, MINUTE);
        assert!(said.contains(words), "{toml}: {said}");
    }

    for toml in ["retain_s = 3600\nretain_bytes = 0", "retain_s = 0\nretain_bytes = 1"] {
        let (_folder, options) = with_file(toml);
        let mut server = Server::start(options);
        let client = server.client();
        client.open_tickets(3).await;
        age(&mut server, 3);
        wait_oldest(&client, None).await;
    }

    // A flag has precedence: here nothing is too old or too much.
    let (_folder, mut options) = with_file("retain_s = 1\nretain_bytes = 1");
    options.arguments.extend(["--retain-s=0", "--retain-bytes=0"].map(str::to_owned));
    let mut server = Server::start(options);
    let client = server.client();
    client.open_tickets(3).await;
    age(&mut server, 3);
    client.open_ticket("after the start").await;
    assert_eq!(client.events().await.len(), 4);
}
