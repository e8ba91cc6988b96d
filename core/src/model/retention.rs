//! Retention: how long and how much of the log is kept.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::model::bounds::{OutOfBounds, within};
use crate::model::millis::Millis;

/// The retention policy that an operator sets. Without a limit, events are kept for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// Milliseconds that an event and its attempts are kept.
    pub age_ms: Option<u64>,
    /// Bytes that the store uses at most: beyond them the oldest events are deleted.
    pub bytes: Option<u64>,
}

impl Retention {
    /// Default seconds that events are kept, a quarter: longer than any outage that is made up for
    /// by a replay.
    pub const DEFAULT_S: u64 = 90 * 86_400;
    /// Seconds that can be configured, a century at most; 0 keeps events for good.
    pub const KEPT_S: RangeInclusive<u64> = 0..=100 * 31_536_000;
    /// Events that are deleted at once in any case: five hundred a second, more than are appended
    /// where a hundred webhooks and more get each of them.
    const MIN: u64 = 5;
    /// Idempotency records that are deleted at once.
    pub(crate) const ANSWERS: u32 = 500;
    /// Milliseconds between two such steps: most of them are left for callers and receivers, and
    /// with one webhook 25 000 events a second are deleted, more than are ever appended.
    pub(crate) const PACE_MS: u64 = 10;
    /// Milliseconds between two checks for events to delete. One that is kept a minute longer does
    /// no harm.
    pub(crate) const LOOK_MS: u64 = 60_000;
    /// Milliseconds to the next check, at most, as idempotency records are kept a day: a check that
    /// is further away was set by a clock that was wrong.
    pub(crate) const FURTHEST_MS: u64 = 86_400_000;

    /// The policy for `retain_s` seconds, or for the default, and for `bytes`.
    ///
    /// # Errors
    /// [`OutOfBounds`] when `retain_s` is.
    pub fn new(retain_s: Option<u64>, bytes: Option<u64>) -> Result<Self, OutOfBounds> {
        let retain_s = retain_s.unwrap_or(Self::DEFAULT_S);
        within("retain_s", retain_s, Self::KEPT_S)?;
        Ok(Self { age_ms: (retain_s > 0).then_some(retain_s * 1_000), bytes })
    }

    #[must_use]
    pub fn is_for_good(&self) -> bool {
        self.age_ms.is_none() && self.bytes.is_none()
    }

    /// Events that are deleted at once so that about `rows` rows are, with `webhooks` webhooks.
    pub(crate) fn step(rows: u64, webhooks: usize) -> u64 {
        let webhooks = u64::try_from(webhooks).unwrap_or(rows);
        (rows / (webhooks + 1)).max(Self::MIN)
    }

    /// The time before which an event is too old.
    pub(crate) fn oldest(&self, now: Millis) -> Option<Millis> {
        self.age_ms.map(|age_ms| Millis(now.0.saturating_sub(age_ms)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_kept_for_good_when_no_seconds_are_named() {
        let kept = |retain_s| Retention::new(retain_s, None).map(|kept| kept.age_ms);
        assert_eq!(kept(None), Ok(Some(90 * 86_400_000)));
        assert_eq!(kept(Some(0)), Ok(None));
        assert_eq!(kept(Some(*Retention::KEPT_S.end())), Ok(Some(3_153_600_000_000)));
        let beyond = kept(Some(3_153_600_001)).unwrap_err().to_string();
        assert_eq!(beyond, "retain_s must be from 0 to 3153600000, and is 3153600001");
    }
}
