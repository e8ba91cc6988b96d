//! Durability: every acknowledged change is delivered, however the server ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use hookdesk_tests::{
    Answer, Client, Delivery, Host, Options, Reaction, Receiver, SOON, Server, ticket_body,
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Between two tries to reach a server that is away.
const KNOCK_AGAIN: Duration = Duration::from_millis(5);
const CALLERS: usize = 8;
const KILLS: usize = 6;
/// Acknowledged calls from one start to the next kill: enough that a kill meets a busy server.
const CALLS_BETWEEN: usize = 60;

/// What the callers were told, and when to stop.
#[derive(Default)]
struct Acknowledged {
    calls: AtomicUsize,
    one_more: Notify,
    enough: AtomicBool,
}

impl Acknowledged {
    fn count(&self) {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.one_more.notify_one();
    }

    async fn wait_for(&self, calls: usize) {
        while self.calls.load(Ordering::SeqCst) < calls {
            self.one_more.notified().await;
        }
    }
}

/// Calls until the server answers.
async fn insist(client: &Client, method: Method, path: &str, body: &Value) -> Answer {
    loop {
        let request = client.request(method.clone(), path);
        let request = request.header("content-type", "application/json").body(body.to_string());
        match client.attempt(request).await {
            Ok(answer) => return answer,
            Err(_) => sleep(KNOCK_AGAIN).await,
        }
    }
}

/// Opens tickets and updates each once, and gives the last version that was acknowledged of each.
async fn call(client: Client, acknowledged: Arc<Acknowledged>) -> BTreeMap<String, u64> {
    let mut versions = BTreeMap::new();
    while !acknowledged.enough.load(Ordering::SeqCst) {
        let message = ticket_body("a ticket");
        let opened = insist(&client, Method::POST, "/tickets", &message).await.expect(201);
        let ticket = opened.string("/data/id");
        versions.insert(ticket.clone(), 1);
        acknowledged.count();
        // A call that was lost in a crash may have been done: then this one is version 3.
        let path = format!("/tickets/{ticket}");
        let updated = insist(&client, Method::PATCH, &path, &message).await.expect(200);
        let version = updated.data()["version"].as_u64().expect("a version is a number");
        versions.insert(ticket, version);
        acknowledged.count();
    }
    versions
}

/// The versions of each ticket in the order of their first arrival.
fn first_arrivals(deliveries: &[Delivery]) -> BTreeMap<String, Vec<u64>> {
    let mut arrivals: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for one in deliveries {
        let ticket = one.ticket().expect("all is about tickets").to_owned();
        let version = one.version().expect("a ticket's event has a version");
        let versions = arrivals.entry(ticket).or_default();
        if !versions.contains(&version) {
            versions.push(version);
        }
    }
    arrivals
}

fn holds(arrivals: &BTreeMap<String, Vec<u64>>, acknowledged: &BTreeMap<String, u64>) -> bool {
    acknowledged.iter().all(|(ticket, version)| {
        arrivals.get(ticket).is_some_and(|versions| versions.contains(version))
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_change_is_told_in_order_over_six_kills() {
    let mut server = Server::start(Options::default());
    let client = server.client();
    let receiver = Receiver::kind();
    let webhook = client.register(&receiver.url()).await;
    let acknowledged = Arc::new(Acknowledged::default());
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        callers.spawn(call(client.clone(), Arc::clone(&acknowledged)));
    }

    for kill in 1..=KILLS {
        let busy = acknowledged.wait_for(kill * CALLS_BETWEEN);
        timeout(SOON, busy).await.expect("the callers are answered");
        server.restart();
    }
    acknowledged.enough.store(true, Ordering::SeqCst);
    let acknowledged: BTreeMap<_, _> = callers.join_all().await.into_iter().flatten().collect();

    let all_of_it = |all: &[Delivery]| holds(&first_arrivals(all), &acknowledged);
    receiver.wait_for(all_of_it, SOON).await;
    client.wait_told(&webhook.id, SOON).await;
    let told = receiver.deliveries();
    let mut bodies: BTreeMap<&str, &Delivery> = BTreeMap::new();
    for one in &told {
        let first = bodies.entry(one.event()).or_insert(one);
        assert_eq!((&first.body, first.ticket()), (&one.body, one.ticket()), "{one}");
        assert_eq!(first.version(), one.version(), "{one}");
        assert!(one.signed_with(&webhook.secret), "{one}");
    }
    for (ticket, versions) in first_arrivals(&told) {
        assert!(versions.iter().copied().eq(1..=versions.len() as u64), "{ticket}: {versions:?}");
    }
    // What the desk has is what it told: nothing was opened in silence, nothing told that is not.
    let list = client.get("/tickets").await.expect(200);
    let kept = list.items().iter();
    let kept: BTreeSet<_> = kept.map(|one| one["id"].as_str().expect("an id").to_owned()).collect();
    assert_eq!(kept, first_arrivals(&told).into_keys().collect());
}

#[tokio::test]
async fn a_kill_in_the_middle_of_deliveries_sends_them_again_under_the_same_id() {
    let mut server = Server::start(Options::default());
    let client = server.client();
    let receiver = Receiver::start(|_| Reaction::Hang);
    let webhook = client.register(&receiver.url()).await;
    for number in 0..Host::AT_ONCE {
        client.open_ticket(&format!("ticket {number}")).await;
    }
    let hanging = receiver.wait_for(|all| all.len() == Host::AT_ONCE, SOON).await;

    server.kill();
    receiver.behave(|_| Reaction::Status(200));
    server.restart();

    client.wait_told(&webhook.id, SOON).await;
    let told = receiver.deliveries();
    let (first, second) = told.split_at(Host::AT_ONCE);
    let events = |all: &[Delivery]| -> BTreeMap<String, Vec<u8>> {
        all.iter().map(|one| (one.event().to_owned(), one.body.clone())).collect()
    };
    assert_eq!(events(second), events(&hanging));
    assert!(first.iter().all(|one| one.attempt() == 1));
    assert!(second.iter().all(|one| one.attempt() == 2));
}

#[tokio::test]
async fn a_waiting_retry_goes_on_after_a_kill() {
    let mut server = Server::start(Options::default());
    let client = server.client();
    let receiver =
        Receiver::start(|one| Reaction::Status(if one.attempt() < 3 { 500 } else { 200 }));
    let settings = json!({ "callback_url": receiver.url(), "retry_schedule": [1, 1] });
    let webhook = client.register_with(settings).await;
    let ticket = client.open_ticket("one").await;
    client.update_ticket(&ticket, "two").await;
    receiver.wait_for(|all| all.len() == 1, SOON).await;
    client.wait_webhook(&webhook.id, |state| state["waiting_lanes"] == 1, SOON).await;

    server.restart();

    client.wait_told(&webhook.id, SOON).await;
    let told = receiver.deliveries();
    let attempts: Vec<_> = told.iter().map(|one| (one.version(), one.attempt())).collect();
    let (one, two) = (Some(1), Some(2));
    assert_eq!(attempts, [(one, 1), (one, 2), (one, 3), (two, 1), (two, 2), (two, 3)]);
}

#[tokio::test]
async fn a_change_that_nobody_was_told_of_yet_is_told_after_a_kill() {
    let mut server = Server::start(Options::default());
    let client = server.client();
    let receiver = Receiver::start(|_| Reaction::Hang);
    let settings = json!({ "callback_url": receiver.url(), "max_in_flight": 1 });
    let webhook = client.register_with(settings).await;
    for number in 0..10 {
        client.open_ticket(&format!("ticket {number}")).await;
    }
    receiver.wait_for(|all| all.len() == 1, SOON).await;

    server.kill();
    receiver.behave(|_| Reaction::Status(200));
    server.restart();

    client.wait_told(&webhook.id, SOON).await;
    let told: BTreeSet<_> =
        receiver.deliveries().iter().map(|one| one.event().to_owned()).collect();
    assert_eq!((told.len(), receiver.count()), (10, 11));
}
