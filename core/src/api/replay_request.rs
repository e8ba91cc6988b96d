//! A replay as callers ask for it, and what the log holds for it: counted page by page before it
//! begins, by the rule that the replay itself goes by.

use std::collections::HashMap;

use crate::api::body::Fields;
use crate::api::problem::Problem;
use crate::api::{Call, Code, FieldError, Response, view};
use crate::delivery::attempt::AttemptSummary;
use crate::delivery::lane::Lane;
use crate::delivery::ordering_key::OrderingKey;
use crate::delivery::reader::Reader;
use crate::delivery::replay::{ReplayCount, ReplayFilter, ReplayRange};
use crate::engine::command::{Command, Idempotent};
use crate::engine::need::{Fact, Need};
use crate::model::digest::Digest;
use crate::model::event::Event;
use crate::model::id::{EventId, WebhookId};
use crate::model::log::Log;
use crate::model::millis::Millis;
use crate::model::refusal::Refusal;
use crate::model::seq::Seq;
use crate::webhook::Webhook;

/// An end of a part of the log: an event, or whatever was created at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Event(EventId),
    Time(Millis),
}

impl End {
    fn parse(text: &str) -> Result<Self, &'static str> {
        EventId::parse(text)
            .map(Self::Event)
            .or_else(|| Millis::parse(text).map(Self::Time))
            .ok_or("must be a time such as 2023-01-01T00:00:00Z, or an event's id")
    }
}

/// Something to be counted before it can be decided: load what it [needs](Preparation::need), tell
/// it, until it needs nothing more.
#[derive(Clone, Debug)]
pub struct ReplayRequest {
    webhook: WebhookId,
    since: End,
    until: Option<End>,
    only: ReplayFilter,
    per_second: Option<u32>,
    dry_run: bool,
    step: Step,
    found: Option<(Webhook, Reader)>,
    log: Log,
    /// The places before the first event, and of the last one.
    part: (Seq, Seq),
    lanes: HashMap<OrderingKey, Lane>,
    /// Events of one page.
    events: Vec<Event>,
    counted: ReplayCount,
    /// The digests of the call's idempotency key and of the call.
    once: Option<(Digest, Digest)>,
}

/// What is needed next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Webhook,
    Log,
    Since,
    Until,
    Lanes(Option<(Millis, Seq)>),
    /// Events before a place, newest first.
    Events(Seq),
    /// What was tried of the events of the page.
    AttemptSummary,
    Done,
}

impl ReplayRequest {
    /// Rows that are loaded at once: events come without their bodies.
    const PAGE: u32 = 1_000;

    pub(super) fn take(call: &Call<'_>, webhook: WebhookId) -> Result<Self, Problem> {
        let mut fields = Fields::of(call)?;
        let since = fields.parsed("since", |text| End::parse(&text));
        let until = fields.is_given("until") && !fields.is_null("until");
        let until = until.then(|| fields.parsed("until", |text| End::parse(&text))).flatten();
        let only = fields
            .parsed("only", |text| ReplayFilter::parse(&text).ok_or("must be undelivered or all"));
        let unpaced = fields.is_null("per_second");
        let per_second = fields.whole("per_second", &Webhook::RATES, 0).filter(|_| !unpaced);
        let dry_run = fields.flag("dry_run").unwrap_or(false);
        let ends = since.zip(until);
        if matches!(ends, Some((End::Time(since), End::Time(until))) if until < since)
            || matches!(ends, Some((End::Event(since), End::Event(until))) if until < since)
        {
            fields.fail("until", "must not be before since");
        }
        let (since, only) = fields.finish(since.zip(only))?;
        let (found, log) = (None, Log::default());
        let (lanes, events, counted) = (HashMap::new(), Vec::new(), ReplayCount::default());
        let (step, part) = (Step::Webhook, (Seq(0), Seq(0)));
        Ok(Self {
            webhook,
            since,
            until,
            only,
            per_second,
            dry_run,
            step,
            found,
            log,
            part,
            lanes,
            events,
            counted,
            once: None,
        })
    }

    pub(super) fn under_key(self, once: Option<(Digest, Digest)>) -> Self {
        Self { once, ..self }
    }

    /// What is to be loaded next, all of it as of one moment; `None` when all is known.
    #[must_use]
    pub fn need(&self) -> Option<Need> {
        let (webhook, most) = (self.webhook, Self::PAGE);
        Some(match self.step {
            Step::Webhook => Need::Webhook(webhook),
            Step::Log => Need::Log,
            Step::Since => match self.since {
                End::Time(at) => Need::CreatedFrom(at),
                End::Event(_) => return None,
            },
            Step::Until => match self.until {
                Some(End::Time(at)) => Need::CreatedFrom(at.plus(1)),
                Some(End::Event(_)) | None => return None,
            },
            Step::Lanes(after) => Need::Lanes { webhook, after, most },
            Step::Events(before) => Need::EventsBefore { before: Some(before), most },
            Step::AttemptSummary => {
                let (newest, oldest) = (self.events.first()?, self.events.last()?);
                Need::AttemptSummaries { webhook, from: oldest.seq, to: newest.seq }
            }
            Step::Done => return None,
        })
    }

    /// Takes in what was needed.
    ///
    /// # Panics
    /// When the fact is not what was needed: the store is broken.
    pub fn learn(&mut self, fact: Fact) {
        self.step = match (self.step, fact) {
            (Step::Webhook, Fact::Webhooks(found)) => {
                self.found = found.into_iter().next();
                if self.found.is_some() { Step::Log } else { Step::Done }
            }
            (Step::Log, Fact::Log(log)) => {
                self.log = log;
                self.begin()
            }
            (Step::Since, Fact::Place(first)) => {
                self.part.0 = first.map_or(self.log.head, before);
                self.end()
            }
            (Step::Until, Fact::Place(first)) => {
                self.part.1 = first.map_or(self.log.head, before);
                self.count_lanes()
            }
            (Step::Lanes(_), Fact::Lanes(lanes)) => {
                let last = lanes.last().map(Lane::turn);
                let is_full = lanes.len() == Self::PAGE as usize;
                self.lanes.extend(lanes.into_iter().map(|lane| (lane.ordering_key, lane)));
                if is_full { Step::Lanes(last) } else { Step::Events(self.part.1.next()) }
            }
            (Step::Events(_), Fact::Events(events)) => {
                let first = self.part.0;
                self.events = events.into_iter().filter(|event| event.seq > first).collect();
                if self.events.is_empty() { Step::Done } else { Step::AttemptSummary }
            }
            (Step::AttemptSummary, Fact::AttemptSummaries(tried)) => {
                let oldest = self.events.last().map_or(self.part.0, |event| event.seq);
                self.count(&tried.into_iter().collect());
                if before(oldest) > self.part.0 { Step::Events(oldest) } else { Step::Done }
            }
            (step, fact) => panic!("the store said {fact:?} to {step:?}"),
        }
    }

    fn begin(&mut self) -> Step {
        match self.since {
            End::Time(_) => Step::Since,
            End::Event(event) => {
                self.part.0 = before(event.seq()).min(self.log.head);
                self.end()
            }
        }
    }

    fn end(&mut self) -> Step {
        match self.until {
            Some(End::Time(_)) => Step::Until,
            Some(End::Event(event)) => {
                self.part.1 = event.seq().min(self.log.head);
                self.count_lanes()
            }
            None => {
                self.part.1 = self.log.head;
                self.count_lanes()
            }
        }
    }

    fn count_lanes(&mut self) -> Step {
        self.part.0 = self.part.0.max(self.log.floor);
        let waiting = self.found.as_ref().map_or(0, |(_, reader)| reader.waiting);
        if self.part.1 <= self.part.0 {
            Step::Done
        } else if waiting > 0 {
            Step::Lanes(None)
        } else {
            Step::Events(self.part.1.next())
        }
    }

    fn count(&mut self, tried: &HashMap<Seq, AttemptSummary>) {
        let Some((webhook, reader)) = &self.found else { return };
        for event in std::mem::take(&mut self.events) {
            if !(webhook.hears(&event) && webhook.id.is_older_than(event.id)) {
                continue;
            }
            let lane = self.lanes.get(&OrderingKey::of(&event, reader.ordering));
            let again = OrderingKey::Resend(event.seq);
            if reader.owes(&event, reader.read_to, lane)
                || reader.sending.iter().any(|slot| slot.seq == event.seq)
                || self.lanes.contains_key(&again)
            {
                self.counted.owed += 1;
                continue;
            }
            let delivered = tried.get(&event.seq).is_some_and(|tried| tried.delivered);
            self.counted.count += u64::from(self.only.takes(delivered));
        }
    }

    /// The command that all of it comes to.
    ///
    /// # Errors
    /// When there is no such webhook, or an end is an event that the log never had.
    pub fn command(self) -> Result<Command, Problem> {
        if self.found.is_none() {
            return Err(Refusal::UnknownWebhook.into());
        }
        for (name, end) in [("since", Some(self.since)), ("until", self.until)] {
            if let Some(End::Event(event)) = end
                && event.seq() > self.log.head
            {
                let detail = "names no event of this desk".to_owned();
                let error = FieldError { pointer: format!("#/{name}"), detail };
                return Err(Problem::fields(Code::BadField, vec![error]));
            }
        }
        let (after, to) = self.part;
        let range = ReplayRange { after, to, only: self.only, per_second: self.per_second };
        let Self { webhook: id, counted, dry_run, .. } = self;
        let command = Command::Replay { id, range, counted, dry_run };
        Ok(match self.once {
            Some((key, request)) => {
                Command::Idempotent(Idempotent { key, request, command: Box::new(command) })
            }
            None => command,
        })
    }
}

/// The place before one.
fn before(seq: Seq) -> Seq {
    Seq(seq.0.saturating_sub(1))
}

/// The replay that runs, as it stands.
pub(super) fn running(webhooks: &[(Webhook, Reader)]) -> Response {
    let Some((_, reader)) = webhooks.first() else {
        return Problem::from(Refusal::UnknownWebhook).into();
    };
    match &reader.replay.run {
        Some(run) => Response::data(200, view::RunView::new(run, reader.replay.pending)),
        None => Problem::from(Refusal::NoReplay).into(),
    }
}
