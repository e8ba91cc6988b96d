//! All rows, as they stand after a commit.

use std::rc::Rc;

use hookdesk_core::{Amendment, Command, Event, Reason, Topic};

use super::key_holders::Call;
use super::repeats::plain;
use super::{World, replay_call};
use crate::stores::{Inspect, Recorded, StoredRows};

impl<S: Inspect> World<'_, S>
where
    S::Fault: std::fmt::Debug,
{
    /// Reads all rows, if anything was committed since.
    pub(super) fn look(&mut self, calls: &[Call]) -> StoredRows {
        let known = std::mem::take(&mut self.rows);
        let disk = Rc::clone(&self.disk);
        let disk = &mut *disk.borrow_mut();
        if disk.commits == self.looked_at {
            self.asked(calls, &known);
            self.witness.nothing_new();
            return known;
        }
        let StoredRows { events, attempts, .. } = known;
        let rows = StoredRows::of(&mut disk.store, events, &attempts);
        let is_gone = |event: &&Event| {
            event.seq <= rows.log.floor
                || rows.webhooks.iter().any(|(_, reader, _)| rows.is_gone_for(reader, event))
        };
        self.model.expire(rows.events.iter().filter(is_gone));
        self.asked(calls, &rows);
        self.looked_at = disk.commits;
        self.witness.rows(&rows, self.plan.cap);
        self.count_given_up(&attempts, &rows.attempts);
        for (id, after) in &self.witness.after {
            if let Some(before) = self.witness.before.get(id) {
                self.situations.moved(before, after, self.now);
                self.situations.met_quota(&self.plan.quotas, before, after);
            }
        }
        for (ticket, version) in &self.acknowledged {
            let told = rows.events.iter().any(|event| {
                event.version == Some(*version) && event.topic == Some(Topic::Ticket(*ticket))
            });
            assert!(told, "{ticket} was acknowledged at version {version}, and nobody is told");
        }
        rows
    }

    /// Has the replays judged that run, as callers see them.
    pub(super) fn show_replays(&mut self, rows: &StoredRows) {
        for id in self.oracles.replaying() {
            let shown = replay_call::shown(&mut self.disk.borrow_mut().store, id);
            self.oracles.replay_shown(rows, id, shown.as_ref());
        }
    }

    /// Notes operators' calls of this batch, whatever their result.
    pub(super) fn asked(&mut self, calls: &[Call], rows: &StoredRows) {
        for call in calls.iter().map(|call| plain(&call.command)) {
            if let Command::Amend { id, settings: Amendment { events: Some(events), .. } }
            | Command::HandOver {
                id, settings: Amendment { events: Some(events), .. }, ..
            } = call
            {
                self.witness.asked(rows, *id, events);
            }
            if let Command::Resend { id, event } = call {
                self.witness.hurried(*id, *event);
            }
        }
    }

    /// Counts requests that the desk gave up as lost.
    pub(super) fn count_given_up(&mut self, before: &[Recorded], after: &[Recorded]) {
        for recorded in after.iter().filter(|recorded| recorded.reason == Reason::Lost) {
            if before.binary_search_by_key(&recorded.key, |known| known.key).is_err() {
                self.meet_one("given up as lost", recorded.key.webhook);
            }
        }
    }
}
