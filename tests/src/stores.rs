//! Stores of the simulated worlds: with faults on demand, and open to inspection.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

#[cfg(feature = "host")]
use hookdesk::store::sqlite::Sqlite;
use hookdesk_core::{
    Answer, Attempt, AttemptKey, Changes, Commit, Event, EventId, Expect, Fact, Failure, Lane, Log,
    LogPut, MemoryStore, Millis, Need, Put, Reader, Reason, Rows, Seq, Stamp, Store, Webhook,
    WebhookId,
};

/// Bytes that every event counts for: stores differ in what they need.
pub const EVENT_BYTES: u64 = 100;

/// A store whose rows can be looked at from outside.
pub trait Inspect: Store {
    fn recorded_attempts(&mut self) -> Vec<Recorded>;
}

/// What is checked of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    pub key: AttemptKey,
    pub reason: Reason,
    pub next_attempt_at: Option<Millis>,
}

impl Recorded {
    /// An attempt of which decisions can ask the same.
    fn attempt(self) -> Attempt {
        Attempt {
            key: self.key,
            at: Millis(0),
            duration_ms: Some(0),
            answer: Answer::Failure(Failure::Ours),
            reason: self.reason,
            next_attempt_at: self.next_attempt_at,
        }
    }
}

impl Inspect for MemoryStore {
    fn recorded_attempts(&mut self) -> Vec<Recorded> {
        let recorded = |attempt: &hookdesk_core::Attempt| Recorded {
            key: attempt.key,
            reason: attempt.reason,
            next_attempt_at: attempt.next_attempt_at,
        };
        MemoryStore::attempts(self).map(recorded).collect()
    }
}

#[cfg(feature = "host")]
impl Inspect for Sqlite {
    fn recorded_attempts(&mut self) -> Vec<Recorded> {
        let sql = "SELECT seq, webhook, number, reason, next_attempt_at FROM attempts \
                   ORDER BY seq, webhook, number";
        let mut statement = self.connection().prepare_cached(sql).expect("the table is there");
        let rows = statement.query_map([], |row| {
            let webhook: String = row.get(1)?;
            let reason: String = row.get(3)?;
            Ok(Recorded {
                key: AttemptKey {
                    seq: Seq(row.get::<_, i64>(0)?.unsigned_abs()),
                    webhook: WebhookId::parse(&webhook).expect("a webhook's id"),
                    number: row.get(2)?,
                },
                reason: Reason::parse(&reason).expect("a reason"),
                next_attempt_at: row.get::<_, Option<i64>>(4)?.map(|at| Millis(at.unsigned_abs())),
            })
        });
        rows.and_then(Iterator::collect).expect("attempts are readable")
    }
}

/// What becomes of the next commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fate {
    #[default]
    Holds,
    /// Nothing is stored.
    Fails,
    /// All is stored, and nobody hears that it was.
    Unknown,
}

/// What is wrong with a store for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It answers nothing.
    Refuses,
    /// It can be read, and takes nothing more in.
    Full,
}

/// The one store that all hosts share.
#[derive(Debug)]
pub struct Disk<S> {
    pub store: S,
    pub trouble: Option<Trouble>,
    /// Commits that held.
    pub commits: u64,
}

/// A store as one host has it.
#[derive(Debug)]
pub struct View<S> {
    pub disk: Rc<RefCell<Disk<S>>>,
    /// What becomes of the next commit.
    pub fate: Fate,
    /// What this host read before it stopped for a while: it goes on over that, until it commits.
    pub stale: Option<MemoryStore>,
    /// Commits that others were quicker than.
    pub conflicts: u32,
}

#[derive(Debug)]
pub struct Injected;

impl<S: Store> Rows for View<S>
where
    S::Fault: std::fmt::Debug,
{
    type Fault = Injected;

    fn load(&mut self, need: &Need) -> Result<Fact, Injected> {
        if let Some(stale) = &mut self.stale {
            return Ok(stale.load(need).expect("memory does not fail"));
        }
        let disk = &mut *self.disk.borrow_mut();
        if *need == Need::Size && disk.trouble != Some(Trouble::Refuses) {
            let Ok(log) = disk.store.log() else { panic!("no log") };
            return Ok(Fact::Size((log.head.0 - log.floor.0) * EVENT_BYTES));
        }
        match disk.trouble {
            Some(Trouble::Refuses) => Err(Injected),
            Some(Trouble::Full) | None => {
                Ok(disk.store.load(need).expect("reads do not fail here"))
            }
        }
    }
}

impl<S: Store> Store for View<S>
where
    S::Fault: std::fmt::Debug,
{
    fn commit(&mut self, changes: &Changes) -> Result<Commit, Injected> {
        self.stale = None;
        let disk = &mut *self.disk.borrow_mut();
        if disk.trouble.is_some() || self.fate == Fate::Fails {
            return Err(Injected);
        }
        let commit = disk.store.commit(changes).expect("what is decided can be stored");
        if commit == Commit::Conflict {
            self.conflicts += 1;
            return Ok(commit);
        }
        disk.commits += 1;
        match self.fate {
            Fate::Holds | Fate::Fails => Ok(commit),
            Fate::Unknown => Err(Injected),
        }
    }
}

/// All that decisions can ask of a store, as it stands.
pub fn copy<S: Inspect>(store: &mut S) -> MemoryStore
where
    S::Fault: std::fmt::Debug,
{
    let attempts = store.recorded_attempts().into_iter().map(|of| (of.key, of.attempt()));
    let mut changes = Changes { attempts: attempts.collect(), ..Changes::default() };
    let readable = "reads do not fail here";
    let log = store.log().expect(readable);
    changes.log = Some(LogPut { row: log, was: Stamp::default() });
    changes.service = Some(store.service().expect(readable));
    changes.events =
        store.events(Seq(1), u32::MAX).expect(readable).into_iter().map(Arc::new).collect();
    let tickets = store.tickets(None, None, u32::MAX).expect(readable);
    changes.tickets = tickets.into_iter().map(|ticket| (ticket.id, new(ticket))).collect();
    let keys = store.api_keys().expect(readable).into_iter();
    changes.api_keys = keys.map(|key| (key.id, new(Arc::new(key)))).collect();
    for (webhook, reader) in store.webhooks(None, u32::MAX).expect(readable) {
        let lanes = store.lanes(webhook.id, None, u32::MAX).expect(readable).into_iter();
        changes.lanes.extend(lanes.map(|lane| ((lane.webhook, lane.ordering_key), Some(lane))));
        changes.readers.insert(webhook.id, new(reader));
        changes.webhooks.insert(webhook.id, new(Arc::new(webhook)));
    }
    let mut copy = MemoryStore::default();
    let commit = copy.commit(&changes).expect("memory does not fail");
    assert_eq!(commit, Commit::Done);
    copy
}

fn new<T>(row: T) -> Put<T> {
    Put { row: Some(row), expect: Expect::Absent }
}

/// All that a store holds, as far as it is checked.
#[derive(Debug, Default)]
pub struct StoredRows {
    pub log: Log,
    pub events: Vec<Event>,
    pub webhooks: Vec<(Webhook, Reader, Vec<Lane>)>,
    pub attempts: Vec<Recorded>,
    /// Lanes of all webhooks, registered or not.
    pub lanes: usize,
}

impl StoredRows {
    /// Whether the webhook will not get the event, as it is too old. One that very many webhooks wait
    /// for is taken from them in steps before it is deleted.
    #[must_use]
    pub fn is_gone_for(&self, reader: &Reader, event: &Event) -> bool {
        let is_taken = || reader.expired.is_some_and(|expired| expired.to == event.id);
        event.seq <= self.log.floor || (event.seq == self.log.floor.next() && is_taken())
    }

    /// The rows of a store, with the events that are known of it already: they never change.
    /// What was let go of is known all the same.
    pub fn of<S: Inspect>(store: &mut S, mut events: Vec<Event>, known: &[Recorded]) -> Self
    where
        S::Fault: std::fmt::Debug,
    {
        let from = events.last().map_or(Seq(1), |last| last.seq.next());
        let readable = "reads do not fail here";
        let log = store.log().expect(readable);
        events.extend(store.events(from, u32::MAX).expect(readable));
        let webhooks = store.webhooks(None, u32::MAX).expect(readable).into_iter();
        let webhooks = webhooks
            .map(|(webhook, reader)| {
                let lanes = store.lanes(webhook.id, None, u32::MAX).expect(readable);
                (webhook, reader, lanes)
            })
            .collect();
        let gone = known.iter().filter(|attempt| attempt.key.seq <= log.floor).copied();
        let attempts = gone.chain(store.recorded_attempts()).collect();
        let lanes = Need::LanesTo { to: Seq(u64::MAX / 2), most: u32::MAX };
        let Fact::Lanes(lanes) = store.load(&lanes).expect(readable) else { panic!("no lanes") };
        let lanes = lanes.len();
        Self { log, events, webhooks, attempts, lanes }
    }

    pub fn event(&self, seq: Seq) -> &Event {
        let index = usize::try_from(seq.0 - 1).expect("small worlds");
        &self.events[index]
    }
}

/// Whether the webhook hears of the event: ids are made in the desk's one order, so it does if it
/// was there first.
#[must_use]
pub fn hears(webhook: WebhookId, event: EventId) -> bool {
    let stamp = |bytes: &[u8; 16]| bytes[..8].to_vec();
    stamp(webhook.as_bytes()) < stamp(event.as_bytes())
}
