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
        let Some(most) = retention.bytes else { return };
        if let Some(size) = self.exceeds(rows, most, now) {
            tracing::warn!(
                "the database has {size} bytes without a single event, more than --retain-bytes \
                 {most}: tickets are not deleted, so each event is, within a minute"
            );
        }
    }

    /// The size, from the first look at which it is more than `most` without an event.
    fn exceeds<R: Rows>(&mut self, rows: &mut R, most: u64, now: Millis) -> Option<u64> {
        if now < self.due {
            return None;
        }
        self.due = now.plus(LOOK_MS);
        let (Ok(log), Ok(Fact::Size(size))) = (rows.log(), rows.load(&Need::Size)) else {
            return None;
        };
        let was_over = self.is_over;
        self.is_over = size > most && (was_over || log.floor == log.head);
        (self.is_over && !was_over).then_some(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::Sqlite;

    #[test]
    fn a_size_that_stays_exceeded_is_told_once() {
        let (mut rows, mut watch) = (Sqlite::in_memory().unwrap(), SizeWatch::default());
        let mut told =
            |most, at| watch.exceeds(&mut rows, most, Millis(at)).is_some_and(|size| size > most);
        assert!(told(1, 0));
        assert!(!told(1, LOOK_MS) && !told(1, 2 * LOOK_MS), "it is known");
        assert!(!told(u64::MAX, 3 * LOOK_MS));
        assert!(!told(1, 4 * LOOK_MS - 1), "no look is due");
        assert!(told(1, 4 * LOOK_MS));
    }
}
