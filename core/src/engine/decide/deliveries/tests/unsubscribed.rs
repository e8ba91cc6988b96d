//! Tests of filtered events: they are skipped, at a bounded cost.

use super::{Rig, status, webhook};
use crate::delivery::reader::Reader;
use crate::{
    Amendment, Command, EventType, Ordering, Registration, Rows as _, Seq, Subscription,
    TicketMessage, WebhookId,
};

/// Settings of a webhook that is subscribed to these types only.
fn wanting(kinds: &[EventType]) -> Amendment {
    let events = Some(Subscription::of(kinds.iter().copied()));
    Amendment { events, ..Amendment::default() }
}

fn service_webhook(rig: &mut Rig) -> WebhookId {
    let registration = webhook(Ordering::Ticket, &[5]);
    let events = wanting(&[EventType::ServiceUnavailable]).events;
    let settings = Amendment { events, ..registration.settings };
    rig.register(Registration { settings, ..registration })
}

#[test]
fn a_webhook_hears_only_of_what_it_wants() {
    let mut rig = Rig::new();
    let id = service_webhook(&mut rig);
    rig.open();
    rig.announce();
    rig.open();
    assert_eq!(rig.sent(), [2]);
    rig.end(status(200));
    rig.desk.limits_mut().in_flight = 0;
    rig.announce();
    rig.open();
    rig.desk.limits_mut().in_flight = 256;
    rig.pass(0);
    assert_eq!(rig.sent(), [4], "also of what it reads in one go");
    rig.end(status(200));
    assert_eq!(rig.backlog(id), 0);
    assert!(rig.flying.is_empty());
}

#[test]
fn what_is_sent_in_place_of_an_unwanted_head_is_the_turn_of_its_webhook() {
    use EventType::{TicketClosed, TicketOpened};
    let mut rig = Rig::new();
    let id = rig.register(webhook(Ordering::Ticket, &[]));
    service_webhook(&mut rig);
    let ticket = rig.open();
    rig.update(ticket);
    rig.run(Command::CloseTicket { id: ticket });
    let pause = |paused| Amendment { paused: Some(paused), ..Amendment::default() };
    rig.run(Command::Amend { id, settings: pause(true) });
    rig.end(status(200));
    rig.announce();
    rig.end(status(200));
    rig.run(Command::Amend { id, settings: wanting(&[TicketOpened, TicketClosed]) });
    rig.run(Command::Amend { id, settings: pause(false) });
    assert_eq!(rig.sent(), [3], "the update is not wanted any more");
    rig.end(status(200));
    rig.desk.limits_mut().in_flight = 0;
    rig.open();
    rig.announce();
    rig.desk.limits_mut().in_flight = 1;
    rig.pass(0);
    assert_eq!(rig.sent(), [6], "it is the turn of the other");
}

#[test]
fn an_idle_webhook_stands_at_the_head_without_a_write() {
    let mut rig = Rig::new();
    let id = service_webhook(&mut rig);
    let settings = Amendment { paused: Some(true), ..Amendment::default() };
    rig.run(Command::Amend { id, settings });
    let ticket = rig.open();
    for _ in 0..2_500 {
        rig.update(ticket);
    }
    rig.restart();
    rig.update(ticket);
    assert_eq!((rig.row(id).1.read_to.0, rig.next_wake), (0, None));
    rig.announce();
    rig.update(ticket);
    let resumed = Amendment { paused: Some(false), ..Amendment::default() };
    rig.run(Command::Amend { id, settings: resumed });
    assert_eq!((rig.sent(), rig.row(id).1.read_to.0), (vec![2_503], 2_503));
    rig.run(Command::Amend { id, settings: wanting(&[EventType::TicketUpdated]) });
    assert_eq!(rig.row(id).1.read_to.0, 2_504, "what was skipped stays skipped");
}

#[test]
fn what_was_skipped_up_to_an_unread_event_is_saved_by_a_host_that_stops() {
    let mut rig = Rig::new();
    let id = service_webhook(&mut rig);
    rig.announce();
    rig.open();
    rig.open();
    rig.desk.limits_mut().in_flight = 0;
    rig.announce();
    assert_eq!(rig.row(id).1.read_to.0, 3);
}

#[test]
fn many_events_for_others_are_passed_in_bounded_steps() {
    let mut rig = Rig::new();
    let id = rig.register(webhook(Ordering::Ticket, &[5]));
    rig.desk.limits_mut().in_flight = 1;
    for _ in 0..2_501 {
        rig.open();
    }
    let lost_at = Some(rig.now.plus(45_001));
    rig.run(Command::Amend { id, settings: wanting(&[EventType::ServiceUnavailable]) });
    // One wake, and then two more, of which the last passes less than a thousand.
    for (read_to, next_wake) in [(1_001, Some(rig.now)), (2_001, lost_at)] {
        assert_eq!((rig.row(id).1.read_to.0, rig.next_wake), (read_to, next_wake));
        rig.pass(0);
    }
}

#[test]
fn what_was_skipped_stays_skipped_for_another_process() {
    let mut rig = Rig::new();
    let id = service_webhook(&mut rig);
    rig.open();
    rig.open();
    rig.run(Command::Amend { id, settings: wanting(&[EventType::TicketOpened]) });
    rig.restart();
    assert!(rig.flying.is_empty());
    rig.open();
    assert_eq!(rig.sent(), [3]);
}

#[test]
fn what_was_skipped_and_is_resent_stays_skipped_for_another_process() {
    let mut rig = Rig::new();
    let id = service_webhook(&mut rig);
    rig.open();
    let event = rig.desk.store_mut().events(Seq(1), 1).unwrap()[0].id;
    rig.open();
    assert_eq!(rig.row(id).1.read_to.0, 0, "skipping alone is not worth a write");
    rig.run(Command::Resend { id, event });
    assert_eq!((rig.sent(), rig.row(id).1.read_to.0), (vec![1], 2));
}

#[test]
fn what_turns_out_to_be_unwanted_is_no_longer_owed() {
    let mut rig = Rig::new();
    let id = rig.register(webhook(Ordering::Ticket, &[5]));
    let ticket = rig.open();
    let opened = rig.row(id).1.owed;
    rig.update(ticket);
    assert_eq!(rig.row(id).1.owed.count, 2);
    rig.run(Command::Amend { id, settings: wanting(&[EventType::TicketOpened]) });
    rig.end(status(200));
    let owed = rig.row(id).1.owed;
    assert_eq!((owed.count, owed.digest), (opened.count, opened.digest));
}

#[test]
fn what_stands_behind_a_busy_ticket_is_wanted_or_not_when_its_turn_comes() {
    for waits in [true, false] {
        let mut rig = Rig::new();
        let id = rig.register(webhook(Ordering::Ticket, &[5]));
        rig.run(Command::Amend { id, settings: wanting(&[EventType::TicketOpened]) });
        let ticket = rig.open();
        if waits {
            rig.end(status(500));
        }
        rig.update(ticket);
        let kinds = [EventType::TicketOpened, EventType::TicketUpdated];
        rig.run(Command::Amend { id, settings: wanting(&kinds) });
        rig.pass(6);
        rig.end(status(200));
        assert_eq!(rig.sent(), [2], "{waits}");
    }
}

#[test]
fn one_ticket_that_waits_brings_nothing_unwanted_of_another() {
    let mut rig = Rig::new();
    let other = rig.open();
    let id = rig.register(webhook(Ordering::Ticket, &[5]));
    rig.run(Command::Amend { id, settings: wanting(&[EventType::TicketOpened]) });
    rig.open();
    rig.end(status(500));
    rig.update(other);
    assert!(rig.flying.is_empty());
    assert_eq!(rig.backlog(id), 1);
}

#[test]
fn other_wishes_alone_leave_the_reader_where_it_is() {
    let mut rig = Rig::new();
    let id = service_webhook(&mut rig);
    let before = rig.row(id).1;
    rig.run(Command::Amend { id, settings: wanting(&[EventType::TicketOpened]) });
    // Its revision grows all the same, so that the host that sends for it gets a conflict.
    let after = Reader { rev: before.rev + 1, ..before };
    assert_eq!(rig.row(id).1, after);
}

#[test]
fn what_stands_behind_a_ticket_whose_lane_is_not_in_memory_is_kept_for_its_turn() {
    // More than are kept of one webhook.
    const LANES: usize = 300;
    for restarts in [false, true] {
        let mut rig = Rig::new();
        let id = rig.register(webhook(Ordering::Ticket, &[3_600]));
        rig.run(Command::Amend { id, settings: wanting(&[EventType::TicketOpened]) });
        let mut tickets = Vec::new();
        for _ in 0..LANES {
            tickets.push(rig.open());
            rig.end(status(404));
            // The success keeps the webhook from being down.
            rig.open();
            rig.end(status(200));
        }
        if restarts {
            rig.restart();
        }
        // Each is evicted again before the second.
        for ticket in [tickets.clone(), tickets].concat() {
            rig.update(ticket);
        }
        let lanes = rig.lanes(id);
        assert_eq!(lanes.len(), LANES);
        assert!(lanes.iter().all(|lane| lane.last_queued.is_some()), "restarts: {restarts}");
    }
}

#[test]
fn a_lane_that_was_taken_in_this_batch_is_not_loaded_again_with_its_topic() {
    let mut rig = Rig::new();
    let id = rig.register(webhook(Ordering::Ticket, &[3_600]));
    rig.run(Command::Amend { id, settings: wanting(&[EventType::TicketOpened]) });
    let ticket = rig.open();
    rig.end(status(404));
    rig.now = rig.now.plus(2_000_000);
    let other = rig.open();
    rig.end(status(404));
    // One beside it has more lanes than are kept of one webhook.
    let far = rig.register(webhook(Ordering::None, &[100_000]));
    rig.run(Command::Amend { id: far, settings: wanting(&[EventType::TicketUpdated]) });
    for _ in 0..300 {
        for answer in [404, 200] {
            rig.update(other);
            rig.end(status(answer));
        }
    }
    rig.now = rig.now.plus(2_400_000);
    let message = TicketMessage::parse("more".to_owned()).unwrap();
    let update = Command::UpdateTicket { id: ticket, message };
    let batch = [Command::Wake, update, Command::Wake].map(|command| (command, rig.moment()));
    let decided = rig.desk.run(&batch).unwrap();
    rig.flying.extend(decided.into_iter().flat_map(|decided| decided.requests));
    assert_eq!(rig.flying.len(), 2, "the opening that waited, and its update elsewhere");
    rig.end(status(200));
    rig.end(status(200));
    rig.update(ticket);
    let waiting: Vec<_> = rig.lanes(id).into_iter().map(|lane| lane.head.0).collect();
    assert_eq!(waiting, [2]);
}
