//! Transitions of a delivery between waiting and sending.

use std::sync::Arc;

use super::Decision;
use crate::delivery::attempt::{Attempt, AttemptKey};
use crate::delivery::health::HealthPolicy;
use crate::delivery::lane::Lane;
use crate::delivery::ordering_key::OrderingKey;
use crate::delivery::reader::Reader;
use crate::delivery::slot::Slot;
use crate::delivery::window::has_room;
use crate::engine::need::Need;
use crate::model::id::WebhookId;
use crate::model::partner::Partner;
use crate::model::reason::Reason;
use crate::webhook::Webhook;

impl Decision<'_> {
    /// Whether this host has no free slot.
    pub fn is_full(&self) -> bool {
        self.in_flight >= self.facts.limits.in_flight
    }

    /// Whether this host drains or is paused.
    pub fn sends_nothing(&self) -> bool {
        self.facts.limits.in_flight == 0
    }

    pub fn has_room(&self, webhook: &Webhook) -> Result<bool, Need> {
        let free = self.facts.limits.in_flight.saturating_sub(self.in_flight);
        let reader = self.reader(webhook.id)?;
        let in_flight = reader.map_or(0, Reader::in_flight);
        let window = reader.map_or(0, |reader| reader.window.size.min(webhook.max_in_flight));
        let share = webhook.partner.map_or(Ok(in_flight), |partner| self.in_flight_of(partner))?;
        Ok(has_room(in_flight, share, window, free))
    }

    /// Requests in flight to all webhooks of a partner, which together take the share of one.
    fn in_flight_of(&self, partner: Partner) -> Result<u32, Need> {
        let mut in_flight = 0;
        for id in self.webhooks_of(partner)? {
            in_flight += self.reader(id)?.map_or(0, Reader::in_flight);
        }
        Ok(in_flight)
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
        let slot = self.claim(key.webhook)?.end(key.seq, key.number);
        self.in_flight -= u32::from(slot.is_some());
        Ok(slot)
    }

    /// Adds a lane for an ordering key that neither waits nor sends.
    pub fn add_waiting_lane(&mut self, lane: Lane) -> Result<(), Need> {
        self.claim(lane.webhook)?.add_waiting(lane.ordering_key);
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
                self.claim(webhook)?.remove_pending(slot.ordering_key);
                None
            }
        };
        self.record(Attempt::unreported(key, slot.since, why, again_at));
        Ok(())
    }

    /// Removes a waiting lane.
    pub fn remove_waiting_lane(&mut self, lane: &Lane) -> Result<(), Need> {
        self.claim(lane.webhook)?.remove_waiting(lane.ordering_key);
        self.drop_lane(lane);
        Ok(())
    }

    /// Requests that the decision sends so far.
    pub fn requests(&self) -> usize {
        self.sends.len()
    }

    /// Puts a request in flight.
    pub fn send(&mut self, webhook: &Arc<Webhook>, slot: Slot) -> Result<(), Need> {
        let event = self.event(slot.seq)?;
        let now = self.now();
        let reader = self.claim(webhook.id)?;
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
