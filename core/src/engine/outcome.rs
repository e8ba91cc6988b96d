//! Outcomes of decisions: a reply for the caller, changed rows, requests to send.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::delivery::attempt::{Attempt, AttemptKey};
use crate::delivery::checkpoint::Checkpoint;
use crate::delivery::lane::Lane;
use crate::delivery::ordering_key::OrderingKey;
use crate::delivery::reader::Reader;
use crate::delivery::replay::{ReplayCount, ReplayRun};
use crate::delivery::request::Request;
use crate::delivery::shortage::Shortage;
use crate::model::api_key::{ApiKey, KeySettings};
use crate::model::audit::AuditRow;
use crate::model::digest::Digest;
use crate::model::event::Event;
use crate::model::id::{EventId, KeyId, SecretId, Stamp, TicketId, WebhookId};
use crate::model::idempotency_record::IdempotencyRecord;
use crate::model::log::Log;
use crate::model::millis::Millis;
use crate::model::partner::{Partner, PartnerCounts};
use crate::model::refusal::Refusal;
use crate::model::seq::Seq;
use crate::model::service::Service;
use crate::model::ticket::Ticket;
use crate::webhook::Webhook;
use crate::webhook::sign::Secret;

/// The outcome of a decision. A refusal has no requests, and no change but its idempotency record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub reply: Result<Reply, Refusal>,
    pub changes: Changes,
    pub requests: Vec<Request>,
    /// Whether later requests need connections that are made from here on: a URL was changed, or an
    /// operator repaired a receiver, whose name may lead elsewhere by now.
    pub renews_connections: bool,
    /// After an idempotent command that was carried out: its reply is to be kept as a record, and
    /// this is the expected state of the row.
    pub reply_replaces: Option<Expect>,
    /// After a [`Wake`](crate::Command::Wake): when the next one is due for other reasons than the
    /// time at which a webhook is sent something.
    pub next_wake: Option<Millis>,
    /// After a [`Wake`](crate::Command::Wake): the webhook that was served last.
    pub turn: Option<WebhookId>,
    /// After a report: the shortage that keeps this host from sending, if that changed.
    pub shortage: Option<Shortage>,
    /// Positions of readers past events that are filtered out: known, and not worth a write.
    pub checkpoints: BTreeMap<WebhookId, Checkpoint>,
    /// Positions of readers whose next event is not filtered out, or is queued behind another.
    pub stops: BTreeMap<WebhookId, Seq>,
    /// After a [`Retain`](crate::Command::Retain): when the next one is due, if ever.
    pub retain_at: Option<Option<Millis>>,
    /// After a [`Retain`](crate::Command::Retain): events up to here are expiring.
    pub pending_floor: Option<Seq>,
}

impl Outcome {
    /// The outcome of a decision that changes nothing.
    pub(crate) fn unchanged(reply: Result<Reply, Refusal>) -> Self {
        Self {
            reply,
            changes: Changes::default(),
            requests: Vec::new(),
            renews_connections: false,
            reply_replaces: None,
            next_wake: None,
            turn: None,
            shortage: None,
            checkpoints: BTreeMap::new(),
            stops: BTreeMap::new(),
            retain_at: None,
            pending_floor: None,
        }
    }
}

impl Outcome {
    /// The first part in which two outcomes differ.
    pub(crate) fn differs_from(&self, other: &Self) -> Option<&'static str> {
        let parts = [
            ("changes", self.changes == other.changes),
            ("requests", self.requests == other.requests),
            ("next wake", self.next_wake == other.next_wake),
            ("turn", self.turn == other.turn),
            ("checkpoints", self.checkpoints == other.checkpoints),
            ("another part", self == other),
        ];
        parts.into_iter().find(|(_, is_same)| !is_same).map(|(part, _)| part)
    }
}

/// The reply to a command that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Opened(TicketId),
    /// The ticket after an update or a closing.
    Ticket(Ticket),
    /// The appended or resent event.
    Announced(EventId),
    Registered(Arc<Webhook>),
    /// The webhook after a change, and whether its caller may see the values of its headers.
    Webhook {
        webhook: Arc<Webhook>,
        shows_headers: bool,
    },
    Unregistered(WebhookId),
    /// A replay was counted, and started unless it was a dry run.
    Replay {
        counted: ReplayCount,
        starts: bool,
    },
    /// A replay was stopped.
    Stopped(ReplayRun),
    /// The webhook, with the new secret as its current one.
    Rotated(Arc<Webhook>),
    SecretEnded(SecretId),
    KeyCreated(Arc<ApiKey>),
    /// The key after a change.
    Key(Arc<ApiKey>),
    KeyRevoked(KeyId),
    /// A partner was removed, which had so much.
    PartnerRemoved(PartnerCounts),
    LinkCreated(Arc<ApiKey>),
    /// A browser is signed in: its session, and what that grants.
    SignedIn {
        session: Arc<ApiKey>,
        granted: KeySettings,
    },
    SignedOut(KeyId),
    /// So many sessions and links of a partner were ended.
    SessionsEnded(Partner, u64),
    /// A wake, a report or retention was carried out.
    Noted,
    /// The first response to a repeated call, and the secret that it showed, if that still signs.
    Repeated {
        first: Arc<IdempotencyRecord>,
        secret: Option<Secret>,
    },
}

/// The expected state of a row in the store: if it differs, the commit is a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    Absent,
    Rev(u64),
}

/// A changed row, or its deletion, and the expected state of the row that it replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put<T> {
    pub row: Option<T>,
    pub expect: Expect,
}

/// The changed log row. Each change takes a new stamp, so its stamp is its revision.
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
    /// The oldest idempotency records up to a time are deleted, at most so many.
    pub forgotten: Option<(Millis, u32)>,
    /// Events up to here are deleted, with their attempts.
    pub floor: Option<Seq>,
    pub webhooks: BTreeMap<WebhookId, Put<Arc<Webhook>>>,
    pub readers: BTreeMap<WebhookId, Put<Reader>>,
    /// Unregistered webhooks: all their lanes are deleted, then `lanes` are put.
    pub cleared: BTreeSet<WebhookId>,
    /// Webhooks whose replay is stopped: all its lanes are deleted, then `lanes` are put. Guarded
    /// by their reader.
    pub stopped: BTreeSet<WebhookId>,
    /// Changed only together with their reader, whose revision guards them.
    pub lanes: BTreeMap<(WebhookId, OrderingKey), Option<Lane>>,
    /// New attempts, or late reports of unreported ones: a reported attempt is never replaced.
    pub attempts: BTreeMap<AttemptKey, Attempt>,
    /// Idempotency records by their keys. The revision of a record is its time.
    pub idempotency_records: BTreeMap<Digest, Put<Arc<IdempotencyRecord>>>,
    pub api_keys: BTreeMap<KeyId, Put<Arc<ApiKey>>>,
    /// New audit rows, oldest first.
    pub audit: Vec<AuditRow>,
    /// The oldest audit rows up to a time are deleted, at most so many.
    pub forgotten_audit: Option<(Millis, u32)>,
}

impl Changes {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self {
            log,
            service,
            tickets,
            events,
            forgotten,
            floor,
            webhooks,
            readers,
            cleared,
            stopped,
            lanes,
            attempts,
            idempotency_records,
            api_keys,
            audit,
            forgotten_audit,
        } = self;
        let alone = [
            log.is_none(),
            service.is_none(),
            forgotten.is_none(),
            floor.is_none(),
            forgotten_audit.is_none(),
        ];
        let of_webhooks = [
            webhooks.is_empty(),
            readers.is_empty(),
            cleared.is_empty(),
            stopped.is_empty(),
            lanes.is_empty(),
            attempts.is_empty(),
        ];
        let of_callers = [
            tickets.is_empty(),
            events.is_empty(),
            idempotency_records.is_empty(),
            api_keys.is_empty(),
            audit.is_empty(),
        ];
        alone.into_iter().chain(of_webhooks).chain(of_callers).all(|is_empty| is_empty)
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
        self.audit.extend(later.audit);
        self.forgotten_audit = later.forgotten_audit.or(self.forgotten_audit);
        merge_puts(&mut self.tickets, later.tickets);
        merge_puts(&mut self.webhooks, later.webhooks);
        merge_puts(&mut self.readers, later.readers);
        merge_puts(&mut self.idempotency_records, later.idempotency_records);
        merge_puts(&mut self.api_keys, later.api_keys);
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

/// Keeps the last row, with the expected state of the first.
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
