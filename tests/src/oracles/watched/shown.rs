//! The state that the desk shows of a webhook, and the time at which it must look at it again.

use hookdesk_core::{Event, Lane, Millis, Quotas, Reason};

use super::{LOST_AFTER_MS, Places, Status, Watched, count, kind, row};
use crate::oracles::pace::{Due, Waiting};
use crate::stores::StoredRows;

impl Watched {
    /// Compares with what the desk shows of the webhook.
    pub fn shown(&mut self, rows: &StoredRows) {
        let (webhook, reader, lanes) = row(rows, &self.settings);
        let id = webhook.id;
        assert_eq!(Status::of(webhook), self.status, "{id}");
        let down = reader.health.down.map(|down| (down.probes, down.next_probe));
        assert_eq!(down, self.health.down, "{id}: failed probes and the next, {:?}", self.health);
        assert_eq!(reader.window.size, self.window.places, "{id}: its window");
        let slots = reader.sending.iter().map(|slot| (slot.seq, slot.number));
        let mut slots: Vec<_> = slots.collect();
        slots.sort_unstable();
        assert!(self.flying.keys().copied().eq(slots), "{id} has others in flight");
        let runs = reader.replay.run.is_some();
        assert!(self.replays() || !runs, "{id}: nobody asked for a replay");
        self.ordering = reader.ordering;
        self.has_untried = lanes.iter().any(|lane| lane.why == Reason::Turn);
        for lane in lanes {
            match self.waiting.get_mut(&lane.head) {
                Some(waiting) => {
                    if waits_as(waiting, lane) {
                        // What could not be sent holds back the others as long.
                        self.pace.pause_until = self.pace.pause_until.max(lane.due);
                    }
                }
                None => assert_eq!(lane.why, Reason::Turn, "{id}: {lane:?} waits for nothing"),
            }
        }
        for seq in self.waiting.keys() {
            assert!(lanes.iter().any(|lane| lane.head == *seq), "{id}: {seq} is forgotten");
        }
    }

    /// When the desk must look at this webhook at the latest, with these places.
    pub fn wakes_by(&self, rows: &StoredRows, quotas: &Quotas, places: &Places) -> Option<Millis> {
        let lost_ms = u64::from(self.settings.timeout_ms) + LOST_AFTER_MS;
        let lost = self.flying.values().map(|flying| flying.sent_at.plus(lost_ms)).min();
        lost.into_iter().chain(self.sends_by(rows, quotas, places)).min()
    }

    /// Where there is no place, whoever leaves one wakes the desk.
    fn sends_by(&self, rows: &StoredRows, quotas: &Quotas, places: &Places) -> Option<Millis> {
        let from = match self.health.down {
            _ if self.status != Status::Active || !self.has_room(places) => return None,
            Some(_) if self.probes() => return None,
            Some((_, next)) => next.max(self.pace.sends_from()),
            None => self.pace.sends_from(),
        };
        let (webhook, reader, lanes) = row(rows, &self.settings);
        let last = |waiting: &Waiting| waiting.due.iter().map(|due| due.up_to.max(from)).max();
        let waiting = self.waiting.values().filter_map(last).min();
        let is_unread = |event: &&Event| event.seq > reader.read_to && self.hears(event);
        let has_lane = count(lanes.len()) < quotas.lanes;
        let reads = has_lane && reader.ordering == webhook.ordering;
        let unread = rows.events.iter().rev().take_while(|event| event.seq > reader.read_to);
        let unread = reads && unread.filter(is_unread).count() > 0;
        waiting.into_iter().chain(unread.then_some(from)).min()
    }
}

/// A lane must be one of those that are expected, and shows which. Returns whether its time was not
/// known until then.
fn waits_as(waiting: &mut Waiting, lane: &Lane) -> bool {
    let is_open = waiting.due.iter().any(|due| due.at < due.up_to);
    let is_it = |due: &Due| (due.at..=due.up_to).contains(&lane.due) && due.step == lane.step;
    assert!(waiting.due.iter().any(is_it), "{lane:?} is due in place of {waiting:?}");
    waiting.due = vec![Due::at(lane.due, lane.step)];
    waiting.kind = kind(lane.ordering_key);
    is_open
}
