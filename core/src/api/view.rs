//! Views: the JSON documents of responses, with their fields in order.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::delivery::answer::{Answer, Failure};
use crate::delivery::attempt::Attempt;
use crate::delivery::owed::Sum;
use crate::delivery::reader::{Expired, Reader};
use crate::delivery::replay::{ReplayCount, ReplayFilter, ReplayRun};
use crate::delivery::state::{Delivery, DeliveryState};
use crate::model::api_key::ApiKey;
use crate::model::event::{Event, EventType, Topic};
use crate::model::id::{EventId, KeyId, SecretId, TicketId, WebhookId};
use crate::model::log::Log;
use crate::model::millis::Millis;
use crate::model::partner::{Partner, PartnerCounts};
use crate::model::reach::Reach;
use crate::model::reason::Reason;
use crate::model::scope::Scope;
use crate::model::service::{Availability, Service};
use crate::model::ticket::{Ticket, TicketStatus};
use crate::webhook::secrets::SigningSecret;
use crate::webhook::{Ordering, Webhook, WebhookStatus};

#[derive(Serialize)]
pub(super) struct Data<T> {
    pub data: T,
}

#[derive(Serialize)]
pub(super) struct Named<T> {
    pub id: T,
}

#[derive(Serialize)]
pub(super) struct Empty {}

#[derive(Serialize)]
pub(super) struct Health {
    pub status: &'static str,
    /// Only said of a host that sends nothing.
    #[serde(skip_serializing_if = "<&bool as std::ops::Not>::not")]
    pub paused: bool,
}

/// A time in RFC 3339 with milliseconds.
#[cfg_attr(feature = "typescript", derive(tsify::Tsify), tsify(type = "string"))]
pub(super) struct Time(pub Millis);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.rfc3339())
    }
}

/// A ticket.
#[derive(Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub(super) struct TicketView<'a> {
    id: TicketId,
    ticket_message: &'a str,
    status: TicketStatus,
    opened_at: Time,
    updated_at: Time,
    closed_at: Option<Time>,
    version: u32,
}

impl<'a> From<&'a Ticket> for TicketView<'a> {
    fn from(ticket: &'a Ticket) -> Self {
        Self {
            id: ticket.id,
            ticket_message: ticket.message.as_str(),
            status: ticket.status,
            opened_at: Time(ticket.opened_at),
            updated_at: Time(ticket.updated_at),
            closed_at: match ticket.status {
                TicketStatus::Open => None,
                TicketStatus::Closed { at } => Some(Time(at)),
            },
            version: ticket.version,
        }
    }
}

/// A webhook's settings, without its secret.
#[derive(Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub(super) struct WebhookView<'a> {
    id: WebhookId,
    /// The partner whose it is; none for the operator's own.
    partner: Option<Partner>,
    callback_url: &'a str,
    status: WebhookStatus,
    /// Why its events are not all sent at once.
    reason: Option<Reason>,
    events: Vec<EventType>,
    ordering: Ordering,
    description: Option<&'a str>,
    /// A value is null for a caller that may not see it.
    headers: BTreeMap<&'a str, Option<&'a str>>,
    /// Seconds before each retry.
    retry_schedule: &'a [u32],
    timeout_ms: u32,
    max_in_flight: u32,
    /// Requests per second.
    rate_limit: Option<u32>,
    created_at: Time,
}

impl<'a> WebhookView<'a> {
    pub fn shown_to(reach: &Reach, webhook: &'a Webhook) -> Self {
        Self::new(webhook, reach.shows_headers(webhook.partner_headers))
    }

    pub fn new(webhook: &'a Webhook, shows_headers: bool) -> Self {
        let header = |(name, value): &'a (String, String)| {
            (name.as_str(), shows_headers.then_some(value.as_str()))
        };
        Self {
            id: webhook.id,
            partner: webhook.partner,
            callback_url: webhook.callback_url.as_str(),
            status: webhook.status,
            reason: webhook.status.reason(),
            events: webhook.events.types().collect(),
            ordering: webhook.ordering,
            description: webhook.description.as_deref(),
            headers: webhook.headers.as_slice().iter().map(header).collect(),
            retry_schedule: webhook.retry_schedule.waits_s(),
            timeout_ms: webhook.timeout_ms,
            max_in_flight: webhook.max_in_flight,
            rate_limit: webhook.rate_limit,
            created_at: Time(webhook.created_at),
        }
    }
}

/// A secret's name and times, without its text.
#[derive(Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub(super) struct SecretView {
    id: SecretId,
    created_at: Time,
    ends_at: Option<Time>,
}

impl From<&SigningSecret> for SecretView {
    fn from(secret: &SigningSecret) -> Self {
        let SigningSecret { id, secret: _, created_at, ends_at } = secret;
        Self { id: *id, created_at: Time(*created_at), ends_at: ends_at.map(Time) }
    }
}

/// A secret's text, which only registration and rotation show.
#[derive(Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub(super) struct SecretText<'a> {
    pub secret: &'a str,
}

/// A webhook's settings and the state of its deliveries.
#[derive(Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub(super) struct StateView<'a> {
    #[serde(flatten)]
    webhook: WebhookView<'a>,
    health: HealthView,
    failing_since: Option<Time>,
    next_probe_at: Option<Time>,
    /// Events that are still to be delivered.
    backlog: u64,
    in_flight: u32,
    /// Requests that may be in flight at this time.
    window: u32,
    waiting_lanes: u32,
    /// All events that it was to be sent so far.
    owed: OwedView,
    /// Those of them that expired before they were delivered.
    expired: Option<Expired>,
}

/// Whether a receiver accepts deliveries.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
enum HealthView {
    Healthy,
    Down,
}

/// All events that a webhook was to be sent so far, as a count and a digest.
#[derive(Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
struct OwedView {
    count: u64,
    digest: Sum,
    after: Option<EventId>,
    through: Option<EventId>,
}

impl<'a> StateView<'a> {
    /// The state of `webhook`, of which `shown` is shown.
    pub fn new(
        shown: WebhookView<'a>,
        (webhook, reader): (&Webhook, &Reader),
        log: &Log,
        now: Millis,
    ) -> Self {
        let down = reader.health.down;
        Self {
            webhook: WebhookView { reason: reader.holds_back(webhook, now), ..shown },
            health: if down.is_some() { HealthView::Down } else { HealthView::Healthy },
            failing_since: reader.health.failing_since.map(Time),
            next_probe_at: down.map(|down| Time(down.next_probe)),
            backlog: reader.backlog(webhook, log),
            in_flight: reader.in_flight(),
            window: reader.window.size.min(webhook.max_in_flight),
            waiting_lanes: reader.waiting,
            owed: OwedView {
                count: reader.owed.count,
                digest: reader.owed.digest,
                after: reader.owed.after,
                through: reader.owed.through,
            },
            expired: reader.expired,
        }
    }
}

/// The events that a replay sends again, and those that it leaves out as they are pending anyway.
#[derive(Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub(super) struct CountView {
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
pub(super) struct RunView {
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
pub(super) struct DeliveryView {
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
pub(super) struct AttemptView<'a> {
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
pub(super) struct EventView<'a> {
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

/// An API key, without its text.
#[derive(Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub(super) struct KeyView<'a> {
    id: String,
    /// The first characters of its text, by which people recognize it.
    prefix: Option<&'a str>,
    name: Option<&'a str>,
    scopes: Vec<Scope>,
    /// The partner whose webhooks alone it reaches.
    partner: Option<Partner>,
    /// The event types that this partner may be told of.
    events: Option<Vec<EventType>>,
    /// Calls per second.
    rate_limit: Option<u32>,
    created_at: Option<Time>,
    expires_at: Option<Time>,
    /// To the minute.
    last_used_at: Option<Time>,
}

impl KeyView<'static> {
    /// The key that the host is configured with, of which there is no row.
    pub fn binding(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            prefix: None,
            name: None,
            scopes: vec![Scope::Admin],
            partner: None,
            events: None,
            rate_limit: None,
            created_at: None,
            expires_at: None,
            last_used_at: None,
        }
    }
}

impl<'a> From<&'a ApiKey> for KeyView<'a> {
    fn from(key: &'a ApiKey) -> Self {
        Self {
            id: key.id.to_string(),
            prefix: Some(&key.prefix),
            name: key.settings.name.as_deref(),
            scopes: key.settings.scopes.iter().collect(),
            partner: key.settings.partner(),
            events: granted(key),
            rate_limit: key.settings.rate_limit,
            created_at: Some(Time(key.created_at)),
            expires_at: key.settings.expires_at.map(Time),
            last_used_at: key.last_used_at.map(Time),
        }
    }
}

/// An API key's text, which only the response to its making shows.
#[derive(Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub(super) struct KeySecret<'a> {
    pub key: &'a str,
}

/// Who the caller is, and what it may do.
#[derive(Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub(super) struct CallerView<'a> {
    /// `key`, `binding`, `command_line`, or `anyone` on a desk that asks for no key.
    caller: &'static str,
    id: Option<KeyId>,
    name: Option<&'a str>,
    scopes: Vec<Scope>,
    /// The partner whose webhooks alone it reaches.
    partner: Option<Partner>,
    /// The event types that this partner may be told of.
    events: Option<Vec<EventType>>,
    expires_at: Option<Time>,
}

impl CallerView<'static> {
    /// A caller without a row, which may do everything.
    pub fn unnamed(caller: &'static str) -> Self {
        Self {
            caller,
            id: None,
            name: None,
            scopes: vec![Scope::Admin],
            partner: None,
            events: None,
            expires_at: None,
        }
    }
}

impl<'a> CallerView<'a> {
    pub fn key(key: &'a ApiKey) -> Self {
        Self {
            caller: "key",
            id: Some(key.id),
            name: key.settings.name.as_deref(),
            scopes: key.settings.scopes.iter().collect(),
            partner: key.settings.partner(),
            events: granted(key),
            expires_at: key.settings.expires_at.map(Time),
        }
    }
}

fn granted(key: &ApiKey) -> Option<Vec<EventType>> {
    key.settings.grant.as_ref().map(|grant| grant.events.types().collect())
}

/// A partner, and how much of the desk is its own.
#[derive(Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub(super) struct PartnerView {
    partner: Partner,
    webhooks: u64,
    keys: u64,
}

impl From<&PartnerCounts> for PartnerView {
    fn from(counts: &PartnerCounts) -> Self {
        let PartnerCounts { partner, webhooks, keys } = *counts;
        Self { partner, webhooks, keys }
    }
}

/// A list in one response.
#[derive(Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify), tsify(rename = "ListPage"))]
pub(super) struct Page<T, C> {
    pub data: Vec<T>,
    /// The cursor of the next page.
    pub next: Option<C>,
}

/// Whether the service that tickets are about is available.
#[derive(Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub(super) struct ServiceView {
    available: bool,
    since: Option<Time>,
}

impl From<&Service> for ServiceView {
    fn from(service: &Service) -> Self {
        let available = match service.availability {
            Availability::Available => true,
            Availability::Unavailable => false,
        };
        Self { available, since: service.since.map(Time) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Code;

    fn are_named<T: Serialize + Copy>(all: &[T], name: impl Fn(T) -> &'static str) {
        for of in all {
            assert_eq!(serde_json::to_value(of).unwrap(), name(*of));
        }
    }

    #[test]
    fn closed_sets_have_their_names_in_json() {
        are_named(&EventType::ALL, EventType::name);
        are_named(&Reason::ALL, Reason::name);
        are_named(&Failure::ALL, Failure::name);
        are_named(&Ordering::ALL, Ordering::name);
        are_named(&Scope::ALL, Scope::name);
        are_named(&ReplayFilter::ALL, ReplayFilter::name);
        are_named(&DeliveryState::ALL, DeliveryState::name);
        are_named(&[Code::BadJson, Code::NotItsTurn, Code::IdempotencyKeyReused], Code::name);
    }

    #[cfg(feature = "typescript")]
    #[test]
    fn statuses_are_declared_by_their_names() {
        use tsify::Tsify;

        let reason = Reason::Gone;
        let declared = |names: &[&str]| {
            let union: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
            format!("= {};", union.join(" | "))
        };
        let at = Millis(1);
        let statuses = [TicketStatus::Open, TicketStatus::Closed { at }].map(TicketStatus::name);
        assert!(TicketStatus::DECL.ends_with(&declared(&statuses)), "{}", TicketStatus::DECL);
        let disabled = WebhookStatus::Disabled { reason, at };
        let statuses = [WebhookStatus::Active, WebhookStatus::Paused, disabled];
        let statuses = statuses.map(WebhookStatus::name);
        assert!(WebhookStatus::DECL.ends_with(&declared(&statuses)), "{}", WebhookStatus::DECL);
    }
}
