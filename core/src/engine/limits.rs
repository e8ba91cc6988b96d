//! Limits of a host: an input to every decision.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::delivery::health::HealthPolicy;
use crate::delivery::quotas::Quotas;
use crate::delivery::window;
use crate::model::audit_policy::AuditPolicy;
use crate::model::bounds::{OutOfBounds, within};
use crate::model::retention::Retention;
use crate::webhook::Webhook;

/// The limits and policies of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Requests in flight, at most; 0 while the host drains or is paused.
    pub in_flight: u32,
    pub hosts: Hosts,
    pub health: HealthPolicy,
    pub retention: Retention,
    #[serde(default, skip_serializing_if = "AuditPolicy::is_off")]
    pub audit: AuditPolicy,
    /// Webhooks of one partner, at most.
    #[serde(default = "default_webhooks", skip_serializing_if = "is_default_webhooks")]
    pub webhooks_per_partner: u32,
    #[serde(default, skip_serializing_if = "Quotas::are_those_of_a_host")]
    pub quotas: Quotas,
}

impl Limits {
    /// Webhooks of one partner, unless the operator says otherwise: one for each of its systems,
    /// and room to move.
    pub const WEBHOOKS_PER_PARTNER: u32 = 20;
    /// Bounds of that, up to all that there may be.
    pub const PARTNER_WEBHOOKS: RangeInclusive<u64> = 1..=Webhook::MAX as u64;

    /// Webhooks of one partner as an option has them, or the default.
    ///
    /// # Errors
    /// [`OutOfBounds`] when the option is.
    pub fn per_partner(webhooks: Option<u32>) -> Result<u32, OutOfBounds> {
        let webhooks = webhooks.unwrap_or(Self::WEBHOOKS_PER_PARTNER);
        within("webhooks_per_partner", webhooks.into(), Self::PARTNER_WEBHOOKS)?;
        Ok(webhooks)
    }
}

fn default_webhooks() -> u32 {
    Limits::WEBHOOKS_PER_PARTNER
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields so")]
fn is_default_webhooks(webhooks: &u32) -> bool {
    *webhooks == Limits::WEBHOOKS_PER_PARTNER
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            in_flight: window::PER_PROCESS,
            hosts: Hosts::One,
            health: HealthPolicy::default(),
            retention: Retention::default(),
            audit: AuditPolicy::ForGood,
            webhooks_per_partner: Limits::WEBHOOKS_PER_PARTNER,
            quotas: Quotas::HOST,
        }
    }
}

/// The hosts that decide, as recordings say: one at a time, each after the previous one has stopped
/// or was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hosts {
    One,
}

/// Whether facts outlive the batch that loaded them. They may only where no other host writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Memory {
    Kept,
    Dropped,
}
