//! Domain refusals: the closed set of reasons for which the desk's rules forbid a command.

use crate::model::access::Access;
use crate::model::millis::Millis;

/// A domain refusal: the desk's rules forbid the command. Failures of its machinery are faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The caller's API key is unknown, revoked or has expired.
    Unauthorized,
    /// The caller's API key has no scope for the call.
    Forbidden(Access),
    UnknownKey,
    TooManyKeys,
    UnknownTicket,
    UnknownWebhook,
    UnknownDelivery,
    /// It never existed, or it is no longer kept.
    UnknownEvent,
    /// The webhook has no live secret with this id.
    UnknownSecret,
    TicketClosed,
    TooManyWebhooks,
    /// The webhook is paused or disabled.
    WebhookNotActive,
    /// The event is pending already, and others go before it.
    NotItsTurn,
    /// The webhook has as many waiting lanes as it may have.
    TooManyLanes,
    /// A replay of the webhook runs already.
    ReplayRunning,
    /// No replay of the webhook runs.
    NoReplay,
    TooManySecrets {
        next_ends_at: Millis,
    },
    /// It is the only secret that signs.
    LastSecret,
    /// The idempotency key was used for another call.
    KeyReused,
}
