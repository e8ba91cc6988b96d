//! Views: the JSON documents of responses, with their fields in order.

mod delivery;
mod key;
mod webhook;

use serde::{Serialize, Serializer};

use crate::model::id::TicketId;
use crate::model::millis::Millis;
use crate::model::partner::{Partner, PartnerCounts};
use crate::model::service::{Availability, Service};
use crate::model::ticket::{Ticket, TicketStatus};
pub(super) use delivery::{AttemptView, CountView, DeliveryView, EventView, RunView};
pub(super) use key::{CallerView, EndedView, KeySecret, KeyView, LinkSecret, LinkView};
pub(super) use webhook::{SecretText, SecretView, StateView, WebhookView};

#[derive(Serialize)]
pub(super) struct Data<T> {
    pub data: T,
}

#[derive(Serialize)]
pub(super) struct Named<T> {
    pub id: T,
}

#[derive(Serialize)]
pub(super) struct Empty {}

/// How a desk is, by one of its hosts.
#[derive(Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub(super) struct DeskHealthView<'a> {
    pub status: &'static str,
    /// Only said of a host that sends nothing.
    #[serde(skip_serializing_if = "<&bool as std::ops::Not>::not")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub paused: bool,
    /// Only said where several hosts may share the desk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<HostView<'a>>,
}

/// A host, and who leads.
#[derive(Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub(super) struct HostView<'a> {
    pub id: &'a str,
    pub leads: bool,
    pub leader: &'a str,
    /// When this host began to lead, or to follow the one that does.
    pub since: Time,
}

/// A time in RFC 3339 with milliseconds.
#[cfg_attr(feature = "typescript", derive(tsify::Tsify), tsify(type = "string"))]
pub(super) struct Time(pub Millis);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.rfc3339())
    }
}

/// A ticket.
#[derive(Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub(super) struct TicketView<'a> {
    id: TicketId,
    ticket_message: &'a str,
    status: TicketStatus,
    opened_at: Time,
    updated_at: Time,
    closed_at: Option<Time>,
    version: u32,
}

impl<'a> From<&'a Ticket> for TicketView<'a> {
    fn from(ticket: &'a Ticket) -> Self {
        Self {
            id: ticket.id,
            ticket_message: ticket.message.as_str(),
            status: ticket.status,
            opened_at: Time(ticket.opened_at),
            updated_at: Time(ticket.updated_at),
            closed_at: match ticket.status {
                TicketStatus::Open => None,
                TicketStatus::Closed { at } => Some(Time(at)),
            },
            version: ticket.version,
        }
    }
}

/// A partner, and how much of the desk is its own.
#[derive(Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub(super) struct PartnerView {
    partner: Partner,
    webhooks: u64,
    keys: u64,
}

impl From<&PartnerCounts> for PartnerView {
    fn from(counts: &PartnerCounts) -> Self {
        let PartnerCounts { partner, webhooks, keys } = *counts;
        Self { partner, webhooks, keys }
    }
}

/// A list in one response.
#[derive(Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify), tsify(rename = "ListPage"))]
pub(super) struct Page<T, C> {
    pub data: Vec<T>,
    /// The cursor of the next page.
    pub next: Option<C>,
}

/// Whether the service that tickets are about is available.
#[derive(Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub(super) struct ServiceView {
    available: bool,
    since: Option<Time>,
}

impl From<&Service> for ServiceView {
    fn from(service: &Service) -> Self {
        let available = match service.availability {
            Availability::Available => true,
            Availability::Unavailable => false,
        };
        Self { available, since: service.since.map(Time) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Code;
    use crate::delivery::answer::Failure;
    use crate::delivery::replay::ReplayFilter;
    use crate::delivery::state::DeliveryState;
    use crate::model::event::EventType;
    use crate::model::reason::Reason;
    use crate::model::scope::Scope;
    use crate::webhook::Ordering;
    #[cfg(feature = "typescript")]
    use crate::webhook::WebhookStatus;

    fn are_named<T: Serialize + Copy>(all: &[T], name: impl Fn(T) -> &'static str) {
        for of in all {
            assert_eq!(serde_json::to_value(of).unwrap(), name(*of));
        }
    }

    #[test]
    fn closed_sets_have_their_names_in_json() {
        are_named(&EventType::ALL, EventType::name);
        are_named(&Reason::ALL, Reason::name);
        are_named(&Failure::ALL, Failure::name);
        are_named(&Ordering::ALL, Ordering::name);
        are_named(&Scope::ALL, Scope::name);
        are_named(&ReplayFilter::ALL, ReplayFilter::name);
        are_named(&DeliveryState::ALL, DeliveryState::name);
        are_named(&[Code::BadJson, Code::NotItsTurn, Code::IdempotencyKeyReused], Code::name);
    }

    #[cfg(feature = "typescript")]
    #[test]
    fn statuses_are_declared_by_their_names() {
        use tsify::Tsify;

        let reason = Reason::Gone;
        let declared = |names: &[&str]| {
            let union: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
            format!("= {};", union.join(" | "))
        };
        let at = Millis(1);
        let statuses = [TicketStatus::Open, TicketStatus::Closed { at }].map(TicketStatus::name);
        assert!(TicketStatus::DECL.ends_with(&declared(&statuses)), "{}", TicketStatus::DECL);
        let disabled = WebhookStatus::Disabled { reason, at };
        let statuses = [WebhookStatus::Active, WebhookStatus::Paused, disabled];
        let statuses = statuses.map(WebhookStatus::name);
        assert!(WebhookStatus::DECL.ends_with(&declared(&statuses)), "{}", WebhookStatus::DECL);
    }
}
