//! One webhook, as its caller and its receiver see it: what is in flight, what waits, and what the
//! desk must make of each answer.

mod heard;
mod replayed;
mod sent;
mod shown;

use std::collections::{BTreeMap, BTreeSet};

use hookdesk_core::{
    Event, EventType, HolderId, Lane, Millis, Ordering, OrderingKey, Partner, Quotas, Reader,
    Reason, Report, Seq, Webhook, WebhookStatus,
};

use super::answer::{Meaning, Trouble};
use super::health::{Failed, Health, Kind, Subject, Turn};
use super::judged::Judged;
use super::pace::{self, Due, Pace, Shortage, Waiting};
use super::pending::Pending;
use super::replay::Replaying;
use super::secrets::Secrets;
use super::window::Window;
use crate::plan::Plan;
use crate::stores::StoredRows;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Active,
    Paused,
    Failing,
    Gone,
}

impl Status {
    fn of(webhook: &Webhook) -> Self {
        match webhook.status {
            WebhookStatus::Active => Self::Active,
            WebhookStatus::Paused => Self::Paused,
            WebhookStatus::Disabled { reason: Reason::Gone, .. } => Self::Gone,
            WebhookStatus::Disabled { .. } => Self::Failing,
        }
    }
}

/// The places of a process: those that are free, and those that each partner has taken.
#[derive(Debug)]
pub struct Places {
    pub free: u32,
    pub taken: BTreeMap<Partner, u32>,
}

/// A request in flight.
#[derive(Clone, Debug)]
struct Flying {
    holder: HolderId,
    sent_at: Millis,
    subject: Subject,
    kind: Kind,
    /// The steps that its event may have taken.
    steps: Vec<u32>,
    is_probe: bool,
}

impl Flying {
    /// It is of no replay any more, as that was stopped.
    fn cancel(&mut self, seq: Seq) {
        self.kind = Kind::Cancelled;
        self.subject = Subject::Event(Kind::Cancelled, seq.0);
    }
}

#[derive(Clone, Debug)]
pub struct Watched {
    /// As the last reply showed it.
    pub settings: Webhook,
    pub secrets: Secrets,
    pub status: Status,
    window: Window,
    health: Health,
    pace: Pace,
    /// The ordering in effect, as it was seen last.
    ordering: Ordering,
    flying: BTreeMap<(Seq, u32), Flying>,
    waiting: BTreeMap<Seq, Waiting>,
    /// Whether events may wait that were not attempted: their lanes go before others.
    has_untried: bool,
    delivered: BTreeSet<Seq>,
    pending: Pending,
    replay: Option<Replaying>,
    /// How often each oracle could have found something.
    pub judged: Judged,
}

/// Milliseconds beyond its timeout after which a request without an end is lost.
const LOST_AFTER_MS: u64 = 30_001;

impl Watched {
    pub fn new(webhook: &Webhook) -> Self {
        Self {
            settings: webhook.clone(),
            secrets: Secrets::of(webhook),
            status: Status::of(webhook),
            window: Window::of(webhook.max_in_flight),
            health: Health::default(),
            pace: Pace::default(),
            ordering: webhook.ordering,
            flying: BTreeMap::new(),
            waiting: BTreeMap::new(),
            has_untried: false,
            delivered: BTreeSet::new(),
            pending: Pending::default(),
            replay: None,
            judged: Judged::default(),
        }
    }

    pub fn in_flight(&self, holder: HolderId) -> u32 {
        count(self.flying.values().filter(|flying| flying.holder == holder).count())
    }

    pub fn all_in_flight(&self) -> u32 {
        count(self.flying.len())
    }

    pub fn is_flying(&self, seq: Seq) -> bool {
        self.flying.keys().any(|(of, _)| *of == seq)
    }

    pub fn is_waiting(&self, seq: Seq) -> bool {
        self.waiting.contains_key(&seq)
    }

    /// Whether the event is too old for this webhook.
    pub fn is_gone(&self, rows: &StoredRows, event: &Event) -> bool {
        let row = find_row(rows, &self.settings);
        row.is_some_and(|(_, reader, _)| rows.is_gone_for(reader, event))
    }

    /// Lanes that may wait beside those of events that were attempted.
    pub fn lanes_left(&self, quotas: &Quotas) -> u32 {
        quotas.lanes.saturating_sub(count(self.waiting.len()))
    }

    /// Whether each lane is of an event that was attempted.
    pub fn knows_all_lanes(&self) -> bool {
        !self.has_untried
    }

    pub fn enabled(&mut self, now: Millis) {
        self.status = Status::Active;
        self.health.enabled(now);
    }

    /// A caller asked for a ping.
    pub fn pinged(&mut self, now: Millis) {
        self.health.asked(now);
    }

    /// A caller asked for an event to be sent at once.
    pub fn resent(&mut self, seq: Seq, now: Millis) {
        self.health.asked(now);
        self.is_sent_anyway(seq);
        if let Some(waiting) = self.waiting.get_mut(&seq) {
            waiting.unreached = false;
            for due in &mut waiting.due {
                (due.at, due.up_to) = (due.at.min(now), due.up_to.min(now));
            }
        } else {
            // Its turn may have come before.
            let due = vec![Due { at: Millis(0), up_to: now, step: 0 }];
            self.waiting.insert(seq, Waiting { due, kind: Kind::Resend, unreached: false });
        }
    }

    /// Events up to the floor are deleted. Where the next one expires, it is perhaps taken from this
    /// webhook already, and may have been asked for again since.
    pub fn expired(&mut self, rows: &StoredRows, next_expires: bool) {
        let floor = rows.log.floor;
        let Some((_, reader, lanes)) = find_row(rows, &self.settings) else { return };
        let waits = |seq: Seq| {
            let is_sent = reader.sending.iter().any(|slot| slot.seq == seq);
            is_sent || lanes.iter().any(|lane| lane.head == seq)
        };
        let before = self.waiting.len();
        let next = floor.next();
        self.pending.expired(floor, next_expires);
        if let Some(replay) = &mut self.replay {
            replay.releases(|seq| seq <= floor || (seq == next && next_expires));
        }
        let is_kept = |seq: Seq| seq > next || (seq == next && (!next_expires || waits(seq)));
        self.waiting.retain(|seq, _| is_kept(*seq));
        let is_new = |lane: &&Lane| lane.number == 0 || lane.why == Reason::Resend;
        let anew = lanes.iter().filter(|lane| next_expires && lane.head == next).find(is_new);
        if let Some((waiting, lane)) = self.waiting.get_mut(&next).zip(anew) {
            waiting.due.push(Due::at(lane.due, lane.step));
        }
        self.has_untried |= self.waiting.len() < before;
    }

    /// The end of a request. Returns the operational events that it must cause.
    pub fn ended(
        &mut self,
        plan: &Plan,
        shortage: &mut Shortage,
        report: &Report,
        (holder, now): (HolderId, Millis),
    ) -> Vec<EventType> {
        let key = (report.key.seq, report.key.number);
        let is_ours = self.flying.get(&key).is_some_and(|flying| flying.holder == holder);
        let Some(flying) = self.flying.remove(&key).filter(|_| is_ours) else { return Vec::new() };
        let meaning = Meaning::of(&report.answer, self.settings.partner.is_some());
        if meaning != Meaning::Unsent {
            shortage.over();
        }
        let mut events = Vec::new();
        match meaning {
            Meaning::Success => {
                self.judged.add("success");
                self.window.answered(false, self.settings.max_in_flight);
                if self.health.down.is_some() {
                    self.window.reopen();
                    events.push(EventType::WebhookRecovered);
                }
                self.health.succeeded();
                self.delivered.insert(key.0);
                self.pending.ended(key.0);
                self.delivered_beside(key.0, flying.kind);
                self.bring_forward(now);
            }
            Meaning::Gone => {
                self.judged.add(match self.status {
                    Status::Active => "410",
                    Status::Paused => "410 while paused",
                    Status::Failing | Status::Gone => "410 while disabled",
                });
                if matches!(self.status, Status::Active | Status::Paused) {
                    self.status = Status::Gone;
                    events.push(EventType::WebhookDisabled);
                }
                self.failed(plan, key.0, &flying, None, now, &mut events);
            }
            Meaning::Failure(trouble) => {
                self.failed(plan, key.0, &flying, Some(trouble), now, &mut events);
            }
            Meaning::Unsent => {
                self.judged.add("own shortage");
                let (at, up_to) = shortage.met(now);
                self.pace.pause_until = self.pace.pause_until.max(at);
                if flying.kind == Kind::Cancelled {
                    self.judged.add("own shortage of a stopped replay");
                } else {
                    self.waits(key.0, &flying, |step| Due { at, up_to, step }, false);
                }
            }
        }
        // What is queued behind it may wait for a place.
        self.has_untried = true;
        events
    }

    fn failed(
        &mut self,
        plan: &Plan,
        seq: Seq,
        flying: &Flying,
        trouble: Option<Trouble>,
        now: Millis,
        events: &mut Vec<EventType>,
    ) {
        let waits_s = self.settings.retry_schedule.waits_s().to_vec();
        let narrows = trouble.is_some_and(|trouble| trouble.narrows);
        self.window.answered(narrows, self.settings.max_in_flight);
        let asked_ms = trouble.and_then(|trouble| trouble.asks_ms);
        let not_before = asked_ms.map_or(now, |asked_ms| self.pace.asked(asked_ms, now));
        if flying.is_probe {
            self.health.probe_failed(plan, now);
        }
        if trouble.is_some_and(|trouble| trouble.counts) {
            let failed = Failed {
                subject: flying.subject,
                sent_at: flying.sent_at,
                longest_wait_ms: pace::longest_wait_ms(&waits_s),
                is_only_lane: self.ordering == Ordering::Webhook,
            };
            match self.health.failed(plan, &failed, now) {
                Turn::Nothing => self.judged.add("failure"),
                Turn::Down => {
                    self.judged.add("down");
                    events.push(EventType::WebhookDown);
                }
                Turn::Disabled if matches!(self.status, Status::Active | Status::Paused) => {
                    self.judged.add("disabled");
                    self.status = Status::Failing;
                    events.push(EventType::WebhookDisabled);
                }
                Turn::Disabled => {}
            }
        }
        if flying.kind == Kind::Cancelled {
            return;
        }
        if flying.is_probe {
            return self.waits(seq, flying, |step| Due::at(not_before, step), false);
        }
        let is_at_end = |step: &u32| *step as usize >= waits_s.len();
        if flying.steps.iter().all(is_at_end) {
            events.push(EventType::DeliveryAbandoned);
            return self.pending.ended(seq);
        }
        assert!(!flying.steps.iter().any(is_at_end), "{seq} took {:?} steps", flying.steps);
        let id = self.settings.id;
        let due = |step| {
            let wait_ms = pace::wait_ms(&waits_s, step, id, seq).unwrap_or(0);
            Due::at(now.plus(wait_ms).max(not_before), step + 1)
        };
        let unreached = trouble.is_some_and(|trouble| trouble.unreached);
        self.waits(seq, flying, due, unreached && self.status == Status::Active);
    }

    fn waits(&mut self, seq: Seq, of: &Flying, due: impl Fn(u32) -> Due, unreached: bool) {
        let due = of.steps.iter().map(|step| due(*step)).collect();
        self.waiting.insert(seq, Waiting { due, kind: of.kind, unreached });
    }

    /// After a success, the first event that did not reach the receiver goes at once, unless one
    /// that was not attempted waits before it.
    fn bring_forward(&mut self, now: Millis) {
        let first = self.waiting.iter_mut().min_by_key(|(seq, waiting)| (waiting.due[0].at, **seq));
        let Some((_, first)) = first.filter(|(_, first)| first.unreached) else { return };
        if let [due] = first.due[..]
            && due.at > now
        {
            self.judged.add("brought forward");
            let forward = Due::at(now, due.step.saturating_sub(1));
            first.due = if self.has_untried { vec![due, forward] } else { vec![forward] };
        }
    }

    /// A wake: requests of a process that died, and those without an end, are given up.
    pub fn gives_up(&mut self, holder: HolderId, now: Millis) {
        let lost_ms = u64::from(self.settings.timeout_ms) + LOST_AFTER_MS;
        let is_lost =
            |_: &_, of: &mut Flying| of.holder != holder || of.sent_at.plus(lost_ms) <= now;
        let lost: Vec<_> = self.flying.extract_if(.., is_lost).collect();
        for ((seq, _), flying) in lost.iter().filter(|(_, of)| of.kind != Kind::Cancelled) {
            self.waits(*seq, flying, |step| Due::at(now, step), false);
        }
    }

    /// Whether a place is free. Together a partner's webhooks get what a single one may.
    fn has_room(&self, places: &Places) -> bool {
        let in_flight = self.all_in_flight();
        let partner = self.settings.partner;
        let share = partner.map_or(in_flight, |of| places.taken.get(&of).copied().unwrap_or(0));
        in_flight < self.window.places.min(self.settings.max_in_flight) && share < places.free
    }

    fn probes(&self) -> bool {
        self.flying.values().any(|flying| flying.is_probe)
    }
}

fn count(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

type Row = (Webhook, Reader, Vec<Lane>);

/// The rows of a webhook, unless it was unregistered in the same batch.
fn find_row<'a>(rows: &'a StoredRows, of: &Webhook) -> Option<&'a Row> {
    rows.webhooks.iter().find(|(webhook, ..)| webhook.id == of.id)
}

fn row<'a>(rows: &'a StoredRows, of: &Webhook) -> &'a Row {
    find_row(rows, of).unwrap_or_else(|| panic!("{} is registered, and not there", of.id))
}

fn kind(ordering_key: OrderingKey) -> Kind {
    match ordering_key {
        OrderingKey::Live(_) => Kind::Live,
        OrderingKey::Resend(_) => Kind::Resend,
        OrderingKey::Replay(_) => Kind::Replay,
        OrderingKey::Cancelled(_) => Kind::Cancelled,
    }
}
