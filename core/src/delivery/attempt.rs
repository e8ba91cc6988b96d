//! Attempts: HTTP requests for one event to one webhook, each with its answer and the next step.

use crate::delivery::answer::{Answer, Failure};
use crate::model::id::WebhookId;
use crate::model::millis::Millis;
use crate::model::reason::Reason;
use crate::model::seq::Seq;

/// The key of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AttemptKey {
    pub seq: Seq,
    pub webhook: WebhookId,
    /// Counts the requests for this event to this webhook: 1, 2, 3 …
    pub number: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub key: AttemptKey,
    pub at: Millis,
    /// `None` when the end was not reported.
    pub duration_ms: Option<u64>,
    pub answer: Answer,
    pub reason: Reason,
    /// When the retry is scheduled; `None` when the event is settled.
    pub next_attempt_at: Option<Millis>,
}

/// A summary of the attempts of one event for one webhook.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AttemptSummary {
    /// The number of the last request that ended; 0 when there was none.
    pub number: u32,
    pub delivered: bool,
    pub abandoned: bool,
}

impl AttemptSummary {
    /// This summary with one more attempt.
    #[must_use]
    pub fn and(self, attempt: &Attempt) -> Self {
        Self {
            number: self.number.max(attempt.key.number),
            delivered: self.delivered || attempt.reason == Reason::Delivered,
            abandoned: self.abandoned || attempt.reason == Reason::RetriesUsedUp,
        }
    }

    /// This summary merged with that of other attempts.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            number: self.number.max(other.number),
            delivered: self.delivered || other.delivered,
            abandoned: self.abandoned || other.abandoned,
        }
    }
}

impl Attempt {
    /// The attempt of a request whose end was not reported.
    #[must_use]
    pub fn unreported(
        key: AttemptKey,
        at: Millis,
        reason: Reason,
        again_at: Option<Millis>,
    ) -> Self {
        Self {
            key,
            at,
            duration_ms: None,
            answer: Answer::Failure(Failure::Ours),
            reason,
            next_attempt_at: again_at,
        }
    }

    #[must_use]
    pub fn is_unreported(&self) -> bool {
        self.duration_ms.is_none()
    }
}
