//! Regression tests of health: scenarios that once broke a rule, by name.

use super::{Rig, START, status, webhook};
use crate::delivery::health::HealthPolicy;
use crate::{
    Amendment, Answer, Command, Failure, Millis, Ordering, Reason, Registration, Request, TicketId,
    WebhookId,
};

/// Retry schedule, window and probes: short, so that hours of it are many rounds.
const LADDER_S: [u32; 6] = [1, 5, 20, 60, 200, 400];
const MAX_PROBE_S: u64 = 60;

/// Requests and wakes of one scenario, at most: several times what the longest takes.
const MAX_STEPS: usize = 20_000;

struct World {
    rig: Rig,
    id: WebhookId,
    tickets: Vec<Option<TicketId>>,
    /// Seconds, event, number of each request.
    sends: Vec<(u64, u64, u32)>,
    steps: usize,
}

impl World {
    fn new(registration: Registration, health_policy: HealthPolicy) -> Self {
        let mut rig = Rig::new();
        rig.desk.limits_mut().health = health_policy;
        let id = rig.register(registration);
        Self { rig, id, tickets: vec![None; 1_000], sends: Vec::new(), steps: 0 }
    }

    /// As small as the model.
    fn small() -> Self {
        let small = webhook(Ordering::Ticket, &LADDER_S);
        let settings = Amendment { max_in_flight: Some(4), ..small.settings };
        let health_policy =
            HealthPolicy { probe_most_ms: MAX_PROBE_S * 1_000, ..HealthPolicy::default() };
        Self::new(Registration { settings, ..small }, health_policy)
    }

    /// Appends an event of a ticket.
    fn feed(&mut self, ticket: usize) {
        match self.tickets[ticket] {
            Some(id) => self.rig.update(id),
            None => self.tickets[ticket] = Some(self.rig.open()),
        }
    }

    fn seconds(&self) -> u64 {
        self.rig.now.since(START) / 1_000
    }

    /// Answers all requests for the receiver, until so many seconds after the start.
    fn until(&mut self, seconds: u64, answer: impl Fn(u64, u64, u32) -> Answer) {
        let end = START.plus(seconds * 1_000);
        loop {
            while let Some(request) = self.rig.flying.first() {
                let (at, key) = (self.seconds(), request.key);
                self.sends.push((at, key.seq.0, key.number));
                self.step();
                self.rig.end(answer(at, key.seq.0, key.number));
            }
            self.step();
            match self.rig.next_wake.filter(|at| *at <= end) {
                Some(at) => self.rig.now = at.max(self.rig.now),
                None => break,
            }
            self.rig.run(Command::Wake);
        }
        self.rig.now = end;
        self.rig.run(Command::Wake);
    }

    /// Ends requests ten milliseconds after they were sent, until so many milliseconds after the
    /// start. The answer is that of the time at which each was sent.
    fn in_flight_until(&mut self, at_ms: u64, answer: impl Fn(u64) -> Answer) {
        self.rig.now = START.plus(at_ms);
        let overdue = |request: &Request| request.key.sent_at.plus(10) <= START.plus(at_ms);
        while self.rig.flying.first().is_some_and(overdue) {
            self.step();
            let sent_ms = self.rig.flying[0].key.sent_at.since(START);
            self.rig.end(answer(sent_ms));
        }
        self.rig.run(Command::Wake);
    }

    /// A scenario that never ends fails rather than hangs.
    fn step(&mut self) {
        self.steps += 1;
        assert!(self.steps < MAX_STEPS, "it never ends: {:?}", self.sends.last());
    }

    /// How each event was settled.
    fn done(&self) -> Vec<(u64, Reason)> {
        let settled = |(_, _, why): &(u64, u32, Reason)| {
            matches!(why, Reason::Delivered | Reason::RetriesUsedUp)
        };
        let done = self.rig.reasons().into_iter().filter(settled);
        done.map(|(seq, _, why)| (seq, why)).collect()
    }

    fn is_delivered(&self, seq: u64) -> bool {
        self.done().contains(&(seq, Reason::Delivered))
    }

    fn is_down(&mut self) -> bool {
        self.rig.row(self.id).1.health.is_down()
    }

    fn is_active(&mut self) -> bool {
        self.rig.row(self.id).0.is_active()
    }
}

fn fails(when: bool) -> Answer {
    status(if when { 500 } else { 200 })
}

#[test]
fn ten_hiccups_in_a_row_hold_nobody_back_for_long() {
    let mut world = World::small();
    let hiccup = |_, seq: u64, number| fails(seq <= 30 && seq % 3 == 1 && number == 1);
    for event in 0..150 {
        world.feed(event % 30);
    }
    world.until(30, hiccup);
    assert_eq!(world.done().len(), 150);
    assert!(world.sends.iter().all(|(at, ..)| *at <= 20), "{:?}", world.sends.last());
}

#[test]
fn a_receiver_that_was_down_with_nothing_to_probe_hears_of_the_next_event() {
    let mut world = World::small();
    for ticket in 0..3 {
        world.feed(ticket);
    }
    let away = |at, _, _| fails(at < 3_000);
    world.until(5_000, away);
    world.feed(5);
    world.until(9_000, away);
    assert_eq!(world.done().len(), 4);
    assert!(world.is_delivered(4));
}

#[test]
fn one_poisoned_ticket_at_night_delays_nobody_in_the_morning() {
    let mut world = World::small();
    let poison = |_, seq, _| fails(seq <= 3);
    for _ in 0..3 {
        world.feed(0);
    }
    world.until(1_500, poison);
    for ticket in 1..=5 {
        world.feed(ticket);
        let at = world.seconds();
        world.until(at + 1, poison);
        assert!(world.is_delivered(3 + ticket as u64), "{:?}", world.sends);
    }
    world.until(3_000, poison);
    assert!(world.is_active());
    let abandoned = |seq| world.done().contains(&(seq, Reason::RetriesUsedUp));
    assert!(abandoned(1) && abandoned(2) && abandoned(3));
}

#[test]
fn with_nothing_but_poison_waiting_a_new_ticket_is_tried_and_heals() {
    let mut world = World::small();
    let poison = |_, seq, _| fails(seq <= 4);
    for ticket in 0..4 {
        world.feed(ticket);
    }
    world.until(100, poison);
    assert!(world.is_down());
    world.feed(9);
    world.until(1_200, poison);
    assert!(world.is_delivered(5));
    let first = world.sends.iter().find(|(_, seq, _)| *seq == 5).map(|(at, ..)| *at);
    assert!(first.is_some_and(|at| at <= 100 + 2 * MAX_PROBE_S), "{first:?}");
}

#[test]
fn a_poisoned_head_does_not_keep_a_receiver_down() {
    let mut world = World::small();
    for ticket in 0..12 {
        world.feed(ticket);
    }
    world.until(1_500, |at, seq, _| fails(seq == 1 || at < 100));
    assert!(!world.is_down());
    assert!((2..=12).all(|seq| world.is_delivered(seq)), "{:?}", world.done());
}

#[test]
fn three_days_away_abandon_nothing_of_a_thousand_tickets() {
    let three_days_s = 3 * 86_400;
    let usual = webhook(Ordering::Ticket, &crate::RetrySchedule::DEFAULT_WAITS_S);
    let mut world = World::new(usual, HealthPolicy::default());
    for ticket in 0..1_000 {
        world.feed(ticket);
    }
    for ticket in 0..1_000 {
        world.feed(ticket);
    }
    let away = |at, _, _| fails(at < three_days_s);
    world.until(three_days_s, away);
    let probes = world.sends.iter().filter(|(at, ..)| *at > 60).count();
    assert!(world.is_down() && probes < 500, "{probes}");
    world.until(three_days_s + 86_400, away);
    assert_eq!(world.done().len(), 2_000);
    assert!(world.done().iter().all(|(_, why)| *why == Reason::Delivered));
    let (_, reader) = world.rig.row(world.id);
    assert_eq!(reader.window.size, 64, "grown from 1 as it went well");
}

#[test]
fn silence_is_not_failing() {
    let six_days_s = 6 * 86_400;
    let mut world = World::small();
    let hiccup = |_, seq, number| fails(seq == 1 || number == 1);
    world.feed(0);
    world.until(six_days_s, hiccup);
    for ticket in 1..=3 {
        world.feed(ticket);
    }
    world.until(six_days_s + 60, hiccup);
    assert!(world.is_active());
    assert_eq!(world.done().len(), 4);
}

#[test]
fn a_restart_of_half_a_second_under_load_takes_no_receiver_down() {
    let mut world = World::small();
    for ticket in 0..400 {
        world.feed(ticket);
    }
    let restart = |at_ms| (2_000..2_500).contains(&at_ms);
    let (mut at_ms, mut was_down) = (0, false);
    while world.done().len() < 400 && at_ms < 20_000 {
        world.in_flight_until(at_ms, |sent_ms| fails(restart(sent_ms)));
        was_down |= world.is_down();
        at_ms += 10;
    }
    assert_eq!((world.done().len(), was_down), (400, false));
}

#[test]
fn a_receiver_that_fails_for_good_under_load_is_down_within_seconds() {
    let mut world = World::small();
    for ticket in 0..900 {
        world.feed(ticket);
    }
    let mut at_ms = 0;
    while !world.is_down() {
        world.in_flight_until(at_ms, |sent_ms| fails(sent_ms >= 500));
        at_ms += 10;
        assert!(at_ms <= 3_000, "it is not down yet");
    }
    assert!(at_ms >= 1_000, "{at_ms}");
}

#[test]
fn a_receiver_that_is_away_is_down_also_when_each_event_is_given_up() {
    let short = webhook(Ordering::Ticket, &[5, 60, 300]);
    let mut world = World::new(short, HealthPolicy::default());
    let away = |_, _, _| status(500);
    for hour in 0..6 {
        world.feed(hour);
        world.until((hour as u64 + 1) * 3_600, away);
    }
    assert!(world.is_down());
    let given_up = world.done().len();
    assert!(given_up <= 3, "{given_up}");
    for hour in 6..24 * 6 {
        world.feed(hour);
        world.until((hour as u64 + 1) * 3_600, away);
    }
    assert_eq!((world.is_active(), world.done().len()), (false, given_up));
}

#[test]
fn in_strict_order_five_days_of_events_given_up_disable() {
    let short = webhook(Ordering::Webhook, &[5, 60, 300]);
    let mut world = World::new(short, HealthPolicy::default());
    for hour in 0..24 * 6 {
        world.feed(hour);
        world.until((hour as u64 + 1) * 3_600, |_, _, _| status(500));
    }
    assert!(!world.is_active());
}

#[test]
fn what_could_not_connect_goes_as_soon_as_the_receiver_answers_others() {
    let usual = webhook(Ordering::Ticket, &crate::RetrySchedule::DEFAULT_WAITS_S);
    let mut world = World::new(usual, HealthPolicy::default());
    let refused = |at, _, _| if at < 7 { Answer::Failure(Failure::Connect) } else { status(200) };
    for ticket in 0..3 {
        world.feed(ticket);
    }
    world.until(20, refused);
    assert!(world.done().is_empty(), "each waits five minutes: {:?}", world.sends);
    world.feed(3);
    world.until(21, refused);
    assert_eq!(world.done().len(), 4, "{:?}", world.sends);
}

#[test]
fn what_was_refused_or_cut_off_waits_for_its_time_although_others_are_delivered() {
    for answer in [status(500), Answer::Failure(Failure::Reset), Answer::Failure(Failure::Timeout)]
    {
        let mut world = World::small();
        let poison = |_, seq: u64, _| if seq == 1 { answer.clone() } else { status(200) };
        for ticket in 0..10 {
            world.feed(ticket);
        }
        world.until(0, poison);
        assert_eq!(world.sends.iter().filter(|(_, seq, _)| *seq == 1).count(), 1, "{answer:?}");
    }
}

#[test]
fn an_unreliable_network_uses_up_no_retry_schedule() {
    let mut world = World::small();
    let flaky = |_, seq: u64, _| match seq {
        1 => Answer::Failure(Failure::Connect),
        _ => status(200),
    };
    world.feed(0);
    for second in 0..60 {
        world.feed(1 + second);
        world.until(second as u64, flaky);
    }
    let first = world.sends.iter().filter(|(_, seq, _)| *seq == 1).count();
    assert!(first > LADDER_S.len() + 1, "{first}");
    assert!(!world.done().contains(&(1, Reason::RetriesUsedUp)));
}

#[test]
fn a_receiver_that_is_always_busy_is_given_up_by_the_ladder_and_never_called_down() {
    let mut world = World::small();
    world.feed(0);
    world.until(2_000, |_, _, _| status(429));
    assert_eq!(world.done(), [(1, Reason::RetriesUsedUp)]);
    assert_eq!(world.sends.len(), LADDER_S.len() + 1);
    assert!(!world.is_down());
}

#[test]
fn five_days_without_any_success_disable_and_enabling_goes_on_where_it_stood() {
    let usual = webhook(Ordering::Ticket, &[60; 20]);
    let mut world = World::new(usual, HealthPolicy::default());
    for ticket in 0..5 {
        world.feed(ticket);
    }
    world.until(5 * 86_400 + 3_600, |_, _, _| status(500));
    assert!(!world.is_active());
    let sends = world.sends.len();
    world.until(9 * 86_400, |_, _, _| status(200));
    assert_eq!(world.sends.len(), sends, "nothing is sent while it is disabled");
    world.rig.run(Command::Enable { id: world.id });
    world.until(9 * 86_400 + 60, |_, _, _| status(200));
    assert!((1..=5).all(|seq| world.is_delivered(seq)), "{:?}", world.done());
}

#[test]
fn retry_after_holds_the_event_and_for_an_hour_at_the_most_the_webhook() {
    let mut world = World::small();
    world.feed(0);
    world.feed(1);
    let busy = |at, seq, _| match (at, seq) {
        (0, 1) => Answer::Status {
            status: 503,
            retry_after: Some("7200".to_owned()),
            excerpt: String::new(),
        },
        _ => status(200),
    };
    world.until(10_000, busy);
    world.feed(2);
    world.until(10_001, busy);
    let at = |seq| world.sends.iter().rfind(|(_, of, _)| *of == seq).map(|(at, ..)| *at);
    assert_eq!((at(1), at(3)), (Some(7_200), Some(10_000)));
    world.until(20_000, busy);
    let again = Answer::Status {
        status: 429,
        retry_after: Some("7200".to_owned()),
        excerpt: String::new(),
    };
    world.feed(3);
    world.rig.end(again);
    world.feed(4);
    world.until(30_000, busy);
    let at = |seq| world.sends.iter().rfind(|(_, of, _)| *of == seq).map(|(at, ..)| *at);
    assert_eq!((at(5), at(4)), (Some(23_600), Some(27_200)));
}

#[test]
fn a_rate_is_kept_also_by_what_follows_in_a_lane() {
    let slow = webhook(Ordering::Webhook, &[]);
    let settings = Amendment { rate_limit: Some(Some(4)), ..slow.settings };
    let mut world = World::new(Registration { settings, ..slow }, HealthPolicy::default());
    for ticket in 0..12 {
        world.feed(ticket);
    }
    let mut times: Vec<Millis> = Vec::new();
    while times.len() < 12 {
        world.step();
        if let Some(request) = world.rig.flying.first() {
            times.push(request.key.sent_at);
            world.rig.end(status(200));
        } else {
            world.rig.now = world.rig.next_wake.expect("it goes on by itself");
            world.rig.run(Command::Wake);
        }
    }
    let gaps: Vec<u64> = times.windows(2).map(|pair| pair[1].since(pair[0])).collect();
    assert!(gaps.iter().all(|gap| *gap == 250), "{gaps:?}");
}
