//! What goes into the desk.
//!
//! A command is already parsed: what it holds cannot be malformed, and whether it is allowed is for
//! [`decide`](crate::decide) to say. Time passing and an answer coming back are commands like any
//! other.

use crate::delivery::answer::Answer;
use crate::delivery::replay::{ReplayCount, ReplayRange};
use crate::delivery::request::RequestKey;
use crate::guard::CallbackUrl;
use crate::model::digest::Digest;
use crate::model::id::{EventId, SecretId, TicketId, WebhookId};
use crate::model::service::Availability;
use crate::model::ticket::TicketMessage;
use crate::webhook::Amendment;
use crate::webhook::sign::Secret;

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
    /// Gives a webhook another secret.
    Rotate(Rotation),
    /// Ends one of a webhook's secrets before its time.
    EndSecret {
        webhook: WebhookId,
        secret: SecretId,
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
        range: ReplayRange,
        /// What the part holds.
        counted: ReplayCount,
        /// Whether nothing but the count is wanted.
        dry_run: bool,
    },
    StopReplay {
        id: WebhookId,
    },
    /// A caller's command, which is carried out once however often it comes.
    Idempotent(Idempotent),
    /// The end of a request.
    Report(Report),
    /// Time has passed: whatever is due goes.
    Wake,
    /// Time has passed: whatever is too old or too much is let go. The desk says so to itself,
    /// before all else of a batch.
    Retain,
}

impl Command {
    /// The command in a word.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::OpenTicket { .. } => "open_ticket",
            Self::UpdateTicket { .. } => "update_ticket",
            Self::CloseTicket { .. } => "close_ticket",
            Self::Announce(_) => "announce",
            Self::Register(_) => "register",
            Self::Unregister { .. } => "unregister",
            Self::Amend { .. } => "amend",
            Self::Enable { .. } => "enable",
            Self::Rotate(_) => "rotate",
            Self::EndSecret { .. } => "end_secret",
            Self::PingOne { .. } => "ping_one",
            Self::Ping => "ping",
            Self::Resend { .. } => "resend",
            Self::Replay { .. } => "replay",
            Self::StopReplay { .. } => "stop_replay",
            Self::Idempotent(_) => "once",
            Self::Report(_) => "report",
            Self::Wake => "wake",
            Self::Retain => "retain",
        }
    }
}

/// A command with a key, by which its repetitions are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotent {
    /// Of the caller and the key that it chose.
    pub key: Digest,
    /// Of all that makes the call what it is: another call under the key is refused.
    pub request: Digest,
    pub command: Box<Command>,
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

/// Another secret for a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    pub webhook: WebhookId,
    /// Made of fresh chance that makes nothing else, or brought along.
    pub secret: Secret,
    /// How long the one before it goes on signing.
    pub overlap_ms: u64,
}

/// What became of a [`Request`](crate::Request).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub key: RequestKey,
    pub duration_ms: u64,
    pub answer: Answer,
}
