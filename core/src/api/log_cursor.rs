//! A way along the log, from a place on.

use crate::engine::need::{Fact, Need};
use crate::model::event::Event;
use crate::model::log::Log;
use crate::model::seq::Seq;

/// Where somebody who reads the log stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogCursor {
    /// The last place that was read.
    pub at: Seq,
}

/// What comes next on the way.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogPage<'a> {
    pub log: Log,
    /// Events that are no longer kept, and that nobody who stands here has read.
    pub expired: u64,
    pub events: &'a [Event],
}

impl LogCursor {
    /// Events that are read at once: of the longest bodies some 6 MiB.
    pub const PAGE: u32 = 16;

    /// Whether there is anything to read in a log with this head.
    #[must_use]
    pub fn is_behind(self, head: Seq) -> bool {
        self.at < head
    }

    /// What the next stretch of `most` events is made of beyond what is known; nothing when all is
    /// known.
    #[must_use]
    pub fn needs(self, known: &[Fact], most: u32) -> Vec<Need> {
        match known {
            [] => vec![Need::Log],
            [Fact::Log(log)] => {
                vec![Need::Events { from: self.at.max(log.floor).next(), most }]
            }
            _ => Vec::new(),
        }
    }

    /// # Panics
    /// When the facts are not those that were needed: the store is broken.
    pub(super) fn log_page(self, facts: &[Fact]) -> LogPage<'_> {
        let [Fact::Log(log), Fact::Events(events)] = facts else {
            panic!("the store said {facts:?} to {self:?}")
        };
        LogPage { log: *log, expired: log.floor.0.saturating_sub(self.at.0), events }
    }
}
