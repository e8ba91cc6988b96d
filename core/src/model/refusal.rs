//! Domain refusals: the closed set of reasons for which the desk's rules forbid a command.

use crate::model::millis::Millis;

/// The desk's no: its rules, not its machinery, forbid it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    UnknownTicket,
    UnknownWebhook,
    UnknownDelivery,
    /// It never was, or it is no longer kept.
    UnknownEvent,
    /// The webhook has no live secret with this id.
    UnknownSecret,
    TicketClosed,
    TooManyWebhooks,
    /// It is paused or disabled.
    WebhookNotActive,
    /// The event is owed already, and others go before it.
    NotItsTurn,
    /// As much waits for the webhook as may.
    TooManyLanes,
    /// One replay of the webhook runs already.
    ReplayRunning,
    /// No replay of the webhook runs.
    NoReplay,
    TooManySecrets {
        next_ends_at: Millis,
    },
    /// Without it nothing could be signed.
    LastSecret,
    /// The idempotency key belongs to another call.
    KeyReused,
}
