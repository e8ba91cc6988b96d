//! Events: immutable entries of the log.
//!
//! An event's body is rendered once, when the event is appended, and stored: every attempt, retry
//! and replay sends the same bytes under the same id.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::model::id::{EventId, TicketId, WebhookId};
use crate::model::millis::Millis;
use crate::model::reason::Reason;
use crate::model::seq::Seq;
use crate::model::text::spelled;

/// The event types: the six of the integration guide, and four operational ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub enum EventType {
    Ping,
    TicketOpened,
    TicketUpdated,
    TicketClosed,
    ServiceUnavailable,
    ServiceAvailable,
    /// A receiver keeps failing: it is down and gets probes only.
    WebhookDown,
    WebhookRecovered,
    WebhookDisabled,
    /// An event was abandoned for a webhook.
    DeliveryAbandoned,
}

impl EventType {
    pub const ALL: [Self; 10] = [
        Self::Ping,
        Self::TicketOpened,
        Self::TicketUpdated,
        Self::TicketClosed,
        Self::ServiceUnavailable,
        Self::ServiceAvailable,
        Self::WebhookDown,
        Self::WebhookRecovered,
        Self::WebhookDisabled,
        Self::DeliveryAbandoned,
    ];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::TicketOpened => "ticket_opened",
            Self::TicketUpdated => "ticket_updated",
            Self::TicketClosed => "ticket_closed",
            Self::ServiceUnavailable => "service_unavailable",
            Self::ServiceAvailable => "service_available",
            Self::WebhookDown => "webhook_down",
            Self::WebhookRecovered => "webhook_recovered",
            Self::WebhookDisabled => "webhook_disabled",
            Self::DeliveryAbandoned => "delivery_abandoned",
        }
    }

    /// Whether it is about the desk itself. Only webhooks that subscribe to it get it.
    #[must_use]
    pub fn is_operational(self) -> bool {
        match self {
            Self::Ping
            | Self::TicketOpened
            | Self::TicketUpdated
            | Self::TicketClosed
            | Self::ServiceUnavailable
            | Self::ServiceAvailable => false,
            Self::WebhookDown
            | Self::WebhookRecovered
            | Self::WebhookDisabled
            | Self::DeliveryAbandoned => true,
        }
    }

    /// Whether it is delivered to every webhook, whatever its subscription.
    #[must_use]
    pub fn is_for_all(self) -> bool {
        self == Self::Ping
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// The entity that an event is about; events about the same entity have an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    Ticket(TicketId),
    Service,
    /// The health of a webhook.
    Webhook(WebhookId),
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ticket(id) => id.fmt(f),
            Self::Service => f.write_str("service"),
            Self::Webhook(id) => id.fmt(f),
        }
    }
}

impl Topic {
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "service" => Some(Self::Service),
            id => TicketId::parse(id)
                .map(Self::Ticket)
                .or_else(|| WebhookId::parse(id).map(Self::Webhook)),
        }
    }
}

spelled!(Topic);

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub seq: Seq,
    pub id: EventId,
    pub kind: EventType,
    pub created: Millis,
    /// `None` for a ping: it is not ordered with any other event.
    pub topic: Option<Topic>,
    /// For a ticket's event, the version of the ticket: 1, 2, 3 …
    pub version: Option<u32>,
    /// The only webhook that gets it; `None` when it is for all.
    pub only_for: Option<WebhookId>,
    pub body: Arc<str>,
}

/// The `data` object of an event's body, its keys in this order.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct EventData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket_message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook_id: Option<WebhookId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<EventId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// The body that receivers get: these keys, in this order, and no others.
///
/// # Panics
/// Never: strings and times always have a JSON form.
#[must_use]
pub fn body(kind: EventType, created: Millis, data: EventData<'_>) -> Arc<str> {
    #[derive(Serialize)]
    struct Body<'a> {
        event: &'static str,
        created: String,
        data: EventData<'a>,
    }
    let body = Body { event: kind.name(), created: created.rfc3339_seconds(), data };
    serde_json::to_string(&body).expect("strings always have a JSON form").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_have_the_guides_keys_in_the_guides_order() {
        let at = Millis(1_672_531_200_999);
        let ticket_message = Some("a \"b\"\n é");
        let opened = EventData { ticket_message, ..EventData::default() };
        assert_eq!(
            &*body(EventType::TicketOpened, at, opened),
            r#"{"event":"ticket_opened","created":"2023-01-01T00:00:00Z","data":{"ticket_message":"a \"b\"\n é"}}"#
        );
        assert_eq!(
            &*body(EventType::Ping, at, EventData::default()),
            r#"{"event":"ping","created":"2023-01-01T00:00:00Z","data":{}}"#
        );
    }

    #[test]
    fn types_are_read_back_by_name() {
        for kind in EventType::ALL {
            assert_eq!(EventType::parse(kind.name()), Some(kind));
        }
        assert_eq!(EventType::parse("ticket"), None);
    }
}
