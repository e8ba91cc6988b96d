//! The log, the service and tickets, as a decision looks them up and changes them.

use std::sync::Arc;

use super::Decision;
use crate::engine::need::Need;
use crate::engine::outcome::{Expect, LogPut, Put};
use crate::model::event::{Event, EventData, EventType, Topic};
use crate::model::id::{Stamp, TicketId};
use crate::model::log::{EventDraft, Log};
use crate::model::reason::Reason;
use crate::model::seq::Seq;
use crate::model::service::Service;
use crate::model::ticket::Ticket;
use crate::webhook::Webhook;

impl Decision<'_> {
    pub fn log(&self) -> Result<Log, Need> {
        self.changes.log.map_or_else(|| self.facts.log(), |put| Ok(put.row))
    }

    /// The desk's next stamp, for a row or event that is created now.
    pub fn tick(&mut self) -> Result<Stamp, Need> {
        let mut log = self.log()?;
        let was = log.stamp;
        let stamp = log.tick(self.moment.now);
        self.put_log(log, was);
        Ok(stamp)
    }

    fn put_log(&mut self, row: Log, was: Stamp) {
        let was = self.changes.log.map_or(was, |put| put.was);
        self.changes.log = Some(LogPut { row, was });
    }

    /// Appends an event to the log. Which webhooks queue it behind another one of its topic must be
    /// known by then: all others may skip it. A ticket that is opened has no other.
    pub fn append_event(&mut self, stamp: Stamp, news: EventDraft<'_>) -> Result<Arc<Event>, Need> {
        let mut log = self.log()?;
        let was = log.stamp;
        let event = Arc::new(log.append(stamp, news));
        if let Some(topic) = event.topic.filter(|_| event.kind != EventType::TicketOpened) {
            self.facts.require_lanes_about(topic)?;
        }
        self.put_log(log, was);
        self.changes.events.push(Arc::clone(&event));
        Ok(event)
    }

    /// Appends an operational event about a webhook, if any webhook is subscribed to `kind`. None
    /// is appended about a webhook that itself subscribes to such events: its failures would cause
    /// further events for ever.
    pub fn append_webhook_event(
        &mut self,
        webhook: &Webhook,
        kind: EventType,
        about: Option<Seq>,
        reason: Reason,
    ) -> Result<(), Need> {
        let wanted = self.has_subscriber(kind)?;
        if !wanted || webhook.events.is_operational() {
            return Ok(());
        }
        let event_id = about.map(|seq| self.event(seq)).transpose()?.map(|event| event.id);
        let data = EventData {
            webhook_id: Some(webhook.id),
            event_id,
            reason: Some(reason),
            ..EventData::default()
        };
        let stamp = self.tick()?;
        self.append_event(
            stamp,
            EventDraft::of(kind).about(Topic::Webhook(webhook.id)).with(data),
        )?;
        Ok(())
    }

    pub fn service(&self) -> Result<Service, Need> {
        self.facts.service()
    }

    pub fn put_service(&mut self, service: Service) {
        self.changes.service = Some(service);
    }

    pub fn ticket(&self, id: TicketId) -> Result<Option<&Ticket>, Need> {
        self.facts.ticket(id)
    }

    pub fn put_ticket(&mut self, ticket: Ticket, expect: Expect) {
        self.changes.tickets.insert(ticket.id, Put { row: Some(ticket), expect });
    }
}
