//! Ordering: kept within an ordering key whatever fails, and no key waits for another.

use std::collections::BTreeMap;
use std::time::Duration;

use hookdesk_tests::{Client, Delivery, Gate, Host, Reaction, Receiver, SOON, desk};
use serde_json::json;
use tokio::task::JoinSet;

/// How long a receiver takes for an answer: what comes within it came before the answer.
const THINKING: Duration = Duration::from_millis(20);
const TICKETS: usize = 30;
const VERSIONS: usize = 6;
/// Tickets whose requests may hang and leave room for one more.
const FAILING: usize = Host::AT_ONCE - 1;

fn message(one: &Delivery) -> String {
    one.json()["data"]["ticket_message"].as_str().unwrap_or_default().to_owned()
}

fn works(one: &Delivery) -> bool {
    message(one).starts_with("works")
}

/// An answer with this status after a while.
fn answer(status: u16) -> Reaction {
    Reaction::Delay(THINKING, Box::new(Reaction::Status(status)))
}

/// Opens tickets with these messages and changes each until it has all its versions.
async fn change_tickets(client: &Client, messages: impl Iterator<Item = &'static str>) {
    let mut callers = JoinSet::new();
    for message in messages {
        let client = client.clone();
        callers.spawn(async move {
            let ticket = client.open_ticket(message).await;
            for version in 2..=VERSIONS {
                client.update_ticket(&ticket, &format!("{message} {version}")).await;
            }
        });
    }
    callers.join_all().await;
}

/// The event's place in the log: its id's last 62 bits.
fn place(one: &Delivery) -> u64 {
    let (_, last) = one.event().split_at(20);
    u64::from_str_radix(last, 16).expect("hex digits") & (u64::MAX >> 2)
}

fn by_ticket(deliveries: &[Delivery]) -> BTreeMap<&str, Vec<&Delivery>> {
    let mut tickets: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for one in deliveries {
        tickets.entry(one.ticket().expect("all is about tickets")).or_default().push(one);
    }
    tickets
}

fn steps(deliveries: &[&Delivery]) -> Vec<(u64, u32)> {
    let step = |one: &&Delivery| (one.version().expect("a ticket's version"), one.attempt());
    deliveries.iter().map(step).collect()
}

/// Each came when the one before was answered: its answer took [`THINKING`].
#[track_caller]
fn assert_one_after_another(deliveries: &[&Delivery]) {
    for pair in deliveries.windows(2) {
        assert!(pair[1].at >= pair[0].at + THINKING, "{} before {} was answered", pair[1], pair[0]);
    }
}

#[tokio::test]
async fn a_failing_ticket_keeps_its_order_and_holds_back_no_other() {
    let (_server, client) = desk();
    let gate = Gate::closed();
    let held = gate.clone();
    let receiver = Receiver::start(move |one| match (message(one).as_str(), one.attempt()) {
        ("fails", 1) => answer(500),
        ("fails", _) => held.then(answer(200)),
        _ => answer(200),
    });
    let settings = json!({ "callback_url": receiver.url(), "retry_schedule": [1, 1, 1] });
    let webhook = client.register_with(settings).await;

    let kind = |n| if n < FAILING { "fails" } else { "works" };
    change_tickets(&client, (0..TICKETS).map(kind)).await;

    // While the gate is closed no failing ticket gets on, so nothing that comes has waited for one.
    let healthy = (TICKETS - FAILING) * VERSIONS;
    let all_healthy = |all: &[Delivery]| all.iter().filter(|one| works(one)).count() == healthy;
    let early = receiver.wait_for(all_healthy, SOON).await;
    assert!(early.iter().all(|one| works(one) || one.version() == Some(1)));
    gate.open();
    client.wait_told(&webhook.id, SOON).await;
    let told = receiver.deliveries();
    let tickets = by_ticket(&told);
    assert_eq!(tickets.len(), TICKETS);
    for ticket in tickets.values() {
        let mut expected: Vec<_> = (1..=VERSIONS as u64).map(|version| (version, 1)).collect();
        if !works(ticket[0]) {
            expected.insert(1, (1, 2));
        }
        assert_eq!(steps(ticket), expected);
        assert_one_after_another(ticket);
    }
}

#[tokio::test]
async fn ordering_webhook_is_strictly_one_after_another_over_a_failure() {
    let (_server, client) = desk();
    let receiver = Receiver::start(|one| match (message(one).as_str(), one.attempt()) {
        ("fails", 1 | 2) => answer(500),
        _ => answer(200),
    });
    let settings = json!({
        "callback_url": receiver.url(), "ordering": "webhook", "retry_schedule": [1, 1],
    });
    let webhook = client.register_with(settings).await;

    let mut log = Vec::new();
    for kind in ["works", "fails", "works"] {
        change_tickets(&client, [kind, "works"].into_iter()).await;
        log.push(client.ping().await);
        log.push(client.announce("/service/available").await);
    }

    client.wait_told(&webhook.id, SOON).await;
    let told = receiver.deliveries();
    let in_turn: Vec<&Delivery> = told.iter().collect();
    assert_one_after_another(&in_turn);
    let places: Vec<_> = in_turn.iter().map(|one| place(one)).collect();
    let failed = in_turn.iter().position(|one| message(one) == "fails").expect("it came");
    let mut expected: Vec<_> = (places[0]..).take(in_turn.len() - 2).collect();
    for _ in 0..2 {
        expected.insert(failed, expected[failed]);
    }
    assert_eq!(places, expected);
    assert_eq!(in_turn.len(), 6 * VERSIONS + log.len() + 2);
}

#[tokio::test]
async fn ordering_none_lets_nothing_wait_for_a_failing_event() {
    let (_server, client) = desk();
    let gate = Gate::closed();
    let held = gate.clone();
    let receiver = Receiver::start(move |one| match (message(one).as_str(), one.attempt()) {
        ("fails", 1) => Reaction::Status(500),
        ("fails", _) => held.then(Reaction::Status(200)),
        _ => Reaction::Status(200),
    });
    let settings = json!({
        "callback_url": receiver.url(), "ordering": "none", "retry_schedule": [0],
        "timeout_ms": 30_000,
    });
    let webhook = client.register_with(settings).await;

    change_tickets(&client, ["fails", "works"].into_iter()).await;

    let all = 2 * VERSIONS + 1;
    // In less than the timeout, so that the retry is still in flight when all has come.
    let told = receiver.wait_for(|told| told.len() == all, Duration::from_secs(20)).await;
    let repeated: Vec<_> = told.iter().filter(|one| one.attempt() == 2).map(message).collect();
    assert_eq!(repeated, ["fails"], "its own ticket went on before it was taken");
    gate.open();
    client.wait_told(&webhook.id, SOON).await;
    assert_eq!(receiver.count(), all);
}

#[tokio::test]
async fn an_abandoned_event_makes_way_for_the_next_of_its_ticket() {
    let (mut server, client) = desk();
    let receiver = Receiver::start(|one| match one.version() {
        Some(2) => answer(500),
        _ => answer(200),
    });
    let settings = json!({ "callback_url": receiver.url(), "retry_schedule": [] });
    let webhook = client.register_with(settings).await;

    change_tickets(&client, ["a ticket"].into_iter()).await;

    client.wait_told(&webhook.id, SOON).await;
    let told = receiver.deliveries();
    let told: Vec<&Delivery> = told.iter().collect();
    assert_eq!(steps(&told), [(1, 1), (2, 1), (3, 1), (4, 1), (5, 1), (6, 1)]);
    assert_one_after_another(&told);
    server.terminate();
    let reasons: Vec<_> = server.attempts().into_iter().map(|one| one.reason).collect();
    let (ok, lost) = ("delivered", "retries_used_up");
    assert_eq!(reasons, [ok, lost, ok, ok, ok, ok]);
}

#[tokio::test]
async fn retries_follow_the_webhooks_own_schedule_and_then_end() {
    let (mut server, client) = desk();
    let receiver = Receiver::start(|_| Reaction::Status(503));
    let settings = json!({ "callback_url": receiver.url(), "retry_schedule": [0, 1, 2] });
    let webhook = client.register_with(settings).await;

    client.open_ticket("never taken").await;

    client.wait_told(&webhook.id, SOON).await;
    server.terminate();
    let told = receiver.deliveries();
    assert_eq!(told.iter().map(Delivery::attempt).collect::<Vec<_>>(), [1, 2, 3, 4]);
    // Each wait is spread by a fifth, and never cut short by more.
    for (pair, wait_ms) in told.windows(2).zip([0, 800, 1_600]) {
        assert!(pair[1].at - pair[0].at >= Duration::from_millis(wait_ms), "{}", pair[1]);
    }
    let reasons: Vec<_> = server.attempts().into_iter().map(|one| one.reason).collect();
    assert_eq!(reasons, ["retry", "retry", "retry", "retries_used_up"]);
}
