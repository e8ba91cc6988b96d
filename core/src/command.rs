//! What goes into the desk.
//!
//! A command is already parsed: what it holds cannot be malformed, and whether it is allowed is for
//! [`decide`](crate::decide) to say. Time passing and an answer coming back are commands like any
//! other.

use crate::answer::Answer;
use crate::attempt::AttemptKey;
use crate::guard::CallbackUrl;
use crate::id::{TicketId, WebhookId};
use crate::moment::Millis;
use crate::schedule::RetrySchedule;
use crate::service::Availability;
use crate::sign::Secret;
use crate::ticket::TicketMessage;
use crate::webhook::Ordering;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    OpenTicket {
        message: TicketMessage,
    },
    UpdateTicket {
        id: TicketId,
        message: TicketMessage,
    },
    CloseTicket {
        id: TicketId,
    },
    Announce(Availability),
    Register(Registration),
    Unregister {
        id: WebhookId,
    },
    /// Tells every webhook that the desk can reach it.
    Ping,
    /// The end of a request.
    Report(Report),
    /// Time has passed: whatever is due goes.
    Wake,
}

/// A webhook to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    pub callback_url: CallbackUrl,
    pub ordering: Ordering,
    pub retry_schedule: RetrySchedule,
    /// Milliseconds, within [`Webhook::TIMEOUTS_MS`](crate::Webhook::TIMEOUTS_MS).
    pub timeout_ms: u32,
    /// Within [`Webhook::WINDOWS`](crate::Webhook::WINDOWS).
    pub max_in_flight: u32,
    /// Made of fresh chance that makes nothing else.
    pub secret: Secret,
}

/// What became of a [`Request`](crate::Request).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub key: AttemptKey,
    /// As the request said.
    pub sent_at: Millis,
    pub duration_ms: u64,
    pub answer: Answer,
}
