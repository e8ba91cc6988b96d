//! Events once more: a second reading of a part of the log, for one webhook.
//!
//! A replay moves along its part as a [`Reader`](crate::Reader) moves along the log, with subjects
//! of its own and at a pace of its own; its room, health and pauses are those of the webhook. It
//! touches only what is settled when its turn comes, so nothing owed is ever overtaken.

use serde::{Deserialize, Serialize};

use crate::delivery::lane::Lane;
use crate::model::millis::Millis;
use crate::model::seq::Seq;

/// Which of the settled events are sent once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub enum ReplayFilter {
    /// Those that were never delivered: given up, or skipped and wanted since.
    Undelivered,
    All,
}

impl ReplayFilter {
    pub const ALL: [Self; 2] = [Self::Undelivered, Self::All];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Undelivered => "undelivered",
            Self::All => "all",
        }
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|only| only.name() == name)
    }

    /// Whether it takes a settled event.
    #[must_use]
    pub fn takes(self, delivered: bool) -> bool {
        match self {
            Self::Undelivered => !delivered,
            Self::All => true,
        }
    }
}

/// A part of the log, and what of it is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayRange {
    /// The place before its first event.
    pub after: Seq,
    /// The place of its last event.
    pub to: Seq,
    pub only: ReplayFilter,
    /// Events that it begins with in a second at the most.
    pub per_second: Option<u32>,
}

/// What a part of the log held for a webhook when it was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayCount {
    /// Events to be sent once more.
    pub count: u64,
    /// Events that the webhook is still owed, which are left out.
    pub owed: u64,
}

/// A replay that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayRun {
    pub range: ReplayRange,
    pub counted: ReplayCount,
    pub started_at: Millis,
    /// Everything up to here was read.
    pub read_to: Seq,
    /// Microseconds of unix time before which its pace allows no further event.
    pub from_us: u64,
    /// Events that it began with so far.
    pub sent: u64,
}

impl ReplayRun {
    #[must_use]
    pub fn new(range: ReplayRange, counted: ReplayCount, now: Millis) -> Self {
        let read_to = range.after;
        Self { range, counted, started_at: now, read_to, from_us: 0, sent: 0 }
    }
}

/// What a webhook's reader keeps of its replay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Replay {
    pub run: Option<ReplayRun>,
    /// Events that were read for a replay and are not done with.
    pub pending: u64,
    /// Lanes of a replay that wait.
    pub waiting: u32,
}

impl Replay {
    /// Waiting lanes of a replay at the most: half of what a webhook may have, so that what is new
    /// can always wait too.
    pub const MAX_WAITING: u32 = Lane::MAX / 2;

    /// Whether all of it is done with.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.pending == 0 && self.run.is_some_and(|run| run.read_to >= run.range.to)
    }
}

/// The time from which on one more may go, once one has gone at `now`: with a rate, no sooner than
/// its share of a second later. What was not used of a pause is not made up for.
#[must_use]
pub(crate) fn paced(from_us: u64, per_second: Option<u32>, now: Millis) -> u64 {
    let now_us = now.0.saturating_mul(1_000);
    match per_second {
        Some(rate) => {
            let from = from_us.clamp(now_us, now_us.saturating_add(1_000_000));
            from + 1_000_000 / u64::from(rate.max(1))
        }
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undelivered_leaves_out_what_was_delivered() {
        let table = [
            (ReplayFilter::Undelivered, false, true),
            (ReplayFilter::Undelivered, true, false),
            (ReplayFilter::All, false, true),
            (ReplayFilter::All, true, true),
        ];
        for (only, delivered, takes) in table {
            assert_eq!(only.takes(delivered), takes, "{only:?} {delivered}");
            assert_eq!(ReplayFilter::parse(only.name()), Some(only));
        }
    }

    #[test]
    fn a_replay_is_over_when_it_was_read_to_its_end_and_nothing_is_pending() {
        let range =
            ReplayRange { after: Seq(3), to: Seq(5), only: ReplayFilter::All, per_second: None };
        let run = ReplayRun::new(range, ReplayCount::default(), Millis(1));
        // read to, pending, over
        for (read_to, pending, over) in [(4, 0, false), (5, 1, false), (5, 0, true), (6, 0, true)] {
            let run = Some(ReplayRun { read_to: Seq(read_to), ..run });
            assert_eq!(Replay { run, pending, waiting: 0 }.is_over(), over, "{read_to} {pending}");
        }
        assert!(!Replay::default().is_over(), "none runs");
    }
}
