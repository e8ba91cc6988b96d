//! A store in memory: for the browser and for tests, and the reference for the other stores.

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};
use std::convert::Infallible;
use std::ops::Bound;
use std::sync::Arc;

use crate::delivery::attempt::{Attempt, AttemptKey, AttemptSummary};
use crate::delivery::lane::Lane;
use crate::delivery::ordering_key::OrderingKey;
use crate::delivery::reader::Reader;
use crate::engine::need::{Fact, Need};
use crate::engine::outcome::{Changes, Expect, Put};
use crate::engine::store::{Commit, Rows, Store};
use crate::model::api_key::ApiKey;
use crate::model::audit::{AuditFilter, AuditRow};
use crate::model::digest::Digest;
use crate::model::event::{Event, Topic};
use crate::model::id::{AuditId, KeyId, TicketId, WebhookId};
use crate::model::idempotency_record::IdempotencyRecord;
use crate::model::key_kind::KeyKind;
use crate::model::log::Log;
use crate::model::millis::Millis;
use crate::model::partner::{Partner, PartnerCounts};
use crate::model::seq::Seq;
use crate::model::service::Service;
use crate::model::ticket::{Ticket, TicketFilter};
use crate::webhook::Webhook;

#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    log: Log,
    service: Service,
    tickets: BTreeMap<TicketId, Ticket>,
    events: BTreeMap<Seq, Arc<Event>>,
    webhooks: BTreeMap<WebhookId, Arc<Webhook>>,
    readers: BTreeMap<WebhookId, Reader>,
    lanes: BTreeMap<(WebhookId, OrderingKey), Lane>,
    /// The keys of `lanes`, by ordering key.
    webhooks_of: BTreeMap<OrderingKey, BTreeSet<WebhookId>>,
    attempts: BTreeMap<AttemptKey, Attempt>,
    idempotency_records: BTreeMap<Digest, Arc<IdempotencyRecord>>,
    api_keys: BTreeMap<KeyId, Arc<ApiKey>>,
    audit: BTreeMap<AuditId, AuditRow>,
}

impl MemoryStore {
    /// All recorded attempts, by event.
    pub fn attempts(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts.values()
    }

    fn ticket_page(&self, only: Option<TicketFilter>, after: Option<TicketId>, most: u32) -> Fact {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let tickets = self.tickets.range((from, Bound::Unbounded)).map(|(_, ticket)| ticket);
        let wanted = tickets.filter(|t| only.is_none_or(|filter| filter.takes(t.status)));
        Fact::Tickets(wanted.take(most as usize).cloned().collect())
    }

    fn ticket_page_before(
        &self,
        only: Option<TicketFilter>,
        before: Option<TicketId>,
        most: u32,
    ) -> Fact {
        let to = before.map_or(Bound::Unbounded, Bound::Excluded);
        let tickets = self.tickets.range((Bound::Unbounded, to)).map(|(_, ticket)| ticket).rev();
        let wanted = tickets.filter(|t| only.is_none_or(|filter| filter.takes(t.status)));
        Fact::Tickets(wanted.take(most as usize).cloned().collect())
    }

    fn webhook_page(
        &self,
        after: Option<WebhookId>,
        most: u32,
        is_asked: impl Fn(&Webhook) -> bool,
    ) -> Fact {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let webhooks = self.webhooks.range((from, Bound::Unbounded)).map(|(_, webhook)| webhook);
        let asked = webhooks.filter(|webhook| is_asked(webhook)).take(most as usize);
        Fact::Webhooks(asked.filter_map(|webhook| self.row(webhook)).collect())
    }

    fn partner_counts(&self, after: Option<Partner>, most: u32) -> Fact {
        let mut counts: BTreeMap<Partner, (u64, u64)> = BTreeMap::new();
        for partner in self.webhooks.values().filter_map(|webhook| webhook.partner) {
            counts.entry(partner).or_default().0 += 1;
        }
        for partner in self.bearer_keys().filter_map(|key| key.settings.partner()) {
            counts.entry(partner).or_default().1 += 1;
        }
        let later = counts.into_iter().filter(|(partner, _)| Some(*partner) > after);
        let count = |(partner, (webhooks, keys))| PartnerCounts { partner, webhooks, keys };
        Fact::Partners(later.take(most as usize).map(count).collect())
    }

    fn bearer_keys(&self) -> impl Iterator<Item = &Arc<ApiKey>> {
        self.api_keys.values().filter(|key| key.kind == KeyKind::Bearer)
    }

    fn row(&self, webhook: &Arc<Webhook>) -> Option<(Webhook, Reader)> {
        Some((Webhook::clone(webhook), self.readers.get(&webhook.id)?.clone()))
    }

    fn next_about(&self, topic: Topic, after: Seq, to: Seq) -> Option<Seq> {
        let events = self.events.range((Bound::Excluded(after), Bound::Included(to)));
        events.map(|(_, event)| event).find(|event| event.topic == Some(topic)).map(|e| e.seq)
    }

    fn tried(&self, webhook: WebhookId, from: Seq, to: Seq) -> Vec<(Seq, AttemptSummary)> {
        let mut tried = BTreeMap::new();
        let first = AttemptKey { seq: from, webhook, number: 0 };
        let attempts = self.attempts.range(first..).take_while(|(key, _)| key.seq <= to);
        for (key, attempt) in attempts.filter(|(key, _)| key.webhook == webhook) {
            let so_far: &mut AttemptSummary = tried.entry(key.seq).or_default();
            *so_far = so_far.and(attempt);
        }
        tried.into_iter().collect()
    }

    fn forget_idempotency_records(&mut self, changes: &Changes) {
        let Some((to, most)) = changes.forgotten else { return };
        let old = self.idempotency_records.values().filter(|answer| answer.at <= to);
        let mut old: Vec<(Millis, Digest)> = old.map(|answer| (answer.at, answer.key)).collect();
        old.sort_unstable();
        for (_, key) in old.into_iter().take(most as usize) {
            self.idempotency_records.remove(&key);
        }
    }

    fn audit_page(&self, only: Option<AuditFilter>, before: Option<AuditId>, most: u32) -> Fact {
        let to = before.map_or(Bound::Unbounded, Bound::Excluded);
        let rows = self.audit.range((Bound::Unbounded, to)).map(|(_, row)| row).rev();
        let wanted = rows.filter(|row| only.is_none_or(|filter| filter.takes(row)));
        Fact::Audit(wanted.take(most as usize).cloned().collect())
    }

    fn put_audit(&mut self, changes: &Changes) {
        self.audit.extend(changes.audit.iter().map(|row| (row.id, row.clone())));
        let Some((to, most)) = changes.forgotten_audit else { return };
        let old = self.audit.values().filter(|row| row.at <= to).take(most as usize);
        for id in old.map(|row| row.id).collect::<Vec<_>>() {
            self.audit.remove(&id);
        }
    }

    fn is_as_expected(&self, changes: &Changes) -> bool {
        changes.log.is_none_or(|put| put.was == self.log.stamp)
            && are_as_expected(&self.tickets, &changes.tickets, |ticket| ticket.version.into())
            && are_as_expected(&self.webhooks, &changes.webhooks, |webhook| webhook.rev)
            && are_as_expected(&self.readers, &changes.readers, |reader| reader.rev)
            && are_as_expected(&self.idempotency_records, &changes.idempotency_records, |answer| {
                answer.at.0
            })
            && are_as_expected(&self.api_keys, &changes.api_keys, |key| key.rev)
    }

    fn lanes_of(&self, key: OrderingKey) -> Vec<Lane> {
        let webhooks = self.webhooks_of.get(&key).into_iter().flatten();
        webhooks.filter_map(|webhook| self.lanes.get(&(*webhook, key)).copied()).collect()
    }

    fn lanes_in_order(&self, webhook: WebhookId) -> Vec<Lane> {
        let all = self.lanes.range((webhook, OrderingKey::FIRST)..);
        let mut lanes: Vec<Lane> =
            all.take_while(|((of, _), _)| *of == webhook).map(|(_, lane)| *lane).collect();
        lanes.sort_by_key(Lane::turn);
        lanes
    }
}

impl Rows for MemoryStore {
    type Fault = Infallible;

    fn load(&mut self, need: &Need) -> Result<Fact, Infallible> {
        Ok(match *need {
            Need::Log => Fact::Log(self.log),
            Need::Service => Fact::Service(self.service),
            Need::Ticket(id) => Fact::Tickets(self.tickets.get(&id).cloned().into_iter().collect()),
            Need::Tickets { only, after, most } => self.ticket_page(only, after, most),
            Need::TicketsBefore { only, before, most } => {
                self.ticket_page_before(only, before, most)
            }
            Need::Webhooks => self.webhook_page(None, u32::MAX, |_| true),
            Need::Webhook(id) => {
                let webhook = self.webhooks.get(&id);
                Fact::Webhooks(webhook.and_then(|w| self.row(w)).into_iter().collect())
            }
            Need::WebhooksAfter { after, most } => self.webhook_page(after, most, |_| true),
            Need::PartnerWebhooks { partner, after, most } => {
                self.webhook_page(after, most, |webhook| webhook.partner == Some(partner))
            }
            Need::Partners { after, most } => self.partner_counts(after, most),
            Need::Events { from, most } => {
                let events = self.events.range(from..).take(most as usize);
                Fact::Events(events.map(|(_, event)| Event::clone(event)).collect())
            }
            Need::EventsBefore { before, most } => {
                let to = before.map_or(Bound::Unbounded, Bound::Excluded);
                let events = self.events.range((Bound::Unbounded, to)).rev().take(most as usize);
                Fact::Events(events.map(|(_, event)| Event::clone(event)).collect())
            }
            Need::Attempts { webhook, seq, after, most } => {
                let key = |number| AttemptKey { seq, webhook, number };
                let later = (Bound::Excluded(key(after)), Bound::Included(key(u32::MAX)));
                let attempts = self.attempts.range(later).take(most as usize);
                Fact::Attempts(attempts.map(|(_, attempt)| attempt.clone()).collect())
            }
            Need::AttemptSummaries { webhook, from, to } => {
                Fact::AttemptSummaries(self.tried(webhook, from, to))
            }
            Need::LanesTo { to, most } => {
                let mut lanes: Vec<Lane> =
                    self.lanes.values().filter(|lane| lane.head <= to).copied().collect();
                lanes.sort_by_key(|lane| (lane.head, lane.webhook));
                lanes.truncate(most as usize);
                Fact::Lanes(lanes)
            }
            Need::OldestIdempotencyRecord => {
                Fact::Time(self.idempotency_records.values().map(|answer| answer.at).min())
            }
            Need::Audit { only, before, most } => self.audit_page(only, before, most),
            Need::OldestAudit => Fact::Time(self.audit.values().next().map(|row| row.at)),
            Need::Size => {
                let bodies = self.events.values().map(|event| event.body.len() as u64);
                Fact::Size(bodies.sum())
            }
            Need::CreatedFrom(at) => {
                let mut events = self.events.values();
                Fact::Place(events.find(|event| event.created >= at).map(|event| event.seq))
            }
            Need::NextAbout { topic, after, to } => Fact::Place(self.next_about(topic, after, to)),
            Need::IdempotencyRecord(key) => Fact::IdempotencyRecord(
                self.idempotency_records.get(&key).map(|answer| IdempotencyRecord::clone(answer)),
            ),
            Need::ApiKeys => {
                Fact::ApiKeys(self.api_keys.values().map(|key| ApiKey::clone(key)).collect())
            }
            Need::ApiKey(id) => {
                let key = self.api_keys.get(&id).into_iter();
                Fact::ApiKeys(key.map(|key| ApiKey::clone(key)).collect())
            }
            Need::Lane(webhook, ordering_key) => {
                Fact::Lanes(self.lanes.get(&(webhook, ordering_key)).copied().into_iter().collect())
            }
            Need::LanesOf(key) => Fact::Lanes(self.lanes_of(key)),
            Need::Lanes { webhook, after, most } => {
                let lanes = self.lanes_in_order(webhook).into_iter();
                let later = lanes.filter(|lane| after.is_none_or(|turn| lane.turn() > turn));
                Fact::Lanes(later.take(most as usize).collect())
            }
        })
    }
}

impl Store for MemoryStore {
    fn commit(&mut self, changes: &Changes) -> Result<Commit, Infallible> {
        if !self.is_as_expected(changes) {
            return Ok(Commit::Conflict);
        }
        self.log = changes.log.map_or(self.log, |put| put.row);
        self.service = changes.service.unwrap_or(self.service);
        self.events.extend(changes.events.iter().map(|event| (event.seq, Arc::clone(event))));
        if let Some(floor) = changes.floor {
            pop_while(&mut self.events, |seq| *seq <= floor);
            pop_while(&mut self.attempts, |key| key.seq <= floor);
        }
        put_all(&mut self.tickets, &changes.tickets);
        put_all(&mut self.webhooks, &changes.webhooks);
        put_all(&mut self.readers, &changes.readers);
        put_all(&mut self.idempotency_records, &changes.idempotency_records);
        self.forget_idempotency_records(changes);
        put_all(&mut self.api_keys, &changes.api_keys);
        self.put_audit(changes);
        if !changes.cleared.is_empty() || !changes.stopped.is_empty() {
            let stays = |webhook: &WebhookId, key: OrderingKey| {
                let stopped = key.is_replay() && changes.stopped.contains(webhook);
                !stopped && !changes.cleared.contains(webhook)
            };
            self.lanes.retain(|(webhook, key), _| stays(webhook, *key));
            self.webhooks_of.retain(|key, webhooks| {
                webhooks.retain(|webhook| stays(webhook, *key));
                !webhooks.is_empty()
            });
        }
        for ((webhook, key), lane) in &changes.lanes {
            if let Some(lane) = lane {
                self.lanes.insert((*webhook, *key), *lane);
                self.webhooks_of.entry(*key).or_default().insert(*webhook);
            } else if self.lanes.remove(&(*webhook, *key)).is_some()
                && let Entry::Occupied(mut webhooks) = self.webhooks_of.entry(*key)
            {
                webhooks.get_mut().remove(webhook);
                if webhooks.get().is_empty() {
                    webhooks.remove();
                }
            }
        }
        for (key, attempt) in &changes.attempts {
            if self.attempts.get(key).is_none_or(Attempt::is_unreported) {
                self.attempts.insert(*key, attempt.clone());
            }
        }
        Ok(Commit::Done)
    }
}

fn are_as_expected<K: Ord, T>(
    rows: &BTreeMap<K, T>,
    puts: &BTreeMap<K, Put<T>>,
    rev: impl Fn(&T) -> u64,
) -> bool {
    puts.iter().all(|(key, put)| match put.expect {
        Expect::Absent => !rows.contains_key(key),
        Expect::Rev(expected) => rows.get(key).is_some_and(|row| rev(row) == expected),
    })
}

/// Removes the first rows while their keys match.
fn pop_while<K: Ord, T>(rows: &mut BTreeMap<K, T>, is_old: impl Fn(&K) -> bool) {
    while rows.first_key_value().is_some_and(|(key, _)| is_old(key)) {
        rows.pop_first();
    }
}

fn put_all<K: Ord + Copy, T: Clone>(rows: &mut BTreeMap<K, T>, puts: &BTreeMap<K, Put<T>>) {
    for (key, put) in puts {
        match &put.row {
            Some(row) => rows.insert(*key, row.clone()),
            None => rows.remove(key),
        };
    }
}
