//! Replay of a range of the log: all events of it, or the undelivered ones.

use std::collections::{BTreeMap, BTreeSet};

use hookdesk_tests::{
    Answer, Client, Delivery, Gate, Host, MINUTE, NEVER_DOWN, Reaction, Receiver, SINCE_EVER,
    Webhook, desk_with,
};
use serde_json::{Value, json};

fn everything(only: &str) -> Value {
    json!({ "since": SINCE_EVER, "only": only })
}

async fn register(client: &Client, receiver: &Receiver) -> Webhook {
    client.register_with_schedule(&receiver.url(), json!([0])).await
}

/// Opens tickets and changes each twice, while the receiver is away past its ladder: gives the
/// tickets, and the events, all of which are given up.
async fn lose(
    client: &Client,
    receiver: &Receiver,
    webhook: &Webhook,
    tickets: usize,
) -> (Vec<String>, BTreeSet<String>) {
    receiver.behave(|_| Reaction::Status(500));
    let before = client.events().await.len();
    let mut opened = Vec::new();
    for number in 0..tickets {
        let ticket = client.open_ticket(&number.to_string()).await;
        client.update_ticket(&ticket, "changed").await;
        client.close_ticket(&ticket).await;
        opened.push(ticket);
    }
    client.wait_told(&webhook.id, MINUTE).await;
    let lost = client.events().await.split_off(before).into_iter().collect();
    (opened, lost)
}

fn replay_path(webhook: &Webhook) -> String {
    format!("/webhooks/{}/replay", webhook.id)
}

/// Versions of each ticket in the order of arrival.
fn versions<'a>(deliveries: impl Iterator<Item = &'a Delivery>) -> BTreeMap<String, Vec<u64>> {
    let mut versions: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for one in deliveries {
        let ticket = one.ticket().expect("all is about tickets").to_owned();
        versions.entry(ticket).or_default().push(one.version().expect("a ticket's version"));
    }
    versions
}

#[tokio::test]
async fn a_dry_run_counts_and_sends_nothing() {
    let (_server, client) = desk_with(&NEVER_DOWN);
    let receiver = Receiver::kind();
    let webhook = register(&client, &receiver).await;
    lose(&client, &receiver, &webhook, 3).await;
    receiver.behave(|_| Reaction::Status(200));
    client.open_ticket("delivered").await;
    client.wait_told(&webhook.id, MINUTE).await;
    let sent = receiver.count();

    for (only, count) in [("undelivered", 9), ("all", 10)] {
        let mut part = everything(only);
        part["dry_run"] = json!(true);
        let counted = client.replay(&webhook.id, part).await.expect(200);
        assert_eq!(counted.json, json!({ "data": { "count": count, "owed": 0 } }));
    }

    let none = client.get(&replay_path(&webhook)).await.expect(404);
    assert_eq!(none.code(), Some("not_found"));
    client.open_ticket("goes past").await;
    client.wait_told(&webhook.id, MINUTE).await;
    assert_eq!(receiver.count(), sent + 1);
}

#[tokio::test]
async fn what_is_new_goes_past_a_replay_at_its_pace_until_that_is_stopped() {
    let (_server, client) = desk_with(&NEVER_DOWN);
    let receiver = Receiver::kind();
    let webhook = register(&client, &receiver).await;
    let (tickets, lost) = lose(&client, &receiver, &webhook, 10).await;
    receiver.behave(|_| Reaction::Status(200));
    let before = receiver.count();

    // Half a minute of replaying, were it not stopped.
    let mut slow = everything("undelivered");
    slow["per_second"] = json!(1);
    let counted = client.replay(&webhook.id, slow).await.expect(202);
    assert_eq!(*counted.data(), json!({ "count": 30, "owed": 0 }));
    for _ in 0..10 {
        let ticket = client.open_ticket("new").await;
        client.update_ticket(&ticket, "new too").await;
    }
    let is_new = |one: &&Delivery| !lost.contains(one.event());
    let enough = |all: &[Delivery]| all[before..].iter().filter(is_new).count() == 20;
    let told = receiver.wait_for(enough, MINUTE).await;
    let two = |all: &[Delivery]| all[before..].iter().filter(|one| !is_new(one)).count() >= 2;
    receiver.wait_for(two, MINUTE).await;

    let running = client.get(&replay_path(&webhook)).await.expect(200);
    let sent = running.data()["sent"].as_u64().expect("a number");
    assert!((2..30).contains(&sent), "{}", running.text);
    let expected = json!({ "count": 30, "owed": 0, "only": "undelivered", "per_second": 1 });
    for (name, value) in expected.as_object().expect("it is one") {
        assert_eq!(running.data()[name], *value, "{name}");
    }
    assert!(running.data()["started_at"].is_string(), "{}", running.text);
    let new = versions(told[before..].iter().filter(is_new));
    assert!(new.len() == 10 && new.values().all(|versions| *versions == [1, 2]), "{new:?}");

    let stopped = client.delete(&replay_path(&webhook)).await.expect(200);
    let sent = stopped.data()["sent"].as_u64().expect("a number");
    assert_eq!(client.delete(&replay_path(&webhook)).await.expect(404).code(), Some("not_found"));
    client.get(&replay_path(&webhook)).await.expect(404);
    let quiet = client.wait_told(&webhook.id, MINUTE).await;
    assert_eq!((&quiet["in_flight"], &quiet["waiting_lanes"]), (&json!(0), &json!(0)));
    let replayed = receiver.count() - before - 20;
    assert_eq!(replayed as u64, sent);

    let rest = client.replay(&webhook.id, everything("undelivered")).await.expect(202);
    assert_eq!(rest.data()["count"], json!(30 - sent));
    client.wait_replayed(&webhook.id, MINUTE).await;
    let told = receiver.deliveries();
    let again: Vec<_> = told[before..].iter().filter(|one| !is_new(one)).collect();
    let distinct: BTreeSet<_> = again.iter().map(|one| one.event().to_owned()).collect();
    assert_eq!((again.len(), distinct), (30, lost.clone()), "each of them once");
    let versions = versions(again.into_iter());
    assert_eq!(versions.len(), tickets.len());
    assert!(versions.values().all(|versions| *versions == [1, 2, 3]), "{versions:?}");
    let abandoned = client.deliveries(&webhook.id, "?state=abandoned").await;
    assert_eq!(abandoned, Vec::<Value>::new());
}

/// What a ticket's slow event holds back takes its share of the pace all the same.
#[tokio::test]
async fn a_stopped_replay_promises_no_attempt() {
    let (_server, client) = desk_with(&[]);
    let receiver = Receiver::kind();
    let webhook = client.register_with_schedule(&receiver.url(), json!([600])).await;
    client.open_ticket("delivered").await;
    client.wait_told(&webhook.id, MINUTE).await;
    receiver.behave(|_| Reaction::Status(500));
    client.replay(&webhook.id, everything("all")).await.expect(202);
    let waits = |state: &Value| state["waiting_lanes"] == 1;
    client.wait_webhook(&webhook.id, waits, MINUTE).await;
    let event = receiver.deliveries()[0].event().to_owned();
    let path = format!("/webhooks/{}/deliveries/{event}", webhook.id);
    let last = |attempts: &[Value]| attempts.last().expect("two")["next_attempt_at"].clone();
    let planned = last(client.get(&path).await.expect(200).items());

    client.delete(&replay_path(&webhook)).await.expect(200);

    let then = last(client.get(&path).await.expect(200).items());
    assert!(planned.is_string() && then.is_null(), "{planned} {then}");
}

#[tokio::test]
async fn a_slow_receiver_does_not_undo_the_pace() {
    let (_server, client) = desk_with(&NEVER_DOWN);
    let receiver = Receiver::start(|_| Reaction::Status(500));
    let webhook = register(&client, &receiver).await;
    let ticket = client.open_ticket("one").await;
    for number in 0..30 {
        client.update_ticket(&ticket, &number.to_string()).await;
    }
    client.wait_told(&webhook.id, MINUTE).await;
    let before = receiver.count();
    let gate = Gate::closed();
    let held = gate.clone();
    receiver.behave(move |_| held.then(Reaction::Status(200)));
    let mut slow = everything("undelivered");
    slow["per_second"] = json!(1);

    client.replay(&webhook.id, slow).await.expect(202);
    let read_on = |answer: &Answer| answer.data()["pending"].as_u64() > Some(1);
    let running = client.wait(&replay_path(&webhook), read_on, MINUTE).await;

    let pending = running.data()["pending"].as_u64().expect("a number");
    assert!(pending < 20, "{pending} of 31 would go at once when the first is answered");
    client.delete(&replay_path(&webhook)).await.expect(200);
    gate.open();
    client.wait_told(&webhook.id, MINUTE).await;
    assert_eq!(receiver.count() - before, 1, "what stood behind was let go");
}

#[tokio::test]
async fn what_goes_behind_another_is_counted_as_sent() {
    let (_server, client) = desk_with(&NEVER_DOWN);
    let receiver = Receiver::start(|_| Reaction::Status(500));
    let webhook = register(&client, &receiver).await;
    let (_, lost) = lose(&client, &receiver, &webhook, 1).await;
    let (early, late) = (Gate::closed(), Gate::closed());
    let gates = (early.clone(), late.clone());
    receiver.behave(move |one| match one.version() {
        Some(3) => gates.1.then(Reaction::Status(200)),
        _ => gates.0.then(Reaction::Status(200)),
    });
    client.replay(&webhook.id, everything("undelivered")).await.expect(202);
    let is_read = |answer: &Answer| answer.data()["pending"] == lost.len();
    let begun = client.wait(&replay_path(&webhook), is_read, MINUTE).await;

    early.open();

    let is_last = |answer: &Answer| answer.data()["pending"] == 1;
    let ending = client.wait(&replay_path(&webhook), is_last, MINUTE).await;
    assert_eq!((&begun.data()["sent"], &ending.data()["sent"]), (&json!(1), &json!(3)));
    late.open();
    client.wait_replayed(&webhook.id, MINUTE).await;
}

#[tokio::test]
async fn a_replay_goes_on_after_a_kill() {
    let (mut server, client) = desk_with(&NEVER_DOWN);
    let receiver = Receiver::kind();
    let webhook = register(&client, &receiver).await;
    let (tickets, lost) = lose(&client, &receiver, &webhook, Host::AT_ONCE).await;
    let before = receiver.count();
    let gate = Gate::closed();
    let held = gate.clone();
    // What comes after the first few hangs, so that the kill meets some in flight.
    receiver.behave(move |one| match one.version() {
        Some(1) => Reaction::Status(200),
        _ => held.then(Reaction::Status(200)),
    });
    client.replay(&webhook.id, everything("undelivered")).await.expect(202);
    receiver.wait_for(|all| all.len() - before == 2 * tickets.len(), MINUTE).await;

    server.kill();
    let at_kill = receiver.count() - before;
    gate.open();
    server.restart();

    client.wait_replayed(&webhook.id, MINUTE).await;
    let told = receiver.deliveries().split_off(before);
    let distinct: BTreeSet<_> = told.iter().map(|one| one.event().to_owned()).collect();
    assert_eq!(distinct, lost);
    assert_eq!(at_kill, 2 * tickets.len());
    assert_eq!(told.len(), 4 * tickets.len(), "what was in flight, and no more, came twice");
    for versions in versions(told.iter()).values() {
        assert_eq!(*versions, [1, 2, 2, 3]);
    }
    let owed = &client.webhook(&webhook.id).await["owed"];
    assert_eq!(owed["count"], 3 * tickets.len());
}

#[tokio::test]
async fn all_means_what_was_delivered_too_but_not_what_is_owed() {
    let (_server, client) = desk_with(&NEVER_DOWN);
    let gate = Gate::closed();
    let held = gate.clone();
    let receiver = Receiver::start(move |one| match one.event_type().as_str() {
        "service_unavailable" => held.then(Reaction::Status(200)),
        _ => Reaction::Status(200),
    });
    let webhook = register(&client, &receiver).await;
    let ticket = client.open_ticket("delivered").await;
    client.update_ticket(&ticket, "delivered").await;
    client.wait_told(&webhook.id, MINUTE).await;
    // One is in flight, and one behind it.
    client.announce("/service/unavailable").await;
    client.announce("/service/available").await;
    receiver.wait_for(|all| all.len() == 3, MINUTE).await;
    client.wait_webhook(&webhook.id, |state| state["owed"]["count"] == 4, MINUTE).await;

    let counted = client.replay(&webhook.id, everything("all")).await.expect(202);
    let over = |answer: &Answer| answer.status == 404;
    client.wait(&replay_path(&webhook), over, MINUTE).await;

    assert_eq!(*counted.data(), json!({ "count": 2, "owed": 2 }));
    gate.open();
    client.wait_told(&webhook.id, MINUTE).await;
    let told = receiver.deliveries();
    let told: Vec<_> = told.iter().map(|one| (one.event_type(), one.attempt())).collect();
    let of = |kind: &str, attempt: u32| (kind.to_owned(), attempt);
    let expected = [
        of("ticket_opened", 1),
        of("ticket_updated", 1),
        of("service_unavailable", 1),
        of("ticket_opened", 2),
        of("ticket_updated", 2),
        of("service_available", 1),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn one_replay_runs_at_a_time() {
    let (_server, client) = desk_with(&NEVER_DOWN);
    let receiver = Receiver::kind();
    let webhook = register(&client, &receiver).await;
    let other = register(&client, &receiver).await;
    client.open_ticket("delivered").await;
    client.wait_told(&webhook.id, MINUTE).await;
    client.wait_told(&other.id, MINUTE).await;
    client.amend(&webhook.id, json!({ "status": "paused" })).await;
    client.replay(&webhook.id, everything("all")).await.expect(202);

    let refused = client.replay(&webhook.id, everything("all")).await.expect(409);
    assert_eq!(refused.code(), Some("replay_running"));
    let mut dry = everything("all");
    dry["dry_run"] = json!(true);
    client.replay(&webhook.id, dry).await.expect(200);
    client.replay(&other.id, everything("all")).await.expect(202);
    client.wait_replayed(&other.id, MINUTE).await;

    assert_eq!(client.get(&replay_path(&webhook)).await.expect(200).data()["sent"], 0);
    client.amend(&webhook.id, json!({ "status": "active" })).await;
    client.wait_replayed(&webhook.id, MINUTE).await;
    assert_eq!(receiver.count(), 4);
}

#[tokio::test]
async fn what_is_asked_for_badly_is_refused_with_pointers() {
    let (_server, client) = desk_with(&NEVER_DOWN);
    let webhook = client.register("http://127.0.0.1:9/hook").await;
    let (since, until) = ("2023-01-02T00:00:00Z", "2023-01-01T23:59:59.999Z");
    let table = [
        (json!({ "only": "all" }), vec!["#/since"]),
        (json!({}), vec!["#/since", "#/only"]),
        (json!({ "since": "yesterday", "only": "all" }), vec!["#/since"]),
        (json!({ "since": "2023-01-02", "only": "all" }), vec!["#/since"]),
        (json!({ "since": 1_672_531_200, "only": "all" }), vec!["#/since"]),
        (json!({ "since": "evt_1", "only": "all" }), vec!["#/since"]),
        (json!({ "since": webhook.id, "only": "all" }), vec!["#/since"]),
        (json!({ "since": since, "until": until, "only": "all" }), vec!["#/until"]),
        (
            json!({
                "since": "evt_01856aa0c80270008000000000000002",
                "until": "evt_01856aa0c80170008000000000000001", "only": "all",
            }),
            vec!["#/until"],
        ),
        (json!({ "since": since, "until": "later", "only": "all" }), vec!["#/until"]),
        // An event that the log never had.
        (
            json!({ "since": "evt_01856aa0c802700080000000000fffff", "only": "all" }),
            vec!["#/since"],
        ),
        (json!({ "since": since, "only": "failed" }), vec!["#/only"]),
        (json!({ "since": since, "only": "all", "per_second": 0 }), vec!["#/per_second"]),
        (json!({ "since": since, "only": "all", "per_second": 10_001 }), vec!["#/per_second"]),
        (json!({ "since": since, "only": "all", "per_second": 0.5 }), vec!["#/per_second"]),
        (json!({ "since": since, "only": "all", "dry_run": "x" }), vec!["#/dry_run"]),
        (
            json!({ "since": "x", "until": 1, "only": null, "per_second": "1", "dry_run": 1 }),
            vec!["#/dry_run", "#/only", "#/per_second", "#/since", "#/until"],
        ),
    ];

    for (part, pointers) in table {
        let refused = client.replay(&webhook.id, part.clone()).await.expect(422);
        assert_eq!(refused.code(), Some("bad_field"), "{part}");
        let errors = refused.json["errors"].as_array().expect("a list");
        let said: BTreeSet<_> = errors.iter().filter_map(|one| one["pointer"].as_str()).collect();
        assert_eq!(said, pointers.into_iter().collect(), "{part}");
    }

    client.get(&replay_path(&webhook)).await.expect(404);
    for path in ["/webhooks/whk_1/replay", "/webhooks/evt_0/replay"] {
        let unknown = client.post(path, everything("all")).await.expect(404);
        assert_eq!(unknown.code(), Some("not_found"));
        client.get(path).await.expect(404);
        client.delete(path).await.expect(404);
    }
    client.unregister(&webhook.id).await;
    client.replay(&webhook.id, everything("all")).await.expect(404);
}

/// The time at which an event was made, in milliseconds: the first 48 bits of its id.
fn made_at(event: &str) -> i64 {
    i64::from_str_radix(&event[4..16], 16).expect("hex digits")
}

/// This time as clocks `hours` east of Greenwich show it.
fn clock(at_ms: i64, hours: i64) -> String {
    let local = at_ms + hours * 3_600_000;
    let (days, within) = (local.div_euclid(86_400_000), local.rem_euclid(86_400_000));
    // Days to a date, after Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms".
    let era_days = days + 719_468;
    let (era, day) = (era_days.div_euclid(146_097), era_days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let date = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let (second, milli) = (within / 1_000, within % 1_000);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!(
        "{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}{hours:+03}:00"
    )
}

#[tokio::test]
async fn a_part_is_named_by_times_or_events_and_has_both_its_ends() {
    let (_server, client) = desk_with(&NEVER_DOWN);
    let receiver = Receiver::kind();
    let webhook = register(&client, &receiver).await;
    for number in 0..10 {
        client.open_ticket(&number.to_string()).await;
    }
    client.wait_told(&webhook.id, MINUTE).await;
    let all = client.events().await;
    let times: Vec<i64> = all.iter().map(|event| made_at(event)).collect();
    let between = |from: i64, to: i64| times.iter().filter(|at| (from..=to).contains(at)).count();
    let (from, to) = (times[3], times[6]);

    let table = [
        (json!({ "since": all[3], "until": all[6] }), 4),
        (json!({ "since": all[3], "until": all[3] }), 1),
        (json!({ "since": all[3] }), 7),
        (json!({ "since": all[3], "until": null }), 7),
        (json!({ "since": clock(from, 0) }), between(from, i64::MAX)),
        (json!({ "since": clock(from, 0), "until": clock(to, 0) }), between(from, to)),
        (json!({ "since": clock(from, 9), "until": clock(to, -8) }), between(from, to)),
        (json!({ "since": clock(from + 1, 1), "until": all[6] }), {
            let first = times.iter().take_while(|at| **at <= from).count();
            7_usize.saturating_sub(first)
        }),
        (json!({ "since": all[2], "until": clock(from - 1, 2) }), {
            times.iter().skip(2).filter(|at| **at < from).count()
        }),
        (json!({ "since": clock(times[9] + 1, 0) }), 0),
    ];
    for (mut part, count) in table {
        let said = part.to_string();
        part["only"] = json!("all");
        part["dry_run"] = json!(true);
        let counted = client.replay(&webhook.id, part).await.expect(200);
        assert_eq!(*counted.data(), json!({ "count": count, "owed": 0 }), "{said}");
    }

    let part = json!({ "since": all[3], "until": all[6], "only": "all" });
    client.replay(&webhook.id, part).await.expect(202);
    client.wait_replayed(&webhook.id, MINUTE).await;
    let told = receiver.deliveries().split_off(10);
    let told: BTreeSet<_> = told.iter().map(Delivery::event).collect();
    assert_eq!(told, all[3..=6].iter().map(String::as_str).collect());
}

#[tokio::test]
async fn what_was_skipped_is_replayed_once_it_is_wanted_and_nothing_from_before() {
    let (_server, client) = desk_with(&NEVER_DOWN);
    let receiver = Receiver::kind();
    client.open_ticket("before").await;
    let settings = json!({ "callback_url": receiver.url(), "events": ["ticket_closed"] });
    let webhook = client.register_with(settings).await;
    let other = client.register(&receiver.url()).await;
    client.announce(&format!("/webhooks/{}/ping", other.id)).await;
    client.unregister(&other.id).await;
    let ticket = client.open_ticket("skipped").await;
    client.update_ticket(&ticket, "skipped and not wanted").await;
    client.close_ticket(&ticket).await;
    client.wait_told(&webhook.id, MINUTE).await;
    let nothing = client.replay(&webhook.id, everything("undelivered")).await.expect(202);
    client.wait_replayed(&webhook.id, MINUTE).await;
    let of_it = |receiver: &Receiver| {
        let all = receiver.deliveries().into_iter();
        let all = all.filter(|one| one.event_type() != "ping" && one.signed_with(&webhook.secret));
        all.map(|one| (one.event_type(), one.attempt())).collect::<Vec<_>>()
    };

    client.amend(&webhook.id, json!({ "events": ["ticket_closed", "ticket_opened"] })).await;
    let counted = client.replay(&webhook.id, everything("undelivered")).await.expect(202);
    client.wait_replayed(&webhook.id, MINUTE).await;

    assert_eq!(*nothing.data(), json!({ "count": 0, "owed": 0 }));
    assert_eq!(*counted.data(), json!({ "count": 1, "owed": 0 }));
    let expected = [("ticket_closed".to_owned(), 1), ("ticket_opened".to_owned(), 1)];
    assert_eq!(of_it(&receiver), expected);
    client.replay(&webhook.id, everything("all")).await.expect(202);
    client.wait_replayed(&webhook.id, MINUTE).await;
    assert_eq!(of_it(&receiver).len(), 4, "neither what was before it nor another's ping");
}
