//! Ticket and service commands: each change appends an event.

use crate::engine::decision::{Decision, Stop};
use crate::engine::outcome::{Expect, Reply};
use crate::model::event::{EventData, EventType, Topic};
use crate::model::id::TicketId;
use crate::model::log::EventDraft;
use crate::model::refusal::Refusal;
use crate::model::service::Availability;
use crate::model::ticket::{Ticket, TicketMessage, TicketStatus};

pub(super) fn open(decision: &mut Decision<'_>, message: &TicketMessage) -> Result<Reply, Stop> {
    let stamp = decision.tick()?;
    let id = TicketId::new(stamp, &decision.moment.chance);
    let ticket = Ticket::open(id, message.clone(), stamp.at);
    decision.append_event(stamp, news(EventType::TicketOpened, &ticket))?;
    decision.put_ticket(ticket, Expect::Absent);
    Ok(Reply::Opened(id))
}

pub(super) fn update(
    decision: &mut Decision<'_>,
    id: TicketId,
    message: &TicketMessage,
) -> Result<Reply, Stop> {
    let ticket = find(decision, id)?;
    match ticket.status {
        TicketStatus::Open => {}
        TicketStatus::Closed { .. } => return Err(Refusal::TicketClosed.into()),
    }
    let stamp = decision.tick()?;
    let expect = Expect::Rev(ticket.version.into());
    let ticket = ticket.updated(message.clone(), stamp.at);
    decision.append_event(stamp, news(EventType::TicketUpdated, &ticket))?;
    decision.put_ticket(ticket.clone(), expect);
    Ok(Reply::Ticket(ticket))
}

/// Closing a closed ticket changes nothing and appends no event.
pub(super) fn close(decision: &mut Decision<'_>, id: TicketId) -> Result<Reply, Stop> {
    let ticket = find(decision, id)?;
    match ticket.status {
        TicketStatus::Open => {}
        TicketStatus::Closed { .. } => return Ok(Reply::Ticket(ticket)),
    }
    let stamp = decision.tick()?;
    let expect = Expect::Rev(ticket.version.into());
    let ticket = ticket.closed(stamp.at);
    decision.append_event(stamp, news(EventType::TicketClosed, &ticket))?;
    decision.put_ticket(ticket.clone(), expect);
    Ok(Reply::Ticket(ticket))
}

/// Each announcement appends an event, also one that changes nothing.
pub(super) fn announce(
    decision: &mut Decision<'_>,
    availability: Availability,
) -> Result<Reply, Stop> {
    let service = decision.service()?;
    let stamp = decision.tick()?;
    let news = EventDraft::of(availability.event_type()).about(Topic::Service);
    let event = decision.append_event(stamp, news)?;
    decision.put_service(service.announced(availability, stamp.at));
    Ok(Reply::Announced(event.id))
}

fn find(decision: &Decision<'_>, id: TicketId) -> Result<Ticket, Stop> {
    match decision.ticket(id)? {
        Some(ticket) => Ok(ticket.clone()),
        None => Err(Refusal::UnknownTicket.into()),
    }
}

fn news(kind: EventType, ticket: &Ticket) -> EventDraft<'_> {
    let ticket_message = match kind {
        EventType::TicketOpened | EventType::TicketUpdated => Some(ticket.message.as_str()),
        EventType::TicketClosed
        | EventType::Ping
        | EventType::ServiceUnavailable
        | EventType::ServiceAvailable
        | EventType::WebhookDown
        | EventType::WebhookRecovered
        | EventType::WebhookDisabled
        | EventType::DeliveryAbandoned => None,
    };
    let data = EventData { ticket_message, ..EventData::default() };
    let version = Some(ticket.version);
    EventDraft { version, ..EventDraft::of(kind).about(Topic::Ticket(ticket.id)).with(data) }
}
