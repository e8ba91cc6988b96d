//! What comes out of the desk: an answer for the caller, rows as they now stand, requests to send.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::delivery::attempt::{Attempt, AttemptKey};
use crate::delivery::checkpoint::Checkpoint;
use crate::delivery::lane::Lane;
use crate::delivery::ordering_key::OrderingKey;
use crate::delivery::reader::Reader;
use crate::delivery::replay::{ReplayCount, ReplayRun};
use crate::delivery::request::Request;
use crate::model::digest::Digest;
use crate::model::event::Event;
use crate::model::id::{EventId, SecretId, Stamp, TicketId, WebhookId};
use crate::model::idempotency::IdempotencyRecord;
use crate::model::log::Log;
use crate::model::millis::Millis;
use crate::model::refusal::Refusal;
use crate::model::seq::Seq;
use crate::model::service::Service;
use crate::model::ticket::Ticket;
use crate::webhook::Webhook;
use crate::webhook::sign::Secret;

/// What a decision came to. A refusal has no requests, and no change but that it is kept as a
/// first answer.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub reply: Result<Reply, Refusal>,
    pub changes: Changes,
    pub requests: Vec<Request>,
    /// Of a command under an idempotency key that was carried out: the reply is kept, in the place of
    /// what is expected there.
    pub reply_replaces: Option<Expect>,
    /// After a [`Wake`](crate::Command::Wake): when the next one is due, if time alone brings
    /// anything.
    pub next_wake: Option<Millis>,
    /// After a [`Wake`](crate::Command::Wake): the webhook that was served last.
    pub turn: Option<WebhookId>,
    /// How far readers skimmed past what is for others: known, and not worth a write.
    pub checkpoints: BTreeMap<WebhookId, Checkpoint>,
    /// After a [`Retain`](crate::Command::Retain): when the next one is due, if ever.
    pub retain_at: Option<Option<Millis>>,
    /// After a [`Retain`](crate::Command::Retain): events up to here are about to be let go.
    pub pending_floor: Option<Seq>,
}

impl Outcome {
    /// The outcome of a decision that changes nothing.
    pub(crate) fn unchanged(reply: Result<Reply, Refusal>) -> Self {
        Self {
            reply,
            changes: Changes::default(),
            requests: Vec::new(),
            reply_replaces: None,
            next_wake: None,
            turn: None,
            checkpoints: BTreeMap::new(),
            retain_at: None,
            pending_floor: None,
        }
    }
}

/// The desk's yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Opened(TicketId),
    /// The ticket as it stands after an update or a closing.
    Ticket(Ticket),
    /// The event that tells of it.
    Announced(EventId),
    Registered(Arc<Webhook>),
    /// The webhook as it stands after a change.
    Webhook(Arc<Webhook>),
    Unregistered(WebhookId),
    /// A replay was counted, and started unless it is only to be counted.
    Replay {
        counted: ReplayCount,
        starts: bool,
    },
    /// A replay was stopped.
    Stopped(ReplayRun),
    /// The webhook, with the new secret as its current one.
    Rotated(Arc<Webhook>),
    SecretEnded(SecretId),
    /// A wake or a report was taken in.
    Noted,
    /// What the call was answered the first time, with the secret that it showed if that signs.
    Repeated {
        first: Arc<IdempotencyRecord>,
        secret: Option<Secret>,
    },
}

/// What a row must be in the store for a change of it to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    Absent,
    Rev(u64),
}

/// A row as it now stands, or its absence, and what it replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put<T> {
    pub row: Option<T>,
    pub expect: Expect,
}

/// The log as it now stands. Each change of it takes a new stamp, so its stamp is its revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogPut {
    pub row: Log,
    pub was: Stamp,
}

/// All rows that a decision, or a batch of them, changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub log: Option<LogPut>,
    /// Changed only together with the log, which guards it.
    pub service: Option<Service>,
    /// The revision of a ticket is its version.
    pub tickets: BTreeMap<TicketId, Put<Ticket>>,
    pub events: Vec<Arc<Event>>,
    /// First answers that were given up to then are no longer kept: so many of the oldest.
    pub forgotten: Option<(Millis, u32)>,
    /// Events up to here are no longer kept, nor what was tried of them.
    pub floor: Option<Seq>,
    pub webhooks: BTreeMap<WebhookId, Put<Arc<Webhook>>>,
    pub readers: BTreeMap<WebhookId, Put<Reader>>,
    /// Webhooks that are no more: all their lanes go, then `lanes` are put.
    pub cleared: BTreeSet<WebhookId>,
    /// Webhooks whose replay is no more: all its lanes go, then `lanes` are put. Guarded by their
    /// reader.
    pub stopped: BTreeSet<WebhookId>,
    /// Changed only together with their reader, whose revision guards them.
    pub lanes: BTreeMap<(WebhookId, OrderingKey), Option<Lane>>,
    /// New ones, or the end of one that was thought unheard: what was heard is never replaced.
    pub attempts: BTreeMap<AttemptKey, Attempt>,
    /// First answers by their keys. The revision of one is its time.
    pub idempotency_records: BTreeMap<Digest, Put<Arc<IdempotencyRecord>>>,
}

impl Changes {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// These changes, and then `later` ones.
    pub fn merge(&mut self, later: Self) {
        self.log = match (self.log, later.log) {
            (Some(LogPut { was, .. }), Some(LogPut { row, .. })) => Some(LogPut { row, was }),
            (earlier, later) => later.or(earlier),
        };
        self.service = later.service.or(self.service);
        self.events.extend(later.events);
        self.forgotten = later.forgotten.or(self.forgotten);
        self.floor = later.floor.or(self.floor);
        merge_puts(&mut self.tickets, later.tickets);
        merge_puts(&mut self.webhooks, later.webhooks);
        merge_puts(&mut self.readers, later.readers);
        merge_puts(&mut self.idempotency_records, later.idempotency_records);
        for webhook in &later.cleared {
            self.lanes.retain(|(of, _), _| of != webhook);
        }
        for webhook in &later.stopped {
            self.lanes.retain(|(of, ordering_key), _| of != webhook || !ordering_key.is_replay());
        }
        self.cleared.extend(later.cleared);
        self.stopped.extend(later.stopped);
        self.lanes.extend(later.lanes);
        for (key, attempt) in later.attempts {
            if self.attempts.get(&key).is_none_or(Attempt::is_unreported) {
                self.attempts.insert(key, attempt);
            }
        }
    }
}

/// The last row stands, and replaces what the first one found.
fn merge_puts<K: Ord, T>(earlier: &mut BTreeMap<K, Put<T>>, later: BTreeMap<K, Put<T>>) {
    for (key, put) in later {
        match earlier.get_mut(&key) {
            Some(first) => first.row = put.row,
            None => {
                earlier.insert(key, put);
            }
        }
    }
}
