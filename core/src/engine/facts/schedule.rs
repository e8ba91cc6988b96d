//! The schedule: which webhooks a wake visits, and when the next one is due by time alone.
//!
//! Everything here is derived from rows, in [`Facts`](super::Facts) and nowhere else, and is kept as
//! they change, so that a wake costs the same beside a thousand idle webhooks. It may name a webhook
//! that has nothing to do, and must name each that has: worlds compare every wake with one that
//! visits all.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::model::event::{Event, EventType, Topic};
use crate::model::id::{HolderId, WebhookId};
use crate::model::millis::Millis;
use crate::model::seq::Seq;
use crate::model::subscription::Subscription;

/// What a wake may have to do for a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// To send it something, if there is room.
    Send,
    /// To give up a request that is lost.
    GiveUp,
    /// To load its lanes, of which one may be due.
    Load,
    /// To put another ordering into effect.
    Reorder,
    /// To end a replay.
    EndReplay,
    /// To skip events that were appended.
    Skip,
}

/// The tasks of one webhook.
pub(super) type Tasks = [bool; Task::COUNT];

impl Task {
    const COUNT: usize = 6;

    /// The tasks for which `is_due` holds.
    pub(super) fn all(is_due: impl Fn(Self) -> bool) -> Tasks {
        use Task::{EndReplay, GiveUp, Load, Reorder, Send, Skip};
        [Send, GiveUp, Load, Reorder, EndReplay, Skip].map(is_due)
    }
}

/// Where one webhook stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    pub tasks: Tasks,
    /// When time alone changes that.
    pub due: Option<Millis>,
    /// Whether it may change at any time, as a time that was set is not believed.
    pub is_doubtful: bool,
    /// The host that has requests in flight to it.
    pub sender: Option<HolderId>,
    /// The position that its row has.
    pub read_to: Seq,
    /// Whether its rows and the log's show that nothing is unread.
    pub is_even: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Schedule {
    standings: HashMap<WebhookId, Standing>,
    tasks: [BTreeSet<WebhookId>; Task::COUNT],
    due: BTreeSet<(Millis, WebhookId)>,
    doubtful: BTreeSet<WebhookId>,
    senders: BTreeMap<HolderId, BTreeSet<WebhookId>>,
    readers: BTreeSet<(Seq, WebhookId)>,
    /// Those whose rows do not show that nothing is unread.
    uneven: BTreeSet<(Seq, WebhookId)>,
    /// Subscribers, by event type.
    subscribers: HashMap<EventType, BTreeSet<WebhookId>>,
    /// Webhooks that are sent events about a topic in order, one of which waits or is in flight.
    busy: HashMap<Topic, BTreeSet<WebhookId>>,
    /// Webhooks whose events are all in one order, and one of which waits or is in flight.
    in_one_order: BTreeSet<WebhookId>,
    /// Webhooks whose waiting lanes are not all cached.
    partly_known: BTreeSet<WebhookId>,
}

impl Schedule {
    /// Notes where a webhook stands now, or nowhere when it is unregistered.
    pub(super) fn note(&mut self, id: WebhookId, standing: Option<Standing>) {
        let known = match standing {
            Some(standing) => self.standings.insert(id, standing),
            None => self.standings.remove(&id),
        };
        if known == standing {
            return;
        }
        if let Some(known) = known {
            self.readers.remove(&(known.read_to, id));
            self.uneven.remove(&(known.read_to, id));
        }
        if let Some(standing) = standing {
            self.readers.insert((standing.read_to, id));
            if !standing.is_even {
                self.uneven.insert((standing.read_to, id));
            }
        }
        let (was, now) = (known.unwrap_or_default(), standing.unwrap_or_default());
        for (of_task, has_it) in self.tasks.iter_mut().zip(now.tasks) {
            toggle(of_task, id, has_it);
        }
        toggle(&mut self.doubtful, id, now.is_doubtful);
        if was.due != now.due {
            was.due.map(|at| self.due.remove(&(at, id)));
            now.due.map(|at| self.due.insert((at, id)));
        }
        if was.sender != now.sender {
            if let Some(of) = was.sender.and_then(|holder| self.senders.get_mut(&holder)) {
                of.remove(&id);
            }
            if let Some(holder) = now.sender {
                self.senders.entry(holder).or_default().insert(id);
            }
        }
    }

    /// Changes the subscription of a webhook.
    pub fn subscribe(
        &mut self,
        id: WebhookId,
        was: Option<&Subscription>,
        is: Option<&Subscription>,
    ) {
        if was == is {
            return;
        }
        for kind in was.into_iter().flat_map(Subscription::types) {
            if let Some(subscribers) = self.subscribers.get_mut(&kind) {
                subscribers.remove(&id);
            }
        }
        for kind in is.into_iter().flat_map(Subscription::types) {
            self.subscribers.entry(kind).or_default().insert(id);
        }
    }

    /// Notes whether an event about the topic waits or is in flight.
    pub fn set_busy(&mut self, id: WebhookId, topic: Topic, is_busy: bool) {
        if is_busy {
            self.busy.entry(topic).or_default().insert(id);
        } else if let Some(of) = self.busy.get_mut(&topic) {
            of.remove(&id);
            if of.is_empty() {
                self.busy.remove(&topic);
            }
        }
    }

    /// Notes whether every event is queued behind another.
    pub fn set_in_one_order(&mut self, id: WebhookId, is_in_one_order: bool) {
        toggle(&mut self.in_one_order, id, is_in_one_order);
    }

    /// Notes whether lanes may wait that are not cached.
    pub fn set_partly_known(&mut self, id: WebhookId, is_partly_known: bool) {
        toggle(&mut self.partly_known, id, is_partly_known);
    }

    /// Whether lanes of the webhook may wait that are not cached.
    pub fn is_partly_known(&self, id: WebhookId) -> bool {
        self.partly_known.contains(&id)
    }

    /// Whether every waiting lane is cached.
    pub fn knows_all_lanes(&self) -> bool {
        self.partly_known.is_empty()
    }

    pub fn has_subscriber(&self, kind: EventType) -> bool {
        self.subscribers.get(&kind).is_some_and(|of| !of.is_empty())
    }

    /// The webhooks that may have to do with an event that is for more than one; all of them with a
    /// ping. Every waiting lane of its topic is cached.
    pub fn audience(&self, event: &Event) -> BTreeSet<WebhookId> {
        let subscribers = self.subscribers.get(&event.kind);
        let behind = event.topic.and_then(|topic| self.busy.get(&topic));
        let all = subscribers.into_iter().chain(behind).flatten();
        all.chain(&self.in_one_order).copied().collect()
    }

    /// Those with a task.
    pub fn with(&self, task: Task) -> &BTreeSet<WebhookId> {
        static NONE: BTreeSet<WebhookId> = BTreeSet::new();
        self.tasks.get(task as usize).unwrap_or(&NONE)
    }

    /// Those to which others than `holder` have requests in flight.
    pub fn of_others(&self, holder: HolderId) -> impl Iterator<Item = WebhookId> + '_ {
        let others = self.senders.iter().filter(move |(of, _)| **of != holder);
        others.flat_map(|(_, ids)| ids.iter().copied())
    }

    /// Those to which requests are in flight.
    pub fn sending(&self) -> impl Iterator<Item = WebhookId> + '_ {
        self.senders.values().flatten().copied()
    }

    /// Those whose rows have a position before `to`, the furthest behind first.
    pub fn read_before(&self, to: Seq) -> impl Iterator<Item = WebhookId> + '_ {
        self.readers.iter().take_while(move |(at, _)| *at < to).map(|(_, id)| *id)
    }

    /// Those of them whose rows do not show that nothing is unread.
    pub fn uneven_before(&self, to: Seq) -> impl Iterator<Item = WebhookId> + '_ {
        self.uneven.iter().take_while(move |(at, _)| *at < to).map(|(_, id)| *id)
    }

    pub fn next_due(&self) -> Option<Millis> {
        self.due.first().map(|(at, _)| *at)
    }

    /// When time alone makes something due for one webhook.
    pub fn due_for(&self, id: WebhookId) -> Option<Millis> {
        self.standings.get(&id).and_then(|standing| standing.due)
    }

    /// A webhook that is due, and of which there is no row.
    pub fn due_without_row(&self, has_row: impl Fn(WebhookId) -> bool) -> Option<WebhookId> {
        self.due.iter().map(|(_, id)| *id).find(|id| !has_row(*id))
    }

    /// Those whose time has come, and those that are in doubt.
    pub fn doubtful_or_due_by(&self, now: Millis) -> Vec<WebhookId> {
        let due = self.due.iter().take_while(|(at, _)| *at <= now).map(|(_, id)| id);
        due.chain(&self.doubtful).copied().collect()
    }
}

fn toggle(set: &mut BTreeSet<WebhookId>, id: WebhookId, is_in: bool) {
    if is_in {
        set.insert(id);
    } else {
        set.remove(&id);
    }
}
