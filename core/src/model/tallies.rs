//! Events counted by type, so that a backlog is a difference and never a count of rows.

use crate::model::event::EventType;

/// How many events of each type there were up to some place of the log, those left out that are
/// for one webhook only. Two of them say how many events lie between their places, uncounted.
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

    /// Counts back from the store; types that came later are missing at its end.
    #[must_use]
    pub fn stored(counts: &[u64]) -> Self {
        let mut tallies = Self::default();
        for (tally, count) in tallies.0.iter_mut().zip(counts) {
            *tally = *count;
        }
        tallies
    }
}
