//! The host's clock and source of randomness: the only ones, so that all other code takes time and
//! randomness as arguments.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hookdesk_core::Millis;

/// The operating system's wall clock.
pub fn clock() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The longest sleep until a time by the clock, so that a clock that is set forward is noticed.
pub const MAX_SLEEP: Duration = Duration::from_secs(30);

/// How long to sleep towards a time before the clock is read again.
pub fn sleep_towards(at: Millis) -> Duration {
    Duration::from_millis(at.since(clock())).min(MAX_SLEEP)
}

/// Random bytes of the operating system.
///
/// # Panics
/// When the operating system has none: ids and secrets that can be guessed would be worse.
pub fn chance<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives chance");
    bytes
}
