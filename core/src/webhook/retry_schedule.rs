//! The retry schedule: the waits before each retry of an event.
//!
//! Standard Webhooks ("Retry schedule") advises waits that grow from seconds to a day. The default
//! schedule does so, and each webhook can have its own. Every wait has a jitter of ±20 %, so that
//! events that failed together are not retried together. The jitter is a hash of webhook, event and
//! step, so that it is the same in every runtime and in every run.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::model::id::WebhookId;
use crate::model::seq::Seq;

/// Whole seconds to wait before each retry: n waits are n + 1 attempts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetrySchedule(Vec<u32>);

/// The reason why a list of waits is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadSchedule {
    TooMany,
    /// The wait at this index, from 0, is longer than [`RetrySchedule::MAX_WAIT_S`].
    TooLong {
        index: usize,
    },
}

impl RetrySchedule {
    /// Retries, at most: with a week before each, 20 weeks, longer than any useful wait.
    pub const MAX_WAITS: usize = 20;
    /// Seconds: a week.
    pub const MAX_WAIT_S: u32 = 604_800;
    /// Ten attempts over 75 h 35 min 5 s: long enough for a weekend's outage and a Monday's repair.
    pub const DEFAULT_WAITS_S: [u32; 9] =
        [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

    /// # Errors
    /// [`BadSchedule`] when there are too many waits, or one is too long.
    pub fn parse(waits_s: Vec<u32>) -> Result<Self, BadSchedule> {
        if waits_s.len() > Self::MAX_WAITS {
            return Err(BadSchedule::TooMany);
        }
        match waits_s.iter().position(|wait| *wait > Self::MAX_WAIT_S) {
            Some(index) => Err(BadSchedule::TooLong { index }),
            None => Ok(Self(waits_s)),
        }
    }

    /// A schedule from the store, which [`RetrySchedule::parse`] accepted earlier.
    #[must_use]
    pub fn stored(waits_s: Vec<u32>) -> Self {
        Self(waits_s)
    }

    #[must_use]
    pub fn waits_s(&self) -> &[u32] {
        &self.0
    }

    /// Milliseconds from a failure at `step` (0 for the first attempt) to the next attempt, with a
    /// jitter of ±20 %; `None` when the schedule is used up.
    #[must_use]
    pub fn wait_ms(&self, step: u32, webhook: WebhookId, seq: Seq) -> Option<u64> {
        let wait_s = self.0.get(usize::try_from(step).ok()?)?;
        Some(u64::from(*wait_s) * spread_permille(step, webhook, seq))
    }

    /// The longest wait in milliseconds, with the largest jitter.
    #[must_use]
    pub fn longest_ms(&self) -> u64 {
        let longest_s = self.0.iter().max().copied().unwrap_or(0);
        u64::from(longest_s) * (1_000 + SPREAD_PERMILLE)
    }
}

impl Default for RetrySchedule {
    fn default() -> Self {
        Self(Self::DEFAULT_WAITS_S.to_vec())
    }
}

impl std::error::Error for BadSchedule {}

impl fmt::Display for BadSchedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany => {
                write!(f, "must have at most {} waits", RetrySchedule::MAX_WAITS)
            }
            Self::TooLong { .. } => {
                write!(f, "must be whole seconds from 0 to {}", RetrySchedule::MAX_WAIT_S)
            }
        }
    }
}

/// Jitter: a fifth is enough to break up a thundering herd, and little enough that the documented
/// times hold.
const SPREAD_PERMILLE: u64 = 200;

/// A factor of 800 to 1 200, hashed from step, webhook and event.
fn spread_permille(step: u32, webhook: WebhookId, seq: Seq) -> u64 {
    let hash: [u8; 32] = Sha256::new()
        .chain_update(webhook.as_bytes())
        .chain_update(seq.0.to_be_bytes())
        .chain_update(step.to_be_bytes())
        .finalize()
        .into();
    let (first, _) = hash.split_first_chunk().expect("a hash has a first four bytes");
    let chance = u64::from(u32::from_be_bytes(*first));
    1_000 - SPREAD_PERMILLE + chance % (2 * SPREAD_PERMILLE + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::Stamp;
    use crate::model::millis::Millis;

    fn webhook(chance: u8) -> WebhookId {
        WebhookId::new(Stamp { at: Millis(1_700_000_000_000), count: 0 }, &[chance; 16])
    }

    /// Each row: the step at which an attempt failed, and the wait in seconds, without jitter.
    const LADDER: [(u32, Option<u64>); 11] = [
        (0, Some(5)),
        (1, Some(300)),
        (2, Some(1_800)),
        (3, Some(7_200)),
        (4, Some(18_000)),
        (5, Some(36_000)),
        (6, Some(50_400)),
        (7, Some(72_000)),
        (8, Some(86_400)),
        (9, None),
        (u32::MAX, None),
    ];

    #[test]
    fn the_default_ladder_is_ten_attempts() {
        let ladder = RetrySchedule::default();
        for (step, wait_s) in LADDER {
            for seq in 1..200 {
                let wait_ms = ladder.wait_ms(step, webhook(1), Seq(seq));
                match (wait_s, wait_ms) {
                    (Some(s), Some(ms)) => assert!((s * 800..=s * 1_200).contains(&ms)),
                    (None, None) => {}
                    other => panic!("step {step}: {other:?}"),
                }
            }
        }
        let whole_s: u32 = RetrySchedule::DEFAULT_WAITS_S.iter().sum();
        assert_eq!(whole_s, 75 * 3_600 + 35 * 60 + 5);
    }

    #[test]
    fn the_spread_is_wide_even_and_always_the_same() {
        let ladder = RetrySchedule::parse(vec![1]).unwrap();
        let waits: Vec<u64> =
            (1..=4_010).map(|seq| ladder.wait_ms(0, webhook(7), Seq(seq)).unwrap()).collect();
        let mean = waits.iter().sum::<u64>() / 4_010;
        assert!((990..=1_010).contains(&mean), "{mean}");
        assert_eq!((waits.iter().min(), waits.iter().max()), (Some(&800), Some(&1_200)));
        assert_eq!(waits[..4], [829, 847, 1_021, 1_187], "the same in every runtime and release");
    }

    #[test]
    fn another_webhook_or_step_is_spread_otherwise() {
        let ladder = RetrySchedule::parse(vec![1_000, 1_000]).unwrap();
        let wait = |step, chance, seq| ladder.wait_ms(step, webhook(chance), Seq(seq));
        assert_ne!(wait(0, 1, 1), wait(0, 2, 1));
        assert_ne!(wait(0, 1, 1), wait(1, 1, 1));
        assert_ne!(wait(0, 1, 1), wait(0, 1, 2));
    }

    #[test]
    fn a_wait_of_nothing_stays_nothing_and_no_waits_are_one_attempt() {
        assert_eq!(RetrySchedule::parse(vec![0]).unwrap().wait_ms(0, webhook(1), Seq(1)), Some(0));
        assert_eq!(RetrySchedule::parse(vec![]).unwrap().wait_ms(0, webhook(1), Seq(1)), None);
    }

    #[test]
    fn schedules_are_bounded() {
        assert!(RetrySchedule::parse(vec![604_800; 20]).is_ok());
        assert_eq!(RetrySchedule::parse(vec![1; 21]), Err(BadSchedule::TooMany));
        let long = RetrySchedule::parse(vec![0, 604_801]);
        assert_eq!(long, Err(BadSchedule::TooLong { index: 1 }));
        assert_eq!(BadSchedule::TooMany.to_string(), "must have at most 20 waits");
        let too_long = BadSchedule::TooLong { index: 1 }.to_string();
        assert_eq!(too_long, "must be whole seconds from 0 to 604800");
    }

    #[test]
    fn a_stored_schedule_is_the_one_that_was_parsed() {
        let parsed = RetrySchedule::parse(vec![5, 0, 300]).unwrap();
        assert_eq!(parsed.waits_s(), [5, 0, 300]);
        assert_eq!(RetrySchedule::stored(parsed.waits_s().to_vec()), parsed);
    }

    #[test]
    fn no_retry_is_further_away_than_the_longest_wait_and_its_spread() {
        for (waits_s, longest_ms) in [(vec![], 0), (vec![0], 0), (vec![5, 300, 60], 360_000)] {
            assert_eq!(RetrySchedule::parse(waits_s).unwrap().longest_ms(), longest_ms);
        }
    }
}
