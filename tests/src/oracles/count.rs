//! What a replay comes to when its events are counted.

use hookdesk_core::{ReplayCount, ReplayFilter};

/// Where an event of the range stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Pending,
    /// Delivered, or not: abandoned or skipped.
    Settled {
        is_delivered: bool,
    },
    /// Pending or skipped.
    Open,
    /// About to be deleted, and perhaps taken from the webhook already.
    Expiring,
}

/// Figures that are certain, and what may be added to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    again: u64,
    owed: u64,
    /// Events that are in one of both.
    open: u64,
    /// Events that are in one of both, or in none.
    expiring: u64,
}

impl Count {
    pub fn of(only: ReplayFilter, events: impl Iterator<Item = Standing>) -> Self {
        let mut all = Self::default();
        for event in events {
            match event {
                Standing::Pending => all.owed += 1,
                Standing::Settled { .. } => all.again += u64::from(is_taken(only, event)),
                Standing::Open => all.open += 1,
                Standing::Expiring => all.expiring += 1,
            }
        }
        all
    }

    /// Whether an answer can be right.
    pub fn allows(&self, answer: ReplayCount) -> bool {
        let ReplayCount { count, owed } = answer;
        let spare = self.open + self.expiring;
        let is_within = |of: u64, least: u64| (least..=least + spare).contains(&of);
        let least = self.again + self.owed + self.open;
        is_within(count, self.again)
            && is_within(owed, self.owed)
            && (least..=least + self.expiring).contains(&(count + owed))
    }

    /// Whether only one answer is right.
    pub fn is_exact(&self) -> bool {
        self.open + self.expiring == 0
    }
}

/// Whether a replay sends the event for certain, if it stays as it stands.
pub fn is_taken(only: ReplayFilter, event: Standing) -> bool {
    match event {
        Standing::Settled { is_delivered } => only == ReplayFilter::All || !is_delivered,
        Standing::Pending | Standing::Open | Standing::Expiring => false,
    }
}
