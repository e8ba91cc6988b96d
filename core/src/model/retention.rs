//! How long the log is kept, and how much of it.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::model::bounds::{OutOfBounds, within};
use crate::model::millis::Millis;

/// What an operator sets. What is neither too old nor too much is kept for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// Milliseconds that an event is kept, with all that is known of its deliveries.
    pub age_ms: Option<u64>,
    /// Bytes that the store uses at the most: beyond them the oldest events go.
    pub bytes: Option<u64>,
}

impl Retention {
    /// Seconds that events are kept unless an operator says otherwise, a quarter: longer than any
    /// outage that somebody would make up for by replaying events.
    pub const DEFAULT_S: u64 = 90 * 86_400;
    /// Seconds that can be asked for, a century at the most; 0 keeps events for good.
    pub const KEPT_S: RangeInclusive<u64> = 0..=100 * 31_536_000;
    /// Rows that are let go at once, if there is an attempt at each event for each webhook: a
    /// millisecond or two of work, so that nobody waits.
    const ROWS: u64 = 500;
    /// Events that are let go at once in any case: five hundred a second, more than come where a
    /// hundred webhooks and more hear of each.
    const MIN: u64 = 5;
    /// First answers that are let go at once.
    pub(crate) const ANSWERS: u32 = 500;
    /// Lanes that are let go at once.
    pub(crate) const LANES: u32 = 64;
    /// Milliseconds between two such steps: most of them are left for callers and receivers, and
    /// with one webhook 25 000 events a second go, more than ever come.
    pub(crate) const PACE_MS: u64 = 10;
    /// Milliseconds after which it is looked again whether anything is too old or too much. What
    /// is kept a minute longer harms nobody.
    pub(crate) const LOOK_MS: u64 = 60_000;

    /// What an operator sets: seconds that events are kept, or the default, and bytes.
    ///
    /// # Errors
    /// [`OutOfBounds`] when the seconds are.
    pub fn new(retain_s: Option<u64>, bytes: Option<u64>) -> Result<Self, OutOfBounds> {
        let retain_s = retain_s.unwrap_or(Self::DEFAULT_S);
        within("retain_s", retain_s, Self::KEPT_S)?;
        Ok(Self { age_ms: (retain_s > 0).then_some(retain_s * 1_000), bytes })
    }

    #[must_use]
    pub fn is_for_good(&self) -> bool {
        self.age_ms.is_none() && self.bytes.is_none()
    }

    /// Events that are let go at once, with so many webhooks.
    pub(crate) fn step(webhooks: usize) -> u64 {
        let webhooks = u64::try_from(webhooks).unwrap_or(Self::ROWS);
        (Self::ROWS / (webhooks + 1)).max(Self::MIN)
    }

    /// What was created before this time is too old.
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
