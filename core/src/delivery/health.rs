//! The health of a receiver: a circuit breaker over the ends of its requests.
//!
//! A receiver that keeps failing over several ordering keys is *down*: it gets probes only, one at
//! a time and further and further apart, and no retry schedule advances. The first success ends it.
//! Idle is not failing: with nothing in flight and nothing waiting, all counts start anew.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::delivery::ordering_key::OrderingKey;
use crate::model::millis::Millis;

/// The thresholds and waits of health: documented options of a host, with their defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthPolicy {
    /// Failures in a row after which a receiver is down. Ten in a row are no hiccup: with a
    /// receiver that fails every second request by chance they come once in a thousand.
    pub down_after: u32,
    /// Milliseconds to the first probe: a restart of the receiver is noticed at once.
    pub probe_first_ms: u64,
    /// Milliseconds between probes, at most: a receiver that is back is noticed within a quarter of
    /// an hour, and one that is not gets a hundred probes a day.
    pub probe_most_ms: u64,
    /// Milliseconds of nothing but failures after which a webhook is disabled: five days, longer
    /// than a long weekend and than the default retry schedule.
    pub disable_after_ms: u64,
}

impl HealthPolicy {
    /// Failures in a row: with 0, a receiver would be down from the start.
    pub const FAILURES: RangeInclusive<u64> = 1..=u32::MAX as u64;
    /// Milliseconds between probes, a day at most: beyond it a receiver would be as good as
    /// forgotten.
    pub const PROBES_MS: RangeInclusive<u64> = 1..=86_400_000;
    /// Seconds of failures, a year at most: beyond it disabling means nothing.
    pub const DISABLE_AFTER_S: RangeInclusive<u64> = 1..=31_536_000;
}

impl Default for HealthPolicy {
    fn default() -> Self {
        Self {
            down_after: 10,
            probe_first_ms: 1_000,
            probe_most_ms: 15 * 60_000,
            disable_after_ms: 5 * 86_400_000,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Failures in a row.
    pub failed: u32,
    /// Their ordering keys, up to [`Health::WIDE`], so that failures of one poisoned ticket alone
    /// do not count as a receiver that is down.
    pub ordering_keys: Vec<OrderingKey>,
    pub failing_since: Option<Millis>,
    pub down: Option<Down>,
}

/// The state of a receiver that is down and gets probes only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Down {
    /// Failed probes.
    pub probes: u32,
    pub next_probe: Millis,
}

impl Down {
    /// The time from which it may be probed. A time beyond the longest wait was set by a clock that
    /// was wrong: the probe is due.
    #[must_use]
    pub fn probes_from(&self, policy: &HealthPolicy, now: Millis) -> Millis {
        let longest_ms = policy.probe_most_ms.max(policy.probe_first_ms);
        if self.next_probe > now.plus(longest_ms) { now } else { self.next_probe }
    }
}

/// The change of health after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthChange {
    Unchanged,
    /// The receiver is down from here on.
    Down,
    /// Nothing but failures for too long: the webhook is to be disabled.
    Disable,
}

impl Health {
    /// Ordering keys over which failures must be spread. Two could be one customer's two tickets.
    pub const WIDE: usize = 3;

    #[must_use]
    pub fn is_down(&self) -> bool {
        self.down.is_some()
    }

    /// Records a success. Returns whether the receiver was down until now.
    pub fn succeed(&mut self) -> bool {
        let was_down = self.is_down();
        *self = Self::default();
        was_down
    }

    /// Records a failure that counts against the receiver.
    pub fn fail(&mut self, ordering_key: OrderingKey, now: Millis) {
        self.failed = self.failed.saturating_add(1);
        self.failing_since.get_or_insert(now);
        if self.ordering_keys.len() < Self::WIDE && !self.ordering_keys.contains(&ordering_key) {
            self.ordering_keys.push(ordering_key);
        }
    }

    /// Records a failed probe, of any kind: the next one waits twice as long.
    pub fn probe_failed(&mut self, policy: &HealthPolicy, now: Millis) {
        if let Some(down) = &mut self.down {
            down.probes = down.probes.saturating_add(1);
            // Twenty doublings of a millisecond are a quarter of an hour and more.
            let wait_ms = policy.probe_first_ms.saturating_mul(1 << down.probes.min(20));
            down.next_probe = now.plus(wait_ms.min(policy.probe_most_ms));
        }
    }

    /// Judges the failures so far. A receiver with `one_lane` only is never down, as that lane's
    /// retry schedule is slow enough, and is disabled whatever the number of ordering keys.
    pub fn judge(&mut self, policy: &HealthPolicy, one_lane: bool, now: Millis) -> HealthChange {
        let wide = self.ordering_keys.len() >= Self::WIDE;
        let failing_ms = self.failing_since.map_or(0, |since| now.since(since));
        if failing_ms >= policy.disable_after_ms && (wide || one_lane) {
            return HealthChange::Disable;
        }
        if self.is_down() || one_lane || !wide || self.failed < policy.down_after {
            return HealthChange::Unchanged;
        }
        self.down = Some(Down { probes: 0, next_probe: now.plus(policy.probe_first_ms) });
        HealthChange::Down
    }

    /// Resets the failures, as nothing is in flight and nothing waits.
    pub fn rest(&mut self) {
        *self = Self { down: self.down, ..Self::default() };
    }

    /// Makes a probe due at once, as a caller expects the receiver to be back.
    pub fn probe_now(&mut self, now: Millis) {
        if let Some(down) = &mut self.down {
            *down = Down { probes: 0, next_probe: now };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::ordering_key::Scope;
    use crate::model::seq::Seq;

    fn ordering_key(number: u64) -> OrderingKey {
        OrderingKey::Live(Scope::Event(Seq(number)))
    }

    fn failing(times: u64, ordering_keys: u64) -> Health {
        let mut health = Health::default();
        for time in 0..times {
            health.fail(ordering_key(time % ordering_keys), Millis(1_000 + time));
        }
        health
    }

    #[test]
    fn ten_failures_in_a_row_over_three_subjects_are_down() {
        // failures, ordering keys, one lane, change
        const TABLE: [(u64, u64, bool, HealthChange); 5] = [
            (9, 3, false, HealthChange::Unchanged),
            (10, 3, false, HealthChange::Down),
            (10, 2, false, HealthChange::Unchanged),
            (100, 2, false, HealthChange::Unchanged),
            (100, 3, true, HealthChange::Unchanged),
        ];
        for (failures, ordering_keys, one_lane, change) in TABLE {
            let mut health = failing(failures, ordering_keys);
            let judged = health.judge(&HealthPolicy::default(), one_lane, Millis(2_000));
            assert_eq!(judged, change, "{failures} over {ordering_keys}");
            assert_eq!(health.is_down(), change == HealthChange::Down);
        }
    }

    #[test]
    fn three_subjects_are_remembered_and_each_of_them_once() {
        for (failures, ordering_keys, remembered) in [(1, 1, 1), (9, 1, 1), (9, 2, 2), (9, 5, 3)] {
            assert_eq!(
                failing(failures, ordering_keys).ordering_keys.len(),
                remembered,
                "{ordering_keys}"
            );
        }
    }

    #[test]
    fn five_days_of_nothing_but_failures_disable() {
        let policy = HealthPolicy::default();
        let late = Millis(1_000 + policy.disable_after_ms);
        let early = Millis(late.0 - 1);
        for (ordering_keys, one_lane, now, disabled) in [
            (3, false, late, true),
            (3, false, early, false),
            (2, false, late, false),
            (1, true, late, true),
        ] {
            let judged = failing(9, ordering_keys).judge(&policy, one_lane, now);
            assert_eq!(
                judged == HealthChange::Disable,
                disabled,
                "{ordering_keys} {one_lane} {now:?}"
            );
        }
        let mut rested = failing(9, 3);
        rested.rest();
        rested.fail(ordering_key(1), late);
        assert_eq!(rested.judge(&policy, true, late), HealthChange::Unchanged);
    }

    #[test]
    fn probes_are_further_and_further_apart() {
        let policy = HealthPolicy::default();
        let mut health = failing(10, 3);
        health.judge(&policy, false, Millis(0));
        let mut waits_s = Vec::new();
        for _ in 0..12 {
            waits_s.push(health.down.map_or(0, |down| down.next_probe.0 / 1_000));
            health.probe_failed(&policy, Millis(0));
        }
        assert_eq!(waits_s, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        health.probe_now(Millis(7));
        assert_eq!(health.down, Some(Down { probes: 0, next_probe: Millis(7) }));
        assert!(health.succeed());
        assert_eq!(health, Health::default());
    }

    #[test]
    fn rest_ends_failures_and_leaves_a_receiver_that_is_down_to_its_probes() {
        let mut health = failing(10, 3);
        health.judge(&HealthPolicy::default(), false, Millis(2_000));
        let down = Some(Down { probes: 0, next_probe: Millis(3_000) });
        assert_eq!(health.down, down);
        health.rest();
        assert_eq!(health, Health { down, ..Health::default() });
    }

    #[test]
    fn a_probe_further_away_than_the_longest_wait_is_due() {
        let (policy, now) = (HealthPolicy::default(), Millis(7));
        for (wait_ms, from_ms) in [(0, 0), (1, 1), (900_000, 900_000), (900_001, 0)] {
            let down = Down { probes: 3, next_probe: now.plus(wait_ms) };
            assert_eq!(down.probes_from(&policy, now), now.plus(from_ms), "{wait_ms}");
        }
    }
}
