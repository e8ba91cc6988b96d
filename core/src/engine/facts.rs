//! Facts: the cache of rows that decisions look up.
//!
//! A look-up returns the row, its absence, or the [`Need`] for it. The desk loads the needed rows
//! and decides again from the top; a decision is pure, so that costs microseconds, and needs can
//! never disagree with the rules. Later decisions of a batch see the changes of earlier ones:
//! nothing loaded later replaces them.

mod apply;
mod attempts;
mod events;
mod lanes;
mod learn;
mod owners;
mod retention;
mod schedule;
mod standing;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::delivery::attempt::AttemptSummary;
use crate::delivery::checkpoint::Checkpoint;
use crate::delivery::lane::Lane;
use crate::delivery::ordering_key::{OrderingKey, OrderingScope};
use crate::delivery::reader::Reader;
use crate::delivery::shortage::Shortage;
use crate::engine::limits::{Limits, Memory};
use crate::engine::need::Need;
use crate::model::api_key::ApiKeys;
use crate::model::digest::Digest;
use crate::model::event::{Event, Topic};
use crate::model::id::{HolderId, TicketId, WebhookId};
use crate::model::idempotency_record::IdempotencyRecord;
use crate::model::log::Log;
use crate::model::millis::Millis;
use crate::model::moment::Moment;
use crate::model::seq::Seq;
use crate::model::service::Service;
use crate::model::ticket::Ticket;
use crate::webhook::Webhook;
use attempts::AttemptHistory;
use events::Events;
use lanes::{LaneCache, Lanes};
use owners::Owners;
use retention::RetentionFacts;
use schedule::Schedule;
pub(crate) use schedule::Task;

/// A webhook and its reader.
#[derive(Clone, Debug)]
pub(crate) struct WebhookRows {
    pub webhook: Arc<Webhook>,
    pub reader: Reader,
}

/// The cached rows and the limits of a desk.
#[derive(Debug)]
pub struct Facts {
    pub limits: Limits,
    memory: Memory,
    /// The webhook that was served last: the next turn begins after it.
    turn: Option<WebhookId>,
    /// The shortage that keeps this host from sending.
    shortage: Shortage,
    /// Readers that skipped all events up to the head of the log: their positions move with it.
    at_head: BTreeSet<WebhookId>,
    /// Positions of others that skipped events, and are not written.
    checkpoints: BTreeMap<WebhookId, Checkpoint>,
    /// Positions from which a reader skips nothing, as long as its rows are the same.
    stops: HashMap<WebhookId, Seq>,
    schedule: Schedule,
    /// The moment of the last command, and the limits under which webhooks stand as they do.
    begun: Option<(Moment, Limits)>,
    log: Option<Log>,
    service: Option<Service>,
    tickets: HashMap<TicketId, Option<Ticket>>,
    idempotency_records: HashMap<Digest, Option<Arc<IdempotencyRecord>>>,
    api_keys: Option<Arc<ApiKeys>>,
    webhook_rows: Option<BTreeMap<WebhookId, WebhookRows>>,
    owners: Owners,
    /// Slots of all readers, by holder.
    in_flight: BTreeMap<HolderId, u32>,
    lanes: LaneCache,
    events: Events,
    attempts: AttemptHistory,
    retention: RetentionFacts,
}

impl Facts {
    #[must_use]
    pub fn new(memory: Memory) -> Self {
        Self {
            limits: Limits::default(),
            memory,
            turn: None,
            shortage: Shortage::default(),
            at_head: BTreeSet::new(),
            checkpoints: BTreeMap::new(),
            stops: HashMap::new(),
            schedule: Schedule::default(),
            begun: None,
            log: None,
            service: None,
            tickets: HashMap::new(),
            idempotency_records: HashMap::new(),
            api_keys: None,
            webhook_rows: None,
            owners: Owners::default(),
            in_flight: BTreeMap::new(),
            lanes: LaneCache::default(),
            events: Events::default(),
            attempts: AttemptHistory::default(),
            retention: RetentionFacts::default(),
        }
    }

    pub(crate) fn turn(&self) -> Option<WebhookId> {
        self.turn
    }

    pub(crate) fn shortage(&self) -> Shortage {
        self.shortage
    }

    /// When time alone makes something due.
    pub(crate) fn next_due(&self) -> Option<Millis> {
        self.schedule.next_due()
    }

    pub(crate) fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    pub(crate) fn in_flight(&self, holder: HolderId) -> u32 {
        self.in_flight.get(&holder).copied().unwrap_or(0)
    }

    pub(crate) fn log(&self) -> Result<Log, Need> {
        self.log.ok_or(Need::Log)
    }

    pub(crate) fn service(&self) -> Result<Service, Need> {
        self.service.ok_or(Need::Service)
    }

    pub(crate) fn ticket(&self, id: TicketId) -> Result<Option<&Ticket>, Need> {
        self.tickets.get(&id).map(Option::as_ref).ok_or(Need::Ticket(id))
    }

    pub(crate) fn idempotency_record(
        &self,
        key: Digest,
    ) -> Result<Option<&Arc<IdempotencyRecord>>, Need> {
        self.idempotency_records.get(&key).map(Option::as_ref).ok_or(Need::IdempotencyRecord(key))
    }

    pub(crate) fn api_keys(&self) -> Result<&Arc<ApiKeys>, Need> {
        self.api_keys.as_ref().ok_or(Need::ApiKeys)
    }

    pub(crate) fn webhook_rows(&self) -> Result<&BTreeMap<WebhookId, WebhookRows>, Need> {
        self.webhook_rows.as_ref().ok_or(Need::Webhooks)
    }

    pub(crate) fn owners(&self) -> Result<&Owners, Need> {
        self.webhook_rows().map(|_| &self.owners)
    }

    pub(crate) fn event(&self, seq: Seq) -> Result<&Arc<Event>, Need> {
        self.events.get(seq)
    }

    pub(crate) fn next_about(
        &self,
        topic: Topic,
        after: Seq,
        to: Seq,
    ) -> Result<Option<Seq>, Need> {
        self.events.next_about(topic, after, to)
    }

    pub(crate) fn lane(
        &self,
        webhook: WebhookId,
        ordering_key: OrderingKey,
    ) -> Result<Option<&Lane>, Need> {
        let page = self.limits.quotas.page_of_lanes();
        match self.lanes.get(webhook) {
            Some(lanes) => lanes.get((webhook, page), ordering_key),
            None => Err(Lanes::need(webhook, None, page)),
        }
    }

    /// Succeeds if it is known which webhooks have a waiting lane about the topic.
    pub(crate) fn require_lanes_about(&self, topic: Topic) -> Result<(), Need> {
        let key = OrderingKey::Live(OrderingScope::Topic(topic));
        let knows = self.schedule.knows_all_lanes() || self.lanes.has_all_of(key);
        if knows { Ok(()) } else { Err(Need::LanesOf(key)) }
    }

    /// The lane that is next in order, without those that `skip` names.
    pub(crate) fn first_lane(
        &self,
        webhook: WebhookId,
        skip: impl Fn(OrderingKey) -> bool,
    ) -> Result<Option<&Lane>, Need> {
        let page = self.limits.quotas.page_of_lanes();
        match self.lanes.get(webhook) {
            Some(lanes) => lanes.first((webhook, page), skip),
            None => Err(Lanes::need(webhook, None, page)),
        }
    }

    /// When retention is due, if ever.
    pub(crate) fn retains_at(&self) -> Option<Millis> {
        self.retention.next_look()
    }

    /// Events up to here are expiring.
    pub(crate) fn pending_floor(&self) -> Seq {
        self.retention.pending_floor()
    }

    pub(crate) fn oldest_idempotency_record(&self) -> Result<Option<Millis>, Need> {
        self.retention.oldest_idempotency_record()
    }

    pub(crate) fn oldest_audit(&self) -> Result<Option<Millis>, Need> {
        self.retention.oldest_audit()
    }

    pub(crate) fn created_from(&self, at: Millis) -> Result<Option<Seq>, Need> {
        self.retention.created_from(at)
    }

    pub(crate) fn size(&self) -> Result<u64, Need> {
        self.retention.size()
    }

    pub(crate) fn lanes_to(&self, to: Seq) -> Result<Vec<Lane>, Need> {
        self.retention.lanes_to(to, self.limits.quotas.expired_lanes)
    }

    pub(crate) fn outlines(&self, after: Seq, to: Seq) -> Result<Vec<Event>, Need> {
        self.retention.outlines(after, to)
    }

    /// A summary of an event's attempts.
    pub(crate) fn attempt_summary(
        &self,
        webhook: WebhookId,
        seq: Seq,
    ) -> Result<AttemptSummary, Need> {
        self.attempts.get(webhook, seq)
    }

    /// After a commit: evicts rows beyond what may be kept.
    pub(crate) fn settle(&mut self) {
        self.retention.forget();
        match self.memory {
            Memory::Dropped => self.forget(),
            Memory::Kept => {
                self.tickets.clear();
                self.idempotency_records.clear();
                self.events.trim();
                self.attempts.trim();
                let kept = self.limits.quotas.cached_lanes as usize;
                for (id, evicted) in self.lanes.trim(kept) {
                    self.lanes_changed(id, &evicted);
                }
            }
        }
    }

    /// Derives what hangs on lanes that were loaded or evicted.
    fn lanes_changed(&mut self, webhook: WebhookId, keys: &[OrderingKey]) {
        for key in keys {
            self.keep_busy(webhook, *key);
        }
        self.stand(webhook);
    }

    pub(crate) fn memory(&self) -> Memory {
        self.memory
    }

    /// Drops all facts, as at the start.
    pub(crate) fn forget_all(&mut self) {
        *self = Self { limits: self.limits, ..Self::new(self.memory) };
    }

    /// Drops all facts but the turn, a shortage and the time of the next retention.
    pub(crate) fn forget(&mut self) {
        let (limits, turn, shortage) = (self.limits, self.turn, self.shortage);
        let mut retention = std::mem::take(&mut self.retention);
        retention.forget();
        *self = Self { limits, turn, shortage, retention, ..Self::new(self.memory) };
    }
}

fn count_in(in_flight: &mut BTreeMap<HolderId, u32>, reader: &Reader) {
    if let Some(holder) = reader.holder {
        *in_flight.entry(holder).or_default() += reader.in_flight();
    }
}

fn count_out(in_flight: &mut BTreeMap<HolderId, u32>, reader: &Reader) {
    if let Some(held) = reader.holder.and_then(|holder| in_flight.get_mut(&holder)) {
        *held -= reader.in_flight();
    }
}
