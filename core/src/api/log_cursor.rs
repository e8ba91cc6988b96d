//! A cursor in the log: the position of a reader, and the events after it.

use crate::engine::store::Rows;
use crate::model::event::Event;
use crate::model::log::Log;
use crate::model::seq::Seq;

/// The position of a reader of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogCursor {
    /// The last position that was read.
    pub at: Seq,
}

/// The next events of the log.
#[derive(Clone, Debug)]
pub(super) struct LogPage {
    pub log: Log,
    /// Expired events that a reader at this position has missed.
    pub expired: u64,
    pub events: Vec<Event>,
}

impl LogCursor {
    /// Events that are read at once: with the longest bodies some 6 MiB.
    pub const PAGE: u32 = 16;

    /// Whether there is anything to read in a log with this head.
    #[must_use]
    pub fn is_behind(self, head: Seq) -> bool {
        self.at < head
    }

    /// At most `limit` events after this position.
    pub(super) fn page<R: Rows + ?Sized>(
        self,
        rows: &mut R,
        limit: u32,
    ) -> Result<LogPage, R::Fault> {
        let log = rows.log()?;
        let events = rows.events(self.at.max(log.floor).next(), limit)?;
        Ok(LogPage { log, expired: log.floor.0.saturating_sub(self.at.0), events })
    }
}
