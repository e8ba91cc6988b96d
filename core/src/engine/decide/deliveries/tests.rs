//! The delivery rules one by one, over a desk in memory and with days of virtual time.

mod named_worlds;
mod rig;
mod schedule;
mod unsubscribed;

pub(in crate::engine::decide) use rig::{Rig, START, status, webhook};

use std::collections::BTreeMap;

use crate::delivery::health::HealthPolicy;
use crate::{
    Amendment, Answer, Command, EventType, Failure, Millis, Ordering, Reason, Report,
    RetrySchedule, Rows as _, Seq, Subscription, WebhookId, WebhookStatus,
};

#[test]
fn an_event_is_tried_ten_times_over_three_days_and_then_given_up() {
    let mut rig = Rig::new();
    rig.register(webhook(Ordering::Ticket, &RetrySchedule::DEFAULT_WAITS_S));
    rig.open();
    let mut waits = Vec::new();
    while rig.sent() == [1] {
        rig.end(status(500));
        let Some(due) = rig.next_wake else { break };
        waits.push(due.since(rig.now) / 1_000);
        rig.now = due;
        rig.run(Command::Wake);
    }
    for (wait, whole) in waits.iter().zip(RetrySchedule::DEFAULT_WAITS_S) {
        assert!((u64::from(whole) * 8 / 10..=u64::from(whole) * 12 / 10).contains(wait));
    }
    assert_eq!(waits.len(), 9);
    assert_eq!(rig.reasons().last(), Some(&(1, 10, Reason::RetriesUsedUp)));
    let hours = rig.now.since(START) / 3_600_000;
    assert!((60..=91).contains(&hours), "{hours}");
}

#[test]
fn a_ticket_waits_for_its_own_failure_and_nobody_elses() {
    let mut rig = Rig::new();
    rig.register(webhook(Ordering::Ticket, &[5]));
    let ticket = rig.open();
    rig.update(ticket);
    rig.open();
    assert_eq!(rig.sent(), [1, 3], "the update stands behind the opening");
    rig.end(status(500));
    rig.update(ticket);
    assert_eq!(rig.sent(), [3]);
    rig.end(status(200));
    rig.pass(6);
    assert_eq!(rig.sent(), [1]);
    rig.end(status(200));
    assert_eq!(rig.sent(), [2]);
    rig.end(status(200));
    assert_eq!(rig.sent(), [4]);
}

#[test]
fn what_was_given_up_holds_back_nothing() {
    let mut rig = Rig::new();
    let id = rig.register(webhook(Ordering::Ticket, &[]));
    let ticket = rig.open();
    rig.update(ticket);
    rig.end(Answer::Failure(Failure::Connect));
    assert_eq!(rig.sent(), [2]);
    assert_eq!(rig.row(id).1.sending[0].last_queued, None);
    assert_eq!(rig.reasons(), [(1, 1, Reason::RetriesUsedUp)]);
}

#[test]
fn strict_order_is_one_after_another_and_no_order_is_all_at_once() {
    let mut rig = Rig::new();
    rig.register(webhook(Ordering::Webhook, &[5]));
    let loose = rig.register(webhook(Ordering::None, &[5]));
    let ticket = rig.open();
    rig.update(ticket);
    rig.announce();
    rig.run(Command::Ping);
    let of = |rig: &Rig, loosely: bool| -> Vec<u64> {
        let flying = rig.flying.iter().filter(|r| (r.key.webhook == loose) == loosely);
        flying.map(|request| request.key.seq.0).collect()
    };
    assert_eq!(of(&rig, true), [1, 2, 3, 4]);
    for next in 1..=4 {
        assert_eq!(of(&rig, false), [next]);
        let index = rig.flying.iter().position(|r| r.key.webhook != loose).unwrap();
        let request = rig.flying.remove(index);
        rig.report(&request, status(204));
    }
}

#[test]
fn service_events_share_a_lane_and_pings_have_their_own() {
    let mut rig = Rig::new();
    rig.register(webhook(Ordering::Ticket, &[5]));
    rig.announce();
    rig.announce();
    rig.run(Command::Ping);
    rig.run(Command::Ping);
    assert_eq!(rig.sent(), [1, 3, 4]);
}

#[test]
fn a_new_process_sends_again_what_was_in_flight_and_charges_nobody() {
    let mut rig = Rig::new();
    let id = rig.register(webhook(Ordering::Ticket, &[5]));
    let ticket = rig.open();
    rig.update(ticket);
    let before = rig.flying.remove(0);
    rig.restart();
    assert_eq!(rig.sent(), [1]);
    let again = rig.flying[0].clone();
    assert_eq!((again.key.number, &again.body), (2, &before.body));
    assert_eq!(rig.reasons(), [(1, 1, Reason::TakenOver)]);
    rig.report(&before, status(200));
    assert_eq!(rig.reasons(), [(1, 1, Reason::Late)], "its late answer is recorded, and no more");
    assert_eq!(rig.sent(), [1]);
    rig.end(status(500));
    let lane = rig.lanes(id)[0];
    assert_eq!((lane.step, lane.number), (1, 2));
}

#[test]
fn a_request_that_nobody_reports_is_given_up_after_its_timeout_and_half_a_minute() {
    let mut rig = Rig::new();
    rig.register(webhook(Ordering::Ticket, &[5]));
    rig.open();
    let lost = rig.flying.remove(0);
    assert_eq!(rig.next_wake, Some(START.plus(45_001)));
    rig.pass(45);
    assert!(rig.flying.is_empty());
    rig.pass(1);
    assert_eq!(rig.sent(), [1]);
    rig.report(&lost, status(200));
    assert_eq!(rig.sent(), [1], "the word about the lost one does not end the one after it");
}

#[test]
fn a_410_disables_at_once_and_keeps_what_is_owed() {
    let mut rig = Rig::new();
    let id = rig.register(webhook(Ordering::Ticket, &[0, 0]));
    let ticket = rig.open();
    rig.update(ticket);
    rig.open();
    rig.end(status(410));
    rig.end(status(200));
    rig.open();
    rig.pass(86_400);
    assert!(rig.flying.is_empty());
    let (webhook, reader) = rig.row(id);
    assert_eq!(webhook.status, WebhookStatus::Disabled { reason: Reason::Gone, at: START });
    assert_eq!(rig.backlog(id), 3);
    assert_eq!(reader.waiting, 1);
}

#[test]
fn our_own_fault_is_repeated_at_the_same_step() {
    let mut rig = Rig::new();
    let id = rig.register(webhook(Ordering::Ticket, &[]));
    rig.open();
    rig.end(Answer::Failure(Failure::Ours));
    let lane = rig.lanes(id)[0];
    assert_eq!((lane.step, lane.why, lane.due), (0, Reason::OurFault, START.plus(1_000)));
    rig.pass(1);
    assert_eq!(rig.sent(), [1]);
}

#[test]
fn however_many_receivers_hang_one_more_is_served() {
    let mut rig = Rig::new();
    for _ in 0..40 {
        rig.register(webhook(Ordering::None, &[5]));
    }
    for _ in 0..100 {
        rig.open();
    }
    let hanging = rig.flying.len();
    assert!(hanging < 256, "{hanging}");
    let late = rig.register(webhook(Ordering::None, &[5]));
    rig.open();
    assert!(rig.flying.iter().any(|request| request.key.webhook == late));
}

#[test]
fn webhooks_take_turns_when_places_are_few() {
    let mut rig = Rig::new();
    rig.desk.limits_mut().in_flight = 1;
    for _ in 0..3 {
        rig.register(webhook(Ordering::None, &[5]));
    }
    for _ in 0..4 {
        rig.open();
    }
    let mut served: BTreeMap<WebhookId, u32> = BTreeMap::new();
    for _ in 0..6 {
        assert_eq!(rig.flying.len(), 1);
        *served.entry(rig.flying[0].key.webhook).or_default() += 1;
        rig.end(status(200));
    }
    assert_eq!(served.into_values().collect::<Vec<_>>(), [2, 2, 2]);
}

#[test]
fn a_host_that_drains_sends_nothing_more() {
    let mut rig = Rig::new();
    let id = rig.register(webhook(Ordering::Ticket, &[0]));
    let ticket = rig.open();
    rig.update(ticket);
    rig.desk.limits_mut().in_flight = 0;
    rig.end(status(200));
    rig.open();
    assert!(rig.flying.is_empty());
    assert_eq!(rig.lanes(id)[0].why, Reason::Turn);
    assert_eq!(rig.next_wake, None, "time alone makes no room");
    rig.desk.limits_mut().in_flight = 256;
    rig.pass(0);
    assert_eq!(rig.sent(), [2, 3]);
}

#[test]
fn a_webhook_with_too_many_lanes_reads_nothing_new() {
    const LANES: u32 = 200;
    let mut rig = Rig::new();
    rig.desk.limits_mut().quotas.lanes = LANES;
    let id = rig.register(webhook(Ordering::None, &[604_800]));
    for _ in 0..LANES + 100 {
        rig.open();
        if !rig.flying.is_empty() {
            rig.end(status(429));
        }
    }
    assert_eq!(rig.lanes(id).len(), LANES as usize);
    assert!(rig.flying.is_empty());
    rig.pass(8 * 86_400);
    assert_eq!(rig.flying.len(), 1, "as the first fall due, it goes on: one at a time after a 429");
}

#[test]
fn a_success_brings_forward_what_is_not_due_yet() {
    for (early_ms, steps) in [(1, 1), (0, 2)] {
        let mut rig = Rig::new();
        let id = rig.register(webhook(Ordering::Ticket, &[60, 60, 60]));
        rig.open();
        rig.end(Answer::Failure(Failure::Connect));
        rig.open();
        rig.now = Millis(rig.lanes(id)[0].due.0 - early_ms);
        rig.end(status(200));
        rig.end(Answer::Failure(Failure::Connect));
        assert_eq!(rig.lanes(id)[0].step, steps, "{early_ms} ms before it is due");
    }
}

#[test]
fn a_due_time_set_by_a_wrong_clock_does_not_hold_for_ever() {
    let mut rig = Rig::new();
    rig.register(webhook(Ordering::Ticket, &[60]));
    rig.now = START.plus(365 * 86_400_000);
    rig.open();
    rig.end(status(500));
    rig.now = START;
    rig.run(Command::Wake);
    assert_eq!(rig.sent(), [1]);
}

#[test]
fn an_unregistered_webhook_wakes_nobody() {
    let mut rig = Rig::new();
    let id = rig.register(webhook(Ordering::Ticket, &[5]));
    rig.open();
    rig.end(status(500));
    assert!(rig.next_wake.is_some());
    rig.run(Command::Unregister { id });
    assert_eq!(rig.next_wake, None);
}

#[test]
fn an_unregistered_webhook_is_sent_nothing_even_by_its_own_batch() {
    let mut rig = Rig::new();
    let id = rig.register(webhook(Ordering::Ticket, &[5]));
    let ticket = rig.open();
    rig.update(ticket);
    let request = rig.flying.remove(0);
    let report = Report { key: request.key, duration_ms: 1, answer: status(200) };
    let batch = [
        (Command::Report(report), rig.moment()),
        (Command::Unregister { id }, rig.moment()),
        (Command::Wake, rig.moment()),
    ];
    let decided = rig.desk.run(&batch).unwrap();
    assert!(decided.iter().all(|decided| decided.requests.is_empty()));
    assert_eq!(rig.lanes(id), []);
}

#[test]
fn reading_past_many_events_of_one_ticket_leaves_room_for_others() {
    let mut rig = Rig::new();
    let ticket = rig.open();
    let slow = rig.register(webhook(Ordering::Ticket, &[5]));
    rig.update(ticket);
    rig.desk.limits_mut().in_flight = 0;
    for _ in 0..2_500 {
        rig.update(ticket);
    }
    rig.desk.limits_mut().in_flight = 256;
    rig.run(Command::Wake);
    assert_eq!(rig.next_wake, Some(rig.now), "it goes on at once, after the others' turn");
    rig.run(Command::Wake);
    rig.run(Command::Wake);
    assert_eq!(rig.row(slow).1.read_to.0, 2_502);
    assert_eq!(rig.sent(), [2]);
}

#[test]
fn what_is_no_longer_wanted_behind_a_lane_is_passed_in_bounded_steps() {
    let mut rig = Rig::new();
    let id = rig.register(webhook(Ordering::Webhook, &[5]));
    let ticket = rig.open();
    for _ in 0..3_500 {
        rig.update(ticket);
    }
    rig.announce();
    rig.pass(0);
    let settings = Amendment {
        events: Some(Subscription::of([EventType::ServiceUnavailable])),
        ..Amendment::default()
    };
    rig.run(Command::Amend { id, settings });
    rig.end(status(200));
    let mut wakes = 0;
    while rig.flying.is_empty() && wakes < 10 {
        assert!(rig.lanes(id).len() == 1 && rig.next_wake.is_some_and(|at| at <= rig.now));
        rig.pass(0);
        wakes += 1;
    }
    assert_eq!(rig.sent(), [3_502]);
    assert!(wakes > 0, "not all in one");
    rig.end(status(200));
    assert_eq!(rig.backlog(id), 0);
}

#[test]
fn our_own_fault_holds_the_whole_webhook_for_a_moment() {
    let mut rig = Rig::new();
    rig.register(webhook(Ordering::None, &[5]));
    rig.open();
    rig.end(Answer::Failure(Failure::Ours));
    rig.open();
    assert!(rig.flying.is_empty());
    rig.pass(1);
    assert_eq!(rig.sent(), [1, 2]);
}

#[test]
fn a_shortage_of_ours_is_met_less_and_less_often_until_an_answer_comes() {
    let mut rig = Rig::new();
    rig.register(webhook(Ordering::None, &[5]));
    rig.open();
    for wait_s in [1, 2, 4, 8] {
        rig.end(Answer::Failure(Failure::Ours));
        rig.pass(wait_s - 1);
        assert!(rig.flying.is_empty(), "{wait_s} s are not over");
        rig.pass(1);
    }
    rig.end(status(200));
    rig.open();
    rig.end(Answer::Failure(Failure::Ours));
    rig.pass(1);
    assert_eq!(rig.sent(), [2]);
}

#[test]
fn attempts_are_read_page_by_page() {
    let mut rig = Rig::new();
    let id = rig.register(webhook(Ordering::None, &[0, 0, 0]));
    rig.open();
    for _ in 0..4 {
        rig.end(status(500));
    }
    for (after, most, numbers) in
        [(0, 3, vec![1, 2, 3]), (3, 3, vec![4]), (4, 3, vec![]), (0, 9, vec![1, 2, 3, 4])]
    {
        let page = rig.desk.store_mut().attempts(id, Seq(1), (after, most)).unwrap();
        let read: Vec<u32> = page.iter().map(|attempt| attempt.key.number).collect();
        assert_eq!(read, numbers, "{most} after {after}");
    }
}

#[test]
fn another_ordering_comes_into_force_when_all_that_was_read_is_done() {
    let mut rig = Rig::new();
    let id = rig.register(webhook(Ordering::Webhook, &[5]));
    rig.open();
    rig.open();
    let settings = Amendment { ordering: Some(Ordering::None), ..Amendment::default() };
    rig.run(Command::Amend { id, settings });
    rig.open();
    rig.open();
    rig.end(status(200));
    assert_eq!(rig.sent(), [2]);
    assert_eq!(rig.row(id).1.read_to.0, 2, "nothing new is read until then");
    rig.end(status(200));
    assert_eq!(rig.sent(), [3, 4]);
}

#[test]
fn a_receiver_that_is_down_is_probed_in_turn_with_what_waits_and_what_is_unread() {
    let mut rig = Rig::new();
    let health_policy =
        HealthPolicy { down_after: 3, probe_first_ms: 10_000, ..HealthPolicy::default() };
    rig.desk.limits_mut().health = health_policy;
    rig.register(webhook(Ordering::Ticket, &[5]));
    for _ in 0..3 {
        rig.pass(1);
        rig.open();
        rig.end(status(500));
    }
    rig.open();
    rig.open();
    for (seconds, is_unread) in [(10, false), (20, true), (40, false), (80, true)] {
        rig.pass(seconds - 1);
        assert!(rig.flying.is_empty(), "{seconds} s are not over");
        rig.pass(1);
        let sent = rig.sent();
        assert_eq!(sent.len(), 1, "one request at a time");
        assert_eq!(sent[0] > 3, is_unread, "{seconds}: {sent:?}");
        rig.end(status(500));
    }
}

#[test]
fn while_a_probe_is_in_flight_nothing_but_its_loss_wakes() {
    let mut rig = Rig::new();
    rig.desk.limits_mut().health = HealthPolicy { down_after: 3, ..HealthPolicy::default() };
    rig.register(webhook(Ordering::Ticket, &[5]));
    for _ in 0..3 {
        rig.pass(1);
        rig.open();
        rig.end(status(500));
    }
    rig.open();
    rig.pass(1);
    assert_eq!(rig.sent(), [4]);
    assert_eq!(rig.next_wake, Some(rig.now.plus(45_001)));
}

#[test]
fn retry_after_counts_with_429_and_503_alone() {
    for (status, is_heeded) in [(429, true), (503, true), (500, false), (404, false)] {
        let mut rig = Rig::new();
        let id = rig.register(webhook(Ordering::Ticket, &[5]));
        rig.open();
        let retry_after = Some("60".to_owned());
        rig.end(Answer::Status { status, retry_after, excerpt: String::new() });
        let wait_ms = rig.lanes(id)[0].due.since(rig.now);
        assert_eq!(wait_ms >= 60_000, is_heeded, "{status}: {wait_ms}");
    }
}
