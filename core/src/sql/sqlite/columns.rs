//! The values of each table's rows, in the order in which they are asked for.

use crate::delivery::answer::Answer;
use crate::delivery::attempt::{Attempt, AttemptSummary};
use crate::delivery::lane::Lane;
use crate::delivery::ordering_key::OrderingKey;
use crate::delivery::reader::Reader;
use crate::model::event::{Event, EventType};
use crate::model::log::Log;
use crate::model::seq::Seq;
use crate::model::service::{Availability, Service};
use crate::model::ticket::{Ticket, TicketStatus};
use crate::sql::Value;
use crate::webhook::{Webhook, WebhookStatus};

pub(super) fn log(log: &Log) -> Vec<Value<'static>> {
    vec![
        log.head.0.into(),
        log.floor.0.into(),
        log.stamp.at.0.into(),
        u32::from(log.stamp.count).into(),
        json(log.tallies.counts()).into(),
    ]
}

pub(super) fn service(service: &Service) -> Vec<Value<'static>> {
    let available: u32 = match service.availability {
        Availability::Available => 1,
        Availability::Unavailable => 0,
    };
    vec![available.into(), service.since.map(|at| at.0).into()]
}

/// With the body, or what stands for it.
pub(super) fn event<'a>(event: &'a Event, body: &'a str) -> Vec<Value<'a>> {
    vec![
        event.seq.0.into(),
        event.id.to_string().into(),
        event.kind.name().into(),
        event.created.0.into(),
        event.topic.map(|topic| topic.to_string()).into(),
        event.version.into(),
        event.only_for.map(|id| id.to_string()).into(),
        body.into(),
    ]
}

pub(super) fn ticket(ticket: &Ticket) -> Vec<Value<'_>> {
    let closed_at = match ticket.status {
        TicketStatus::Open => None,
        TicketStatus::Closed { at } => Some(at.0),
    };
    vec![
        ticket.id.to_string().into(),
        ticket.message.as_str().into(),
        ticket.opened_at.0.into(),
        ticket.updated_at.0.into(),
        closed_at.into(),
        ticket.version.into(),
    ]
}

/// A webhook's columns and then its reader's, which leave out whose reader it is.
pub(super) fn row((of, reader_of): &(Webhook, Reader)) -> Vec<Value<'_>> {
    let mut values = webhook(of);
    values.extend(reader(reader_of));
    values
}

pub(super) fn webhook(webhook: &Webhook) -> Vec<Value<'_>> {
    let (paused, disabled_for, disabled_at) = match webhook.status {
        WebhookStatus::Active => (0_u32, None, None),
        WebhookStatus::Paused => (1, None, None),
        WebhookStatus::Disabled { reason, at } => (0, Some(reason.name()), Some(at.0)),
    };
    let events: Vec<&str> = webhook.events.types().map(EventType::name).collect();
    vec![
        webhook.id.to_string().into(),
        webhook.callback_url.as_str().into(),
        webhook.secrets.to_json().into(),
        json(&events).into(),
        webhook.ordering.name().into(),
        webhook.description.as_deref().into(),
        json(webhook.headers.as_slice()).into(),
        json(webhook.retry_schedule.waits_s()).into(),
        webhook.timeout_ms.into(),
        webhook.max_in_flight.into(),
        webhook.rate_limit.into(),
        paused.into(),
        disabled_for.into(),
        disabled_at.into(),
        webhook.created_at.0.into(),
        webhook.rev.into(),
    ]
}

/// All but whose reader it is.
pub(super) fn reader(reader: &Reader) -> Vec<Value<'static>> {
    let ordering_keys: Vec<String> =
        reader.health.ordering_keys.iter().map(OrderingKey::to_string).collect();
    vec![
        reader.read_to.0.into(),
        json(reader.tallies.counts()).into(),
        reader.targeted.into(),
        reader.ordering.name().into(),
        json(&reader.sending).into(),
        reader.holder.map(|holder| holder.to_string()).into(),
        reader.window.size.into(),
        reader.window.steep_to.into(),
        reader.window.answers.into(),
        u32::from(reader.window.trouble).into(),
        reader.health.failed.into(),
        json(&ordering_keys).into(),
        reader.health.failing_since.map(|at| at.0).into(),
        reader.health.down.map(|down| down.probes).into(),
        reader.health.down.map(|down| down.next_probe.0).into(),
        reader.not_before.0.into(),
        reader.rate_from_us.into(),
        reader.pending.into(),
        reader.waiting.into(),
        json(&reader.replay).into(),
        json(&reader.owed).into(),
        reader.expired.as_ref().map(json).into(),
        reader.rev.into(),
    ]
}

pub(super) fn lane(lane: &Lane) -> Vec<Value<'static>> {
    vec![
        lane.webhook.to_string().into(),
        lane.ordering_key.to_string().into(),
        lane.head.0.into(),
        lane.number.into(),
        lane.step.into(),
        lane.due.0.into(),
        lane.last_queued.map(|seq| seq.0).into(),
        lane.why.name().into(),
    ]
}

pub(super) fn attempt(attempt: &Attempt) -> Vec<Value<'_>> {
    let (status, failure, excerpt) = match &attempt.answer {
        Answer::Status { status, retry_after: _, excerpt } => {
            (Some(u32::from(*status)), None, Some(excerpt.as_str()))
        }
        Answer::Failure(failure) => (None, Some(failure.name()), None),
    };
    vec![
        attempt.key.seq.0.into(),
        attempt.key.webhook.to_string().into(),
        attempt.key.number.into(),
        attempt.at.0.into(),
        attempt.duration_ms.into(),
        status.into(),
        failure.into(),
        excerpt.into(),
        attempt.reason.name().into(),
        attempt.next_attempt_at.map(|at| at.0).into(),
    ]
}

pub(super) fn tried((seq, tried): &(Seq, AttemptSummary)) -> Vec<Value<'static>> {
    vec![seq.0.into(), tried.number.into(), u32::from(tried.delivered).into()]
}

fn json<T: serde::Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("lists of numbers and texts always have a JSON form")
}
