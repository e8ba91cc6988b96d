//! The health policy as operator options, shared by all hosts: defaults and bounds.

use crate::delivery::health::HealthPolicy;
use crate::model::bounds::{OutOfBounds, within};

/// The health policy as an operator sets it. Options that are `None` have their default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HealthOptions {
    pub down_after: Option<u32>,
    pub probe_first_ms: Option<u64>,
    pub probe_most_ms: Option<u64>,
    pub disable_after_s: Option<u64>,
}

impl HealthOptions {
    /// # Errors
    /// [`OutOfBounds`] for the first option that is.
    pub fn policy(self) -> Result<HealthPolicy, OutOfBounds> {
        let defaults = HealthPolicy::default();
        let disable_after_ms = self.disable_after_s.map(|seconds| seconds.saturating_mul(1_000));
        let policy = HealthPolicy {
            down_after: self.down_after.unwrap_or(defaults.down_after),
            probe_first_ms: self.probe_first_ms.unwrap_or(defaults.probe_first_ms),
            probe_most_ms: self.probe_most_ms.unwrap_or(defaults.probe_most_ms),
            disable_after_ms: disable_after_ms.unwrap_or(defaults.disable_after_ms),
        };
        within("down_after", policy.down_after.into(), HealthPolicy::FAILURES)?;
        within("probe_first_ms", policy.probe_first_ms, HealthPolicy::PROBES_MS)?;
        within("probe_most_ms", policy.probe_most_ms, HealthPolicy::PROBES_MS)?;
        within("disable_after_s", policy.disable_after_ms / 1_000, HealthPolicy::DISABLE_AFTER_S)?;
        Ok(policy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_the_defaults_unless_they_are_set() {
        assert_eq!(HealthOptions::default().policy(), Ok(HealthPolicy::default()));
        let options = HealthOptions { disable_after_s: Some(7), ..HealthOptions::default() };
        let policy = HealthPolicy { disable_after_ms: 7_000, ..HealthPolicy::default() };
        assert_eq!(options.policy(), Ok(policy));
    }

    #[test]
    fn figures_out_of_bounds_name_their_option() {
        let none = HealthOptions::default();
        for (options, why) in [
            (
                HealthOptions { down_after: Some(0), ..none },
                "down_after must be from 1 to 4294967295, and is 0",
            ),
            (
                HealthOptions { probe_first_ms: Some(86_400_001), ..none },
                "probe_first_ms must be from 1 to 86400000, and is 86400001",
            ),
            (
                HealthOptions { probe_most_ms: Some(0), ..none },
                "probe_most_ms must be from 1 to 86400000, and is 0",
            ),
            (
                HealthOptions { disable_after_s: Some(31_536_001), ..none },
                "disable_after_s must be from 1 to 31536000, and is 31536001",
            ),
        ] {
            assert_eq!(options.policy().unwrap_err().to_string(), why);
        }
        let greatest = HealthOptions { disable_after_s: Some(u64::MAX), ..none };
        assert!(greatest.policy().is_err());
    }
}
