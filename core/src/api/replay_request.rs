//! Replay requests: a caller names a range of the log, whose events are counted, page by page,
//! before the replay is decided.

use std::collections::HashMap;

use crate::api::body::Fields;
use crate::api::problem::Problem;
use crate::api::{Call, Code, FieldError, Response, authorization, view};
use crate::delivery::attempt::AttemptSummary;
use crate::delivery::lane::Lane;
use crate::delivery::ordering_key::OrderingKey;
use crate::delivery::reader::Reader;
use crate::delivery::replay::{ReplayCount, ReplayFilter, ReplayRange};
use crate::engine::command::{Command, Idempotent};
use crate::engine::store::Rows;
use crate::model::caller::Authorization;
use crate::model::digest::Digest;
use crate::model::event::Event;
use crate::model::id::{EventId, WebhookId};
use crate::model::log::Log;
use crate::model::millis::Millis;
use crate::model::refusal::Refusal;
use crate::model::seq::Seq;
use crate::webhook::Webhook;

/// An end of a range of the log: an event, or a time of creation.
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

/// A replay as requested. Its events are [counted](ReplayRequest::count) before it is decided.
#[derive(Clone, Debug)]
pub struct ReplayRequest {
    webhook: WebhookId,
    since: End,
    until: Option<End>,
    only: ReplayFilter,
    per_second: Option<u32>,
    dry_run: bool,
    /// The digests of the call's idempotency key and of the call.
    idempotency: Option<(Digest, Digest)>,
    authorization: Option<Authorization>,
}

impl ReplayRequest {
    /// Rows that are loaded at once: events come without their bodies.
    const PAGE: u32 = 1_000;
    const FIELDS: [&str; 5] = ["dry_run", "only", "per_second", "since", "until"];

    pub(super) fn take(call: &Call<'_>, webhook: WebhookId) -> Result<Self, Problem> {
        let mut fields = Fields::of(call, &Self::FIELDS)?;
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
        Ok(Self {
            webhook,
            since,
            until,
            only,
            per_second,
            dry_run,
            idempotency: None,
            authorization: None,
        })
    }

    pub(super) fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    pub(super) fn under_key(self, idempotency: Option<(Digest, Digest)>) -> Self {
        Self { idempotency, ..self }
    }

    pub(super) fn by(self, authorization: Option<Authorization>) -> Self {
        Self { authorization, ..self }
    }

    /// Counts the events of the range, and returns the command to decide; a [`Problem`] when the
    /// caller may not replay, when there is no such webhook, or when an end is an event that the log
    /// never had. All rows are to be as of one moment.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn count<R: Rows + ?Sized>(
        self,
        rows: &mut R,
        now: Millis,
    ) -> Result<Result<Command, Problem>, R::Fault> {
        let reach = match authorization::judge_over(self.authorization, rows, now)? {
            Ok(reach) => reach,
            Err(refusal) => return Ok(Err(refusal.into())),
        };
        let Some((webhook, reader)) = authorization::reached(rows, &reach, self.webhook)? else {
            return Ok(Err(Refusal::UnknownWebhook.into()));
        };
        let log = rows.log()?;
        if let Err(problem) = self.check_ends(&log) {
            return Ok(Err(problem));
        }
        let (after, to) = self.range(rows, &log)?;
        let mut counted = ReplayCount::default();
        if after < to {
            let lanes = all_lanes(rows, &reader)?;
            let mut before = to.next();
            while before > after.next() {
                let page = rows.events_before(Some(before), Self::PAGE)?;
                let inside = |event: &Event| event.seq > after;
                let events: Vec<Event> = page.into_iter().filter(inside).collect();
                let (Some(newest), Some(oldest)) = (events.first(), events.last()) else { break };
                let summaries = rows.attempt_summaries(self.webhook, oldest.seq, newest.seq)?;
                let summaries: HashMap<Seq, AttemptSummary> = summaries.into_iter().collect();
                before = oldest.seq;
                for event in events {
                    self.count_event(&event, (&webhook, &reader), &lanes, &summaries, &mut counted);
                }
            }
        }
        let range = ReplayRange { after, to, only: self.only, per_second: self.per_second };
        Ok(Ok(self.command(range, counted)))
    }

    fn check_ends(&self, log: &Log) -> Result<(), Problem> {
        for (name, end) in [("since", Some(self.since)), ("until", self.until)] {
            if let Some(End::Event(event)) = end
                && event.seq() > log.head
            {
                let detail = "names no event of this desk".to_owned();
                let error = FieldError { pointer: format!("#/{name}"), detail };
                return Err(Problem::fields(Code::BadField, vec![error]));
            }
        }
        Ok(())
    }

    /// The position before the first event of the range, and that of the last one.
    fn range<R: Rows + ?Sized>(&self, rows: &mut R, log: &Log) -> Result<(Seq, Seq), R::Fault> {
        let after = match self.since {
            End::Event(event) => previous(event.seq()),
            End::Time(at) => rows.created_from(at)?.map_or(log.head, previous),
        };
        let to = match self.until {
            None => log.head,
            Some(End::Event(event)) => event.seq(),
            Some(End::Time(at)) => rows.created_from(at.plus(1))?.map_or(log.head, previous),
        };
        Ok((after.min(log.head).max(log.floor), to.min(log.head)))
    }

    /// Counts one event, by the rule of the replay itself.
    fn count_event(
        &self,
        event: &Event,
        (webhook, reader): (&Webhook, &Reader),
        lanes: &HashMap<OrderingKey, Lane>,
        summaries: &HashMap<Seq, AttemptSummary>,
        counted: &mut ReplayCount,
    ) {
        if !(webhook.hears(event) && webhook.id.is_older_than(event.id)) {
            return;
        }
        let lane = lanes.get(&OrderingKey::of(event, reader.ordering));
        if reader.owes(event, reader.read_to, lane)
            || reader.sending.iter().any(|slot| slot.seq == event.seq)
            || lanes.contains_key(&OrderingKey::Resend(event.seq))
        {
            counted.owed += 1;
            return;
        }
        let delivered = summaries.get(&event.seq).is_some_and(|attempts| attempts.delivered);
        counted.count += u64::from(self.only.takes(delivered));
    }

    fn command(self, range: ReplayRange, counted: ReplayCount) -> Command {
        let command = Command::Replay { id: self.webhook, range, counted, dry_run: self.dry_run };
        match self.idempotency {
            Some((key, request)) => {
                Command::Idempotent(Idempotent { key, request, command: Box::new(command) })
            }
            None => command,
        }
    }
}

/// All waiting lanes of a webhook, by their ordering keys.
fn all_lanes<R: Rows + ?Sized>(
    rows: &mut R,
    reader: &Reader,
) -> Result<HashMap<OrderingKey, Lane>, R::Fault> {
    let mut lanes = HashMap::new();
    let mut after = None;
    let mut goes_on = reader.waiting > 0;
    while goes_on {
        let page = rows.lanes(reader.webhook, after, ReplayRequest::PAGE)?;
        after = page.last().map(Lane::turn);
        goes_on = page.len() == ReplayRequest::PAGE as usize;
        lanes.extend(page.into_iter().map(|lane| (lane.ordering_key, lane)));
    }
    Ok(lanes)
}

/// The position before `seq`.
fn previous(seq: Seq) -> Seq {
    Seq(seq.0.saturating_sub(1))
}

/// The response for a running replay.
pub(super) fn running(found: Option<&(Webhook, Reader)>) -> Response {
    let Some((_, reader)) = found else {
        return Problem::from(Refusal::UnknownWebhook).into();
    };
    match &reader.replay.run {
        Some(run) => Response::data(200, view::RunView::new(run, reader.replay.pending)),
        None => Problem::from(Refusal::NoReplay).into(),
    }
}
