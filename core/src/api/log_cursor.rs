//! A cursor in the log: how far somebody has read, and what comes next.

use crate::engine::store::Rows;
use crate::model::event::Event;
use crate::model::log::Log;
use crate::model::seq::Seq;

/// How far a reader of the log has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogCursor {
    /// The last place that was read.
    pub at: Seq,
}

/// The next events of the log.
#[derive(Clone, Debug)]
pub(super) struct LogPage {
    pub log: Log,
    /// Events that are no longer kept, and that nobody who stands here has read.
    pub expired: u64,
    pub events: Vec<Event>,
}

impl LogCursor {
    /// Events that are read at once: of the longest bodies some 6 MiB.
    pub const PAGE: u32 = 16;

    /// Whether there is anything to read in a log with this head.
    #[must_use]
    pub fn is_behind(self, head: Seq) -> bool {
        self.at < head
    }

    /// At most `limit` events from here on.
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
