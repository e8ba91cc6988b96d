//! Tests of resend and replay, over a desk in memory.

mod sent;

use crate::engine::decide::deliveries::tests::{Rig, status, webhook};
use crate::{
    Amendment, Answer, Command, Committed, EventId, EventType, Failure, Millis, Ordering, Reason,
    Refusal, ReplayCount, ReplayFilter, ReplayRange, Reply, RetrySchedule, Rows as _, Seq,
    Subscription, WebhookId,
};

fn event(rig: &mut Rig, seq: u64) -> EventId {
    rig.desk.store_mut().events(Seq(seq), 1).unwrap()[0].id
}

/// A command that is refused.
fn refused(rig: &mut Rig, command: Command) -> Refusal {
    let moment = rig.moment();
    let mut decided: Vec<Committed> = rig.desk.run(&[(command, moment)]).unwrap();
    decided.remove(0).reply.unwrap_err()
}

fn resend(rig: &mut Rig, id: WebhookId, seq: u64) {
    let event = event(rig, seq);
    assert_eq!(rig.run(Command::Resend { id, event }), Reply::Announced(event));
}

fn replay(
    id: WebhookId,
    (after, to): (u64, u64),
    only: ReplayFilter,
    per_second: Option<u32>,
) -> Command {
    let range = ReplayRange { after: Seq(after), to: Seq(to), only, per_second };
    Command::Replay { id, range, counted: ReplayCount::default(), dry_run: false }
}

fn runs(rig: &mut Rig, id: WebhookId) -> bool {
    rig.row(id).1.replay.run.is_some()
}

/// Ends all requests in flight, until nothing more is sent.
fn end_all(rig: &mut Rig, code: u16) -> Vec<(u64, u32)> {
    let mut ended = Vec::new();
    while let Some(request) = rig.flying.first() {
        ended.push((request.key.seq.0, request.key.number));
        rig.end(status(code));
    }
    ended
}

/// Three tickets, of which the receiver refused the first two for good.
fn missed(rig: &mut Rig) -> WebhookId {
    let id = rig.register(webhook(Ordering::Ticket, &[]));
    for code in [500, 500, 200] {
        rig.open();
        rig.end(status(code));
    }
    id
}

#[test]
fn a_resend_has_the_full_ladder_and_goes_on_counting_attempts() {
    let mut rig = Rig::new();
    let id = rig.register(webhook(Ordering::Ticket, &[5]));
    rig.open();
    rig.end(status(200));
    resend(&mut rig, id, 1);
    assert_eq!(rig.backlog(id), 1);
    rig.end(status(500));
    rig.pass(6);
    rig.end(status(500));
    let reasons = [(1, 1, Reason::Delivered), (1, 2, Reason::Retry), (1, 3, Reason::RetriesUsedUp)];
    assert_eq!(rig.reasons(), reasons);
    assert_eq!(rig.backlog(id), 0);
    assert!(rig.lanes(id).is_empty());
}

#[test]
fn only_what_is_settled_or_waits_as_a_head_is_resent() {
    let mut rig = Rig::new();
    let id = rig.register(webhook(Ordering::Ticket, &[600]));
    let ticket = rig.open();
    rig.update(ticket);
    let (first, second) = (event(&mut rig, 1), event(&mut rig, 2));
    let sending = Command::Resend { id, event: first };
    assert_eq!(refused(&mut rig, sending.clone()), Refusal::NotItsTurn);
    let last_queued = Command::Resend { id, event: second };
    assert_eq!(refused(&mut rig, last_queued), Refusal::NotItsTurn);
    rig.end(status(500));
    assert!(rig.flying.is_empty(), "it waits for ten minutes");
    rig.run(sending);
    assert_eq!(rig.sent(), [1], "a waiting head goes at once");
    assert_eq!(end_all(&mut rig, 200), [(1, 2), (2, 1)]);
    let later = rig.register(webhook(Ordering::Ticket, &[]));
    let before = Command::Resend { id: later, event: first };
    assert_eq!(refused(&mut rig, before), Refusal::UnknownDelivery);
    let unknown = EventId::new(crate::Stamp::default(), Seq(99));
    let unknown = Command::Resend { id, event: unknown };
    assert_eq!(refused(&mut rig, unknown), Refusal::UnknownDelivery);
}

#[test]
fn a_resend_waits_for_a_paused_webhook_and_brings_a_probe_forward() {
    let mut rig = Rig::new();
    let id = missed(&mut rig);
    let pause = |paused| Amendment { paused: Some(paused), ..Amendment::default() };
    rig.run(Command::Amend { id, settings: pause(true) });
    resend(&mut rig, id, 1);
    resend(&mut rig, id, 1);
    assert!(rig.flying.is_empty());
    assert_eq!(rig.backlog(id), 1);
    rig.run(Command::Amend { id, settings: pause(false) });
    assert_eq!(end_all(&mut rig, 200), [(1, 2)]);
}

#[test]
fn a_replay_sends_what_was_missed_in_order_and_ends() {
    let mut rig = Rig::new();
    let id = missed(&mut rig);
    rig.run(replay(id, (0, 3), ReplayFilter::Undelivered, None));
    assert!(runs(&mut rig, id));
    assert_eq!(end_all(&mut rig, 200), [(1, 2), (2, 2)]);
    assert!(!runs(&mut rig, id));
    rig.run(replay(id, (0, 3), ReplayFilter::Undelivered, None));
    assert!(rig.flying.is_empty() && !runs(&mut rig, id), "nothing was missed any more");
    rig.run(replay(id, (1, 3), ReplayFilter::All, None));
    assert_eq!(end_all(&mut rig, 200), [(2, 3), (3, 2)]);
    assert_eq!(rig.backlog(id), 0);
}

#[test]
fn a_replay_keeps_order_inside_a_ticket() {
    let mut rig = Rig::new();
    let id = rig.register(webhook(Ordering::Ticket, &[5]));
    let ticket = rig.open();
    rig.update(ticket);
    rig.open();
    end_all(&mut rig, 200);
    rig.run(replay(id, (0, 3), ReplayFilter::All, None));
    assert_eq!(rig.sent(), [1, 3]);
    rig.end(status(500));
    rig.update(ticket);
    assert_eq!(rig.sent(), [3, 4], "what is new does not wait for a replay");
    end_all(&mut rig, 200);
    assert_eq!(rig.backlog(id), 2);
    rig.pass(6);
    assert_eq!(end_all(&mut rig, 200), [(1, 3), (2, 2)]);
    assert!(!runs(&mut rig, id));
}

#[test]
fn a_replay_leaves_out_what_is_owed() {
    let mut rig = Rig::new();
    let id = rig.register(webhook(Ordering::Ticket, &[600]));
    let ticket = rig.open();
    rig.update(ticket);
    rig.end(status(500));
    rig.open();
    rig.end(status(200));
    rig.run(replay(id, (0, 3), ReplayFilter::All, None));
    assert_eq!(end_all(&mut rig, 200), [(3, 2)], "1 waits, and 2 stands behind it");
    assert!(!runs(&mut rig, id));
    rig.pass(720);
    assert_eq!(end_all(&mut rig, 200), [(1, 2), (2, 1)]);
}

#[test]
fn a_replay_that_passed_many_events_does_not_wait_with_one_that_is_owed() {
    let mut rig = Rig::new();
    let id = rig.register(webhook(Ordering::Ticket, &[]));
    let ticket = rig.open();
    rig.end(status(500));
    rig.update(ticket);
    rig.end(status(200));
    let retry_schedule = Some(RetrySchedule::parse(vec![600]).unwrap());
    rig.run(Command::Amend { id, settings: Amendment { retry_schedule, ..Amendment::default() } });
    rig.update(ticket);
    rig.end(status(500));
    rig.run(replay(id, (0, 3), ReplayFilter::Undelivered, None));
    rig.desk.limits_mut().quotas.replay_reads = 1;
    let settings = Amendment { paused: Some(true), ..Amendment::default() };
    rig.run(Command::Amend { id, settings });
    rig.end(status(200));
    let heads: Vec<_> = rig.lanes(id).iter().map(|lane| lane.head.0).collect();
    assert_eq!((rig.sent(), heads), (vec![], vec![3]), "it waits in its own lane alone");
}

#[test]
fn a_replay_and_a_resend_of_one_event_do_not_meet() {
    let mut rig = Rig::new();
    let id = missed(&mut rig);
    rig.desk.limits_mut().in_flight = 0;
    resend(&mut rig, id, 1);
    rig.desk.limits_mut().in_flight = 256;
    rig.run(replay(id, (0, 3), ReplayFilter::Undelivered, None));
    assert_eq!(end_all(&mut rig, 200), [(1, 2), (2, 2)], "1 as a resend");
    rig.run(replay(id, (2, 3), ReplayFilter::All, None));
    let sending = Command::Resend { id, event: event(&mut rig, 3) };
    assert_eq!(refused(&mut rig, sending), Refusal::NotItsTurn);
    end_all(&mut rig, 200);
}

#[test]
fn a_replay_has_a_pace_of_its_own() {
    let mut rig = Rig::new();
    let id = missed(&mut rig);
    rig.run(replay(id, (0, 3), ReplayFilter::All, Some(2)));
    let mut at = Vec::new();
    while runs(&mut rig, id) {
        at.extend(end_all(&mut rig, 200).iter().map(|_| rig.now.since(Millis(1_700_000_000_000))));
        if let Some(next) = rig.next_wake {
            rig.now = next;
            rig.run(Command::Wake);
        }
    }
    assert_eq!(at, [0, 500, 1_000]);
}

#[test]
fn what_stands_behind_a_slow_event_keeps_the_pace_too() {
    let mut rig = Rig::new();
    let id = rig.register(webhook(Ordering::Ticket, &[]));
    let ticket = rig.open();
    rig.update(ticket);
    rig.update(ticket);
    end_all(&mut rig, 200);
    rig.run(replay(id, (0, 3), ReplayFilter::All, Some(2)));
    for pending in [1, 2, 3] {
        assert_eq!(rig.row(id).1.replay.pending, pending);
        rig.now = rig.now.plus(500);
        rig.run(Command::Wake);
    }
    assert_eq!(rig.row(id).1.replay.run.unwrap().sent, 1);
    rig.end(status(200));
    assert_eq!(rig.row(id).1.replay.run.unwrap().sent, 2);
    assert_eq!(end_all(&mut rig, 200), [(2, 2), (3, 2)]);
    assert!(!runs(&mut rig, id));
}

#[test]
fn a_replay_goes_on_after_a_crash() {
    let mut rig = Rig::new();
    let id = missed(&mut rig);
    let narrow = Amendment { max_in_flight: Some(1), ..Amendment::default() };
    rig.run(Command::Amend { id, settings: narrow });
    rig.run(replay(id, (0, 3), ReplayFilter::All, None));
    assert_eq!(rig.sent(), [1]);
    rig.restart();
    assert_eq!(end_all(&mut rig, 200), [(1, 3), (2, 2), (3, 2)]);
    assert!(!runs(&mut rig, id));
}

#[test]
fn a_replay_that_is_stopped_sends_nothing_more() {
    let mut rig = Rig::new();
    let id = missed(&mut rig);
    rig.run(replay(id, (0, 3), ReplayFilter::All, None));
    let again = replay(id, (0, 3), ReplayFilter::All, None);
    assert_eq!(refused(&mut rig, again.clone()), Refusal::ReplayRunning);
    rig.end(status(200));
    let narrow = Amendment { max_in_flight: Some(1), ..Amendment::default() };
    rig.run(Command::Amend { id, settings: narrow });
    let Reply::Stopped(run) = rig.run(Command::StopReplay { id }) else { panic!("not stopped") };
    assert_eq!(run.sent, 3);
    assert_eq!(refused(&mut rig, Command::StopReplay { id }), Refusal::NoReplay);
    assert_eq!(end_all(&mut rig, 500), [(2, 2), (3, 2)]);
    assert_eq!(rig.reasons().last(), Some(&(3, 2, Reason::Stopped)));
    assert_eq!((rig.backlog(id), rig.lanes(id).len()), (0, 0));
    rig.run(again);
    assert_eq!(end_all(&mut rig, 200), [(1, 3), (2, 3), (3, 3)]);
}

#[test]
fn lanes_of_a_stopped_replay_are_gone_in_the_same_commit() {
    let mut rig = Rig::new();
    let id = rig.register(webhook(Ordering::Ticket, &[600]));
    rig.open();
    rig.open();
    end_all(&mut rig, 200);
    rig.run(replay(id, (0, 2), ReplayFilter::All, None));
    rig.end(status(500));
    rig.end(status(500));
    assert_eq!(rig.lanes(id).len(), 2);
    let batch =
        [Command::StopReplay { id }, replay(id, (1, 2), ReplayFilter::All, None), Command::Wake];
    let batch: Vec<_> = batch.into_iter().map(|command| (command, rig.moment())).collect();
    let decided = rig.desk.run(&batch).unwrap();
    let sent: Vec<u64> = decided[2].requests.iter().map(|request| request.key.seq.0).collect();
    assert_eq!(sent, [2], "anew, and the lane of the other is gone");
    assert!(rig.lanes(id).is_empty());
    assert_eq!(rig.backlog(id), 1);
}

#[test]
fn what_was_skipped_is_replayed_once_it_is_wanted_and_counts_as_owed_then() {
    let mut rig = Rig::new();
    let registration = webhook(Ordering::Ticket, &[]);
    let id = rig.register(registration);
    let wants = |kinds: &[EventType]| {
        let events = Some(Subscription::of(kinds.iter().copied()));
        Command::Amend { id, settings: Amendment { events, ..Amendment::default() } }
    };
    rig.run(wants(&[EventType::ServiceUnavailable]));
    rig.open();
    rig.announce();
    assert_eq!(end_all(&mut rig, 200), [(2, 1)]);
    assert_eq!(rig.row(id).1.owed.count, 1);
    rig.run(wants(&[EventType::TicketOpened]));
    rig.run(replay(id, (0, 2), ReplayFilter::Undelivered, None));
    assert_eq!(end_all(&mut rig, 200), [(1, 1)]);
    assert_eq!(rig.row(id).1.owed.count, 2);
    rig.run(replay(id, (0, 2), ReplayFilter::All, None));
    assert_eq!(end_all(&mut rig, 200), [(1, 2)]);
    assert_eq!(rig.row(id).1.owed.count, 2, "each event once");
}

#[test]
fn a_long_history_is_read_in_bounded_steps() {
    let mut rig = Rig::new();
    let id = rig.register(webhook(Ordering::Ticket, &[]));
    for _ in 0..150 {
        rig.open();
        rig.end(status(200));
    }
    rig.run(replay(id, (0, 150), ReplayFilter::Undelivered, None));
    assert_eq!(rig.next_wake, Some(rig.now), "it asks to go on");
    assert_eq!(rig.row(id).1.replay.run.map(|run| run.read_to), Some(Seq(64)));
    rig.run(Command::Wake);
    assert!(!runs(&mut rig, id), "after two wakes more");
    assert!(rig.flying.is_empty());
}

#[test]
fn resends_wait_in_lanes_of_which_there_are_only_so_many() {
    const LANES: u32 = 200;
    let mut rig = Rig::new();
    rig.desk.limits_mut().quotas.lanes = LANES;
    let id = rig.register(webhook(Ordering::Ticket, &[]));
    for _ in 0..=LANES {
        rig.announce();
        rig.end(status(200));
    }
    let settings = Amendment { paused: Some(true), ..Amendment::default() };
    rig.run(Command::Amend { id, settings });
    let events = rig.desk.store_mut().events(Seq(1), u32::MAX).unwrap();
    let moment = rig.moment();
    let resend = |event: &crate::Event| (Command::Resend { id, event: event.id }, moment);
    let batch: Vec<_> = events.iter().map(resend).collect();
    let decided = rig.desk.run(&batch).unwrap();
    let refused: Vec<_> = decided.iter().filter_map(|one| one.reply.clone().err()).collect();
    assert_eq!(refused, [Refusal::TooManyLanes]);
}

#[test]
fn a_head_that_somebody_points_at_goes_also_when_it_is_wanted_no_longer() {
    let mut rig = Rig::new();
    let id = rig.register(webhook(Ordering::Ticket, &[]));
    let ticket = rig.open();
    rig.update(ticket);
    let pause = |paused| Amendment { paused: Some(paused), ..Amendment::default() };
    rig.run(Command::Amend { id, settings: pause(true) });
    rig.end(status(200));
    resend(&mut rig, id, 2);
    let events = Some(Subscription::of([EventType::Ping]));
    rig.run(Command::Amend { id, settings: Amendment { events, ..pause(false) } });
    assert_eq!(end_all(&mut rig, 200), [(2, 1)]);
}

#[test]
fn what_a_stopped_replay_had_in_flight_holds_up_no_other() {
    let mut rig = Rig::new();
    let id = rig.register(webhook(Ordering::Ticket, &[600]));
    let ticket = rig.open();
    rig.update(ticket);
    end_all(&mut rig, 200);
    rig.run(replay(id, (0, 2), ReplayFilter::All, None));
    rig.run(Command::StopReplay { id });
    rig.run(replay(id, (0, 2), ReplayFilter::All, None));
    assert_eq!(rig.sent(), [1, 2], "1 is in flight, and 2 goes");
    assert_eq!(end_all(&mut rig, 500), [(1, 2), (2, 2)]);
    assert_eq!(rig.reasons()[1], (1, 2, Reason::Stopped));
    assert_eq!((rig.backlog(id), rig.lanes(id).len()), (1, 1), "2 is tried again, 1 is not");
    rig.pass(720);
    assert_eq!(end_all(&mut rig, 200), [(2, 3)]);
    assert!(!runs(&mut rig, id));
}

#[test]
fn what_a_stopped_replay_had_in_flight_is_not_sent_again_after_a_crash() {
    let mut rig = Rig::new();
    let id = missed(&mut rig);
    rig.run(replay(id, (0, 3), ReplayFilter::All, None));
    rig.run(Command::StopReplay { id });
    rig.restart();
    assert!(rig.flying.is_empty());
    assert_eq!((rig.backlog(id), rig.lanes(id).len()), (0, 0));
}

#[test]
fn what_a_stopped_replay_could_not_send_is_not_sent_again() {
    let mut rig = Rig::new();
    let id = missed(&mut rig);
    rig.run(replay(id, (0, 3), ReplayFilter::All, None));
    rig.run(Command::StopReplay { id });
    while !rig.flying.is_empty() {
        rig.end(Answer::Failure(Failure::Ours));
    }
    assert_eq!(rig.reasons().last().map(|(.., reason)| *reason), Some(Reason::Stopped));
    assert_eq!((rig.backlog(id), rig.lanes(id).len()), (0, 0));
    rig.pass(600);
    assert!(rig.flying.is_empty());
}
