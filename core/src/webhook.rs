//! Webhooks: registered callback URLs and their settings.

pub(crate) mod extra_headers;
pub(crate) mod retry_schedule;
pub(crate) mod secrets;
pub(crate) mod sign;

use std::ops::RangeInclusive;

use crate::guard::CallbackUrl;
use crate::model::event::Event;
use crate::model::id::WebhookId;
use crate::model::millis::Millis;
use crate::model::partner::Partner;
use crate::model::reason::Reason;
use crate::model::subscription::Subscription;
use crate::model::text::named;
use crate::webhook::extra_headers::ExtraHeaders;
use crate::webhook::retry_schedule::RetrySchedule;
use crate::webhook::secrets::Secrets;
use serde::Serialize;

/// The scope within which a webhook's events are delivered in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub enum Ordering {
    /// The events of one ticket, and those of the service.
    #[default]
    Ticket,
    /// All events: strictly one after another.
    Webhook,
    /// Nothing: each event is delivered as soon as it can be.
    None,
}

impl Ordering {
    pub const ALL: [Self; 3] = [Self::Ticket, Self::Webhook, Self::None];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ticket => "ticket",
            Self::Webhook => "webhook",
            Self::None => "none",
        }
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ordering| ordering.name() == name)
    }
}

/// The status of a webhook; only an active one is sent anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "typescript",
    derive(tsify::Tsify),
    tsify(type = "\"active\" | \"paused\" | \"disabled\"")
)]
pub enum WebhookStatus {
    Active,
    /// Nothing is sent until it is set to active; its backlog is kept.
    Paused,
    /// Nothing is sent until it is enabled again; its backlog is kept.
    Disabled {
        reason: Reason,
        at: Millis,
    },
}

impl WebhookStatus {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Disabled { .. } => "disabled",
        }
    }

    /// The reason why it is not active.
    #[must_use]
    pub fn reason(self) -> Option<Reason> {
        match self {
            Self::Active => None,
            Self::Paused => Some(Reason::Paused),
            Self::Disabled { reason, .. } => Some(reason),
        }
    }
}

named!(WebhookStatus);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    pub id: WebhookId,
    /// The partner whose it is; none for the operator's own.
    pub partner: Option<Partner>,
    pub callback_url: CallbackUrl,
    pub secrets: Secrets,
    pub events: Subscription,
    pub ordering: Ordering,
    /// For people; nothing depends on it.
    pub description: Option<String>,
    pub headers: ExtraHeaders,
    /// Whether the partner set the headers itself, and may see them.
    pub partner_headers: bool,
    pub retry_schedule: RetrySchedule,
    /// Milliseconds that one request may take, connecting and reading the answer included.
    pub timeout_ms: u32,
    /// Requests in flight, at most.
    pub max_in_flight: u32,
    /// Requests a second, at most.
    pub rate_limit: Option<u32>,
    pub status: WebhookStatus,
    pub created_at: Millis,
    /// Grows by one with each change of this row.
    pub rev: u64,
}

/// A change of settings; those that are `None` stay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amendment {
    pub callback_url: Option<CallbackUrl>,
    pub events: Option<Subscription>,
    pub ordering: Option<Ordering>,
    pub description: Option<Option<String>>,
    pub headers: Option<ExtraHeaders>,
    pub retry_schedule: Option<RetrySchedule>,
    pub timeout_ms: Option<u32>,
    pub max_in_flight: Option<u32>,
    pub rate_limit: Option<Option<u32>>,
    pub paused: Option<bool>,
}

impl Webhook {
    /// Webhooks of one desk, at most: their settings and readers stay in memory.
    pub const MAX: usize = 10_000;
    /// Milliseconds: how long Standard Webhooks advises a sender to wait (15 to 30 s), taken at its
    /// lower end because a receiver should answer first and work later.
    pub const TIMEOUT_MS: u32 = 15_000;
    /// Milliseconds: below a second a distant receiver never succeeds, and beyond half a minute a
    /// hanging one holds connections that others could use.
    pub const TIMEOUTS_MS: RangeInclusive<u32> = 1_000..=30_000;
    /// A quarter of what the process sends at once: four webhooks can be busy at the same time.
    pub const MAX_IN_FLIGHT: u32 = 64;
    /// Bounds of `max_in_flight`, up to all that a process sends at once.
    pub const WINDOWS: RangeInclusive<u32> = 1..=256;
    /// Requests a second: above this a limit limits nothing that one process could send.
    pub const RATES: RangeInclusive<u32> = 1..=10_000;
    /// Bytes of a description.
    pub const MAX_DESCRIPTION: usize = 1_000;

    /// A webhook with default settings.
    #[must_use]
    pub fn new(id: WebhookId, callback_url: CallbackUrl, secrets: Secrets, at: Millis) -> Self {
        Self {
            id,
            partner: None,
            callback_url,
            secrets,
            events: Subscription::default(),
            ordering: Ordering::default(),
            description: None,
            headers: ExtraHeaders::default(),
            partner_headers: false,
            retry_schedule: RetrySchedule::default(),
            timeout_ms: Self::TIMEOUT_MS,
            max_in_flight: Self::MAX_IN_FLIGHT,
            rate_limit: None,
            status: WebhookStatus::Active,
            created_at: at,
            rev: 0,
        }
    }

    #[must_use]
    pub fn is_active(&self) -> bool {
        match self.status {
            WebhookStatus::Active => true,
            WebhookStatus::Paused | WebhookStatus::Disabled { .. } => false,
        }
    }

    /// Whether the event is delivered to this webhook: it is subscribed, or the event is for it.
    #[must_use]
    pub fn hears(&self, event: &Event) -> bool {
        match event.only_for {
            Some(webhook) => webhook == self.id,
            None => event.kind.is_for_all() || self.events.names(event.kind),
        }
    }

    /// The webhook with another status.
    #[must_use]
    pub fn with_status(self, status: WebhookStatus) -> Self {
        Self { status, rev: self.rev + 1, ..self }
    }

    /// The webhook with other secrets.
    #[must_use]
    pub fn with_secrets(self, secrets: Secrets) -> Self {
        Self { secrets, rev: self.rev + 1, ..self }
    }

    /// The webhook with other settings. `paused` is for webhooks that are not disabled.
    #[must_use]
    pub fn amended(self, amendment: &Amendment) -> Self {
        let Amendment {
            callback_url,
            events,
            ordering,
            description,
            headers,
            retry_schedule,
            timeout_ms,
            max_in_flight,
            rate_limit,
            paused,
        } = amendment.clone();
        Self {
            callback_url: callback_url.unwrap_or(self.callback_url),
            events: events.unwrap_or(self.events),
            ordering: ordering.unwrap_or(self.ordering),
            description: description.unwrap_or(self.description),
            headers: headers.unwrap_or(self.headers),
            retry_schedule: retry_schedule.unwrap_or(self.retry_schedule),
            timeout_ms: timeout_ms.unwrap_or(self.timeout_ms),
            max_in_flight: max_in_flight.unwrap_or(self.max_in_flight),
            rate_limit: rate_limit.unwrap_or(self.rate_limit),
            status: match paused {
                Some(true) => WebhookStatus::Paused,
                Some(false) => WebhookStatus::Active,
                None => self.status,
            },
            rev: self.rev + 1,
            ..self
        }
    }
}
