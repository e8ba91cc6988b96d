//! Recovery of an object that was killed: its alarm alone sends what is pending.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hookdesk_tests::{Client, Delivery, Host, Reaction, Receiver, SOON, event_ids, ticket_body};
use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::edge;

/// From its start until an object that was killed over requests sends them again: its alarm is at
/// most 5 s away, and that it gives them up itself takes 15 s and more.
const WATCHED: Duration = Duration::from_secs(13);

/// Callers who open tickets until the server is gone; gives what was acknowledged.
fn storm(client: &Client, callers: usize) -> JoinSet<Vec<String>> {
    let mut storm = JoinSet::new();
    for caller in 0..callers {
        let client = client.clone();
        storm.spawn(async move {
            let mut acknowledged = Vec::new();
            loop {
                let body = ticket_body(&caller.to_string());
                let call = client.request(Method::POST, "/tickets");
                let call = call.header("content-type", "application/json").body(body.to_string());
                match client.attempt(call).await {
                    Ok(answer) if answer.status == 201 => {
                        acknowledged.push(answer.string("/data/id"));
                    }
                    Ok(_) | Err(_) => return acknowledged,
                }
            }
        });
    }
    storm
}

#[tokio::test]
#[ignore = "wants the Worker built: .ci/host-tests edge"]
async fn killed_under_load_it_tells_all_that_was_acknowledged() {
    let (mut server, client) = edge();
    let receiver = Receiver::kind();
    client.register(&receiver.url()).await;
    let mut acknowledged = BTreeSet::new();

    for _ in 0..3 {
        let before = receiver.count();
        let storm = storm(&client, 4);
        receiver.wait_for(|all| all.len() > before + 50, SOON).await;
        server.kill();
        acknowledged.extend(storm.join_all().await.into_iter().flatten());
        server.restart();
    }

    // Nobody calls: what was in flight and what is owed goes by the object's own alarm.
    let tickets = |all: &[Delivery]| -> BTreeSet<String> {
        all.iter().filter_map(|one| one.ticket().map(str::to_owned)).collect()
    };
    let told = receiver.wait_for(|all| acknowledged.is_subset(&tickets(all)), SOON).await;
    assert!(acknowledged.len() > 100, "{}", acknowledged.len());
    let mut attempts: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for one in &told {
        attempts.entry(one.event()).or_default().push(one.attempt());
    }
    for (event, numbers) in attempts {
        // Each kill may cost one more, and each is a number of its own.
        assert!(numbers.len() <= 4, "{event}: {numbers:?}");
        assert!(numbers.is_sorted_by(|one, next| one < next), "{event}: {numbers:?}");
    }
}

#[tokio::test]
#[ignore = "wants the Worker built: .ci/host-tests edge"]
async fn what_was_in_flight_when_it_was_killed_is_sent_again_though_nobody_calls() {
    let (mut server, client) = edge();
    let receiver = Receiver::start(|_| Reaction::Hang);
    client.register(&receiver.url()).await;
    for number in 0..Host::AT_ONCE {
        client.open_ticket(&number.to_string()).await;
    }
    let first = receiver.wait_for(|all| all.len() == Host::AT_ONCE, SOON).await;

    server.kill();
    receiver.behave(|_| Reaction::Status(200));
    server.restart();

    let told = receiver.wait_for(|all| all.len() == 2 * Host::AT_ONCE, WATCHED).await;
    let again = &told[Host::AT_ONCE..];
    assert_eq!(event_ids(again), event_ids(&first));
    assert!(again.iter().all(|one| one.attempt() == 2));
}

#[tokio::test]
#[ignore = "wants the Worker built: .ci/host-tests edge"]
async fn the_alarm_alone_wakes_it_for_a_retry() {
    let (mut server, client) = edge();
    let receiver = Receiver::start(|_| Reaction::Status(500));
    let settings = json!({ "callback_url": receiver.url(), "retry_schedule": [2, 4] });
    let webhook = client.register_with(settings).await;
    client.open_ticket("one").await;
    client.wait_webhook(&webhook.id, |state| state["waiting_lanes"] == 1, SOON).await;

    // From here on nobody calls.
    receiver.wait_for(|all| all.len() == 2, SOON).await;
    sleep(Duration::from_millis(300)).await;
    server.kill();
    receiver.behave(|_| Reaction::Status(200));
    server.restart();

    let told = receiver.wait_for(|all| all.len() == 3, SOON).await;
    assert_eq!(event_ids(&told).len(), 1);
    assert_eq!(told.iter().map(Delivery::attempt).collect::<Vec<_>>(), [1, 2, 3]);
    let waited = |later: usize| told[later].at - told[later - 1].at;
    // A schedule's waits are blurred by a fifth.
    assert!(waited(1) >= Duration::from_millis(1_500), "{:?}", waited(1));
    assert!(waited(2) >= Duration::from_millis(3_000), "{:?}", waited(2));
}
