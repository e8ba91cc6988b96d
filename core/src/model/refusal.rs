//! Domain refusals: the closed set of reasons for which the desk's rules forbid a command.

use crate::model::access::Access;
use crate::model::event::EventType;
use crate::model::millis::Millis;

/// A domain refusal: the desk's rules forbid the command. Failures of its machinery are faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The caller's API key is unknown, revoked or has expired.
    Unauthorized,
    /// The caller's API key has no scope for the call.
    Forbidden(Access),
    /// A partner's key called a route that is about more than single webhooks.
    NotForPartners,
    /// A partner's key may have no other scopes than those for reading and for webhooks.
    NotForPartnerKeys,
    /// The key has no partner to whom events could be granted.
    NotAPartnersKey,
    /// A partner's key sets the partner of what it registers by itself.
    PartnerIsTheCaller,
    /// Only an administrator gives a webhook to a partner.
    AdminGivesPartners,
    /// The webhook has a partner, which never changes.
    PartnerIsSet,
    /// The type of events is not granted to the caller's partner.
    NotGranted(EventType),
    /// The webhook hears events of a type that is not granted to the caller's partner.
    ReplayNotGranted(EventType),
    /// Webhooks with a partner hear of no such events.
    NotForPartnerWebhooks(EventType),
    /// Webhooks with a partner call public addresses only.
    NotPublic,
    UnknownPartner,
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
    /// The partner has as many webhooks as it may.
    TooManyPartnerWebhooks {
        most: u32,
    },
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
