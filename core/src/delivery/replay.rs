//! Replays: a second reading of a range of the log, for one webhook.
//!
//! A replay moves along its range as a [`Reader`](crate::Reader) moves along the log, with ordering
//! keys and a pace of its own; its window, health and pauses are those of the webhook. It sends
//! only events that are settled when their turn comes, so no pending event is overtaken.

use serde::{Deserialize, Serialize};

use crate::model::millis::Millis;
use crate::model::seq::Seq;

/// The settled events that a replay sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub enum ReplayFilter {
    /// Events that were never delivered: abandoned, or skipped before the webhook subscribed to
    /// their type.
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

    /// Whether it includes a settled event.
    #[must_use]
    pub fn takes(self, delivered: bool) -> bool {
        match self {
            Self::Undelivered => !delivered,
            Self::All => true,
        }
    }
}

/// A range of the log, and a filter over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayRange {
    /// The position before its first event.
    pub after: Seq,
    /// The position of its last event.
    pub to: Seq,
    pub only: ReplayFilter,
    /// Events that are begun in a second, at most.
    pub per_second: Option<u32>,
}

/// The events in a range of the log for a webhook, counted before the replay starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayCount {
    /// Events to be replayed.
    pub count: u64,
    /// Events that are still pending, which are left out.
    pub owed: u64,
}

/// A running replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayRun {
    pub range: ReplayRange,
    pub counted: ReplayCount,
    pub started_at: Millis,
    /// Everything up to here was read.
    pub read_to: Seq,
    /// Microseconds of Unix time before which its pace allows no further event.
    pub from_us: u64,
    /// Events that were sent so far.
    pub sent: u64,
}

impl ReplayRun {
    #[must_use]
    pub fn new(range: ReplayRange, counted: ReplayCount, now: Millis) -> Self {
        let read_to = range.after;
        Self { range, counted, started_at: now, read_to, from_us: 0, sent: 0 }
    }
}

/// The replay state of a webhook's reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Replay {
    pub run: Option<ReplayRun>,
    /// Events that were read for a replay and are not settled.
    pub pending: u64,
    /// Waiting lanes of a replay.
    pub waiting: u32,
}

impl Replay {
    /// Whether it was read to its end and all its events are settled.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.pending == 0 && self.run.is_some_and(|run| run.read_to >= run.range.to)
    }
}

/// The time, in microseconds, from which the next event may be sent, after one at `now`: with a
/// rate, no sooner than its share of a second later. Unused time is not made up for.
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
