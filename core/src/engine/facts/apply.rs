//! Application of an outcome: the cached rows become what the decision made of them.

use std::sync::Arc;

use super::{Facts, WebhookRows, count_in, count_out, standing};
use crate::delivery::ordering_key::OrderingKey;
use crate::delivery::reader::Reader;
use crate::engine::outcome::{Changes, Outcome};
use crate::model::id::WebhookId;
use crate::model::idempotency_record::IdempotencyRecord;
use crate::model::log::Log;
use crate::model::retention::Retention;

impl Facts {
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
}

/// The ordering keys of requests from the first on in which two states of a reader differ: most often
/// of one.
fn differing<'a>(was: &'a Reader, is: &'a Reader) -> impl Iterator<Item = OrderingKey> + 'a {
    let (was, is) = (&was.sending, &is.sending);
    let same = was.iter().zip(is).take_while(|(was, is)| was == is).count();
    let rest = was.iter().skip(same).chain(is.iter().skip(same));
    rest.map(|slot| slot.ordering_key)
}
