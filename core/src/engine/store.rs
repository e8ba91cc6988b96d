//! Stores: traits to read rows and to commit changes.
//!
//! A decision queries a store through [`Need`] and [`Fact`]. A reading calls the accessors of
//! [`Rows`], one row or page after another, as plain functions do. A broken store is noticed in one
//! place: the conversions of [`Fact`] check its kind.

use crate::delivery::attempt::{Attempt, AttemptSummary};
use crate::delivery::lane::Lane;
use crate::delivery::ordering_key::OrderingKey;
use crate::delivery::reader::Reader;
use crate::engine::need::{Fact, Need};
use crate::engine::outcome::Changes;
use crate::model::api_key::ApiKey;
use crate::model::audit::{AuditFilter, AuditRow};
use crate::model::event::Event;
use crate::model::id::{AuditId, KeyId, TicketId, WebhookId};
use crate::model::log::Log;
use crate::model::millis::Millis;
use crate::model::partner::{Partner, PartnerCounts};
use crate::model::seq::Seq;
use crate::model::service::Service;
use crate::model::ticket::{Ticket, TicketFilter};
use crate::webhook::Webhook;

/// The result of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Commit {
    Done,
    /// A row was not as expected, as another process had changed it: nothing was stored.
    Conflict,
}

/// Rows that can be read.
///
/// The accessors are for readings. They panic when a broken store returns another kind of fact than
/// was needed.
pub trait Rows {
    /// The error of a failed store.
    type Fault;

    /// Loads the rows of a need.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn load(&mut self, need: &Need) -> Result<Fact, Self::Fault>;

    /// Loads the rows of each need, in their order. A remote store can do so in one round trip.
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

    /// At most `limit` webhooks of a partner with their readers, oldest first, that are younger than
    /// `after`.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn partner_webhooks(
        &mut self,
        partner: Partner,
        after: Option<WebhookId>,
        limit: u32,
    ) -> Result<Vec<(Webhook, Reader)>, Self::Fault> {
        Ok(self.load(&Need::PartnerWebhooks { partner, after, most: limit })?.into_webhooks())
    }

    /// At most `limit` partners after `after`, by name, each with what it has.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn partners(
        &mut self,
        after: Option<Partner>,
        limit: u32,
    ) -> Result<Vec<PartnerCounts>, Self::Fault> {
        Ok(self.load(&Need::Partners { after, most: limit })?.into_partners())
    }

    /// At most `limit` events from `from` on, in order.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn events(&mut self, from: Seq, limit: u32) -> Result<Vec<Event>, Self::Fault> {
        Ok(self.load(&Need::Events { from, most: limit })?.into_events())
    }

    /// At most `limit` events before `before` or the end, newest first, without their bodies.
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

    /// The position of the first event that was created at `at` or later.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn created_from(&mut self, at: Millis) -> Result<Option<Seq>, Self::Fault> {
        Ok(self.load(&Need::CreatedFrom(at))?.into_place())
    }

    /// `most` attempts of one event for one webhook after the one numbered `after`, in order.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn attempts(
        &mut self,
        webhook: WebhookId,
        seq: Seq,
        (after, most): (u32, u32),
    ) -> Result<Vec<Attempt>, Self::Fault> {
        Ok(self.load(&Need::Attempts { webhook, seq, after, most })?.into_attempts())
    }

    /// Summaries of the attempts of a range of events, of those that have any.
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

    /// # Errors
    /// When the store cannot be read.
    fn api_key(&mut self, id: KeyId) -> Result<Option<ApiKey>, Self::Fault> {
        Ok(self.load(&Need::ApiKey(id))?.into_api_keys().into_iter().next())
    }

    /// All API keys, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn api_keys(&mut self) -> Result<Vec<ApiKey>, Self::Fault> {
        Ok(self.load(&Need::ApiKeys)?.into_api_keys())
    }

    /// At most `limit` audit rows that are older than `before`, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn audit(
        &mut self,
        only: Option<AuditFilter>,
        before: Option<AuditId>,
        limit: u32,
    ) -> Result<Vec<AuditRow>, Self::Fault> {
        Ok(self.load(&Need::Audit { only, before, most: limit })?.into_audit())
    }

    /// At most `limit` of a webhook's lanes in the order in which they are sent, after a position
    /// in it.
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
    /// When they are not durable, or when it is unknown whether they are.
    fn commit(&mut self, changes: &Changes) -> Result<Commit, Self::Fault>;

    /// Tries whether a commit would be durable, and changes no row: asked of a store that failed,
    /// before it is given the next batch.
    ///
    /// # Errors
    /// When a commit would most likely fail.
    fn probe(&mut self) -> Result<(), Self::Fault> {
        Ok(())
    }

    /// Proves that nobody else has changed rows since they were loaded: asked before callers are
    /// answered by a batch that changes nothing. Where no other process can write there is nothing to
    /// prove.
    ///
    /// # Errors
    /// When it cannot be proved.
    fn attest(&mut self) -> Result<(), Self::Fault> {
        Ok(())
    }
}
