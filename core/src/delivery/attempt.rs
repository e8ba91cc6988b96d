//! One HTTP request made for one event to one webhook, with its answer and what followed.

use crate::delivery::answer::{Answer, Failure};
use crate::model::id::WebhookId;
use crate::model::millis::Millis;
use crate::model::reason::Reason;
use crate::model::seq::Seq;

/// Which attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AttemptKey {
    pub seq: Seq,
    pub webhook: WebhookId,
    /// Of all requests made for this event to this webhook: 1, 2, 3 …
    pub number: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub key: AttemptKey,
    pub at: Millis,
    /// `None` when the end was never heard.
    pub duration_ms: Option<u64>,
    pub answer: Answer,
    pub reason: Reason,
    /// When the event is tried again; `None` when it is settled.
    pub next_attempt_at: Option<Millis>,
}

/// What was tried of one event for one webhook, in short.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AttemptSummary {
    /// The last request that ended: 0 when there was none.
    pub number: u32,
    pub delivered: bool,
}

impl AttemptSummary {
    /// This and one attempt more.
    #[must_use]
    pub fn and(self, attempt: &Attempt) -> Self {
        Self {
            number: self.number.max(attempt.key.number),
            delivered: self.delivered || attempt.reason == Reason::Delivered,
        }
    }

    /// This and what was tried beside it.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self { number: self.number.max(other.number), delivered: self.delivered || other.delivered }
    }
}

impl Attempt {
    /// A request whose end we did not hear.
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
