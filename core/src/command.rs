//! What goes into the desk.
//!
//! A command is already parsed: what it holds cannot be malformed, and whether it is allowed is for
//! [`decide`](crate::decide) to say. Time passing and an answer coming back are commands like any
//! other.

use crate::answer::Answer;
use crate::attempt::AttemptKey;
use crate::guard::CallbackUrl;
use crate::id::{EventId, TicketId, WebhookId};
use crate::moment::Millis;
use crate::replay::{Count, Range};
use crate::service::Availability;
use crate::sign::Secret;
use crate::ticket::TicketMessage;
use crate::webhook::Amendment;

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
    /// Changes a webhook's settings.
    Amend {
        id: WebhookId,
        settings: Amendment,
    },
    /// Lifts `disabled`.
    Enable {
        id: WebhookId,
    },
    /// Tells one webhook that the desk can reach it.
    PingOne {
        id: WebhookId,
    },
    /// Tells every webhook that the desk can reach it.
    Ping,
    /// Sends an event to a webhook once more.
    Resend {
        id: WebhookId,
        event: EventId,
    },
    /// Sends a part of the log to a webhook once more.
    Replay {
        id: WebhookId,
        range: Range,
        /// What the part holds.
        counted: Count,
        /// Whether nothing but the count is wanted.
        dry_run: bool,
    },
    StopReplay {
        id: WebhookId,
    },
    /// The end of a request.
    Report(Report),
    /// Time has passed: whatever is due goes.
    Wake,
    /// Time has passed: whatever is too old or too much is let go. The desk says so to itself,
    /// before all else of a batch.
    Retain,
}

/// A webhook to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    pub callback_url: CallbackUrl,
    /// Made of fresh chance that makes nothing else, or brought along.
    pub secret: Secret,
    /// Settings other than the defaults.
    pub settings: Amendment,
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
