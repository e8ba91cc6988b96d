//! Tests of retention, over a desk in memory.

use crate::engine::decide::deliveries::tests::{Rig, status, webhook};
use crate::engine::need::Fact;
use crate::{
    Amendment, Command, Digest, EventType, IdempotencyRecord, Idempotent, Millis, Need, Ordering,
    Reason, Refusal, Registration, Reply, Retention, Rows as _, Seq, Subscription, WebhookId,
};

const HOUR_S: u64 = 3_600;

/// A desk that keeps its log for an hour.
fn rig() -> Rig {
    let mut rig = Rig::new();
    rig.desk.limits_mut().retention = Retention { age_ms: Some(HOUR_S * 1_000), bytes: None };
    rig
}

fn floor(rig: &mut Rig) -> u64 {
    let log = rig.desk.store_mut().log().unwrap();
    log.floor.0
}

/// The positions of the events that are kept.
fn kept(rig: &mut Rig) -> Vec<u64> {
    let events = rig.desk.store_mut().events(Seq(1), u32::MAX).unwrap();
    events.iter().map(|event| event.seq.0).collect()
}

/// Deletes all that is to be deleted now.
fn settle(rig: &mut Rig) {
    for _ in 0..100 {
        rig.now = rig.now.plus(Retention::PACE_MS);
        rig.run(Command::Wake);
    }
}

fn pause(rig: &mut Rig, id: WebhookId) {
    let settings = Amendment { paused: Some(true), ..Amendment::default() };
    rig.run(Command::Amend { id, settings });
}

/// A webhook that is subscribed to abandoned deliveries of others.
fn watch(rig: &mut Rig) -> WebhookId {
    let watcher = webhook(Ordering::Ticket, &[]);
    let events = Some(Subscription::of([EventType::DeliveryAbandoned]));
    let settings = Amendment { events, ..watcher.settings };
    rig.register(Registration { settings, ..watcher })
}

fn expired(rig: &mut Rig, id: WebhookId) -> Option<(u64, u64, u64)> {
    let expired = rig.row(id).1.expired?;
    Some((expired.from.seq().0, expired.to.seq().0, expired.count))
}

#[test]
fn what_is_too_old_goes_with_its_attempts_and_nothing_else() {
    let mut rig = rig();
    let id = rig.register(webhook(Ordering::Ticket, &[]));
    rig.open();
    rig.end(status(200));
    rig.pass(HOUR_S - 30);
    rig.open();
    rig.end(status(200));
    rig.pass(90);
    settle(&mut rig);
    assert_eq!((floor(&mut rig), kept(&mut rig)), (1, vec![2]));
    assert_eq!(rig.reasons(), [(2, 1, Reason::Delivered)]);
    assert_eq!(expired(&mut rig, id), None);
    assert_eq!(rig.row(id).1.owed.count, 2, "it was owed all the same");
    rig.open();
    assert_eq!(rig.sent(), [3]);
}

#[test]
fn who_was_owed_it_is_moved_up_on_record() {
    let mut rig = rig();
    let id = rig.register(webhook(Ordering::Ticket, &[]));
    pause(&mut rig, id);
    rig.announce();
    rig.open();
    rig.pass(HOUR_S + 60);
    rig.open();
    settle(&mut rig);
    assert_eq!(expired(&mut rig, id), Some((1, 2, 2)));
    assert_eq!((rig.backlog(id), rig.row(id).1.owed.count), (1, 2));
    let settings = Amendment { paused: Some(false), ..Amendment::default() };
    rig.run(Command::Amend { id, settings });
    assert_eq!(rig.sent(), [3]);
    assert_eq!(rig.row(id).1.owed.count, 3);
}

#[test]
fn a_lane_goes_on_with_what_is_kept_and_is_told_of() {
    let mut rig = rig();
    let id = rig.register(webhook(Ordering::Ticket, &[600]));
    let watcher = watch(&mut rig);
    let ticket = rig.open();
    rig.update(ticket);
    rig.end(status(500));
    pause(&mut rig, id);
    rig.pass(HOUR_S / 2);
    rig.update(ticket);
    let settings = Amendment { paused: Some(false), ..Amendment::default() };
    rig.desk.limits_mut().in_flight = 0;
    rig.run(Command::Amend { id, settings });
    pause(&mut rig, id);
    rig.pass(HOUR_S / 2 + 60);
    rig.desk.limits_mut().in_flight = 256;
    settle(&mut rig);
    assert_eq!(expired(&mut rig, id), Some((1, 2, 2)));
    let [told] = &*rig.flying else { panic!("not told once") };
    assert_eq!(told.key.webhook, watcher);
    assert!(told.body.contains(r#""reason":"expired""#), "{}", told.body);
    let settings = Amendment { paused: Some(false), ..Amendment::default() };
    rig.run(Command::Amend { id, settings });
    assert_eq!(rig.sent(), [4, 3], "the last of the ticket's three is kept");
    rig.end(status(200));
    rig.end(status(200));
    assert_eq!((rig.backlog(id), rig.lanes(id).len()), (0, 0));
}

#[test]
fn a_head_that_nobody_wants_is_not_told_of() {
    let mut rig = rig();
    rig.desk.limits_mut().quotas.reads = 1;
    let registration = webhook(Ordering::Webhook, &[600]);
    let events = Some(Subscription::of([EventType::TicketOpened]));
    let settings = Amendment { events, ..registration.settings.clone() };
    let id = rig.register(Registration { settings, ..registration });
    let watcher = watch(&mut rig);
    let ticket = rig.open();
    rig.end(status(500));
    rig.pass(300);
    rig.update(ticket);
    rig.update(ticket);
    rig.update(ticket);
    pause(&mut rig, id);
    rig.pass(HOUR_S - 200);
    settle(&mut rig);
    assert_eq!(rig.lanes(id).iter().map(|lane| lane.why).collect::<Vec<_>>(), [Reason::Turn]);
    rig.pass(HOUR_S);
    settle(&mut rig);
    assert_eq!((expired(&mut rig, id), rig.lanes(id).len()), (Some((1, 1, 1)), 0));
    let told = rig.flying.iter().filter(|request| request.key.webhook == watcher);
    assert_eq!(told.count(), 1);
}

#[test]
fn what_is_being_deleted_for_one_webhook_is_not_sent_to_it_any_more() {
    let mut rig = rig();
    rig.desk.limits_mut().quotas.expired_lanes = 1;
    let ids: Vec<_> = (0..3).map(|_| rig.register(webhook(Ordering::Ticket, &[600]))).collect();
    rig.open();
    let event = rig.desk.store_mut().events(Seq(1), 1).unwrap()[0].id;
    for _ in &ids {
        rig.end(status(500));
    }
    rig.desk.limits_mut().in_flight = 0;
    rig.pass(HOUR_S + 60);
    let gone: Vec<_> = ids.iter().filter(|id| rig.row(**id).1.expired.is_some()).collect();
    assert_eq!((floor(&mut rig), gone.len()), (0, 1), "of one in each step");
    let resend = Command::Resend { id: *gone[0], event };
    let batch = [(resend, rig.moment()), (Command::Wake, rig.moment())];
    assert_eq!(rig.desk.run(&batch).unwrap()[0].reply, Err(Refusal::UnknownDelivery));
}

/// Streams show the events that each batch appended, and must miss none.
#[test]
fn what_is_told_of_it_is_among_what_the_log_gained() {
    let mut rig = rig();
    rig.register(webhook(Ordering::Ticket, &[600]));
    watch(&mut rig);
    rig.open();
    rig.end(status(500));
    rig.now = rig.now.plus((HOUR_S + 60) * 1_000);
    let batch = [(Command::Ping, rig.moment()), (Command::Wake, rig.moment())];
    let decided = rig.desk.run(&batch).unwrap();
    let gained = decided.iter().flat_map(|decided| &decided.events);
    let gained: Vec<_> = gained.map(|event| (event.seq.0, event.kind)).collect();
    assert_eq!(gained, [(2, EventType::DeliveryAbandoned), (3, EventType::Ping)]);
}

#[test]
fn what_is_in_flight_is_waited_for() {
    let mut rig = rig();
    let id = rig.register(webhook(Ordering::Ticket, &[]));
    pause(&mut rig, id);
    rig.open();
    rig.pass(HOUR_S - 10);
    rig.pass(50);
    let settings = Amendment { paused: Some(false), ..Amendment::default() };
    rig.run(Command::Amend { id, settings });
    assert_eq!(rig.sent(), [1], "nobody has looked since it is too old");
    rig.pass(15);
    settle(&mut rig);
    assert_eq!(floor(&mut rig), 0);
    rig.end(status(200));
    settle(&mut rig);
    assert_eq!((floor(&mut rig), expired(&mut rig, id)), (1, None));
}

#[test]
fn many_go_in_bounded_steps() {
    let mut rig = rig();
    rig.register(webhook(Ordering::Ticket, &[]));
    for _ in 0..2_500 {
        rig.open();
        rig.end(status(200));
    }
    rig.now = rig.now.plus((HOUR_S + 60) * 1_000);
    let mut floors = Vec::new();
    while floor(&mut rig) < 2_500 {
        let wake = [(Command::Wake, rig.moment())];
        let next = rig.desk.run(&wake).unwrap()[0].next_wake.unwrap();
        floors.push(floor(&mut rig));
        rig.now = next;
    }
    let steps = (1..=10).map(|step| step * 250);
    assert!(floors.into_iter().eq(steps));
}

#[test]
fn what_is_too_much_goes_however_young() {
    let mut rig = Rig::new();
    rig.desk.limits_mut().retention = Retention { age_ms: None, bytes: Some(2_000) };
    let id = rig.register(webhook(Ordering::Ticket, &[]));
    pause(&mut rig, id);
    for _ in 0..2_000 {
        rig.open();
    }
    rig.pass(60);
    settle(&mut rig);
    let Fact::Size(size) = rig.desk.store_mut().load(&Need::Size).unwrap() else {
        panic!("not a size")
    };
    assert!((1_800..=2_000).contains(&size), "no more than must be: {size}");
    let kept = kept(&mut rig).len() as u64;
    assert_eq!(expired(&mut rig, id), Some((1, 2_000 - kept, 2_000 - kept)));
}

#[test]
fn a_replay_and_a_resend_of_what_is_gone_come_to_nothing() {
    let mut rig = rig();
    let id = rig.register(webhook(Ordering::Ticket, &[]));
    for _ in 0..2 {
        rig.open();
        rig.end(status(500));
    }
    pause(&mut rig, id);
    let Fact::Events(events) =
        rig.desk.store_mut().load(&Need::Events { from: Seq(1), most: 1 }).unwrap()
    else {
        panic!("not events")
    };
    rig.run(Command::Resend { id, event: events[0].id });
    let range = crate::ReplayRange {
        after: Seq(0),
        to: Seq(2),
        only: crate::ReplayFilter::All,
        per_second: None,
    };
    let counted = crate::ReplayCount::default();
    let reply = rig.run(Command::Replay { id, range, counted, dry_run: false });
    assert!(matches!(reply, Reply::Replay { starts: true, .. }));
    rig.pass(HOUR_S + 60);
    settle(&mut rig);
    assert_eq!((floor(&mut rig), rig.lanes(id).len(), rig.backlog(id)), (2, 0, 0));
    assert_eq!(expired(&mut rig, id), None, "it was given up before");
    let settings = Amendment { paused: Some(false), ..Amendment::default() };
    rig.run(Command::Amend { id, settings });
    rig.run(Command::Wake);
    assert!(rig.flying.is_empty() && rig.row(id).1.replay.run.is_none());
}

#[test]
fn first_answers_are_forgotten_after_a_day() {
    let mut rig = Rig::new();
    let ping = |key: u8| {
        let key = Digest::of(&[&[key]]);
        Command::Idempotent(Idempotent { key, request: key, command: Box::new(Command::Ping) })
    };
    rig.run(ping(1));
    assert_eq!(rig.next_wake, Some(rig.now.plus(IdempotencyRecord::KEPT_MS)));
    rig.pass(HOUR_S);
    rig.run(ping(2));
    let second = rig.now;
    rig.pass(23 * HOUR_S);
    assert_eq!(oldest_idempotency_record(&mut rig), Some(second));
    settle(&mut rig);
    rig.pass(HOUR_S);
    settle(&mut rig);
    assert_eq!((oldest_idempotency_record(&mut rig), rig.next_wake), (None, None));
}

fn oldest_idempotency_record(rig: &mut Rig) -> Option<Millis> {
    let Fact::Time(at) = rig.desk.store_mut().load(&Need::OldestIdempotencyRecord).unwrap() else {
        panic!("not a time")
    };
    at
}

#[test]
fn a_receiver_that_is_slow_does_not_hold_back_the_log() {
    let mut rig = rig();
    let id = rig.register(webhook(Ordering::Ticket, &[]));
    let settings = Amendment { max_in_flight: Some(2), ..Amendment::default() };
    rig.run(Command::Amend { id, settings });
    for _ in 0..600 {
        rig.open();
    }
    rig.now = rig.now.plus((HOUR_S + 60) * 1_000);
    rig.flying.clear();
    settle(&mut rig);
    assert_eq!((floor(&mut rig), rig.flying.len()), (600, 0), "nothing old is begun with");
    rig.open();
    assert_eq!(rig.sent(), [601]);
    rig.end(status(200));
    assert_eq!((rig.backlog(id), expired(&mut rig, id)), (0, Some((1, 600, 600))));
}
