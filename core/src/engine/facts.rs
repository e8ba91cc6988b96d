//! Facts: the cache of rows that decisions look up.
//!
//! A look-up returns the row, its absence, or the [`Need`] for it. The desk loads the needed rows
//! and decides again from the top; a decision is pure, so that costs microseconds, and needs can
//! never disagree with the rules. Later decisions of a batch see the changes of earlier ones:
//! nothing loaded later replaces them.

mod attempts;
mod events;
mod lanes;
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
use crate::engine::need::{Fact, Need};
use crate::engine::outcome::{Changes, Outcome};
use crate::model::api_key::ApiKeys;
use crate::model::digest::Digest;
use crate::model::event::{Event, Topic};
use crate::model::id::{HolderId, TicketId, WebhookId};
use crate::model::idempotency_record::IdempotencyRecord;
use crate::model::log::Log;
use crate::model::millis::Millis;
use crate::model::moment::Moment;
use crate::model::retention::Retention;
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

    /// Caches the result of a need.
    ///
    /// # Panics
    /// When the fact is not of the kind that was needed: the store is broken.
    pub fn learn(&mut self, need: Need, fact: Fact) {
        match need {
            Need::Log => {
                self.log = Some(fact.into_log());
                self.stand_all();
            }
            Need::Service => self.service = Some(fact.into_service()),
            Need::Ticket(id) => {
                self.tickets.insert(id, fact.into_tickets().into_iter().next());
            }
            Need::IdempotencyRecord(key) => {
                let record = fact.into_idempotency_record().map(Arc::new);
                self.idempotency_records.insert(key, record);
            }
            Need::ApiKeys => self.api_keys = Some(Arc::new(ApiKeys::of(fact.into_api_keys()))),
            Need::Webhooks => self.learn_webhooks(fact.into_webhooks()),
            Need::Events { .. } => self.events.recall(fact.into_events()),
            Need::AttemptSummaries { webhook, from, to } => {
                self.attempts.learn(webhook, from, to, fact.into_attempt_summaries());
            }
            Need::NextAbout { topic, after, to } => {
                self.events.learn_next(topic, after, to, fact.into_place());
            }
            Need::CreatedFrom(at) => self.retention.learn_created_from(at, fact.into_place()),
            Need::OldestIdempotencyRecord => {
                self.retention.learn_oldest_idempotency_record(fact.into_time());
            }
            Need::OldestAudit => self.retention.learn_oldest_audit(fact.into_time()),
            Need::Size => self.retention.learn_size(fact.into_size()),
            Need::LanesTo { to, .. } => self.retention.learn_lanes(to, fact.into_lanes()),
            Need::EventsBefore { before, most } => {
                self.retention.learn_outlines(before, most, fact.into_events());
            }
            Need::Lane(webhook, ordering_key) => {
                let lane = fact.into_lanes().into_iter().next();
                self.lanes.touch(webhook).learn(ordering_key, lane);
                self.lanes_changed(webhook, &[ordering_key]);
            }
            Need::LanesOf(key) => self.learn_lanes_of(key, fact.into_lanes()),
            Need::Lanes { webhook, most, .. } => {
                let page = fact.into_lanes();
                let keys: Vec<_> = page.iter().map(|lane| lane.ordering_key).collect();
                self.lanes.touch(webhook).learn_page(page, most);
                self.lanes_changed(webhook, &keys);
            }
            // Only readings need these.
            Need::Tickets { .. }
            | Need::TicketsBefore { .. }
            | Need::Webhook(_)
            | Need::WebhooksAfter { .. }
            | Need::PartnerWebhooks { .. }
            | Need::Partners { .. }
            | Need::ApiKey(_)
            | Need::Audit { .. }
            | Need::Attempts { .. } => {}
        }
    }

    fn learn_webhooks(&mut self, rows: Vec<(Webhook, Reader)>) {
        self.in_flight.clear();
        self.owners = Owners::default();
        for (webhook, reader) in &rows {
            count_in(&mut self.in_flight, reader);
            self.owners.put(webhook);
        }
        let row = |(webhook, reader): (Webhook, Reader)| {
            (webhook.id, WebhookRows { webhook: Arc::new(webhook), reader })
        };
        self.webhook_rows = Some(rows.into_iter().map(row).collect());
        self.stand_all();
    }

    fn learn_lanes_of(&mut self, key: OrderingKey, lanes: Vec<Lane>) {
        for lane in lanes {
            // Of others what is cached is newer.
            if self.schedule.is_partly_known(lane.webhook) {
                self.lanes.touch(lane.webhook).learn(key, Some(lane));
                self.lanes_changed(lane.webhook, &[key]);
            }
        }
        self.lanes.learned_all_of(key);
    }

    /// Derives what hangs on lanes that were loaded or evicted.
    fn lanes_changed(&mut self, webhook: WebhookId, keys: &[OrderingKey]) {
        for key in keys {
            self.keep_busy(webhook, *key);
        }
        self.stand(webhook);
    }

    /// Applies an outcome's changes, so that the next decision sees them.
    pub(crate) fn apply(&mut self, outcome: &Outcome) {
        let changes = &outcome.changes;
        self.turn = outcome.turn.or(self.turn);
        self.shortage = outcome.shortage.unwrap_or(self.shortage);
        if let Some(next) = outcome.retain_at {
            self.retention.look_at(next);
        }
        if let Some(to) = outcome.pending_floor {
            self.retention.raise_pending_floor(to);
        }
        let mut touched = standing::changed(changes);
        for id in &touched {
            self.stops.remove(id);
        }
        let skipped = outcome.checkpoints.iter().filter(|(id, _)| !self.at_head.contains(id));
        self.checkpoints.extend(skipped);
        // What changed besides may have ended what stops it.
        let stops = outcome.stops.iter().filter(|(id, _)| !touched.contains(id));
        self.stops.extend(stops);
        touched.extend(outcome.checkpoints.keys().chain(outcome.stops.keys()));
        self.service = changes.service.or(self.service);
        for (id, put) in &changes.tickets {
            self.tickets.insert(*id, put.row.clone());
        }
        for (key, put) in &changes.idempotency_records {
            self.idempotency_records.insert(*key, put.row.clone());
            if let Some(answer) = &put.row {
                self.retention.look_by(answer.at.plus(IdempotencyRecord::KEPT_MS));
            }
        }
        if let (Some(row), Some(kept_ms)) = (changes.audit.last(), self.limits.audit.kept_ms()) {
            self.retention.look_by(row.at.plus(kept_ms.min(Retention::FURTHEST_MS)));
        }
        if let Some(keys) = self.api_keys.as_mut().filter(|_| !changes.api_keys.is_empty()) {
            let keys = Arc::make_mut(keys);
            for (id, put) in &changes.api_keys {
                keys.put(*id, put.row.clone());
            }
        }
        for event in &changes.events {
            self.events.append(Arc::clone(event));
        }
        let turned = self.apply_webhooks(changes);
        for webhook in &changes.cleared {
            self.lanes.remove(*webhook);
        }
        for webhook in &changes.stopped {
            self.lanes.touch(*webhook).stop_replay();
        }
        self.attempts.record(changes.attempts.values());
        for ((webhook, ordering_key), lane) in &changes.lanes {
            self.lanes.touch(*webhook).put(*ordering_key, *lane);
        }
        let lanes = changes.lanes.keys().copied();
        for (webhook, ordering_key) in lanes.chain(turned) {
            self.keep_busy(webhook, ordering_key);
        }
        let before = self.log;
        self.log = changes.log.map(|put| put.row).or(self.log);
        self.stand_changed(touched, &changes.events, before);
    }

    /// Returns the ordering keys of requests that are newly in flight, or are not any more.
    fn apply_webhooks(&mut self, changes: &Changes) -> Vec<(WebhookId, OrderingKey)> {
        let mut turned = Vec::new();
        let Some(webhook_rows) = &mut self.webhook_rows else {
            debug_assert!(changes.webhooks.is_empty() && changes.readers.is_empty());
            return turned;
        };
        let mut gone = Vec::new();
        for (id, put) in &changes.webhooks {
            match (&put.row, webhook_rows.get_mut(id)) {
                (Some(webhook), Some(row)) => {
                    self.owners.put(webhook);
                    self.schedule.subscribe(*id, Some(&row.webhook.events), Some(&webhook.events));
                    row.webhook = Arc::clone(webhook);
                }
                (Some(webhook), None) => {
                    let webhook = Arc::clone(webhook);
                    let reader = Reader::new(&webhook, &Log::default());
                    self.owners.put(&webhook);
                    self.schedule.subscribe(*id, None, Some(&webhook.events));
                    webhook_rows.insert(*id, WebhookRows { webhook, reader });
                    self.lanes.register(*id);
                }
                (None, _) => gone.extend(webhook_rows.remove(id).map(|row| (*id, row))),
            }
        }
        for (id, put) in &changes.readers {
            if let (Some(reader), Some(row)) = (&put.row, webhook_rows.get_mut(id)) {
                count_out(&mut self.in_flight, &row.reader);
                count_in(&mut self.in_flight, reader);
                turned.extend(differing(&row.reader, reader).map(|key| (*id, key)));
                row.reader = reader.clone();
            }
        }
        for (id, row) in gone {
            count_out(&mut self.in_flight, &row.reader);
            self.owners.remove(&row.webhook);
            self.leave(id, &row);
        }
        turned
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

/// The ordering keys of requests from the first on in which two states of a reader differ: most often
/// of one.
fn differing<'a>(was: &'a Reader, is: &'a Reader) -> impl Iterator<Item = OrderingKey> + 'a {
    let (was, is) = (&was.sending, &is.sending);
    let same = was.iter().zip(is).take_while(|(was, is)| was == is).count();
    let rest = was.iter().skip(same).chain(is.iter().skip(same));
    rest.map(|slot| slot.ordering_key)
}
