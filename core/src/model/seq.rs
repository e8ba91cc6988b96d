//! Sequence numbers: positions in the log.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A position in the log: 1, 2, 3 … in commit order, without gaps. 0 is before the first event.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct Seq(pub u64);

impl Seq {
    /// The greatest whole number that every runtime holds exactly (2⁵³ − 1, IEEE 754 doubles).
    pub const LAST: Self = Self((1 << 53) - 1);

    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
