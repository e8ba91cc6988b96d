//! The webhooks that a wake visits: those of the schedule, or all of them where worlds compare.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::Decision;
use crate::engine::facts::Task;
use crate::engine::need::Need;
use crate::model::event::EventType;
use crate::model::id::WebhookId;
use crate::model::seq::Seq;

/// Which webhooks a wake visits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Visits {
    /// Those that may have something to do.
    Scheduled,
    /// All of them: the reference, with which the others are compared.
    All,
}

impl<'a> Decision<'a> {
    fn visited(&self, scheduled: impl Iterator<Item = WebhookId>) -> Result<Vec<WebhookId>, Need> {
        match self.visits {
            Visits::Scheduled => Ok(scheduled.collect()),
            Visits::All => Ok(self.facts.webhook_rows()?.keys().copied().collect()),
        }
    }

    /// Those to which another process had requests in flight.
    pub fn sent_to_by_others(&self) -> Result<Vec<WebhookId>, Need> {
        self.visited(self.facts.schedule().of_others(self.moment.holder))
    }

    /// Those with a task.
    pub fn with(&self, task: Task) -> Result<Vec<WebhookId>, Need> {
        self.visited(self.facts.schedule().with(task).iter().copied())
    }

    /// Those of which a lane may be due that is not loaded.
    pub fn to_load(&self) -> impl Iterator<Item = WebhookId> + 'a {
        self.facts.schedule().with(Task::Load).iter().copied()
    }

    /// Those to which requests are in flight.
    pub fn sending(&self) -> Result<Vec<WebhookId>, Need> {
        self.visited(self.facts.schedule().sending())
    }

    /// Those that may be sent something, in turn: from the one after that which was served last.
    pub fn in_turn(&self) -> Result<Box<dyn Iterator<Item = WebhookId> + 'a>, Need> {
        let ready = self.facts.schedule().with(Task::Send);
        let changed = &self.changes.readers;
        if self.visits == Visits::Scheduled && changed.is_empty() {
            return Ok(Box::new(cyclic(ready, self.turn)));
        }
        let all: BTreeSet<_> = match self.visits {
            Visits::Scheduled => ready.iter().chain(changed.keys()).copied().collect(),
            Visits::All => self.facts.webhook_rows()?.keys().copied().collect(),
        };
        let in_turn: Vec<_> = cyclic(&all, self.turn).collect();
        Ok(Box::new(in_turn.into_iter()))
    }

    /// Those whose readers are before `to`.
    pub fn read_before(&self, to: Seq) -> impl Iterator<Item = WebhookId> + 'a {
        self.facts.schedule().read_before(to)
    }

    /// Those whose readers are before `to`, and whose rows do not show that nothing is unread.
    pub fn uneven_before(&self, to: Seq) -> Result<Vec<WebhookId>, Need> {
        self.visited(self.facts.schedule().uneven_before(to))
    }

    pub fn has_subscriber(&self, kind: EventType) -> Result<bool, Need> {
        self.facts.webhook_rows()?;
        Ok(self.facts.schedule().has_subscriber(kind))
    }
}

/// All of them in order, from the one after `last`.
fn cyclic(
    all: &BTreeSet<WebhookId>,
    last: Option<WebhookId>,
) -> impl Iterator<Item = WebhookId> + '_ {
    let after = (last.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
    let before = last.map(|last| all.range(..=last)).into_iter().flatten();
    all.range(after).chain(before).copied()
}
