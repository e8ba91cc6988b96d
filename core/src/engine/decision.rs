//! The context of one decision: the known facts, and the changes made so far.
//!
//! Rules look up and change rows through it alone. A look-up of a row that is not loaded stops the
//! decision with `?`, and so does a refusal; the changes until then are discarded.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::delivery::attempt::{Attempt, AttemptKey, AttemptSummary};
use crate::delivery::checkpoint::Checkpoint;
use crate::delivery::health::HealthPolicy;
use crate::delivery::lane::Lane;
use crate::delivery::ordering_key::OrderingKey;
use crate::delivery::reader::Reader;
use crate::delivery::request::Request;
use crate::delivery::slot::Slot;
use crate::delivery::window::has_room;
use crate::engine::facts::{Facts, WebhookRows};
use crate::engine::limits::Hosts;
use crate::engine::need::Need;
use crate::engine::outcome::{Changes, Expect, LogPut, Outcome, Put, Reply};
use crate::model::event::{Event, EventData, EventType, Topic};
use crate::model::id::{Stamp, TicketId, WebhookId};
use crate::model::log::{EventDraft, Log};
use crate::model::millis::Millis;
use crate::model::moment::Moment;
use crate::model::reason::Reason;
use crate::model::refusal::Refusal;
use crate::model::retention::Retention;
use crate::model::seq::Seq;
use crate::model::service::Service;
use crate::model::ticket::Ticket;
use crate::webhook::Webhook;

/// The reason why a decision stops before its end.
#[derive(Debug)]
pub(crate) enum Stop {
    Need(Vec<Need>),
    Refuse(Refusal),
}

impl From<Need> for Stop {
    fn from(need: Need) -> Self {
        Self::Need(vec![need])
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refuse(refusal)
    }
}

pub(crate) struct Decision<'a> {
    facts: &'a Facts,
    pub moment: &'a Moment,
    changes: Changes,
    /// Attempts to be made: they become requests at the end, when no need can undo them.
    sends: Vec<(Arc<Webhook>, Arc<Event>, AttemptKey)>,
    /// Slots of all readers that this host holds, as changed so far.
    in_flight: u32,
    pub turn: Option<WebhookId>,
    /// Readers that moved past events that are filtered out, which alone is not worth a write.
    checkpoints: BTreeMap<WebhookId, Checkpoint>,
    next_wake: Option<Millis>,
    #[expect(clippy::option_option, reason = "it may be said, and what is said may be never")]
    retain_at: Option<Option<Millis>>,
    pending_floor: Option<Seq>,
}

impl<'a> Decision<'a> {
    pub fn new(facts: &'a Facts, moment: &'a Moment) -> Self {
        Self {
            facts,
            moment,
            changes: Changes::default(),
            sends: Vec::new(),
            in_flight: facts.in_flight(moment.holder),
            turn: facts.turn(),
            checkpoints: BTreeMap::new(),
            next_wake: None,
            retain_at: None,
            pending_floor: None,
        }
    }

    pub fn now(&self) -> Millis {
        self.moment.now
    }

    pub fn outcome(self, reply: Reply) -> Outcome {
        let now = self.moment.now;
        let sends = self.sends.into_iter();
        Outcome {
            reply: Ok(reply),
            changes: self.changes,
            requests: sends.map(|(to, event, key)| Request::new(&to, &event, key, now)).collect(),
            reply_replaces: None,
            next_wake: self.next_wake,
            turn: self.turn,
            checkpoints: self.checkpoints,
            retain_at: self.retain_at,
            pending_floor: self.pending_floor,
        }
    }

    /// Requests a wake at `at` or earlier.
    pub fn wake_at(&mut self, at: Millis) {
        self.next_wake = Some(self.next_wake.map_or(at, |earlier| earlier.min(at)));
    }
}

/// Retention.
impl Decision<'_> {
    pub fn retention(&self) -> Retention {
        self.facts.limits.retention
    }

    /// Sets when retention is due again, if ever.
    pub fn retain_at(&mut self, at: Option<Millis>) {
        self.retain_at = Some(at);
    }

    /// Marks the events up to `to` as expiring.
    pub fn pending_floor(&mut self, to: Seq) {
        self.pending_floor = Some(to);
    }

    /// Whether the event at `seq` is expiring: then it is not sent any more, as its deletion waits
    /// for requests in flight.
    pub fn is_expiring(&self, seq: Seq) -> bool {
        seq <= self.facts.pending_floor()
    }

    /// The time of the oldest idempotency record.
    pub fn oldest_idempotency_record(&self) -> Result<Option<Millis>, Need> {
        self.facts.oldest_idempotency_record()
    }

    /// Deletes the oldest idempotency records up to time `at`, at most `most` of them.
    pub fn forget_idempotency_records(&mut self, at: Millis, most: u32) {
        self.changes.forgotten = Some((at, most));
    }

    /// When retention is due, if ever.
    pub fn retains_at(&self) -> Option<Millis> {
        self.facts.retains_at()
    }

    /// The position of the first event that was created at `at` or later.
    pub fn created_from(&self, at: Millis) -> Result<Option<Seq>, Need> {
        self.facts.created_from(at)
    }

    /// Bytes that the store uses.
    pub fn size(&self) -> Result<u64, Need> {
        self.facts.size()
    }

    /// The first [`Retention::LANES`] lanes whose heads are at `to` or before it, by head.
    pub fn lanes_to(&self, to: Seq) -> Result<Vec<Lane>, Need> {
        self.facts.lanes_to(to)
    }

    /// The events after `after` and up to `to`, without their bodies, in order.
    pub fn outlines(&self, after: Seq, to: Seq) -> Result<Vec<Event>, Need> {
        self.facts.outlines(after, to)
    }

    /// Deletes the events up to `floor`.
    pub fn raise_floor(&mut self, floor: Seq) -> Result<(), Need> {
        self.tick()?;
        if let Some(put) = &mut self.changes.log {
            put.row.floor = floor;
        }
        self.changes.floor = Some(floor);
        Ok(())
    }
}

/// The log, the service and tickets.
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

    /// Appends an event to the log.
    pub fn append_event(&mut self, stamp: Stamp, news: EventDraft<'_>) -> Result<Arc<Event>, Need> {
        let mut log = self.log()?;
        let was = log.stamp;
        let event = Arc::new(log.append(stamp, news));
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
        let wanted = self.webhook_rows()?.values().any(|row| row.webhook.events.names(kind));
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

/// Webhooks and the rows of their deliveries.
impl Decision<'_> {
    pub fn webhook_rows(&self) -> Result<&BTreeMap<WebhookId, WebhookRows>, Need> {
        self.facts.webhook_rows()
    }

    /// The webhook, with this decision's changes.
    pub fn webhook(&self, id: WebhookId) -> Result<Option<Arc<Webhook>>, Need> {
        match self.changes.webhooks.get(&id) {
            Some(put) => Ok(put.row.clone()),
            None => Ok(self.facts.webhook_rows()?.get(&id).map(|p| Arc::clone(&p.webhook))),
        }
    }

    /// The reader of a webhook, with this decision's changes.
    pub fn reader(&self, id: WebhookId) -> Result<Option<&Reader>, Need> {
        match self.changes.readers.get(&id) {
            Some(put) => Ok(put.row.as_ref()),
            None => Ok(self.facts.webhook_rows()?.get(&id).map(|row| &row.reader)),
        }
    }

    /// The reader of a webhook, to be changed, whichever host holds it.
    ///
    /// # Panics
    /// When there is no such webhook: rules look the webhook up first.
    pub fn reader_mut(&mut self, id: WebhookId) -> Result<&mut Reader, Need> {
        if !self.changes.readers.contains_key(&id) {
            let row = self.facts.webhook_rows()?.get(&id).expect("the webhook was looked up");
            let mut reader = row.reader.clone();
            let expect = Expect::Rev(reader.rev);
            reader.rev += 1;
            self.changes.readers.insert(id, Put { row: Some(reader), expect });
        }
        let put = self.changes.readers.get_mut(&id);
        Ok(put.and_then(|put| put.row.as_mut()).expect("a reader lives as long as its webhook"))
    }

    /// The same, and from here on this host sends for the webhook. Events that another host had in
    /// flight wait in their lanes, due now, so that they are sent inside the rules; this does not
    /// count against the receiver.
    pub fn held_mut(&mut self, id: WebhookId) -> Result<&mut Reader, Need> {
        let holder = Some(self.moment.holder);
        if self.reader(id)?.is_some_and(|reader| reader.holder != holder) {
            let reader = self.reader_mut(id)?;
            reader.holder = holder;
            let lost = reader.sending.clone();
            self.in_flight += reader.in_flight();
            for slot in lost {
                self.requeue_lost(id, slot, Reason::TakenOver)?;
            }
        }
        self.reader_mut(id)
    }

    /// Whether other hosts use the same store.
    pub fn shares_store(&self) -> bool {
        self.facts.limits.hosts == Hosts::Several
    }

    /// Whether this host may send for a webhook: it holds the webhook, or no other host does any
    /// more.
    pub fn may_hold(&self, webhook: &Webhook, reader: &Reader) -> bool {
        match self.facts.limits.hosts {
            Hosts::One => true,
            Hosts::Several => {
                let free_at = reader.free_at(self.moment.holder, webhook.timeout_ms);
                free_at.is_none_or(|at| at <= self.now())
            }
        }
    }

    /// The position of a reader, including events that it skipped without a write.
    pub fn place(&self, reader: &Reader) -> Checkpoint {
        let checkpoint =
            self.checkpoints.get(&reader.webhook).or_else(|| self.facts.checkpoint(reader.webhook));
        let read = Checkpoint { read_to: reader.read_to, tallies: reader.tallies };
        checkpoint.copied().filter(|checkpoint| checkpoint.read_to > read.read_to).unwrap_or(read)
    }

    pub fn note_checkpoint(&mut self, webhook: WebhookId, place: Checkpoint) {
        self.checkpoints.insert(webhook, place);
    }

    pub fn register(&mut self, webhook: Arc<Webhook>, reader: Reader) {
        let id = webhook.id;
        let expect = Expect::Absent;
        self.changes.webhooks.insert(id, Put { row: Some(webhook), expect });
        self.changes.readers.insert(id, Put { row: Some(reader), expect });
    }

    pub fn unregister(&mut self, webhook: &Webhook, reader_rev: u64) {
        let id = webhook.id;
        let gone = Put { row: None, expect: Expect::Rev(webhook.rev) };
        self.changes.webhooks.insert(id, gone);
        self.changes.readers.insert(id, Put { row: None, expect: Expect::Rev(reader_rev) });
        self.changes.cleared.insert(id);
    }

    /// Changes an existing webhook, and returns it.
    pub fn put_webhook(&mut self, webhook: Webhook, was_rev: u64) -> Result<Arc<Webhook>, Need> {
        let webhook = Arc::new(webhook);
        let put = Put { row: Some(Arc::clone(&webhook)), expect: Expect::Rev(was_rev) };
        self.changes.webhooks.insert(webhook.id, put);
        // The host that sends for it may be deciding over the old webhook: that must conflict.
        self.reader_mut(webhook.id)?;
        Ok(webhook)
    }

    pub fn lane(
        &self,
        webhook: WebhookId,
        ordering_key: OrderingKey,
    ) -> Result<Option<Lane>, Need> {
        match self.changes.lanes.get(&(webhook, ordering_key)) {
            Some(lane) => Ok(*lane),
            None => self.facts.lane(webhook, ordering_key).map(Option::<&Lane>::copied),
        }
    }

    /// The webhook's lane that is next in order.
    pub fn first_lane(&self, webhook: WebhookId) -> Result<Option<Lane>, Need> {
        let changed = &self.changes.lanes;
        let skip = |ordering_key| changed.contains_key(&(webhook, ordering_key));
        let known = self.facts.first_lane(webhook, skip)?.copied();
        let first = (webhook, OrderingKey::FIRST);
        let ours = changed.range(first..).take_while(|((of, _), _)| *of == webhook);
        Ok(ours.filter_map(|(_, lane)| *lane).chain(known).min_by_key(Lane::turn))
    }

    /// Changes a waiting lane.
    pub fn put_lane(&mut self, lane: Lane) {
        self.changes.lanes.insert((lane.webhook, lane.ordering_key), Some(lane));
    }

    /// Deletes a waiting lane.
    pub fn drop_lane(&mut self, lane: &Lane) {
        self.changes.lanes.insert((lane.webhook, lane.ordering_key), None);
    }

    pub fn event(&self, seq: Seq) -> Result<Arc<Event>, Need> {
        self.facts.event(seq).map(Arc::clone)
    }

    pub fn next_about(&self, topic: Topic, after: Seq, to: Seq) -> Result<Option<Seq>, Need> {
        self.facts.next_about(topic, after, to)
    }

    /// A summary of an event's attempts so far.
    pub fn attempt_summary(&self, webhook: WebhookId, seq: Seq) -> Result<AttemptSummary, Need> {
        let key = |number| AttemptKey { seq, webhook, number };
        let ours = self.changes.attempts.range(key(0)..=key(u32::MAX));
        Ok(ours.fold(self.facts.attempt_summary(webhook, seq)?, |attempt_summary, (_, attempt)| {
            attempt_summary.and(attempt)
        }))
    }

    /// Stops the replay of a webhook and deletes its lanes.
    pub fn stop_replay(&mut self, webhook: WebhookId) -> Result<(), Need> {
        self.reader_mut(webhook)?.stop_replay();
        self.changes
            .lanes
            .retain(|(of, ordering_key), _| *of != webhook || !ordering_key.is_replay());
        self.changes.stopped.insert(webhook);
        Ok(())
    }

    pub fn record(&mut self, attempt: Attempt) {
        self.changes.attempts.insert(attempt.key, attempt);
    }
}

/// Transitions between waiting and sending.
impl Decision<'_> {
    /// Whether this host has no free slot.
    pub fn is_full(&self) -> bool {
        self.in_flight >= self.facts.limits.in_flight
    }

    pub fn has_room(&self, webhook: &Webhook) -> Result<bool, Need> {
        let free = self.facts.limits.in_flight.saturating_sub(self.in_flight);
        let reader = self.reader(webhook.id)?;
        let in_flight = reader.map_or(0, Reader::in_flight);
        let window = reader.map_or(0, |reader| reader.window.size.min(webhook.max_in_flight));
        Ok(has_room(in_flight, window, free))
    }

    /// Whether the webhook may be sent its next event: it is active and not down, and neither a
    /// pause nor its rate limit holds it back.
    pub fn may_send_now(&self, webhook: &Webhook) -> Result<bool, Need> {
        let now = self.now();
        let reader = self.reader(webhook.id)?;
        let leave = |reader: &Reader| !reader.health.is_down() && reader.sends_from(now) <= now;
        Ok(webhook.is_active() && reader.is_some_and(leave))
    }

    pub fn health_policy(&self) -> HealthPolicy {
        self.facts.limits.health
    }

    /// Takes a request out of flight.
    pub fn end(&mut self, key: AttemptKey) -> Result<Option<Slot>, Need> {
        let slot = self.held_mut(key.webhook)?.end(key.seq, key.number);
        self.in_flight -= u32::from(slot.is_some());
        Ok(slot)
    }

    /// Adds a lane for an ordering key that neither waits nor sends.
    pub fn add_waiting_lane(&mut self, lane: Lane) -> Result<(), Need> {
        self.held_mut(lane.webhook)?.add_waiting(lane.ordering_key);
        self.put_lane(lane);
        Ok(())
    }

    /// Gives up a lost request: its event waits, due now, and is sent again, unless it was part of
    /// a replay that is stopped.
    pub fn requeue_lost(
        &mut self,
        webhook: WebhookId,
        slot: Slot,
        why: Reason,
    ) -> Result<(), Need> {
        let now = self.now();
        let key = AttemptKey { seq: slot.seq, webhook, number: slot.number };
        self.end(key)?;
        let again_at = match slot.ordering_key {
            OrderingKey::Live(_) | OrderingKey::Resend(_) | OrderingKey::Replay(_) => {
                self.add_waiting_lane(slot.waiting(webhook, slot.step, now, why))?;
                Some(now)
            }
            OrderingKey::Cancelled(_) => {
                self.held_mut(webhook)?.remove_pending(slot.ordering_key);
                None
            }
        };
        self.record(Attempt::unreported(key, slot.since, why, again_at));
        Ok(())
    }

    /// Removes a waiting lane.
    pub fn remove_waiting_lane(&mut self, lane: &Lane) -> Result<(), Need> {
        self.held_mut(lane.webhook)?.remove_waiting(lane.ordering_key);
        self.drop_lane(lane);
        Ok(())
    }

    /// Puts a request in flight.
    pub fn send(&mut self, webhook: &Arc<Webhook>, slot: Slot) -> Result<(), Need> {
        let event = self.event(slot.seq)?;
        let now = self.now();
        let reader = self.held_mut(webhook.id)?;
        reader.keep_rate(webhook.rate_limit, now);
        let is_live = matches!(slot.ordering_key, OrderingKey::Live(_));
        if slot.number == 1 && !is_live {
            // It was skipped, and is delivered after all.
            reader.owed.add(event.id);
        }
        reader.sending.push(slot);
        self.in_flight += 1;
        let key = AttemptKey { seq: slot.seq, webhook: webhook.id, number: slot.number };
        self.sends.push((Arc::clone(webhook), event, key));
        Ok(())
    }
}
