//! Tells the operator when `--retain-bytes` cannot be kept to: only events are deleted for it, and what
//! remains is more already.

use hookdesk_core::{Fact, Millis, Need, Retention, Rows};

/// Milliseconds between two looks: soon enough to meet a log that retention has just emptied.
const LOOK_MS: u64 = 1_000;

/// What is known of the size of a database.
#[derive(Debug, Default)]
pub struct SizeWatch {
    due: Millis,
    /// Whether it is too large without an event, so that a lasting state is logged once.
    is_over: bool,
}

impl SizeWatch {
    /// Looks if a look is due. A store that cannot be read is no matter of this.
    pub fn look<R: Rows>(&mut self, rows: &mut R, retention: Retention, now: Millis) {
        let Some(most) = retention.bytes.filter(|_| now >= self.due) else { return };
        self.due = now.plus(LOOK_MS);
        let (Ok(log), Ok(Fact::Size(size))) = (rows.log(), rows.load(&Need::Size)) else { return };
        if size <= most {
            self.is_over = false;
        } else if log.floor == log.head && !self.is_over {
            self.is_over = true;
            tracing::warn!(
                "the database has {size} bytes without a single event, more than --retain-bytes \
                 {most}: tickets are not deleted, so each event is, within a minute"
            );
        }
    }
}
