//! Tests of what a wake visits. Each wake here is compared with one that visits all webhooks.

use super::{Rig, status, webhook};
use crate::engine::facts::Task;
use crate::model::event::Event;
use crate::{
    Amendment, Answer, Command, EventType, Millis, Ordering, Registration, ReplayCount,
    ReplayFilter, ReplayRange, Retention, Rows as _, Seq, Subscription, WebhookId,
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

/// Replays everything up to `to`, one event a second.
fn replay(rig: &mut Rig, id: WebhookId, to: Seq) {
    let range = ReplayRange { after: Seq(0), to, only: ReplayFilter::All, per_second: Some(1) };
    let counted = ReplayCount::default();
    rig.run(Command::Replay { id, range, counted, dry_run: false });
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

/// What the schedule names any webhook for.
fn named(rig: &Rig) -> Vec<Task> {
    let schedule = rig.desk.facts().schedule();
    assert_eq!(schedule.doubtful_or_due_by(rig.now), [], "nobody is visited for the time");
    let tasks = [Task::Send, Task::GiveUp, Task::Load, Task::Reorder, Task::EndReplay, Task::Skip];
    tasks.into_iter().filter(|task| !schedule.with(*task).is_empty()).collect()
}

type Scene<'a> = &'a dyn Fn(&mut Rig, WebhookId);

#[test]
fn who_has_nothing_to_do_now_is_not_named() {
    let too_many =
        Answer::Status { status: 429, retry_after: Some("20".into()), excerpt: String::new() };
    let plain = || webhook(Ordering::Ticket, &[5]);
    let rated = |rate| {
        let settings = Amendment { rate_limit: Some(Some(rate)), ..plain().settings };
        Registration { settings, ..plain() }
    };
    let scenes: [(&str, Registration, Scene<'_>, &[Task]); 9] = [
        ("nothing was sent", plain(), &|_, _| {}, &[]),
        ("a request is in flight", plain(), &|rig, _| _ = rig.open(), &[]),
        ("all was heard", plain(), &|rig, _| (rig.open(), rig.end(status(200))).1, &[]),
        ("a lane waits", plain(), &|rig, _| (rig.open(), rig.end(status(404))).1, &[]),
        ("a rate holds", rated(1), &|rig, _| (rig.open(), rig.end(status(200))).1, &[]),
        (
            "a rate held long ago",
            rated(1),
            &|rig, id| {
                rig.open();
                rig.end(status(200));
                rig.pass(60);
                rig.run(Command::Amend { id, settings: rated(2).settings });
            },
            &[],
        ),
        (
            "a pause holds, and the process is another",
            plain(),
            &|rig, _| {
                rig.open();
                rig.end(too_many.clone());
                rig.restart();
            },
            &[],
        ),
        (
            "a replay waits for its pace",
            plain(),
            &|rig, id| {
                for _ in 0..2 {
                    rig.open();
                    rig.end(status(200));
                }
                replay(rig, id, Seq(2));
                rig.end(status(200));
            },
            &[Task::EndReplay],
        ),
        (
            "a replay waits for room",
            Registration {
                settings: Amendment { max_in_flight: Some(1), ..plain().settings },
                ..plain()
            },
            &|rig, id| {
                for _ in 0..2 {
                    rig.open();
                    rig.end(status(200));
                }
                replay(rig, id, Seq(2));
                rig.pass(2);
            },
            &[Task::Send, Task::EndReplay],
        ),
    ];
    for (what, registration, scene, tasks) in scenes {
        let mut rig = Rig::new();
        wanting(&mut rig, EventType::ServiceUnavailable);
        let id = rig.register(registration);
        scene(&mut rig, id);
        assert_eq!(named(&rig), tasks, "{what}");
    }
}

#[test]
fn an_event_that_nobody_hears_visits_nobody() {
    let mut rig = Rig::new();
    let ordered = [Ordering::Ticket, Ordering::Webhook].map(|ordering| {
        let settings = Amendment {
            events: Some(Subscription::of([EventType::TicketOpened])),
            ..webhook(ordering, &[5]).settings
        };
        rig.register(Registration { settings, ..webhook(ordering, &[5]) })
    });
    rig.open();
    let event = rig.desk.facts().event(Seq(1)).expect("it is in memory");
    let other = Event { kind: EventType::TicketClosed, topic: None, ..Event::clone(event) };
    let busy = [ordered[1]].into();
    assert_eq!(rig.desk.facts().schedule().audience(&other), busy, "all are in one order");
    rig.end(status(200));
    rig.end(status(200));
    assert_eq!(rig.desk.facts().schedule().audience(&other), [].into());
    rig.restart();
    assert!(rig.desk.facts().schedule().knows_all_lanes(), "nobody has one");
}

#[test]
fn other_limits_hold_from_the_next_wake_on() {
    let mut rig = Rig::new();
    rig.desk.limits_mut().quotas.lanes = 1;
    rig.register(webhook(Ordering::Ticket, &[3_600]));
    rig.open();
    rig.end(status(404));
    rig.open();
    assert_eq!(rig.sent(), [0; 0], "nothing is read while so many lanes wait");
    rig.desk.limits_mut().quotas.lanes = 2;
    rig.run(Command::Wake);
    assert_eq!(rig.sent(), [2]);
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
fn a_time_that_was_too_far_away_counts_again_once_it_is_near() {
    let busy =
        Answer::Status { status: 429, retry_after: Some("20".into()), excerpt: String::new() };
    // What a response sets before the clock goes back, while another request is in flight.
    for (what, answer, after_s) in [
        ("a lane's", Some(status(404)), 5),
        ("a pause's", Some(busy), 20),
        ("a rate's", None, 1),
        ("a replay's", None, 1),
    ] {
        let mut rig = Rig::new();
        let registration = webhook(Ordering::Ticket, &[5]);
        let settings = Amendment {
            max_in_flight: Some(if answer.is_some() { 2 } else { 1 }),
            rate_limit: (what == "a rate's").then_some(Some(1)),
            ..registration.settings.clone()
        };
        let id = rig.register(Registration { settings, ..registration });
        for _ in 0..3 {
            rig.open();
        }
        if what == "a replay's" {
            for _ in 0..3 {
                rig.end(status(200));
            }
            replay(&mut rig, id, Seq(3));
        }
        if let Some(answer) = answer {
            rig.end(answer);
        }
        let (sent, now) = (rig.sent(), rig.now);
        assert!(!sent.is_empty(), "{what}");
        rig.now = Millis(now.0 - 3 * DAY_S * 1_000);
        rig.run(Command::Wake);
        rig.now = Millis(now.0 - 1);
        rig.run(Command::Wake);
        assert_eq!(rig.sent(), sent, "{what}");
        let next_wake = rig.next_wake.expect("the time counts");
        assert_eq!(next_wake.since(now).div_ceil(1_000), after_s, "{what}");
    }
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
    const WEBHOOKS: usize = 200;
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
