//! The time at which an event may be sent again: retry schedule, jitter, `Retry-After`, rate limit, and the
//! desk's own shortage.

use hookdesk_core::{Millis, Seq, WebhookId};
use sha2::{Digest, Sha256};

use super::health::Kind;

pub const DAY_MS: u64 = 86_400_000;
const HOUR_MS: u64 = 3_600_000;

/// When a waiting event is due, and the steps of the schedule that it has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    pub at: Millis,
    /// The same time, unless something that cannot be seen moved it.
    pub up_to: Millis,
    pub step: u32,
}

impl Due {
    pub fn at(at: Millis, step: u32) -> Self {
        Self { at, up_to: at, step }
    }
}

/// An event that was attempted, or asked for, and waits.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// One, but where the order of lanes decides, which is not known until they are seen.
    pub due: Vec<Due>,
    pub kind: Kind,
    /// Whether its last request did not reach the receiver.
    pub unreached: bool,
}

/// The wait after a failure at `step` of a schedule; `None` at its end.
pub fn wait_ms(waits_s: &[u32], step: u32, webhook: WebhookId, seq: Seq) -> Option<u64> {
    let wait_s = *waits_s.get(step as usize)?;
    let mut text = webhook.as_bytes().to_vec();
    text.extend(seq.0.to_be_bytes());
    text.extend(step.to_be_bytes());
    let hash = Sha256::digest(&text);
    let number = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
    Some(u64::from(wait_s) * u64::from(800 + number % 401))
}

/// The longest wait between two attempts.
pub fn longest_wait_ms(waits_s: &[u32]) -> u64 {
    let longest_s = waits_s.iter().max().copied().unwrap_or(0);
    DAY_MS.max(u64::from(longest_s) * 1_200)
}

/// What holds back all of a webhook.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    pub pause_until: Millis,
    /// Microseconds from which the rate limit allows a request.
    rate_from_us: u64,
}

impl Pace {
    /// The receiver asks to be left alone. Returns until when that holds for the event itself.
    pub fn asked(&mut self, asked_ms: u64, now: Millis) -> Millis {
        self.pause_until = self.pause_until.max(now.plus(asked_ms.min(HOUR_MS)));
        now.plus(asked_ms.min(DAY_MS))
    }

    pub fn sends_from(&self) -> Millis {
        self.pause_until.max(Millis(self.rate_from_us / 1_000))
    }

    pub fn sent(&mut self, rate_limit: Option<u32>, now: Millis) {
        let now_us = now.0 * 1_000;
        let share_us = rate_limit.map(|rate| 1_000_000 / u64::from(rate));
        self.rate_from_us = match share_us {
            Some(share_us) => self.rate_from_us.max(now_us).min(now_us + 1_000_000) + share_us,
            None => 0,
        };
    }
}

/// A shortage of the desk itself, which all requests of one process share.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shortage {
    until: Millis,
    wait_ms: u64,
    /// Whether a batch that failed may have met it.
    pub is_unclear: bool,
}

impl Shortage {
    const MAX_MS: u64 = 30_000;

    /// When what could not be sent is due, at the earliest and at the latest.
    pub fn met(&mut self, now: Millis) -> (Millis, Millis) {
        if self.is_unclear {
            return (now, now.plus(Self::MAX_MS));
        }
        if now >= self.until {
            self.wait_ms = (self.wait_ms * 2).clamp(1_000, Self::MAX_MS);
            self.until = now.plus(self.wait_ms);
        }
        (self.until, self.until)
    }

    pub fn over(&mut self) {
        *self = Self::default();
    }
}
