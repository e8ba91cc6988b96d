//! Commands: the input of the desk.
//!
//! A command is already parsed: its fields cannot be malformed, and [`decide`](crate::decide)
//! judges whether it is allowed. The passing of time and the end of a request are commands too.

use std::net::IpAddr;

use crate::delivery::answer::Answer;
use crate::delivery::replay::{ReplayCount, ReplayRange};
use crate::delivery::request::RequestKey;
use crate::guard::CallbackUrl;
use crate::model::api_key::KeySettings;
use crate::model::digest::Digest;
use crate::model::id::{EventId, KeyId, SecretId, TicketId, WebhookId};
use crate::model::millis::Millis;
use crate::model::partner::{Grant, Partner};
use crate::model::scope::Scopes;
use crate::model::service::Availability;
use crate::model::subscription::Subscription;
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
    /// Changes a webhook's settings, and gives it to a partner.
    HandOver {
        id: WebhookId,
        settings: Amendment,
        to: Handover,
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
    /// Appends a ping for one webhook.
    PingOne {
        id: WebhookId,
    },
    /// Appends a ping for every webhook.
    Ping,
    /// Sends an event to a webhook again.
    Resend {
        id: WebhookId,
        event: EventId,
    },
    /// Sends a range of the log to a webhook again.
    Replay {
        id: WebhookId,
        range: ReplayRange,
        /// The events in the range, as counted by the caller.
        counted: ReplayCount,
        /// Whether only the count is returned.
        dry_run: bool,
    },
    StopReplay {
        id: WebhookId,
    },
    /// Makes an API key.
    CreateKey(NewKey),
    /// Changes an API key's settings.
    AmendKey {
        id: KeyId,
        amendment: KeyAmendment,
    },
    /// Ends an API key.
    RevokeKey {
        id: KeyId,
    },
    /// Ends all keys of a partner, and unregisters all its webhooks.
    RemovePartner {
        partner: Partner,
    },
    /// Makes a link that signs a browser in once, as a partner.
    CreateLink(NewLink),
    /// Signs a browser in.
    SignIn(SignIn),
    /// Signs a browser out.
    SignOut {
        session: KeyId,
    },
    /// Ends all sessions and links of a partner.
    EndSessions {
        partner: Partner,
    },
    /// Notes when API keys were last used.
    NoteKeyUse {
        used: Vec<(KeyId, Millis)>,
    },
    /// Notes how many calls of each peer were refused for their keys; of further peers the number alone.
    NoteRefusedKeys {
        refused: Vec<(Option<IpAddr>, u64)>,
    },
    /// A caller's command with an idempotency key, carried out once however often it comes.
    Idempotent(Idempotent),
    /// The end of a request.
    Report(Report),
    /// Time has passed: requests that are due are sent.
    Wake,
    /// Time has passed: retention deletes events. The desk issues this itself, before all other
    /// commands of a batch.
    Retain,
}

impl Command {
    /// Whether a caller waits for its reply.
    pub(crate) fn is_of_caller(&self) -> bool {
        !matches!(self, Self::Report(_) | Self::Wake | Self::Retain)
    }

    /// The command's name, for logs and recordings.
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
            Self::HandOver { .. } => "hand_over",
            Self::Enable { .. } => "enable",
            Self::Rotate(_) => "rotate",
            Self::EndSecret { .. } => "end_secret",
            Self::PingOne { .. } => "ping_one",
            Self::Ping => "ping",
            Self::Resend { .. } => "resend",
            Self::Replay { .. } => "replay",
            Self::StopReplay { .. } => "stop_replay",
            Self::CreateKey(_) => "create_key",
            Self::AmendKey { .. } => "amend_key",
            Self::RevokeKey { .. } => "revoke_key",
            Self::RemovePartner { .. } => "remove_partner",
            Self::CreateLink(_) => "create_link",
            Self::SignIn(_) => "sign_in",
            Self::SignOut { .. } => "sign_out",
            Self::EndSessions { .. } => "end_sessions",
            Self::NoteKeyUse { .. } => "note_key_use",
            Self::NoteRefusedKeys { .. } => "note_refused_keys",
            Self::Idempotent(_) => "once",
            Self::Report(_) => "report",
            Self::Wake => "wake",
            Self::Retain => "retain",
        }
    }
}

/// A command with an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotent {
    /// The digest of the caller and its idempotency key.
    pub key: Digest,
    /// The digest of the request: another request with the same key is refused.
    pub request: Digest,
    pub command: Box<Command>,
}

/// A webhook to be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    pub callback_url: CallbackUrl,
    /// Made of random bytes that make nothing else, or supplied by the caller.
    pub secret: Secret,
    /// Settings other than the defaults.
    pub settings: Amendment,
    /// The partner whose webhook it is to be; a partner's own key names none.
    pub partner: Option<Partner>,
}

/// A change of hands: the operator's webhook becomes a partner's, and its secrets end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover {
    pub partner: Partner,
    /// Made of random bytes that make nothing else. Nobody is shown it: the partner rotates it.
    pub secret: Secret,
}

/// A new secret for a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    pub webhook: WebhookId,
    /// Made of random bytes that make nothing else, or supplied by the caller.
    pub secret: Secret,
    /// Milliseconds that the previous secret goes on signing.
    pub overlap_ms: u64,
}

/// An API key to be made. Its text is not part of it: only its caller ever has that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// The digest of its text.
    pub digest: Digest,
    /// The first characters of its text.
    pub prefix: String,
    pub settings: KeySettings,
}

/// A link to be made. Its text is not part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLink {
    /// The digest of its text.
    pub digest: Digest,
    /// The first characters of its text.
    pub prefix: String,
    /// What whoever follows it is granted.
    pub grant: Grant,
}

/// A browser that signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// The key or the link that it showed.
    pub shown: KeyId,
    /// The digest of its cookie's text.
    pub digest: Digest,
    /// The first characters of that text.
    pub prefix: String,
    /// The session that it had, which ends.
    pub replaced: Option<KeyId>,
}

/// A change of an API key's settings; those that are `None` stay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyAmendment {
    pub name: Option<Option<String>>,
    pub scopes: Option<Scopes>,
    pub events: Option<Subscription>,
    pub rate_limit: Option<Option<u32>>,
    pub expires_at: Option<Option<Millis>>,
}

/// The end of a [`Request`](crate::Request).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub key: RequestKey,
    pub duration_ms: u64,
    pub answer: Answer,
}
