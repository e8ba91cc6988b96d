//! The webhooks that a wake visits: those of the schedule, or all of them where worlds compare.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::Decision;
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

    /// Those to which a request is lost.
    pub fn with_lost(&self) -> Result<Vec<WebhookId>, Need> {
        self.visited(self.facts.schedule().lost())
    }

    pub fn reordering(&self) -> Result<Vec<WebhookId>, Need> {
        self.visited(self.facts.schedule().reordering())
    }

    pub fn replaying(&self) -> Result<Vec<WebhookId>, Need> {
        self.visited(self.facts.schedule().replaying())
    }

    /// Those that may skip events.
    pub fn lagging(&self) -> Result<Vec<WebhookId>, Need> {
        self.visited(self.facts.schedule().lagging())
    }

    /// Those of which a lane may be due that is not loaded.
    pub fn unknown(&self) -> impl Iterator<Item = WebhookId> + 'a {
        self.facts.schedule().unknown()
    }

    /// Those to which requests are in flight.
    pub fn sending(&self) -> Result<Vec<WebhookId>, Need> {
        self.visited(self.facts.schedule().sending())
    }

    /// Those that may be sent something, in turn: from the one after that which was served last.
    pub fn in_turn(&self) -> Result<Box<dyn Iterator<Item = WebhookId> + 'a>, Need> {
        let (facts, last) = (self.facts, self.turn);
        let rows = facts.webhook_rows()?;
        let changed: BTreeSet<_> = self.changes.readers.keys().copied().collect();
        let after = (last.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        match self.visits {
            Visits::All => {
                let before = last.map(|last| rows.range(..=last)).into_iter().flatten();
                Ok(Box::new(rows.range(after).chain(before).map(|(id, _)| *id)))
            }
            Visits::Scheduled if changed.is_empty() => Ok(Box::new(facts.schedule().ready(last))),
            Visits::Scheduled => {
                let all: BTreeSet<_> = facts.schedule().ready(None).chain(changed).collect();
                let before: Vec<_> =
                    last.map_or_else(Vec::new, |last| all.range(..=last).copied().collect());
                let ids: Vec<_> = all.range(after).copied().chain(before).collect();
                Ok(Box::new(ids.into_iter()))
            }
        }
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
