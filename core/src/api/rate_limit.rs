//! Rate limits of calls: token buckets, and the headers that tell callers of them.

use crate::api::{Code, Problem};

/// A token bucket: so many calls a second, and the calls of a second at once after a pause. It is
/// kept as the time at which it is full again (GCRA, as in ATM's traffic management).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    full_at_us: u64,
}

/// What is left of a rate limit after a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Calls per second.
    limit: u32,
    remaining: u32,
    /// Seconds until the bucket is full.
    full_in_s: u64,
}

impl Bucket {
    const SECOND_US: u64 = 1_000_000;

    /// Takes a token at a time, in microseconds of any clock that never goes back, from a bucket for
    /// `limit` calls a second.
    ///
    /// # Errors
    /// The [`Problem`] of a call that comes too early.
    pub fn take(&mut self, now_us: u64, limit: u32) -> Result<Allowance, Problem> {
        let step_us = Self::SECOND_US / u64::from(limit.max(1));
        let full_at_us = self.full_at_us.max(now_us) + step_us;
        let ahead_us = full_at_us - now_us;
        if let Some(early_us) = ahead_us.checked_sub(Self::SECOND_US).filter(|early| *early > 0) {
            return Err(too_early(limit, early_us.div_ceil(Self::SECOND_US)));
        }
        self.full_at_us = full_at_us;
        let left = (Self::SECOND_US - ahead_us) / step_us;
        let remaining = u32::try_from(left).unwrap_or(limit);
        Ok(Allowance { limit, remaining, full_in_s: ahead_us.div_ceil(Self::SECOND_US) })
    }

    /// Whether it is as good as new.
    #[must_use]
    pub fn is_full(self, now_us: u64) -> bool {
        self.full_at_us <= now_us
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

fn too_early(limit: u32, wait_s: u64) -> Problem {
    let detail = format!("More than {limit} calls per second. Call again in {wait_s} s.");
    let header = Some(("retry-after", wait_s.to_string()));
    Problem { header, ..Problem::new(Code::RateLimited, detail) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START_US: u64 = 5_000_000;

    /// The numbers of calls that are allowed, of `calls` made every `gap_us`.
    fn allowed(limit: u32, calls: u64, gap_us: u64) -> u64 {
        let mut bucket = Bucket::default();
        (0..calls).map(|n| u64::from(bucket.take(START_US + n * gap_us, limit).is_ok())).sum()
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
        let told = |allowance: Result<Allowance, Problem>| {
            allowance.unwrap().headers().map(|(_, value)| value).join(" | ")
        };
        assert_eq!(told(bucket.take(START_US, 2)), "\"calls\";q=2;w=1 | \"calls\";r=1;t=1");
        assert_eq!(told(bucket.take(START_US, 2)), "\"calls\";q=2;w=1 | \"calls\";r=0;t=1");
        let refused = bucket.take(START_US, 2).unwrap_err();
        assert_eq!(refused.header, Some(("retry-after", "1".to_owned())));
        assert_eq!(refused.code.status(), 429);
        assert!(!bucket.is_full(START_US + 999_999) && bucket.is_full(START_US + 1_000_000));
        assert!(bucket.take(START_US + 500_000, 2).is_ok());
    }
}
