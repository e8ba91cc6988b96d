//! Event counts by type, so that a backlog is a difference and never a count of rows.

use crate::model::event::EventType;

/// The number of events of each type up to a position in the log, without those that are for one
/// webhook only. The difference of two is the number of events between their positions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tallies([u64; EventType::ALL.len()]);

impl Tallies {
    pub fn count(&mut self, kind: EventType) {
        if let Some(count) = self.0.get_mut(kind as usize) {
            *count += 1;
        }
    }

    #[must_use]
    pub fn counts(&self) -> &[u64] {
        &self.0
    }

    /// Counts from the store; those of types that were added later are missing at its end.
    #[must_use]
    pub fn stored(counts: &[u64]) -> Self {
        let mut tallies = Self::default();
        for (tally, count) in tallies.0.iter_mut().zip(counts) {
            *tally = *count;
        }
        tallies
    }
}
