//! What a desk runs with.

use std::ops::RangeInclusive;

use hookdesk_core::api::{Callers, Door};
use hookdesk_core::guard::{Network, Targets};
use hookdesk_core::{Figures, Retention};
use serde::Deserialize;
use tsify::Tsify;

/// What a desk runs with. What is left out is as a server has it.
#[derive(Clone, Debug, Default, Deserialize, Tsify)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Options {
    /// Only callers on this machine are heard, and receivers on it may be called.
    pub open: bool,
    /// The API key that callers must send. Neither open nor with a key, everybody is heard.
    pub key: Option<String>,
    /// Whether the host can say which address a name leads to, and call that one and no other. If
    /// not, receivers are called by public names only (unless the desk is open).
    pub pins_addresses: bool,
    /// Networks that may be called though they are not public, such as `10.0.0.0/8`.
    pub allow_target: Vec<String>,
    /// Requests that may be open at once.
    pub most_in_flight: Option<u32>,
    /// Failures in a row after which a receiver is down.
    pub down_after: Option<u32>,
    /// Milliseconds from going down to the first probe.
    pub probe_first_ms: Option<u64>,
    /// Milliseconds between probes at the most.
    pub probe_most_ms: Option<u64>,
    /// Seconds of nothing but failures after which a webhook is disabled.
    pub disable_after_s: Option<u64>,
    /// Seconds that events are kept; 0 keeps them for good.
    pub retain_s: Option<u64>,
}

impl Options {
    /// Characters of a key at the least: with fewer it could be guessed.
    const KEY_SHORTEST: usize = 16;

    /// Who is let in, and who may be called.
    ///
    /// # Errors
    /// A sentence that names the option and what would be right.
    pub fn door(&self) -> Result<Door, String> {
        let callers = match (&self.key, self.open) {
            (Some(_), true) => return Err("open and key exclude each other".to_owned()),
            (Some(key), false) if key.chars().count() < Self::KEY_SHORTEST => {
                return Err(format!("key must have at least {} characters", Self::KEY_SHORTEST));
            }
            (Some(key), false) => Callers::with_key(key),
            (None, true) => Callers::Local,
            (None, false) => Callers::All,
        };
        let public = Targets::public();
        let mut targets = match (self.open, self.pins_addresses) {
            (true, _) => public.with_loopback(),
            (false, true) => public,
            (false, false) => public.by_name_only(),
        };
        for text in &self.allow_target {
            let network: Network =
                text.parse().map_err(|bad| format!("allowTarget {text}: {bad}"))?;
            targets = targets.allow(network);
        }
        Ok(Door { callers, can_wait: false, targets })
    }

    /// The figures of health.
    ///
    /// # Errors
    /// A sentence that names the option and what would be right.
    pub fn health(&self) -> Result<Figures, String> {
        let defaults = Figures::default();
        let disable_after_s = self.disable_after_s.map(|seconds| seconds.saturating_mul(1_000));
        let figures = Figures {
            down_after: self.down_after.unwrap_or(defaults.down_after),
            probe_first_ms: self.probe_first_ms.unwrap_or(defaults.probe_first_ms),
            probe_most_ms: self.probe_most_ms.unwrap_or(defaults.probe_most_ms),
            disable_after_ms: disable_after_s.unwrap_or(defaults.disable_after_ms),
        };
        within("downAfter", figures.down_after.into(), 1..=u32::MAX.into())?;
        within("probeFirstMs", figures.probe_first_ms, 1..=Figures::PROBE_MOST_MS)?;
        within("probeMostMs", figures.probe_most_ms, 1..=Figures::PROBE_MOST_MS)?;
        within("disableAfterS", figures.disable_after_ms / 1_000, 1..=Figures::DISABLE_MOST_S)?;
        Ok(figures)
    }

    /// How long the log is kept.
    ///
    /// # Errors
    /// A sentence that names the option and what would be right.
    pub fn retention(&self) -> Result<Retention, String> {
        let retain_s = self.retain_s.unwrap_or(Retention::DEFAULT_S);
        within("retainS", retain_s, 0..=Retention::MOST_S)?;
        Ok(Retention { age_ms: (retain_s > 0).then_some(retain_s * 1_000), bytes: None })
    }
}

fn within(name: &str, value: u64, range: RangeInclusive<u64>) -> Result<(), String> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(format!("{name} must be from {} to {}, and is {value}", range.start(), range.end()))
}
