//! The owed digest: a receiver computes it from the ids of its deliveries, and compares.

use std::collections::BTreeSet;

use hookdesk_tests::{Delivery, NEVER_DOWN, Reaction, Receiver, SINCE_EVER, SOON, desk_with};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What a receiver comes to that was told these: the count and digest of distinct ids, as the
/// README tells receivers to add them up: byte by byte, from the last on.
fn added_up<'a>(ids: impl IntoIterator<Item = &'a str>) -> (usize, String) {
    let ids: BTreeSet<&str> = ids.into_iter().collect();
    let mut sum = [0_u8; 32];
    for id in &ids {
        let mut carry = 0;
        for (digit, add) in sum.iter_mut().zip(Sha256::digest(id)).rev() {
            carry += u32::from(*digit) + u32::from(add);
            *digit = (carry % 256).try_into().expect("a remainder of 256 is a byte");
            carry /= 256;
        }
    }
    (ids.len(), hookdesk_tests::hex(&sum))
}

/// The distinct events that `owed` covers.
fn heard(deliveries: &[Delivery], owed: &Value) -> BTreeSet<String> {
    let bound = |name: &str| owed[name].as_str().unwrap_or_default().to_owned();
    let (after, through) = (bound("after"), bound("through"));
    let ids = deliveries.iter().map(|one| one.event().to_owned());
    ids.filter(|id| *id > after && *id <= through).collect()
}

fn said(owed: &Value) -> (usize, String) {
    let count = owed["count"].as_u64().expect("a number");
    let digest = owed["digest"].as_str().expect("a text").to_owned();
    (count.try_into().expect("it is small"), digest)
}

/// Fails unless the receiver heard exactly what the webhook was owed; gives the events.
#[track_caller]
fn assert_complete(receiver: &Receiver, state: &Value) -> BTreeSet<String> {
    let owed = &state["owed"];
    let heard = heard(&receiver.deliveries(), owed);
    assert_eq!(added_up(heard.iter().map(String::as_str)), said(owed), "{state}");
    heard
}

#[tokio::test]
async fn a_new_webhook_was_owed_nothing() {
    let (_server, client) = desk_with(&NEVER_DOWN);
    client.open_ticket("before").await;

    let webhook = client.register("http://127.0.0.1:9/hook").await;

    let owed = &client.webhook(&webhook.id).await["owed"];
    let nothing = json!({ "count": 0, "digest": "0".repeat(64), "after": null, "through": null });
    assert_eq!(*owed, nothing);
}

#[tokio::test]
async fn the_sum_of_what_was_heard_is_the_sum_of_what_was_owed() {
    let (mut server, client) = desk_with(&NEVER_DOWN);
    // Every third event fails at first, and every fifth is taken by a receiver that then hangs up.
    let receiver = Receiver::start(|one| {
        let place = u8::from_str_radix(&one.event()[34..], 16).expect("hex digits");
        match (one.attempt(), place % 3, place % 5) {
            (1, 0, _) => Reaction::Status(500),
            (1, _, 0) => Reaction::Raw(Vec::new()),
            _ => Reaction::Status(200),
        }
    });
    let webhook = client.register_with_schedule(&receiver.url(), json!([0])).await;
    client.open_ticket("for both").await;
    for number in 0..20 {
        let ticket = client.open_ticket(&number.to_string()).await;
        client.update_ticket(&ticket, "changed").await;
        client.close_ticket(&ticket).await;
    }
    client.ping().await;
    client.announce(&format!("/webhooks/{}/ping", webhook.id)).await;
    let state = client.wait_told(&webhook.id, SOON).await;

    let heard = assert_complete(&receiver, &state);

    assert_eq!(heard.len(), 63);
    assert!(receiver.count() > 63, "some came twice");
    assert_eq!(state["owed"]["after"], Value::Null);
    for left_out in &heard {
        let others = heard.iter().filter(|id| *id != left_out).map(String::as_str);
        let (count, digest) = added_up(others);
        let (all, whole) = said(&state["owed"]);
        assert!(count + 1 == all && digest != whole);
    }
    // It is kept through a crash.
    server.restart();
    assert_eq!(client.webhook(&webhook.id).await["owed"], state["owed"]);
}

#[tokio::test]
async fn what_was_given_up_is_missing_until_it_is_replayed() {
    let (_server, client) = desk_with(&NEVER_DOWN);
    let receiver = Receiver::start(|_| Reaction::Reset);
    let webhook = client.register_with_schedule(&receiver.url(), json!([])).await;
    client.open_ticket("lost").await;
    client.open_ticket("lost too").await;
    client.wait_told(&webhook.id, SOON).await;
    let before = receiver.count();
    let taken = || {
        let all = receiver.deliveries();
        added_up(all.iter().skip(before).map(Delivery::event))
    };
    receiver.behave(|_| Reaction::Status(200));
    client.open_ticket("taken").await;
    let state = client.wait_told(&webhook.id, SOON).await;
    assert_eq!((taken().0, said(&state["owed"]).0), (1, 3));

    let part = json!({ "since": SINCE_EVER, "only": "undelivered" });
    client.replay(&webhook.id, part).await.expect(202);
    client.wait_replayed(&webhook.id, SOON).await;

    assert_eq!(taken(), said(&state["owed"]));
    assert_eq!(client.webhook(&webhook.id).await["owed"], state["owed"]);
}

/// What stood behind a ticket's event when it was no longer wanted is taken away again, and what
/// was not wanted is added when it is replayed.
#[tokio::test]
async fn it_follows_what_the_webhook_wants() {
    let (_server, client) = desk_with(&NEVER_DOWN);
    let receiver = Receiver::start(|_| Reaction::Status(500));
    let webhook = client.register_with_schedule(&receiver.url(), json!([600])).await;
    let ticket = client.open_ticket("head").await;
    client.update_ticket(&ticket, "behind").await;
    client.close_ticket(&ticket).await;
    client.wait_webhook(&webhook.id, |state| state["owed"]["count"] == 3, SOON).await;
    client.wait_webhook(&webhook.id, |state| state["waiting_lanes"] == 1, SOON).await;
    receiver.behave(|_| Reaction::Status(200));

    client.amend(&webhook.id, json!({ "events": ["ticket_closed"] })).await;
    client.open_ticket("skipped").await;
    let head = client.events().await[0].clone();
    client.resend(&webhook.id, &head).await.expect(202);

    let state = client.wait_told(&webhook.id, SOON).await;
    assert_eq!(assert_complete(&receiver, &state).len(), 2);

    client.amend(&webhook.id, json!({ "events": ["ticket_opened", "ticket_updated"] })).await;
    let part = json!({ "since": SINCE_EVER, "only": "undelivered" });
    let counted = client.replay(&webhook.id, part).await.expect(202);
    assert_eq!(*counted.data(), json!({ "count": 2, "owed": 0 }));
    client.wait_replayed(&webhook.id, SOON).await;
    let state = client.webhook(&webhook.id).await;
    assert_eq!(assert_complete(&receiver, &state).len(), 4);
}
