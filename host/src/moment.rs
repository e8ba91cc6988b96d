//! The host's clock and source of randomness: the only ones, so that all other code takes time and
//! randomness as arguments.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hookdesk_core::Millis;
use rustix::time::{ClockId, clock_gettime};

/// The operating system's wall clock.
pub fn clock() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The time since the machine started, which nobody sets, and which goes on while it sleeps.
pub fn boot_clock() -> Duration {
    let now = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or_default())
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
