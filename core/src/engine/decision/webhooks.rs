//! Webhooks and the rows of their deliveries, as a decision looks them up and changes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Decision;
use crate::delivery::attempt::{Attempt, AttemptKey, AttemptSummary};
use crate::delivery::checkpoint::Checkpoint;
use crate::delivery::lane::Lane;
use crate::delivery::ordering_key::OrderingKey;
use crate::delivery::reader::Reader;
use crate::engine::facts::WebhookRows;
use crate::engine::need::Need;
use crate::engine::outcome::{Expect, Put};
use crate::model::event::{Event, Topic};
use crate::model::id::WebhookId;
use crate::model::partner::Partner;
use crate::model::reason::Reason;
use crate::model::seq::Seq;
use crate::webhook::Webhook;

impl Decision<'_> {
    pub fn webhook_rows(&self) -> Result<&BTreeMap<WebhookId, WebhookRows>, Need> {
        self.facts.webhook_rows()
    }

    /// A partner's webhooks, as they were before this decision.
    pub fn webhooks_of(&self, partner: Partner) -> Result<impl Iterator<Item = WebhookId>, Need> {
        let webhooks: Vec<_> = self.facts.owners()?.webhooks(partner).collect();
        Ok(webhooks.into_iter())
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

    /// The same, and from here on this host sends for the webhook. Events that the previous host had in
    /// flight wait in their lanes, due now, so that they are sent inside the rules; this does not
    /// count against the receiver.
    pub fn claim(&mut self, id: WebhookId) -> Result<&mut Reader, Need> {
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

    /// The position of a reader, including events that it skipped without a write.
    pub fn place(&self, reader: &Reader) -> Checkpoint {
        let known = self.facts.place(reader);
        let noted = self.checkpoints.get(&reader.webhook);
        noted.copied().filter(|noted| noted.read_to > known.read_to).unwrap_or(known)
    }

    pub fn note_checkpoint(&mut self, webhook: WebhookId, place: Checkpoint) {
        self.checkpoints.insert(webhook, place);
    }

    /// Notes that nothing is skipped after `place`.
    pub fn note_stop(&mut self, webhook: WebhookId, place: Seq) {
        self.stops.insert(webhook, place);
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
            None if self.waits_for_nothing(webhook)? => Ok(None),
            None => self.facts.lane(webhook, ordering_key).map(Option::<&Lane>::copied),
        }
    }

    /// Whether no lane waits: then none is asked for.
    fn waits_for_nothing(&self, webhook: WebhookId) -> Result<bool, Need> {
        Ok(self.reader(webhook)?.is_none_or(|reader| reader.waiting == 0))
    }

    /// The webhook's lane that is next in order.
    pub fn first_lane(&self, webhook: WebhookId) -> Result<Option<Lane>, Need> {
        if self.waits_for_nothing(webhook)? {
            return Ok(None);
        }
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
