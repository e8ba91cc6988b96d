//! Slots: requests in flight, and their conversion from and to waiting lanes.

use serde::{Deserialize, Serialize};

use crate::delivery::lane::Lane;
use crate::delivery::ordering_key::OrderingKey;
use crate::model::id::WebhookId;
use crate::model::millis::Millis;
use crate::model::reason::Reason;
use crate::model::seq::Seq;

/// A request in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    pub seq: Seq,
    #[serde(rename = "subject")]
    pub ordering_key: OrderingKey,
    /// Counts the requests for this event: 1, 2, 3 …
    pub number: u32,
    /// Steps of the retry schedule that the event has taken.
    pub step: u32,
    /// The last event of the ordering key that is queued after this one.
    #[serde(rename = "behind")]
    pub last_queued: Option<Seq>,
    pub since: Millis,
    /// Whether it is a probe of a receiver that is down.
    #[serde(default)]
    pub probe: bool,
}

impl Slot {
    /// Milliseconds beyond a webhook's timeout after which a request without a report is lost:
    /// twice the longest pause that a loaded machine was seen to make, with a margin.
    const LOST_AFTER_MS: u64 = 30_000;

    /// When the request is considered lost.
    #[must_use]
    pub fn lost_at(&self, timeout_ms: u32) -> Millis {
        self.since.plus(u64::from(timeout_ms) + Self::LOST_AFTER_MS + 1)
    }

    /// The first request for an event.
    #[must_use]
    pub fn first(
        seq: Seq,
        ordering_key: OrderingKey,
        last_queued: Option<Seq>,
        now: Millis,
    ) -> Self {
        Self { seq, ordering_key, number: 1, step: 0, last_queued, since: now, probe: false }
    }

    /// The lane in which the event waits until `due`.
    #[must_use]
    pub fn waiting(self, webhook: WebhookId, step: u32, due: Millis, why: Reason) -> Lane {
        Lane {
            webhook,
            ordering_key: self.ordering_key,
            head: self.seq,
            number: self.number,
            step,
            due,
            last_queued: self.last_queued,
            why,
        }
    }
}

impl Lane {
    /// The next request for the head, sent at `now`.
    #[must_use]
    pub fn slot(&self, now: Millis) -> Slot {
        Slot {
            seq: self.head,
            ordering_key: self.ordering_key,
            number: self.number + 1,
            step: self.step,
            last_queued: self.last_queued,
            since: now,
            probe: false,
        }
    }
}
