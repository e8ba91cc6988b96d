//! The host's clock and source of randomness: the only ones, so that all other code takes time and
//! randomness as arguments.

use std::time::{SystemTime, UNIX_EPOCH};

use hookdesk_core::Millis;

/// The operating system's wall clock.
pub fn clock() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
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
