//! Tests of what a wake visits. Each wake here is compared with one that visits all webhooks.

use super::{Rig, status, webhook};
use crate::{
    Amendment, Command, EventType, Ordering, Registration, Retention, Rows as _, Subscription,
    WebhookId,
};

const DAY_S: u64 = 86_400;

fn wanting(rig: &mut Rig, kind: EventType) -> WebhookId {
    let registration = webhook(Ordering::Ticket, &[5]);
    let settings =
        Amendment { events: Some(Subscription::of([kind])), ..registration.settings.clone() };
    rig.register(Registration { settings, ..registration })
}

/// The webhooks to which requests are in flight, in the order in which they were sent.
fn sent_to(rig: &Rig) -> Vec<WebhookId> {
    rig.flying.iter().map(|request| request.key.webhook).collect()
}

#[test]
fn a_ping_to_one_webhook_visits_that_one() {
    let mut rig = Rig::new();
    let ids: Vec<_> = (0..3).map(|_| wanting(&mut rig, EventType::ServiceUnavailable)).collect();
    rig.open();
    for id in &ids {
        rig.run(Command::PingOne { id: *id });
    }
    assert_eq!(sent_to(&rig), ids);
    rig.run(Command::Ping);
    assert_eq!(sent_to(&rig), [ids.clone(), ids].concat());
}

#[test]
fn an_event_visits_those_that_hear_it_and_those_with_its_ticket_in_flight() {
    let mut rig = Rig::new();
    let opened = wanting(&mut rig, EventType::TicketOpened);
    let updated = wanting(&mut rig, EventType::TicketUpdated);
    let ticket = rig.open();
    rig.update(ticket);
    assert_eq!(sent_to(&rig), [opened, updated]);
    let (_, reader) = rig.row(opened);
    assert_eq!((reader.read_to.0, reader.pending), (2, 2), "queued, and judged at its turn");
    rig.end(status(200));
    let (_, reader) = rig.row(opened);
    assert_eq!((reader.pending, sent_to(&rig)), (0, vec![updated]));
}

#[test]
fn who_finds_no_place_is_visited_when_there_is_one_in_turn() {
    let mut rig = Rig::new();
    rig.desk.limits_mut().in_flight = 2;
    let ids: Vec<_> = (0..5).map(|_| rig.register(webhook(Ordering::Ticket, &[5]))).collect();
    rig.open();
    rig.open();
    let mut served = sent_to(&rig);
    while !rig.flying.is_empty() {
        let before = rig.flying.len() - 1;
        rig.end(status(200));
        served.extend(sent_to(&rig).iter().skip(before));
    }
    assert_eq!(served, [ids.clone(), ids].concat());
}

#[test]
fn a_time_that_is_too_far_away_is_now_once_the_clock_went_back() {
    let mut rig = Rig::new();
    rig.register(webhook(Ordering::Ticket, &[5]));
    rig.open();
    rig.end(status(500));
    assert_eq!((rig.sent(), rig.next_wake.is_some()), (vec![], true));
    rig.now = crate::Millis(rig.now.0 - 2 * DAY_S * 1_000);
    rig.run(Command::Wake);
    assert_eq!(rig.sent(), [1]);
}

#[test]
fn heads_that_expire_make_way_for_what_is_behind_them() {
    let mut rig = Rig::new();
    rig.desk.limits_mut().retention = Retention { age_ms: Some(60_000), bytes: None };
    rig.register(webhook(Ordering::Webhook, &[3_600]));
    rig.open();
    rig.end(status(500));
    rig.pass(50);
    rig.open();
    assert_eq!(rig.sent(), [0; 0]);
    rig.pass(60);
    assert_eq!(rig.sent(), [2]);
}

#[test]
fn retention_passes_very_many_idle_readers_in_bounded_steps() {
    const WEBHOOKS: usize = 600;
    let mut rig = Rig::new();
    rig.desk.limits_mut().retention = Retention { age_ms: Some(60_000), bytes: None };
    for _ in 0..WEBHOOKS {
        wanting(&mut rig, EventType::ServiceUnavailable);
    }
    for _ in 0..10 {
        rig.open();
    }
    rig.now = rig.now.plus(61_000);
    let (mut written, mut steps) = (0, 0);
    while rig.desk.store_mut().log().unwrap().floor.0 < 10 {
        rig.run(Command::Wake);
        let webhooks = rig.desk.store_mut().webhooks(None, u32::MAX).unwrap();
        let now = webhooks.iter().filter(|(_, reader)| reader.read_to.0 > 0).count();
        assert!(now - written <= 64, "{} readers at once", now - written);
        (written, steps) = (now, steps + 1);
        rig.now = rig.next_wake.expect("it goes on by itself");
    }
    assert_eq!(written, WEBHOOKS);
    assert!(steps < 4 * WEBHOOKS / 64, "{steps}");
}
