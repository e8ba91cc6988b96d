//! The wall clock of this machine.

use std::time::{SystemTime, UNIX_EPOCH};

/// Whole seconds since 1970.
///
/// # Panics
/// If it is earlier.
pub fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs()
}
