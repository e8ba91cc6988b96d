//! Views of deliveries: events, their attempts, and replays.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::api::view::Time;
use crate::delivery::answer::{Answer, Failure};
use crate::delivery::attempt::Attempt;
use crate::delivery::replay::{ReplayCount, ReplayFilter, ReplayRun};
use crate::delivery::state::{Delivery, DeliveryState};
use crate::model::event::{Event, EventType, Topic};
use crate::model::id::{EventId, TicketId, WebhookId};
use crate::model::reach::Reach;
use crate::model::reason::Reason;

/// The events that a replay sends again, and those that it leaves out as they are pending anyway.
#[derive(Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub(in crate::api) struct CountView {
    count: u64,
    owed: u64,
}

impl From<ReplayCount> for CountView {
    fn from(counted: ReplayCount) -> Self {
        Self { count: counted.count, owed: counted.owed }
    }
}

/// A running replay.
#[derive(Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub(in crate::api) struct RunView {
    #[serde(flatten)]
    counted: CountView,
    only: ReplayFilter,
    per_second: Option<u32>,
    started_at: Time,
    /// Events that it has sent, answered or not.
    sent: u64,
    /// Those of them, and of those that wait behind them, that are not settled.
    pending: u64,
}

impl RunView {
    pub fn new(run: &ReplayRun, pending: u64) -> Self {
        Self {
            counted: run.counted.into(),
            only: run.range.only,
            per_second: run.range.per_second,
            started_at: Time(run.started_at),
            sent: run.sent,
            pending,
        }
    }
}

/// The state of an event's delivery to a webhook.
#[derive(Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub(in crate::api) struct DeliveryView {
    event_id: EventId,
    event: EventType,
    state: DeliveryState,
    attempts: u32,
    next_attempt_at: Option<Time>,
    reason: Option<Reason>,
}

impl From<&Delivery<'_>> for DeliveryView {
    fn from(delivery: &Delivery<'_>) -> Self {
        Self {
            event_id: delivery.event.id,
            event: delivery.event.kind,
            state: delivery.state,
            attempts: delivery.attempts,
            next_attempt_at: delivery.next_attempt_at.map(Time),
            reason: delivery.reason,
        }
    }
}

/// A request for an event, with its response and the consequence.
#[derive(Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub(in crate::api) struct AttemptView<'a> {
    number: u32,
    at: Time,
    duration_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    response_excerpt: Option<&'a str>,
    reason: Reason,
    next_attempt_at: Option<Time>,
}

impl<'a> AttemptView<'a> {
    /// A partner is not told whether a name led to a forbidden address or nowhere.
    pub fn shown_to(reach: &Reach, attempt: &'a Attempt) -> Self {
        let (status, failure, response_excerpt) = match &attempt.answer {
            Answer::Status { status, retry_after: _, excerpt } => {
                (Some(*status), None, Some(excerpt.as_str()))
            }
            Answer::Failure(Failure::Blocked) if reach.partner().is_some() => {
                (None, Some(Failure::Dns), None)
            }
            Answer::Failure(failure) => (None, Some(*failure), None),
        };
        Self {
            number: attempt.key.number,
            at: Time(attempt.at),
            duration_ms: attempt.duration_ms,
            status,
            failure,
            response_excerpt,
            reason: attempt.reason,
            next_attempt_at: attempt.next_attempt_at.map(Time),
        }
    }
}

/// An event, with its data as receivers get it, to the byte.
#[derive(Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub(in crate::api) struct EventView<'a> {
    id: EventId,
    event: EventType,
    created: Time,
    #[cfg_attr(feature = "typescript", tsify(type = "unknown"))]
    data: &'a RawValue,
    ticket_id: Option<TicketId>,
    ticket_version: Option<u32>,
    /// The only webhook that it is for.
    webhook_id: Option<WebhookId>,
}

impl<'a> From<&'a Event> for EventView<'a> {
    fn from(event: &'a Event) -> Self {
        #[derive(Deserialize)]
        struct Body<'a> {
            #[serde(borrow)]
            data: &'a RawValue,
        }
        let body: Body<'a> = serde_json::from_str(&event.body)
            .expect("a body was rendered here, or checked when its row was read");
        Self {
            id: event.id,
            event: event.kind,
            created: Time(event.created),
            data: body.data,
            ticket_id: match event.topic {
                Some(Topic::Ticket(id)) => Some(id),
                Some(Topic::Service | Topic::Webhook(_)) | None => None,
            },
            ticket_version: event.version,
            webhook_id: event.only_for,
        }
    }
}
