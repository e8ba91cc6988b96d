//! The audit policy: whether changes are audited, and how long the rows are kept.

use serde::{Deserialize, Serialize};

use crate::model::bounds::{OutOfBounds, within};
use crate::model::retention::Retention;

/// The audit policy of a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditPolicy {
    /// Nothing is audited: so it was when recordings of earlier versions were made.
    #[default]
    Off,
    ForGood,
    /// Rows are kept for so many milliseconds.
    For {
        ms: u64,
    },
}

impl AuditPolicy {
    /// Default seconds that rows are kept, a year: what an annual review looks back on.
    pub const DEFAULT_S: u64 = 31_536_000;
    /// Rows that are deleted at once: more than callers add in the time between two such steps.
    pub(crate) const ROWS: u32 = 500;

    /// The policy for `retain_audit_s` seconds, or for the default; 0 keeps rows for good.
    ///
    /// # Errors
    /// [`OutOfBounds`] when `retain_audit_s` is.
    pub fn new(retain_audit_s: Option<u64>) -> Result<Self, OutOfBounds> {
        let kept_s = retain_audit_s.unwrap_or(Self::DEFAULT_S);
        within("retain_audit_s", kept_s, Retention::KEPT_S)?;
        Ok(if kept_s == 0 { Self::ForGood } else { Self::For { ms: kept_s * 1_000 } })
    }

    #[must_use]
    pub fn is_on(self) -> bool {
        self != Self::Off
    }

    /// Milliseconds that a row is kept, if not for good.
    #[must_use]
    pub fn kept_ms(self) -> Option<u64> {
        match self {
            Self::Off | Self::ForGood => None,
            Self::For { ms } => Some(ms),
        }
    }

    pub(crate) fn is_off(&self) -> bool {
        !self.is_on()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_kept_a_year_or_for_good_when_no_seconds_are_named() {
        assert_eq!(AuditPolicy::new(None), Ok(AuditPolicy::For { ms: 31_536_000_000 }));
        assert_eq!(AuditPolicy::new(Some(0)), Ok(AuditPolicy::ForGood));
        let beyond = AuditPolicy::new(Some(3_153_600_001)).unwrap_err().to_string();
        assert_eq!(beyond, "retain_audit_s must be from 0 to 3153600000, and is 3153600001");
    }
}
