//! Retention: what a decision looks up and changes at the old end of the log.

use super::Decision;
use crate::delivery::lane::Lane;
use crate::engine::need::Need;
use crate::model::audit_policy::AuditPolicy;
use crate::model::event::Event;
use crate::model::millis::Millis;
use crate::model::retention::Retention;
use crate::model::seq::Seq;

impl Decision<'_> {
    pub fn retention(&self) -> Retention {
        self.facts.limits.retention
    }

    /// Sets when retention is due again, if ever.
    pub fn retain_at(&mut self, at: Option<Millis>) {
        self.retain_at = Some(at);
    }

    /// Marks the events up to `to` as expiring.
    pub fn pending_floor(&mut self, to: Seq) {
        self.pending_floor = Some(to);
    }

    /// Whether the event at `seq` is expiring: then it is not sent any more, as its deletion waits
    /// for requests in flight.
    pub fn is_expiring(&self, seq: Seq) -> bool {
        seq <= self.facts.pending_floor()
    }

    /// The time of the oldest idempotency record.
    pub fn oldest_idempotency_record(&self) -> Result<Option<Millis>, Need> {
        self.facts.oldest_idempotency_record()
    }

    /// Deletes the oldest idempotency records up to time `at`, at most `most` of them.
    pub fn forget_idempotency_records(&mut self, at: Millis, most: u32) {
        self.changes.forgotten = Some((at, most));
    }

    pub fn audit_policy(&self) -> AuditPolicy {
        self.facts.limits.audit
    }

    /// The time of the oldest audit row.
    pub fn oldest_audit(&self) -> Result<Option<Millis>, Need> {
        self.facts.oldest_audit()
    }

    /// Deletes the oldest audit rows up to time `at`, at most `most` of them.
    pub fn forget_audit(&mut self, at: Millis, most: u32) {
        self.changes.forgotten_audit = Some((at, most));
    }

    /// When retention is due, if ever.
    pub fn retains_at(&self) -> Option<Millis> {
        self.facts.retains_at()
    }

    /// The position of the first event that was created at `at` or later.
    pub fn created_from(&self, at: Millis) -> Result<Option<Seq>, Need> {
        self.facts.created_from(at)
    }

    /// Bytes that the store uses.
    pub fn size(&self) -> Result<u64, Need> {
        self.facts.size()
    }

    /// The lanes whose heads are at `to` or before it, by head: as many as are expired at once.
    pub fn lanes_to(&self, to: Seq) -> Result<Vec<Lane>, Need> {
        self.facts.lanes_to(to)
    }

    /// The events after `after` and up to `to`, without their bodies, in order.
    pub fn outlines(&self, after: Seq, to: Seq) -> Result<Vec<Event>, Need> {
        self.facts.outlines(after, to)
    }

    /// Deletes the events up to `floor`.
    pub fn raise_floor(&mut self, floor: Seq) -> Result<(), Need> {
        self.tick()?;
        if let Some(put) = &mut self.changes.log {
            put.row.floor = floor;
        }
        self.changes.floor = Some(floor);
        Ok(())
    }
}
