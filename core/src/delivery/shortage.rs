//! Shortages of the desk itself, of file descriptors or memory, that keep it from sending.

use crate::model::millis::Millis;

/// How long requests wait for a shortage to end: longer each time it shows again, until a request
/// gets its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shortage {
    pub until: Millis,
    wait_ms: u64,
}

impl Shortage {
    /// Milliseconds of the first wait: long enough not to spin, short enough to go unnoticed.
    const FIRST_MS: u64 = 1_000;
    /// Milliseconds of a wait, at most: each leaves a row for each event that was tried.
    const MAX_MS: u64 = 30_000;

    /// The shortage after a request that could not be sent. Those that were tried together meet the
    /// same one.
    #[must_use]
    pub fn met(self, now: Millis) -> Self {
        if now < self.until && self.until.since(now) <= self.wait_ms {
            return self;
        }
        let wait_ms = (2 * self.wait_ms).clamp(Self::FIRST_MS, Self::MAX_MS);
        Self { until: now.plus(wait_ms), wait_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_half_a_minute_and_what_fails_together_waits_once() {
        let mut shortage = Shortage::default();
        let mut now = Millis(1_000_000);
        let mut waits_ms = Vec::new();
        for _ in 0..7 {
            shortage = shortage.met(now).met(now).met(now.plus(999));
            waits_ms.push(shortage.until.since(now));
            now = shortage.until;
        }
        assert_eq!(waits_ms, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
        let set_back = Millis(7);
        assert_eq!(shortage.met(set_back).until, set_back.plus(30_000));
    }
}
