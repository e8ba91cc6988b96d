//! What is known of the old end of the log, for the one decision that lets go of it.

use crate::delivery::lane::Lane;
use crate::engine::need::Need;
use crate::model::event::Event;
use crate::model::millis::Millis;
use crate::model::retention::Retention;
use crate::model::seq::Seq;

#[derive(Debug)]
pub(super) struct RetentionFacts {
    /// When it is looked again whether anything is to be let go: at once, to begin with, and never
    /// where nothing ever is.
    next_look: Option<Millis>,
    /// Events up to here are about to be let go.
    pending_floor: Seq,
    #[expect(clippy::option_option, reason = "it may be known, and known to be none")]
    oldest_idempotency_record: Option<Option<Millis>>,
    created_from: Option<(Millis, Option<Seq>)>,
    size: Option<u64>,
    lanes: Option<(Seq, Vec<Lane>)>,
    /// The newest first, before a place, and how many were asked for.
    outlines: Option<(Option<Seq>, u32, Vec<Event>)>,
}

impl Default for RetentionFacts {
    fn default() -> Self {
        Self {
            next_look: Some(Millis(0)),
            pending_floor: Seq(0),
            oldest_idempotency_record: None,
            created_from: None,
            size: None,
            lanes: None,
            outlines: None,
        }
    }
}

impl RetentionFacts {
    pub fn next_look(&self) -> Option<Millis> {
        self.next_look
    }

    pub fn pending_floor(&self) -> Seq {
        self.pending_floor
    }

    pub fn raise_pending_floor(&mut self, to: Seq) {
        self.pending_floor = to;
    }

    pub fn look_at(&mut self, at: Option<Millis>) {
        self.next_look = at;
    }

    /// Looks at a time, if not earlier.
    pub fn look_by(&mut self, at: Millis) {
        self.next_look = Some(self.next_look.map_or(at, |earlier| earlier.min(at)));
    }

    pub fn learn_oldest_idempotency_record(&mut self, at: Option<Millis>) {
        self.oldest_idempotency_record = Some(at);
    }

    pub fn oldest_idempotency_record(&self) -> Result<Option<Millis>, Need> {
        self.oldest_idempotency_record.ok_or(Need::OldestIdempotencyRecord)
    }

    pub fn learn_created_from(&mut self, at: Millis, first: Option<Seq>) {
        self.created_from = Some((at, first));
    }

    pub fn learn_size(&mut self, bytes: u64) {
        self.size = Some(bytes);
    }

    pub fn learn_lanes(&mut self, to: Seq, lanes: Vec<Lane>) {
        self.lanes = Some((to, lanes));
    }

    pub fn learn_outlines(&mut self, before: Option<Seq>, most: u32, events: Vec<Event>) {
        self.outlines = Some((before, most, events));
    }

    /// The batch is over: what was said of the store is no longer so.
    pub fn forget(&mut self) {
        let (next_look, pending_floor) = (self.next_look, self.pending_floor);
        *self = Self { next_look, pending_floor, ..Self::default() };
    }

    pub fn created_from(&self, at: Millis) -> Result<Option<Seq>, Need> {
        let said = self.created_from.filter(|(of, _)| *of == at);
        said.map(|(_, first)| first).ok_or(Need::CreatedFrom(at))
    }

    pub fn size(&self) -> Result<u64, Need> {
        self.size.ok_or(Need::Size)
    }

    pub fn lanes_to(&self, to: Seq) -> Result<Vec<Lane>, Need> {
        let said = self.lanes.as_ref().filter(|(of, _)| *of == to);
        let most = Retention::LANES;
        said.map(|(_, lanes)| lanes.clone()).ok_or(Need::LanesTo { to, most })
    }

    /// The events after one and up to another, in order.
    pub fn outlines(&self, after: Seq, to: Seq) -> Result<Vec<Event>, Need> {
        let before = Some(to.next());
        let most = u32::try_from(to.0 - after.0).unwrap_or(u32::MAX);
        let said = self.outlines.as_ref().filter(|(of, count, _)| (*of, *count) == (before, most));
        let Some((_, _, events)) = said else {
            return Err(Need::EventsBefore { before, most });
        };
        Ok(events.iter().rev().cloned().collect())
    }
}
