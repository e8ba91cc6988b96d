//! The events that may be deleted, and those that must be.

use hookdesk_core::{Event, Millis, Seq};

use crate::plan::Plan;
use crate::stores::StoredRows;

/// The log's floor, as it was seen last.
#[derive(Debug, Default)]
pub struct Floor(Seq);

/// Milliseconds after which events that are too old or too many are gone, if nothing holds them.
const IN_TIME_MS: u64 = 120_000;

impl Floor {
    /// Nothing is deleted before its time. Returns whether anything was.
    pub fn raised(&mut self, plan: &Plan, rows: &StoredRows, now: Millis) -> bool {
        let (from, to) = (self.0, rows.log.floor);
        self.0 = to;
        for event in rows.events.iter().filter(|event| event.seq > from && event.seq <= to) {
            let may = may_delete(plan, rows, event, now);
            assert!(may, "{} of {} is deleted at {now:?}", event.seq, rows.log.head);
        }
        to > from
    }

    /// What is too old, or too many, is deleted in a bounded time.
    pub fn at_rest(plan: &Plan, rows: &StoredRows, now: Millis) {
        let (kept, most) = (rows.log.head.0 - rows.log.floor.0, plan.retention.events);
        let is_old = |at: Millis, for_ms: u64| now.since(at) > for_ms + IN_TIME_MS;
        let is_over = rows.events.last().is_some_and(|last| is_old(last.created, 0));
        let may = most == 0 || kept <= most || !is_over;
        assert!(may, "{kept} events are kept, with {most} allowed");
        let age_ms = plan.retention.age_ms;
        for event in rows.events.iter().filter(|event| event.seq > rows.log.floor) {
            let is_left = age_ms > 0 && is_old(event.created, age_ms);
            assert!(!is_left, "{} is kept for {} ms", event.seq, now.since(event.created));
        }
    }
}

/// Whether an event is too old, or one of too many.
pub fn may_delete(plan: &Plan, rows: &StoredRows, event: &Event, now: Millis) -> bool {
    let (events, age_ms) = (plan.retention.events, plan.retention.age_ms);
    let too_many = events > 0 && rows.log.head.0 - event.seq.0 >= events;
    too_many || (age_ms > 0 && now.since(event.created) >= age_ms)
}
