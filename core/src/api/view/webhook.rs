//! Views of a webhook: its settings, its secrets, and the state of its deliveries.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::api::view::Time;
use crate::delivery::owed::Sum;
use crate::delivery::reader::{Expired, Reader};
use crate::model::event::EventType;
use crate::model::id::{EventId, SecretId, WebhookId};
use crate::model::log::Log;
use crate::model::millis::Millis;
use crate::model::partner::Partner;
use crate::model::reach::Reach;
use crate::model::reason::Reason;
use crate::webhook::secrets::SigningSecret;
use crate::webhook::{Ordering, Webhook, WebhookStatus};

/// A webhook's settings, without its secret.
#[derive(Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub(in crate::api) struct WebhookView<'a> {
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
pub(in crate::api) struct SecretView {
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
pub(in crate::api) struct SecretText<'a> {
    pub secret: &'a str,
}

/// A webhook's settings and the state of its deliveries.
#[derive(Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub(in crate::api) struct StateView<'a> {
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
