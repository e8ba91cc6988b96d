//! Quotas: the most that is kept at once, and the most that one step does.
//!
//! They are an input so that simulated worlds, which are small, meet each of them. No operator sets
//! them.

use serde::{Deserialize, Serialize};

use crate::delivery::lane::Lane;
use crate::webhook::Webhook;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quotas {
    pub webhooks: usize,
    /// Waiting lanes of one webhook. New events are not read beyond it, and nothing is resent.
    pub lanes: u32,
    /// Waiting lanes of a replay: half of what the webhook may have, so that there is always room
    /// for new events to wait.
    pub replay_lanes: u32,
    /// Events that one webhook reads past in one wake without sending, because all of them are
    /// queued behind others or filtered out: some milliseconds of work, after which other webhooks
    /// have a turn.
    pub reads: u32,
    /// Events that a replay passes without sending any of them, because they were delivered or are
    /// pending, before other webhooks have a turn: each costs up to three look-ups.
    pub replay_reads: u32,
    /// Skipped events that are not saved. After a crash they are read again.
    pub unsaved: u64,
    /// Lanes that retention expires at once, and readers that it saves.
    pub expired_lanes: u32,
    /// Rows that retention deletes at once, with one attempt of each event for each webhook: a
    /// millisecond or two of work, so that no caller waits.
    pub deleted_rows: u64,
    /// Waiting lanes of one webhook that are cached: four windows. Half of them are loaded at once, and
    /// half are left when there are more.
    pub cached_lanes: u32,
}

impl Quotas {
    /// Those of every host.
    pub const HOST: Self = Self {
        webhooks: Webhook::MAX,
        lanes: Lane::MAX,
        replay_lanes: Lane::MAX / 2,
        reads: 1_000,
        replay_reads: 64,
        unsaved: 1_000,
        expired_lanes: 64,
        deleted_rows: 500,
        cached_lanes: 256,
    };

    /// Waiting lanes that are loaded at once.
    pub(crate) fn page_of_lanes(&self) -> u32 {
        self.cached_lanes.div_ceil(2)
    }

    /// Whether they are those of every host, which recordings leave out.
    pub(crate) fn are_those_of_a_host(&self) -> bool {
        *self == Self::HOST
    }
}

impl Default for Quotas {
    fn default() -> Self {
        Self::HOST
    }
}
