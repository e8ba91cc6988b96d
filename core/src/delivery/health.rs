//! The health of a receiver: a circuit breaker over the ends of its requests.
//!
//! A receiver that keeps failing over several ordering keys is *down*: it gets probes only, one at
//! a time and further and further apart, and no retry schedule advances. The first success ends it.
//! What was in flight together counts once, as a restart of the receiver is one trouble however many
//! requests it meets. Silence is not failing: the time to disabling starts anew after it.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::delivery::ordering_key::OrderingKey;
use crate::model::millis::Millis;

/// The thresholds and waits of health: documented options of a host, with their defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthPolicy {
    /// Failures in a row after which a receiver is down, if they go on for a second; those of
    /// requests that were in flight together count once. Ten in a row are no hiccup: with a receiver
    /// that fails every second request by chance they come once in a thousand.
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
    /// Failures in a row; those of requests that were in flight together count once.
    pub failed: u32,
    /// Their ordering keys, up to [`Health::WIDE`], so that failures of one poisoned ticket alone
    /// do not count as a receiver that is down.
    pub ordering_keys: Vec<OrderingKey>,
    pub failing_since: Option<Millis>,
    /// The last failure that counted.
    pub failed_at: Option<Millis>,
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

/// A request whose failure counts against the receiver.
#[derive(Clone, Copy, Debug)]
pub struct FailedRequest {
    pub ordering_key: OrderingKey,
    pub sent_at: Millis,
    /// Milliseconds between two attempts of one event, at most.
    pub longest_wait_ms: u64,
}

impl Health {
    /// Ordering keys over which failures must be spread. Two could be one customer's two tickets.
    pub const WIDE: usize = 3;
    /// Milliseconds for which failures must go on: a restart of half a second takes nobody down, and
    /// a receiver that fails for good is down after a second of load.
    const LASTING_MS: u64 = 1_000;
    /// Milliseconds without a failure, beyond the longest wait between two attempts, that are
    /// silence: a receiver that fails is asked again within them.
    const SILENCE_MS: u64 = 3_600_000;

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

    /// Records a failure, and judges the failures so far.
    ///
    /// A receiver with `one_lane` only is never down, as that lane's retry schedule is slow enough,
    /// and is disabled whatever the number of ordering keys.
    pub fn fail(
        &mut self,
        policy: &HealthPolicy,
        failure: &FailedRequest,
        one_lane: bool,
        now: Millis,
    ) -> HealthChange {
        let FailedRequest { ordering_key, sent_at, longest_wait_ms } = *failure;
        if self.ordering_keys.len() < Self::WIDE && !self.ordering_keys.contains(&ordering_key) {
            self.ordering_keys.push(ordering_key);
        }
        // A time in the future was set by a clock that was wrong.
        let last = self.failed_at.filter(|at| *at <= now);
        if last.is_some_and(|at| sent_at <= at) {
            return HealthChange::Unchanged;
        }
        let pause_ms = last.map_or(0, |at| sent_at.since(at));
        if pause_ms > longest_wait_ms.saturating_add(Self::SILENCE_MS) {
            self.failing_since = None;
        }
        self.failed = self.failed.saturating_add(1);
        self.failing_since.get_or_insert(now);
        self.failed_at = Some(now);
        self.judge(policy, one_lane, pause_ms, now)
    }

    fn judge(
        &mut self,
        policy: &HealthPolicy,
        one_lane: bool,
        pause_ms: u64,
        now: Millis,
    ) -> HealthChange {
        let wide = self.ordering_keys.len() >= Self::WIDE;
        let failing_ms = self.failing_since.map_or(0, |since| now.since(since));
        if failing_ms >= policy.disable_after_ms && (wide || one_lane) {
            return HealthChange::Disable;
        }
        let is_lasting = failing_ms.max(pause_ms) >= Self::LASTING_MS;
        let is_many = wide && is_lasting && self.failed >= policy.down_after;
        if self.is_down() || one_lane || !is_many {
            return HealthChange::Unchanged;
        }
        self.down = Some(Down { probes: 0, next_probe: now.plus(policy.probe_first_ms) });
        HealthChange::Down
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

    /// Resets the failures of a webhook that a caller enables.
    pub fn restart(&mut self) {
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
    use crate::delivery::ordering_key::OrderingScope;
    use crate::model::seq::Seq;

    fn ordering_key(number: u64) -> OrderingKey {
        OrderingKey::Live(OrderingScope::Event(Seq(number)))
    }

    const DAY_MS: u64 = 86_400_000;

    fn request(number: u64, sent_ms: u64) -> FailedRequest {
        let (ordering_key, sent_at) = (ordering_key(number), Millis(sent_ms));
        FailedRequest { ordering_key, sent_at, longest_wait_ms: DAY_MS }
    }

    fn policy() -> HealthPolicy {
        HealthPolicy::default()
    }

    /// Failures that are a second apart, over so many ordering keys, and what the last one changed.
    fn failing(times: u64, ordering_keys: u64, one_lane: bool) -> (Health, HealthChange) {
        let (mut health, mut change) = (Health::default(), HealthChange::Unchanged);
        for time in 1..=times {
            let (request, now) = (request(time % ordering_keys, 1_000 * time), 1_000 * time);
            change = health.fail(&policy(), &request, one_lane, Millis(now));
        }
        (health, change)
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
            let (health, judged) = failing(failures, ordering_keys, one_lane);
            assert_eq!(judged, change, "{failures} over {ordering_keys}");
            assert_eq!(health.is_down(), change == HealthChange::Down);
        }
    }

    #[test]
    fn failures_that_do_not_go_on_for_a_second_take_nobody_down() {
        for (last_ms, change) in [(1_099, HealthChange::Unchanged), (1_100, HealthChange::Down)] {
            let mut health = Health::default();
            for number in 0..20 {
                let now = Millis(100 + number);
                let change = health.fail(&policy(), &request(number, now.0), false, now);
                assert_eq!(change, HealthChange::Unchanged);
            }
            let judged = health.fail(&policy(), &request(20, last_ms), false, Millis(last_ms));
            assert_eq!(judged, change, "{last_ms}");
        }
    }

    #[test]
    fn three_subjects_are_remembered_and_each_of_them_once() {
        for (failures, ordering_keys, remembered) in [(1, 1, 1), (9, 1, 1), (9, 2, 2), (9, 5, 3)] {
            let (health, _) = failing(failures, ordering_keys, false);
            assert_eq!(health.ordering_keys.len(), remembered, "{ordering_keys}");
        }
    }

    #[test]
    fn five_days_of_nothing_but_failures_disable() {
        let late = 1_000 + policy().disable_after_ms;
        for (ordering_keys, one_lane, now, disabled) in [
            (3, false, late, true),
            (3, false, late - 1, false),
            (2, false, late, false),
            (1, true, late, true),
        ] {
            let (mut health, _) = failing(9, ordering_keys, one_lane);
            let last = FailedRequest { longest_wait_ms: 7 * DAY_MS, ..request(1, now) };
            let judged = health.fail(&policy(), &last, one_lane, Millis(now));
            let is_disabled = judged == HealthChange::Disable;
            assert_eq!(is_disabled, disabled, "{ordering_keys} {one_lane} {now:?}");
        }
        let (mut enabled, _) = failing(9, 3, true);
        enabled.restart();
        let judged = enabled.fail(&policy(), &request(1, late), true, Millis(late));
        assert_eq!(judged, HealthChange::Unchanged);
    }

    #[test]
    fn probes_are_further_and_further_apart() {
        let (mut health, _) = failing(10, 3, false);
        let went_down = Millis(10_000);
        let mut waits_s = Vec::new();
        for _ in 0..12 {
            let wait_ms = health.down.map_or(0, |down| down.next_probe.since(went_down));
            waits_s.push(wait_ms / 1_000);
            health.probe_failed(&policy(), went_down);
        }
        assert_eq!(waits_s, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        health.probe_now(Millis(7));
        assert_eq!(health.down, Some(Down { probes: 0, next_probe: Millis(7) }));
        assert!(health.succeed());
        assert_eq!(health, Health::default());
    }

    #[test]
    fn failures_of_requests_that_were_in_flight_together_count_once() {
        // the request was sent (ms), it failed (ms), failures that count
        const TABLE: [(u64, u64, u32); 8] = [
            (1_000, 2_000, 1),
            (1_990, 2_001, 1),
            (2_000, 2_020, 1),
            (2_001, 2_100, 2),
            (2_050, 17_050, 2),
            (2_101, 17_101, 3),
            // The clock is set back: what failed in the future is no trouble of today.
            (500, 510, 4),
            (505, 530, 4),
        ];
        let mut health = Health::default();
        for (number, (sent, failed, count)) in (0..).zip(TABLE) {
            health.fail(&policy(), &request(number, sent), false, Millis(failed));
            assert_eq!(health.failed, count, "{sent} {failed}");
        }
        assert_eq!(health.ordering_keys.len(), Health::WIDE, "all of them show how wide it is");
    }

    #[test]
    fn silence_starts_the_time_to_disabling_anew_and_waits_of_the_schedule_do_not() {
        // the longest wait (ms), silence between two failures (ms), whether it failed all the time
        const TABLE: [(u64, u64, bool); 4] = [
            (DAY_MS, DAY_MS + 3_600_000, true),
            (DAY_MS, DAY_MS + 3_600_001, false),
            (7 * DAY_MS, 7 * DAY_MS, true),
            (7 * DAY_MS, 8 * DAY_MS, false),
        ];
        for (longest_wait_ms, silence_ms, is_failing) in TABLE {
            let (mut health, _) = failing(1, 1, false);
            let now = 1_000 + silence_ms;
            let last = FailedRequest { longest_wait_ms, ..request(2, now) };
            health.fail(&policy(), &last, false, Millis(now));
            let since = if is_failing { 1_000 } else { now };
            assert_eq!((health.failing_since, health.failed), (Some(Millis(since)), 2));
        }
    }

    #[test]
    fn ten_failures_in_a_row_are_down_also_when_days_are_between_them() {
        let mut health = Health::default();
        for number in 1..=10 {
            let now = 3 * DAY_MS * number;
            let change = health.fail(&policy(), &request(number, now), false, Millis(now));
            assert_eq!(change == HealthChange::Down, number == 10, "{number}");
        }
    }

    #[test]
    fn enabling_leaves_a_receiver_that_is_down_to_its_probes() {
        let (mut health, _) = failing(10, 3, false);
        let down = Some(Down { probes: 0, next_probe: Millis(11_000) });
        assert_eq!(health.down, down);
        health.restart();
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
