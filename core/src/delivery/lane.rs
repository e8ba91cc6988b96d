//! Lanes: the queue of one webhook and one ordering key. Inside a lane order is kept, and lanes do
//! not wait for each other.

use crate::delivery::ordering_key::OrderingKey;
use crate::model::id::WebhookId;
use crate::model::millis::Millis;
use crate::model::reason::Reason;
use crate::model::seq::Seq;
use crate::webhook::retry_schedule::RetrySchedule;

/// An ordering key whose next event waits. A lane that sends is a [`Slot`](crate::Slot) of the
/// reader, and one with nothing to send has no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane {
    pub webhook: WebhookId,
    pub ordering_key: OrderingKey,
    /// The next event to be sent.
    pub head: Seq,
    /// Requests made for the head so far.
    pub number: u32,
    /// Steps of the retry schedule that the head has taken.
    pub step: u32,
    pub due: Millis,
    /// The last event of the ordering key that is queued after the head.
    pub last_queued: Option<Seq>,
    pub why: Reason,
}

impl Lane {
    /// Waiting lanes of one webhook, at most. With as many, nothing new is read for it: its backlog
    /// waits in the log, where it costs nothing.
    pub const MAX: u32 = 10_000;

    /// The sort key of the order in which lanes are sent.
    #[must_use]
    pub fn turn(&self) -> (Millis, Seq) {
        (self.due, self.head)
    }

    /// Whether the head may be sent. A due time further away than the schedule's longest wait was
    /// set by a clock that was wrong: the head is due.
    #[must_use]
    pub fn is_due(&self, now: Millis, schedule: &RetrySchedule) -> bool {
        self.due <= now || self.due > now.plus(schedule.longest_ms().max(Self::MAX_PAUSE_MS))
    }

    /// Milliseconds that a receiver's `Retry-After` can hold an event back, at most: a day, like
    /// the longest wait of the default retry schedule.
    pub const MAX_PAUSE_MS: u64 = 86_400_000;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::ordering_key::OrderingScope;
    use crate::delivery::slot::Slot;

    use crate::model::id::Stamp;

    #[test]
    fn a_lane_is_due_at_its_time_and_when_that_is_further_away_than_any_wait() {
        // seconds of the schedule's one wait, milliseconds to the due time, whether it is due
        const TABLE: [(u32, u64, bool); 7] = [
            (5, 0, true),
            (5, 1, false),
            (5, 86_400_000, false),
            (5, 86_400_001, true),
            (604_800, 86_400_001, false),
            (604_800, 725_760_000, false),
            (604_800, 725_760_001, true),
        ];
        let now = Millis(1_000);
        for (wait_s, away_ms, is_due) in TABLE {
            let webhook = WebhookId::new(Stamp::default(), &[1; 16]);
            let schedule = RetrySchedule::parse(vec![wait_s]).unwrap();
            let slot = Slot::first(Seq(1), OrderingKey::Live(OrderingScope::Everything), None, now);
            let lane = slot.waiting(webhook, 1, now.plus(away_ms), Reason::Retry);
            assert_eq!(lane.is_due(now, &schedule), is_due, "{wait_s} {away_ms}");
        }
    }
}
