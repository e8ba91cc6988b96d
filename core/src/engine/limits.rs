//! Limits of a host: an input to every decision.

use serde::{Deserialize, Serialize};

use crate::delivery::health::HealthPolicy;
use crate::delivery::quotas::Quotas;
use crate::delivery::reader::Reader;
use crate::delivery::window;
use crate::model::id::HolderId;
use crate::model::millis::Millis;
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
    #[serde(default, skip_serializing_if = "Quotas::are_those_of_a_host")]
    pub quotas: Quotas,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            in_flight: window::PER_PROCESS,
            hosts: Hosts::One,
            health: HealthPolicy::default(),
            retention: Retention::default(),
            quotas: Quotas::HOST,
        }
    }
}

/// The number of hosts that use the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hosts {
    /// One host at a time: the previous one no longer runs.
    One,
    /// Several at once, all of which must be configured so and keep no facts. Each sends for its
    /// own share of the webhooks.
    Several,
}

impl Hosts {
    /// Whether `holder` may send for a webhook: it holds the webhook, or no other host does any
    /// more.
    pub(crate) fn may_claim(
        self,
        webhook: &Webhook,
        reader: &Reader,
        (holder, now): (HolderId, Millis),
    ) -> bool {
        match self {
            Self::One => true,
            Self::Several => {
                reader.claimable_at(holder, webhook.timeout_ms).is_none_or(|at| at <= now)
            }
        }
    }
}

/// Whether facts outlive the batch that loaded them. They may only where no other host writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Memory {
    Kept,
    Dropped,
}
