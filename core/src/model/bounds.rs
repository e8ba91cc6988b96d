//! Bounds of operator options, shared by all hosts.

use std::fmt;
use std::ops::RangeInclusive;

/// An option whose value is out of its bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutOfBounds {
    /// Its name in an options file.
    pub option: &'static str,
    pub value: u64,
    pub bounds: RangeInclusive<u64>,
}

impl fmt::Display for OutOfBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { option, value, bounds } = self;
        write!(f, "{option} must be from {} to {}, and is {value}", bounds.start(), bounds.end())
    }
}

impl std::error::Error for OutOfBounds {}

pub(crate) fn within(
    option: &'static str,
    value: u64,
    bounds: RangeInclusive<u64>,
) -> Result<(), OutOfBounds> {
    if bounds.contains(&value) { Ok(()) } else { Err(OutOfBounds { option, value, bounds }) }
}
