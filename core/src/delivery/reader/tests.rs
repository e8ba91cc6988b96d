use super::*;
use crate::delivery::ordering_key::OrderingScope;
use crate::delivery::replay::{ReplayCount, ReplayFilter, ReplayRange, ReplayRun};
use crate::guard::{CallbackUrl, Targets};
use crate::model::event::{EventType, Topic};
use crate::model::id::{SecretId, Stamp, TicketId};
use crate::webhook::WebhookStatus;
use crate::webhook::secrets::{Secrets, SigningSecret};
use crate::webhook::sign::Secret;

const NOW: Millis = Millis(2_000);

fn webhook() -> Webhook {
    let id = WebhookId::new(Stamp::default(), &[1; 16]);
    let url = CallbackUrl::parse("https://example.com/", &Targets::public()).unwrap();
    let secret_id = SecretId::new(Stamp::default(), &[1; 16]);
    let secret = SigningSecret::new(secret_id, Secret::new([1; 32]), NOW);
    Webhook::new(id, url, Secrets::new(secret), NOW)
}

fn reader() -> Reader {
    Reader::new(&webhook(), &Log::default())
}

#[test]
fn sending_waits_for_pause_and_rate_but_for_no_wrong_clock() {
    // not before (ms), rate from (us), sends from (ms)
    const TABLE: [(u64, u64, u64); 6] = [
        (0, 0, 0),
        (5_000, 0, 5_000),
        (5_000, 7_500_999, 7_500),
        (9_000, 7_500_999, 9_000),
        (3_602_000, 0, 3_602_000),
        (3_602_001, 0, 2_000),
    ];
    for (not_before, rate_from_us, from) in TABLE {
        let reader = Reader { not_before: Millis(not_before), rate_from_us, ..reader() };
        assert_eq!(reader.sends_from(NOW), Millis(from), "{not_before} {rate_from_us}");
    }
}

#[test]
fn a_rate_is_kept_from_the_last_request_on_and_for_a_second_at_the_most() {
    // rate from (us), rate limit, rate from after a request (us)
    const TABLE: [(u64, Option<u32>, u64); 6] = [
        (9_000_000, None, 0),
        (0, Some(4), 2_250_000),
        (2_250_000, Some(4), 2_500_000),
        (3_000_000, Some(4), 3_250_000),
        (9_000_000, Some(4), 3_250_000),
        (0, Some(10_000), 2_000_100),
    ];
    for (rate_from_us, rate_limit, after_us) in TABLE {
        let mut reader = Reader { rate_from_us, ..reader() };
        reader.keep_rate(rate_limit, NOW);
        assert_eq!(reader.rate_from_us, after_us, "{rate_from_us} {rate_limit:?}");
    }
}

#[test]
fn what_holds_back_is_named_with_the_most_lasting_first() {
    let mut webhook = webhook();
    let mut reader = reader();
    assert_eq!(reader.holds_back(&webhook, NOW), None);
    reader.waiting = Lane::MAX;
    assert_eq!(reader.holds_back(&webhook, NOW), Some(Reason::TooManyLanes));
    webhook.ordering = Ordering::None;
    assert_eq!(reader.holds_back(&webhook, NOW), Some(Reason::Reordering));
    reader.not_before = NOW;
    assert_eq!(reader.holds_back(&webhook, NOW), Some(Reason::Reordering));
    reader.not_before = NOW.plus(1);
    assert_eq!(reader.holds_back(&webhook, NOW), Some(Reason::RetryAfter));
    reader.health.down = Some(crate::delivery::health::Down { probes: 0, next_probe: NOW });
    assert_eq!(reader.holds_back(&webhook, NOW), Some(Reason::Failing));
    webhook.status = WebhookStatus::Paused;
    assert_eq!(reader.holds_back(&webhook, NOW), Some(Reason::Paused));
}

#[test]
fn a_backlog_is_what_was_read_what_is_aimed_and_what_is_unread() {
    let (webhook, mut log) = (webhook(), Log::default());
    let reader = Reader { pending: 20, targeted: 3, ..reader() };
    for kind in [EventType::TicketOpened, EventType::WebhookDown, EventType::TicketClosed] {
        log.tallies.count(kind);
    }
    assert_eq!(reader.backlog(&webhook, &log), 25);
}

#[test]
fn a_request_is_lost_after_its_timeout_and_half_a_minute() {
    let slot = Slot::first(Seq(1), OrderingKey::Live(OrderingScope::Everything), None, NOW);
    assert_eq!(slot.lost_at(15_000), NOW.plus(45_001));
}

const QUOTAS: Quotas = Quotas { lanes: 4, replay_lanes: 2, ..Quotas::HOST };

fn topic(number: u8) -> Topic {
    Topic::Ticket(TicketId::new(Stamp::default(), &[number; 16]))
}

fn event(seq: u64, topic: Topic, only_for: Option<WebhookId>) -> Event {
    Event {
        seq: Seq(seq),
        id: EventId::new(Stamp::default(), Seq(seq)),
        kind: EventType::TicketOpened,
        created: NOW,
        topic: Some(topic),
        version: None,
        only_for,
        body: "".into(),
    }
}

fn slot(seq: u64, ordering_key: OrderingKey, last_queued: Option<u64>) -> Slot {
    Slot::first(Seq(seq), ordering_key, last_queued.map(Seq), NOW)
}

#[test]
fn an_event_is_owed_while_it_is_unread_queued_or_in_flight_under_its_own_key() {
    let (mine, other) = (topic(1), topic(2));
    let key = |topic| OrderingKey::Live(OrderingScope::Topic(topic));
    // Queued from 4 to 6, in flight from 12 to 14, and read to 20.
    let lane = slot(4, key(mine), Some(6)).waiting(webhook().id, 0, NOW, Reason::Turn);
    let sending = vec![slot(8, key(other), Some(10)), slot(12, key(mine), Some(14))];
    let reader = Reader { sending, ..reader() };
    for seq in 1..=22 {
        let owed = matches!(seq, 4..=6 | 12..=14 | 21..);
        let is_owed = reader.owes(&event(seq, mine, None), Seq(20), Some(&lane));
        assert_eq!(is_owed, owed, "{seq}");
    }
    let head_alone = Lane { last_queued: None, ..lane };
    let owed =
        (1..=7).filter(|seq| reader.owes(&event(*seq, mine, None), Seq(20), Some(&head_alone)));
    assert_eq!(owed.collect::<Vec<_>>(), [4]);
}

#[test]
fn new_events_are_read_while_lanes_are_left_and_a_replay_leaves_some_to_them() {
    // waiting lanes, those of the replay, reads, replays
    const TABLE: [(u32, u32, bool, bool); 5] = [
        (0, 0, true, true),
        (3, 1, true, true),
        (3, 2, true, false),
        (4, 1, false, false),
        (5, 2, false, false),
    ];
    let mut webhook = webhook();
    for (waiting, of_replay, reads, replays) in TABLE {
        let replay = Replay { waiting: of_replay, ..Replay::default() };
        let reader = Reader { waiting, replay, ..reader() };
        assert_eq!(reader.may_read(&webhook, &QUOTAS), reads, "{waiting} {of_replay}");
        assert_eq!(reader.may_replay(&webhook, &QUOTAS), replays, "{waiting} {of_replay}");
    }
    webhook.ordering = Ordering::None;
    assert!(!reader().may_read(&webhook, &QUOTAS) && !reader().may_replay(&webhook, &QUOTAS));
}

#[test]
fn a_replay_goes_on_at_its_pace_to_its_end_and_for_no_wrong_clock() {
    // read to, from (us), replays at (ms)
    const TABLE: [(u64, u64, Option<u64>); 6] = [
        (10, 0, Some(0)),
        (19, 2_250_999, Some(2_250)),
        (20, 2_250_999, None),
        (21, 2_250_999, None),
        (10, 4_000_999, Some(4_000)),
        (10, 4_001_000, Some(2_000)),
    ];
    let (after, to, only) = (Seq(10), Seq(20), ReplayFilter::All);
    let range = ReplayRange { after, to, only, per_second: Some(4) };
    let run = ReplayRun::new(range, ReplayCount::default(), NOW);
    for (read_to, from_us, at) in TABLE {
        let run = Some(ReplayRun { read_to: Seq(read_to), from_us, ..run });
        let reader = Reader { replay: Replay { run, ..Replay::default() }, ..reader() };
        let replays_at = reader.replays_at(&webhook(), &QUOTAS, NOW);
        assert_eq!(replays_at, at.map(Millis), "{read_to} {from_us}");
        let full = Reader { waiting: QUOTAS.lanes, ..reader };
        assert_eq!(full.replays_at(&webhook(), &QUOTAS, NOW), None);
    }
    assert_eq!(reader().replays_at(&webhook(), &QUOTAS, NOW), None);
}

#[test]
fn lanes_and_events_are_counted_and_those_of_a_replay_apart_until_it_is_stopped() {
    let (live, replay) = (
        OrderingKey::Live(OrderingScope::Everything),
        OrderingKey::Replay(OrderingScope::Everything),
    );
    let counts = |reader: &Reader| {
        let Replay { pending, waiting, .. } = reader.replay;
        [reader.pending, pending, reader.waiting.into(), waiting.into()]
    };
    let mut reader = reader();
    for key in [live, live, live, replay, replay, replay, replay] {
        reader.add_pending(key);
        reader.add_waiting(key);
    }
    assert_eq!(counts(&reader), [7, 4, 7, 4]);
    for key in [live, replay] {
        reader.remove_pending(key);
        reader.remove_waiting(key);
    }
    assert_eq!(counts(&reader), [5, 3, 5, 3]);
    // Of the three that are left one is in flight.
    reader.remove_waiting(replay);
    reader.sending = vec![slot(1, live, None), slot(2, replay, Some(5))];
    reader.stop_replay();
    assert_eq!(counts(&reader), [3, 0, 2, 0]);
    assert_eq!(reader.sending[1], slot(2, OrderingKey::Cancelled(Seq(2)), None));
}

#[test]
fn reading_moves_on_and_uncounts_what_is_aimed_at_this_webhook() {
    let mut reader = Reader { targeted: 2, ..reader() };
    let mut place = Checkpoint { read_to: Seq(0), tallies: Tallies::default() };
    for (seq, only_for) in [(1, None), (2, Some(reader.webhook)), (3, Some(stranger()))] {
        let event = event(seq, topic(1), only_for);
        place = place.past(&event);
        reader.read(place, &event);
    }
    assert_eq!((reader.read_to, reader.tallies, reader.targeted), (Seq(3), place.tallies, 1));
}

fn stranger() -> WebhookId {
    WebhookId::new(Stamp::default(), &[9; 16])
}
