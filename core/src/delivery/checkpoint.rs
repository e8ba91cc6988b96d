//! Checkpoints: positions up to which a reader has read the log.

use crate::model::event::Event;
use crate::model::seq::Seq;
use crate::model::tallies::Tallies;

/// A position in the log, and the events up to there by type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    pub read_to: Seq,
    pub tallies: Tallies,
}

impl Checkpoint {
    /// The checkpoint after `event`.
    #[must_use]
    pub fn past(mut self, event: &Event) -> Self {
        self.read_to = event.seq;
        if event.only_for.is_none() {
            self.tallies.count(event.kind);
        }
        self
    }
}
