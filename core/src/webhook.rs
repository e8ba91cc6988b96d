//! A registered callback URL and its settings.

use std::ops::RangeInclusive;

use crate::guard::CallbackUrl;
use crate::id::WebhookId;
use crate::moment::Millis;
use crate::reason::Reason;
use crate::schedule::RetrySchedule;
use crate::sign::Secret;
use crate::window;

/// What a webhook keeps in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ordering {
    /// The events of one ticket, and those of the service.
    #[default]
    Ticket,
    /// All events: strictly one after another.
    Webhook,
    /// Nothing: each event goes as soon as it can.
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookStatus {
    Active,
    /// Nothing is sent until somebody enables it again; all that it is owed is kept for it.
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
            Self::Disabled { .. } => "disabled",
        }
    }

    #[must_use]
    pub fn reason(self) -> Option<Reason> {
        match self {
            Self::Active => None,
            Self::Disabled { reason, .. } => Some(reason),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    pub id: WebhookId,
    pub callback_url: CallbackUrl,
    pub secret: Secret,
    pub ordering: Ordering,
    pub retry_schedule: RetrySchedule,
    /// Milliseconds that one request may take, connecting and reading the answer included.
    pub timeout_ms: u32,
    /// Requests in flight at the most.
    pub max_in_flight: u32,
    pub status: WebhookStatus,
    pub created_at: Millis,
    /// Grows by one with each change of this row.
    pub rev: u64,
}

impl Webhook {
    /// Webhooks of one desk at the most: every one is looked at at each turn, and its settings and
    /// reader stay in memory.
    pub const MOST: usize = 1_000;
    /// Milliseconds: how long Standard Webhooks advises a sender to wait (15 to 30 s), taken at its
    /// lower end because a receiver should answer first and work later.
    pub const TIMEOUT_MS: u32 = 15_000;
    /// Milliseconds: below a second a distant receiver never succeeds, and beyond half a minute a
    /// hanging one holds places that others could use.
    pub const TIMEOUTS_MS: RangeInclusive<u32> = 1_000..=30_000;
    /// A quarter of what the process sends at once: four webhooks can be busy at the same time.
    pub const MAX_IN_FLIGHT: u32 = 64;
    /// From one after another to all that a process sends at once.
    pub const WINDOWS: RangeInclusive<u32> = 1..=window::PER_PROCESS;

    #[must_use]
    pub fn is_active(&self) -> bool {
        match self.status {
            WebhookStatus::Active => true,
            WebhookStatus::Disabled { .. } => false,
        }
    }

    /// The webhook as it stands after a change of status.
    #[must_use]
    pub fn with_status(self, status: WebhookStatus) -> Self {
        Self { status, rev: self.rev + 1, ..self }
    }
}
