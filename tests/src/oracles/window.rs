//! The number of requests that a webhook may have in flight, after the answers so far.

/// Slow start up to half of where trouble was last, then one more a round; trouble halves, once a
/// round. A round is as many answers as the window has places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub places: u32,
    threshold: u32,
    /// Answers of this round, and whether one of them was trouble.
    round: (u32, bool),
}

impl Window {
    pub fn of(limit: u32) -> Self {
        Self { places: limit, threshold: limit, round: (0, false) }
    }

    /// The receiver is back from being down.
    pub fn reopen(&mut self) {
        self.places = 1;
        self.round.0 = 0;
    }

    pub fn answered(&mut self, narrows: bool, limit: u32) {
        let (answers, had_trouble) = self.round;
        if narrows && !had_trouble {
            self.places = (self.places / 2).max(1);
            self.threshold = self.places;
        }
        self.round = (answers + 1, had_trouble || narrows);
        if self.round.0 < self.places {
            return;
        }
        let is_clean = !self.round.1;
        self.round = (0, false);
        if is_clean {
            let twice = self.places * 2;
            self.places = if twice <= self.threshold { twice } else { self.places + 1 }.min(limit);
        }
    }
}
