//! Cached facts about the oldest part of the log, for the retention decision.

use crate::delivery::lane::Lane;
use crate::engine::need::Need;
use crate::model::event::Event;
use crate::model::millis::Millis;
use crate::model::seq::Seq;

#[derive(Debug)]
pub(super) struct RetentionFacts {
    /// When retention is due: at once, to begin with, and never where there is nothing to expire.
    next_look: Option<Millis>,
    /// Events up to here are expiring.
    pending_floor: Seq,
    #[expect(clippy::option_option, reason = "it may be known, and known to be none")]
    oldest_idempotency_record: Option<Option<Millis>>,
    #[expect(clippy::option_option, reason = "it may be known, and known to be none")]
    oldest_audit: Option<Option<Millis>>,
    created_from: Option<(Millis, Option<Seq>)>,
    size: Option<u64>,
    lanes: Option<(Seq, Vec<Lane>)>,
    /// The position before which events were loaded, how many were needed, and they, newest first.
    outlines: Option<(Option<Seq>, u32, Vec<Event>)>,
}

impl Default for RetentionFacts {
    fn default() -> Self {
        Self {
            next_look: Some(Millis(0)),
            pending_floor: Seq(0),
            oldest_idempotency_record: None,
            oldest_audit: None,
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

    /// Makes retention due at `at`, or earlier.
    pub fn look_by(&mut self, at: Millis) {
        self.next_look = Some(self.next_look.map_or(at, |earlier| earlier.min(at)));
    }

    pub fn learn_oldest_idempotency_record(&mut self, at: Option<Millis>) {
        self.oldest_idempotency_record = Some(at);
    }

    pub fn oldest_idempotency_record(&self) -> Result<Option<Millis>, Need> {
        self.oldest_idempotency_record.ok_or(Need::OldestIdempotencyRecord)
    }

    pub fn learn_oldest_audit(&mut self, at: Option<Millis>) {
        self.oldest_audit = Some(at);
    }

    pub fn oldest_audit(&self) -> Result<Option<Millis>, Need> {
        self.oldest_audit.ok_or(Need::OldestAudit)
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

    /// After a batch: drops the facts, as its changes outdate them.
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

    /// The first `most` lanes whose heads are at `to` or before it.
    pub fn lanes_to(&self, to: Seq, most: u32) -> Result<Vec<Lane>, Need> {
        let said = self.lanes.as_ref().filter(|(of, _)| *of == to);
        said.map(|(_, lanes)| lanes.clone()).ok_or(Need::LanesTo { to, most })
    }

    /// The events after `after` and up to `to`, in order.
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
