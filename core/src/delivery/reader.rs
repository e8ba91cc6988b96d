//! Readers: the consumer state of each webhook over the log.
//!
//! No row is written per webhook when an event is appended: each webhook has one reader, which
//! moves along the log. Requests in flight are part of it, and waiting events are in [`Lane`]s.

use serde::{Deserialize, Serialize};

use crate::delivery::checkpoint::Checkpoint;
use crate::delivery::health::Health;
use crate::delivery::lane::Lane;
use crate::delivery::ordering_key::OrderingKey;
use crate::delivery::owed::Owed;
use crate::delivery::quotas::Quotas;
use crate::delivery::replay::{Replay, paced};
use crate::delivery::slot::Slot;
use crate::delivery::window::Window;
use crate::model::event::Event;
use crate::model::id::{EventId, HolderId, WebhookId};
use crate::model::log::Log;
use crate::model::millis::Millis;
use crate::model::reason::Reason;
use crate::model::seq::Seq;
use crate::model::tallies::Tallies;
use crate::webhook::{Ordering, Webhook};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    pub webhook: WebhookId,
    /// Everything up to here was read: it was skipped or sent, it waits, or it is queued behind an
    /// event that does.
    pub read_to: Seq,
    /// The events up to there, by type.
    pub tallies: Tallies,
    /// Events above there that are for this webhook only.
    pub targeted: u64,
    /// The ordering in effect. Another one that the webhook is set to takes effect when nothing is
    /// in flight or waits.
    pub ordering: Ordering,
    pub sending: Vec<Slot>,
    /// The host that sends for this webhook.
    pub holder: Option<HolderId>,
    /// The window of requests in flight.
    pub window: Window,
    pub health: Health,
    /// Nothing is sent before this time, because of a `Retry-After` or of the desk's own failure to
    /// send.
    pub not_before: Millis,
    /// Microseconds of Unix time before which the webhook's rate limit allows no request.
    pub rate_from_us: u64,
    /// Events that were read and are not settled.
    pub pending: u64,
    /// Waiting lanes.
    pub waiting: u32,
    pub replay: Replay,
    /// The owed digest.
    pub owed: Owed,
    /// Events that were deleted before they were delivered to it.
    pub expired: Option<Expired>,
    /// Grows by one with each change of this row.
    pub rev: u64,
}

/// Events that retention deleted before they were delivered to a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct Expired {
    pub from: EventId,
    pub to: EventId,
    pub count: u64,
}

impl Reader {
    /// Milliseconds that a receiver's `Retry-After` can pause all of its webhook, at most: an hour,
    /// so that a mistyped `Retry-After` cannot pause it for a year.
    pub const MAX_PAUSE_MS: u64 = 3_600_000;

    /// A reader at the head of the log.
    #[must_use]
    pub fn new(webhook: &Webhook, log: &Log) -> Self {
        Self {
            webhook: webhook.id,
            read_to: log.head,
            tallies: log.tallies,
            targeted: 0,
            ordering: webhook.ordering,
            sending: Vec::new(),
            holder: None,
            window: Window::open(webhook.max_in_flight),
            health: Health::default(),
            not_before: Millis::default(),
            rate_from_us: 0,
            pending: 0,
            waiting: 0,
            replay: Replay::default(),
            owed: Owed::default(),
            expired: None,
            rev: 0,
        }
    }

    #[must_use]
    pub fn in_flight(&self) -> u32 {
        u32::try_from(self.sending.len()).unwrap_or(u32::MAX)
    }

    /// The backlog: events that are still to be delivered.
    #[must_use]
    pub fn backlog(&self, webhook: &Webhook, log: &Log) -> u64 {
        self.pending + self.targeted + webhook.events.events_between(&self.tallies, &log.tallies)
    }

    /// The time from which requests may be sent: there may be a pause, and the webhook may have a
    /// rate limit. A time beyond the longest pause was set by a clock that was wrong, and is
    /// ignored.
    #[must_use]
    pub fn sends_from(&self, now: Millis) -> Millis {
        let paced = Millis(self.rate_from_us / 1_000);
        let from = self.not_before.max(paced);
        if from > now.plus(Self::MAX_PAUSE_MS) { now } else { from }
    }

    /// Records that a request is sent: with a rate limit, the next one is sent no sooner than its
    /// share of a second later.
    pub fn keep_rate(&mut self, rate_limit: Option<u32>, now: Millis) {
        self.rate_from_us = paced(self.rate_from_us, rate_limit, now);
    }

    /// The reason for which delivery is held back, other than the window.
    #[must_use]
    pub fn holds_back(&self, webhook: &Webhook, now: Millis) -> Option<Reason> {
        if !webhook.is_active() {
            webhook.status.reason()
        } else if self.health.is_down() {
            Some(Reason::Failing)
        } else if self.not_before > now {
            Some(Reason::RetryAfter)
        } else if self.is_reordering(webhook) {
            Some(Reason::Reordering)
        } else if self.waiting >= Lane::MAX {
            Some(Reason::TooManyLanes)
        } else {
            None
        }
    }

    /// Whether another ordering is to take effect as soon as nothing is in flight or waits.
    #[must_use]
    pub fn is_reordering(&self, webhook: &Webhook) -> bool {
        self.ordering != webhook.ordering
    }

    /// Whether nothing is in flight and nothing waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.sending.is_empty() && self.waiting == 0
    }

    /// The position that its row has.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint { read_to: self.read_to, tallies: self.tallies }
    }

    /// Whether its row and the log's prove that nothing is unread.
    #[must_use]
    pub fn is_even(&self, webhook: &Webhook, log: &Log) -> bool {
        self.is_even_after(&self.tallies, webhook, log)
    }

    /// Whether the tallies prove that nothing after those of a position is unread: nothing that the
    /// webhook hears was appended, and nothing is in flight or waits, behind which others would be
    /// queued.
    #[must_use]
    pub fn is_even_after(&self, position: &Tallies, webhook: &Webhook, log: &Log) -> bool {
        let unread = || webhook.events.events_between(position, &log.tallies);
        self.is_idle() && self.targeted == 0 && unread() == 0
    }

    /// Whether new events may be read.
    #[must_use]
    pub fn may_read(&self, webhook: &Webhook, quotas: &Quotas) -> bool {
        self.waiting < quotas.lanes && !self.is_reordering(webhook)
    }

    /// Whether a replay may read on.
    #[must_use]
    pub fn may_replay(&self, webhook: &Webhook, quotas: &Quotas) -> bool {
        self.replay.waiting < quotas.replay_lanes && self.may_read(webhook, quotas)
    }

    /// When the running replay may send its next event, if there is room. A pace beyond a second
    /// was set by a clock that was wrong, and is ignored.
    #[must_use]
    pub fn replays_at(&self, webhook: &Webhook, quotas: &Quotas, now: Millis) -> Option<Millis> {
        let unread = self.replay.run.filter(|run| run.read_to < run.range.to)?;
        let from = Millis(unread.from_us / 1_000);
        let from = if from > now.plus(2_000) { now } else { from };
        self.may_replay(webhook, quotas).then_some(from)
    }

    /// Whether the event is still to be read, or is queued or in flight under its live ordering
    /// key. `lane` is the lane of that key, and `read_to` the reader's position.
    #[must_use]
    pub fn owes(&self, event: &Event, read_to: Seq, lane: Option<&Lane>) -> bool {
        let within = |head: Seq, last_queued: Option<Seq>| {
            (head..=last_queued.unwrap_or(head)).contains(&event.seq)
        };
        let ordering_key = OrderingKey::of(event, self.ordering);
        event.seq > read_to
            || lane.is_some_and(|lane| within(lane.head, lane.last_queued))
            || self
                .sending
                .iter()
                .any(|s| s.ordering_key == ordering_key && within(s.seq, s.last_queued))
    }

    /// Counts an event of `ordering_key` that is pending.
    pub fn add_pending(&mut self, ordering_key: OrderingKey) {
        self.pending += 1;
        self.replay.pending += u64::from(ordering_key.is_replay());
    }

    /// Uncounts an event of `ordering_key` that is settled.
    pub fn remove_pending(&mut self, ordering_key: OrderingKey) {
        self.pending -= 1;
        self.replay.pending -= u64::from(ordering_key.is_replay());
    }

    /// Records that a pending event is deleted by retention.
    pub fn expire(&mut self, event: EventId) {
        let so_far = self.expired.unwrap_or(Expired { from: event, to: event, count: 0 });
        let (from, to) = (so_far.from.min(event), so_far.to.max(event));
        self.expired = Some(Expired { from, to, count: so_far.count + 1 });
    }

    /// The position up to which events are deleted, or are just being deleted for this webhook.
    #[must_use]
    pub fn floor(&self, log: &Log) -> Seq {
        self.expired.map_or(log.floor, |expired| log.floor.max(expired.to.seq()))
    }

    /// Counts a lane of `ordering_key` that waits.
    pub fn add_waiting(&mut self, ordering_key: OrderingKey) {
        self.waiting += 1;
        self.replay.waiting += u32::from(ordering_key.is_replay());
    }

    /// Uncounts a lane of `ordering_key`.
    pub fn remove_waiting(&mut self, ordering_key: OrderingKey) {
        self.waiting -= 1;
        self.replay.waiting -= u32::from(ordering_key.is_replay());
    }

    /// Stops the running replay, if any. Its requests in flight are completed; the caller deletes
    /// its lanes.
    pub fn stop_replay(&mut self) {
        let mut in_flight = 0;
        for slot in self.sending.iter_mut().filter(|slot| slot.ordering_key.is_replay()) {
            slot.ordering_key = OrderingKey::Cancelled(slot.seq);
            slot.last_queued = None;
            in_flight += 1;
        }
        self.pending -= self.replay.pending - in_flight;
        self.waiting -= self.replay.waiting;
        self.replay = Replay::default();
    }

    /// Advances to `place`, past `event`.
    pub fn read(&mut self, place: Checkpoint, event: &Event) {
        self.read_to = place.read_to;
        self.tallies = place.tallies;
        self.targeted -= u64::from(event.only_for == Some(self.webhook));
    }

    /// Whether a probe is in flight.
    #[must_use]
    pub fn probes(&self) -> bool {
        self.sending.iter().any(|slot| slot.probe)
    }

    /// The request in flight for `ordering_key`: there is at most one.
    pub fn sending_for(&mut self, ordering_key: OrderingKey) -> Option<&mut Slot> {
        self.sending.iter_mut().find(|slot| slot.ordering_key == ordering_key)
    }

    #[must_use]
    pub fn is_sending(&self, ordering_key: OrderingKey) -> bool {
        self.sending.iter().any(|slot| slot.ordering_key == ordering_key)
    }

    /// Whether request `number` for the event at `seq` is in flight.
    #[must_use]
    pub fn sends(&self, seq: Seq, number: u32) -> bool {
        self.sending.iter().any(|slot| (slot.seq, slot.number) == (seq, number))
    }

    /// Ends the request `number` for the event at `seq`.
    pub fn end(&mut self, seq: Seq, number: u32) -> Option<Slot> {
        let index = self.sending.iter().position(|s| (s.seq, s.number) == (seq, number))?;
        Some(self.sending.remove(index))
    }
}

#[cfg(test)]
mod tests;
