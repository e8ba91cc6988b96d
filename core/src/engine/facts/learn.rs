//! Caching of loaded facts. A lane that is cached already is newer than one that was loaded by its
//! topic, and stays.

use std::sync::Arc;

use super::owners::Owners;
use super::{Facts, WebhookRows, count_in};
use crate::delivery::lane::Lane;
use crate::delivery::ordering_key::OrderingKey;
use crate::delivery::reader::Reader;
use crate::engine::need::{Fact, Need};
use crate::model::api_key::ApiKeys;
use crate::webhook::Webhook;

impl Facts {
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
}
