//! What a host can do at the most: an input to every decision.

use serde::{Deserialize, Serialize};

use crate::delivery::health::HealthPolicy;
use crate::delivery::window;
use crate::model::retention::Retention;

/// What a host can do at the most: an input to every decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Requests in flight; 0 while the host drains.
    pub in_flight: u32,
    pub hosts: Hosts,
    pub health: HealthPolicy,
    pub retention: Retention,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            in_flight: window::PER_PROCESS,
            hosts: Hosts::One,
            health: HealthPolicy::default(),
            retention: Retention::default(),
        }
    }
}

/// Who works on the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hosts {
    /// One host at a time: whoever sent before it is no more.
    One,
    /// Several at once, all of which must say so and keep no facts. Each sends for its own share of
    /// the webhooks.
    Several,
}

/// Whether facts outlive the batch that learned them. They may only where nobody else writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Memory {
    Kept,
    Dropped,
}
