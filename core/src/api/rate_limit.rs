//! Rate limits of calls: token buckets, and the headers that tell callers of them.

use crate::api::{Code, Problem};

/// A rate that calls may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    limit: u32,
    /// What is counted, as problems name it.
    of: &'static str,
    window: Window,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Window {
    Second,
    Day,
}

/// A token bucket: so many calls of a window, and those of a whole window at once after a pause. It is
/// kept as the time at which it is full again (GCRA, as in ATM's traffic management). Refusals have
/// one of their own, of the same rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    full_at_us: u64,
    refusals_full_at_us: u64,
}

/// The refusal of a call that came too early.
#[derive(Clone, Debug)]
pub struct TooEarly {
    pub problem: Problem,
    /// How long it is held back. A caller that calls again as soon as it is refused would have the
    /// host refuse as many calls as it can send.
    pub hold_us: u64,
}

/// What is left of a rate limit of calls a second after a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Calls per second.
    limit: u32,
    remaining: u32,
    /// Seconds until the bucket is full.
    full_in_s: u64,
}

const SECOND_US: u64 = 1_000_000;

impl Rate {
    /// Calls a second.
    #[must_use]
    pub const fn per_second(limit: u32) -> Self {
        Self { limit, of: "calls", window: Window::Second }
    }

    /// So many a day of what problems name `of`.
    #[must_use]
    pub const fn per_day(limit: u32, of: &'static str) -> Self {
        Self { limit, of, window: Window::Day }
    }

    /// Microseconds in which an empty bucket is full again.
    fn window_us(self) -> u64 {
        match self.window {
            Window::Second => SECOND_US,
            Window::Day => 86_400 * SECOND_US,
        }
    }

    fn step_us(self) -> u64 {
        self.window_us() / u64::from(self.limit.max(1))
    }

    fn too_early(self, wait_s: u64) -> Problem {
        let window = match self.window {
            Window::Second => "second",
            Window::Day => "day",
        };
        let Self { limit, of, .. } = self;
        let detail = format!("More than {limit} {of} per {window}. Call again in {wait_s} s.");
        let header = Some(("retry-after", wait_s.to_string()));
        Problem { header, ..Problem::new(Code::RateLimited, detail) }
    }
}

impl Bucket {
    /// The longest time for which a refusal is held back.
    const MAX_HOLD_US: u64 = SECOND_US;

    /// Takes a token at a time, in microseconds of any clock, from a bucket of this rate. Where the
    /// clock goes back, no bucket takes more than a window to be full again.
    ///
    /// # Errors
    /// [`TooEarly`] for a call that comes so.
    pub fn take(&mut self, now_us: u64, rate: Rate) -> Result<Allowance, TooEarly> {
        let (window_us, step_us) = (rate.window_us(), rate.step_us());
        self.full_at_us = self.full_at_us.clamp(now_us, now_us + window_us);
        let full_at_us = self.full_at_us + step_us;
        let ahead_us = full_at_us - now_us;
        if let Some(early_us) = ahead_us.checked_sub(window_us).filter(|early| *early > 0) {
            let problem = rate.too_early(early_us.div_ceil(SECOND_US));
            return Err(TooEarly { problem, hold_us: self.hold_us(now_us, step_us) });
        }
        self.full_at_us = full_at_us;
        let remaining = u32::try_from((window_us - ahead_us) / step_us).unwrap_or(rate.limit);
        Ok(Allowance { limit: rate.limit, remaining, full_in_s: ahead_us.div_ceil(SECOND_US) })
    }

    /// Takes a token of refusals, which may be one that comes later.
    fn hold_us(&mut self, now_us: u64, step_us: u64) -> u64 {
        let latest_us = now_us + SECOND_US + Self::MAX_HOLD_US;
        let full_at_us = (self.refusals_full_at_us.max(now_us) + step_us).min(latest_us);
        self.refusals_full_at_us = full_at_us;
        (full_at_us - now_us).saturating_sub(SECOND_US)
    }

    /// Whether it is as good as new.
    #[must_use]
    pub fn is_full(self, now_us: u64) -> bool {
        self.full_at_us.max(self.refusals_full_at_us) <= now_us
    }
}

impl Allowance {
    /// The headers of draft-ietf-httpapi-ratelimit-headers-10.
    #[must_use]
    pub fn headers(self) -> [(&'static str, String); 2] {
        let Self { limit, remaining, full_in_s } = self;
        [
            ("ratelimit-policy", format!("\"calls\";q={limit};w=1")),
            ("ratelimit", format!("\"calls\";r={remaining};t={full_in_s}")),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START_US: u64 = 5_000_000;
    const TWO: Rate = Rate::per_second(2);

    /// The numbers of calls that are allowed, of `calls` made every `gap_us`.
    fn allowed(limit: u32, calls: u64, gap_us: u64) -> u64 {
        let mut bucket = Bucket::default();
        (0..calls)
            .map(|n| u64::from(bucket.take(START_US + n * gap_us, Rate::per_second(limit)).is_ok()))
            .sum()
    }

    #[test]
    fn a_second_of_calls_comes_at_once_and_then_so_many_a_second() {
        for limit in [1, 3, 10, 10_000] {
            assert_eq!(allowed(limit, 20_000, 0), u64::from(limit), "at once, {limit}");
            let expected = (u64::from(limit) * 11).min(100_000);
            let made = allowed(limit, 100_000, 100);
            assert!(made.abs_diff(expected) <= u64::from(limit) / 50 + 1, "{limit}: {made}");
        }
    }

    #[test]
    fn callers_are_told_what_is_left_and_how_long_to_wait() {
        let mut bucket = Bucket::default();
        let told = |allowance: Result<Allowance, TooEarly>| {
            allowance.unwrap().headers().map(|(_, value)| value).join(" | ")
        };
        assert_eq!(told(bucket.take(START_US, TWO)), "\"calls\";q=2;w=1 | \"calls\";r=1;t=1");
        assert_eq!(told(bucket.take(START_US, TWO)), "\"calls\";q=2;w=1 | \"calls\";r=0;t=1");
        let refused = bucket.take(START_US, TWO).unwrap_err();
        assert_eq!(refused.problem.header, Some(("retry-after", "1".to_owned())));
        assert_eq!((refused.problem.code.status(), refused.hold_us), (429, 0));
        assert!(!bucket.is_full(START_US + 999_999) && bucket.is_full(START_US + 1_000_000));
        assert!(bucket.take(START_US + 500_000, TWO).is_ok());
    }

    #[test]
    fn who_calls_again_at_once_is_refused_at_the_rate_of_its_calls() {
        for (limit, callers) in [(1, 1), (10, 3), (100, 100), (10, 1_000)] {
            let mut bucket = Bucket::default();
            let mut next_us = vec![START_US; callers];
            let (mut taken, mut refused) = (0, 0);
            for now_us in (START_US..START_US + 10 * SECOND_US).step_by(1_000) {
                for at_us in next_us.iter_mut().filter(|at_us| **at_us <= now_us) {
                    match bucket.take(now_us, Rate::per_second(limit)) {
                        Ok(_) => taken += 1,
                        Err(early) => {
                            assert!(early.hold_us <= Bucket::MAX_HOLD_US);
                            *at_us = now_us + early.hold_us;
                            refused += 1;
                        }
                    }
                }
            }
            let calls = u64::from(limit) * 11;
            assert!(taken <= calls, "{limit}: {taken}");
            // Above the rate each caller is held back for as long as it may be.
            let most = calls.max(callers as u64 * 11) + calls;
            assert!(refused <= most, "{limit}, {callers}: {refused} above {most}");
        }
    }

    #[test]
    fn a_clock_that_goes_back_locks_nobody_out() {
        let (mut bucket, three) = (Bucket::default(), Rate::per_second(3));
        while bucket.take(START_US, three).is_ok() {}
        assert!(bucket.take(0, three).is_err());
        assert!(bucket.take(SECOND_US, three).is_ok());
    }

    #[test]
    fn a_day_of_calls_comes_at_once_and_then_one_at_a_time() {
        let (mut bucket, rate) = (Bucket::default(), Rate::per_day(24, "replays"));
        let hour_us = 3_600 * SECOND_US;
        assert!((0..24).all(|_| bucket.take(START_US, rate).is_ok()));
        let refused = bucket.take(START_US, rate).unwrap_err();
        assert_eq!(refused.problem.detail, "More than 24 replays per day. Call again in 3600 s.");
        assert!(refused.hold_us <= Bucket::MAX_HOLD_US);
        assert!(bucket.take(START_US + hour_us, rate).is_ok());
        assert!(bucket.take(START_US + hour_us, rate).is_err());
        assert!(
            !bucket.is_full(START_US + 24 * hour_us) && bucket.is_full(START_US + 25 * hour_us)
        );
    }
}
