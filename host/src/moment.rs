//! The clock of the host, and its source of chance: the only ones, so that all else takes time and
//! chance as arguments.

use std::time::{SystemTime, UNIX_EPOCH};

use hookdesk_core::Millis;

/// The time by the clock of the operating system.
pub fn clock() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Random bytes of the operating system.
///
/// # Panics
/// When the operating system has none to give: ids and secrets without chance would be worse.
pub fn chance<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives chance");
    bytes
}
