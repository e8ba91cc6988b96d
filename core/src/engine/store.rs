//! Stores: where rows are kept, how they are read, and how changes are committed.
//!
//! A decision asks a store through [`Need`] and [`Fact`]. A reading calls the accessors of [`Rows`],
//! one row or page after another, as plain functions do. What a broken store answers is noticed in
//! one place: [`Fact`] tells the kind that was asked for from all others.

use crate::delivery::attempt::{Attempt, AttemptSummary};
use crate::delivery::lane::Lane;
use crate::delivery::ordering_key::OrderingKey;
use crate::delivery::reader::Reader;
use crate::engine::need::{Fact, Need};
use crate::engine::outcome::Changes;
use crate::model::event::Event;
use crate::model::id::{TicketId, WebhookId};
use crate::model::log::Log;
use crate::model::millis::Millis;
use crate::model::seq::Seq;
use crate::model::service::Service;
use crate::model::ticket::{Ticket, TicketFilter};
use crate::webhook::Webhook;

/// What became of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Commit {
    Done,
    /// A row was not as it was expected, as another host had changed it: nothing was stored.
    Conflict,
}

/// Rows that can be read.
///
/// The accessors are what readings call. They panic when the store answers with another kind of
/// fact than it was asked for, as a broken one does.
pub trait Rows {
    /// What can go wrong with the machinery.
    type Fault;

    /// What the store has of what is needed.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn load(&mut self, need: &Need) -> Result<Fact, Self::Fault>;

    /// What the store has of each need, in their order. A store that is far away answers all of
    /// them in one round trip.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn load_all(&mut self, needs: &[Need]) -> Result<Vec<Fact>, Self::Fault> {
        needs.iter().map(|need| self.load(need)).collect()
    }

    /// # Errors
    /// When the store cannot be read.
    fn log(&mut self) -> Result<Log, Self::Fault> {
        Ok(self.load(&Need::Log)?.into_log())
    }

    /// # Errors
    /// When the store cannot be read.
    fn service(&mut self) -> Result<Service, Self::Fault> {
        Ok(self.load(&Need::Service)?.into_service())
    }

    /// # Errors
    /// When the store cannot be read.
    fn ticket(&mut self, id: TicketId) -> Result<Option<Ticket>, Self::Fault> {
        Ok(self.load(&Need::Ticket(id))?.into_tickets().into_iter().next())
    }

    /// At most `limit` tickets that are younger than `after`, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn tickets(
        &mut self,
        only: Option<TicketFilter>,
        after: Option<TicketId>,
        limit: u32,
    ) -> Result<Vec<Ticket>, Self::Fault> {
        Ok(self.load(&Need::Tickets { only, after, most: limit })?.into_tickets())
    }

    /// At most `limit` tickets that are older than `before`, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn tickets_before(
        &mut self,
        only: Option<TicketFilter>,
        before: Option<TicketId>,
        limit: u32,
    ) -> Result<Vec<Ticket>, Self::Fault> {
        Ok(self.load(&Need::TicketsBefore { only, before, most: limit })?.into_tickets())
    }

    /// A webhook with its reader.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn webhook(&mut self, id: WebhookId) -> Result<Option<(Webhook, Reader)>, Self::Fault> {
        Ok(self.load(&Need::Webhook(id))?.into_webhooks().into_iter().next())
    }

    /// At most `limit` webhooks with their readers, oldest first, that are younger than `after`.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn webhooks(
        &mut self,
        after: Option<WebhookId>,
        limit: u32,
    ) -> Result<Vec<(Webhook, Reader)>, Self::Fault> {
        Ok(self.load(&Need::WebhooksAfter { after, most: limit })?.into_webhooks())
    }

    /// At most `limit` events from `from` on, in order.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn events(&mut self, from: Seq, limit: u32) -> Result<Vec<Event>, Self::Fault> {
        Ok(self.load(&Need::Events { from, most: limit })?.into_events())
    }

    /// At most `limit` events before a place or before the end, newest first, without their bodies.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn events_before(
        &mut self,
        before: Option<Seq>,
        limit: u32,
    ) -> Result<Vec<Event>, Self::Fault> {
        Ok(self.load(&Need::EventsBefore { before, most: limit })?.into_events())
    }

    /// The place of the first event that was created at `at` or later.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn created_from(&mut self, at: Millis) -> Result<Option<Seq>, Self::Fault> {
        Ok(self.load(&Need::CreatedFrom(at))?.into_place())
    }

    /// All attempts of one event for one webhook, in order.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn attempts(&mut self, webhook: WebhookId, seq: Seq) -> Result<Vec<Attempt>, Self::Fault> {
        Ok(self.load(&Need::Attempts { webhook, seq })?.into_attempts())
    }

    /// The attempts of each event of a range in short, of those that were attempted at all.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn attempt_summaries(
        &mut self,
        webhook: WebhookId,
        from: Seq,
        to: Seq,
    ) -> Result<Vec<(Seq, AttemptSummary)>, Self::Fault> {
        Ok(self.load(&Need::AttemptSummaries { webhook, from, to })?.into_attempt_summaries())
    }

    /// # Errors
    /// When the store cannot be read.
    fn lane(&mut self, webhook: WebhookId, key: OrderingKey) -> Result<Option<Lane>, Self::Fault> {
        Ok(self.load(&Need::Lane(webhook, key))?.into_lanes().into_iter().next())
    }

    /// At most `limit` of a webhook's lanes in the order in which they go, after a place in it.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn lanes(
        &mut self,
        webhook: WebhookId,
        after: Option<(Millis, Seq)>,
        limit: u32,
    ) -> Result<Vec<Lane>, Self::Fault> {
        Ok(self.load(&Need::Lanes { webhook, after, most: limit })?.into_lanes())
    }
}

/// Rows that can be changed.
pub trait Store: Rows {
    /// Makes all changes durable, or none.
    ///
    /// # Errors
    /// When it did not, or when nobody can say whether it did.
    fn commit(&mut self, changes: &Changes) -> Result<Commit, Self::Fault>;
}
