//! Stores of the simulated worlds: with faults on demand, and open to inspection.

mod connection;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

#[cfg(feature = "host")]
use hookdesk::store::sqlite::Sqlite;
use hookdesk_core::term::{DeskRow, Leader, TermFault};
use hookdesk_core::{
    AttemptKey, Changes, Commit, Event, EventId, Fact, Lane, Log, MemoryStore, Millis, Need,
    Reader, Reason, Rows, Seq, Store, Webhook, WebhookId,
};

pub use connection::{Connection, Delayed, Write};

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
    pub now: Millis,
    /// Who leads, where there are several hosts.
    pub desk_row: DeskRow,
    /// What is carried out later.
    pub delayed: Option<Delayed>,
}

impl<S: Store> Disk<S>
where
    S::Fault: std::fmt::Debug,
{
    pub fn new(store: S, now: Millis) -> Self {
        let lease = Duration::ZERO;
        let desk_row = DeskRow { schema: 1, term: 0, leader: None, lease, rev: 0 };
        Self { store, trouble: None, commits: 0, now, desk_row, delayed: None }
    }

    fn load(&mut self, need: &Need) -> Fact {
        if *need == Need::Size {
            let Ok(log) = self.store.log() else { panic!("no log") };
            return Fact::Size((log.head.0 - log.floor.0) * EVENT_BYTES);
        }
        self.store.load(need).expect("reads do not fail here")
    }
}

/// What is decided can be stored, and fits the rows: nobody else has written.
fn stored<F: std::fmt::Debug>(commit: Result<Commit, F>) {
    let commit = commit.expect("what is decided can be stored");
    assert_eq!(commit, Commit::Done, "what is decided fits the rows");
}

/// A store as the one host that there is has it.
#[derive(Debug)]
pub struct View<S> {
    pub disk: Rc<RefCell<Disk<S>>>,
    /// What becomes of the next commit.
    pub fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Injected {
    /// The connection was lost.
    Lost,
    Refused,
}

impl<S: Store> Rows for View<S>
where
    S::Fault: std::fmt::Debug,
{
    type Fault = Injected;

    fn load(&mut self, need: &Need) -> Result<Fact, Injected> {
        let disk = &mut *self.disk.borrow_mut();
        match disk.trouble {
            Some(Trouble::Refuses) => Err(Injected::Refused),
            Some(Trouble::Full) | None => Ok(disk.load(need)),
        }
    }
}

impl<S: Store> Store for View<S>
where
    S::Fault: std::fmt::Debug,
{
    fn commit(&mut self, changes: &Changes) -> Result<Commit, Injected> {
        let disk = &mut *self.disk.borrow_mut();
        if disk.trouble.is_some() || self.fate == Fate::Fails {
            return Err(Injected::Refused);
        }
        stored(disk.store.commit(changes));
        disk.commits += 1;
        match self.fate {
            Fate::Holds | Fate::Fails => Ok(Commit::Done),
            Fate::Unknown => Err(Injected::Lost),
        }
    }
}

/// The store of a simulated host.
#[derive(Debug)]
pub enum SimStore<S> {
    Alone(View<S>),
    Led(Box<Leader<Connection<S>>>),
}

impl<S: Store> Rows for SimStore<S>
where
    S::Fault: std::fmt::Debug,
{
    type Fault = TermFault<Injected>;

    fn load(&mut self, need: &Need) -> Result<Fact, Self::Fault> {
        match self {
            Self::Alone(view) => view.load(need).map_err(TermFault::Database),
            Self::Led(leader) => leader.load(need),
        }
    }

    fn load_all(&mut self, needs: &[Need]) -> Result<Vec<Fact>, Self::Fault> {
        match self {
            Self::Alone(view) => view.load_all(needs).map_err(TermFault::Database),
            Self::Led(leader) => leader.load_all(needs),
        }
    }
}

impl<S: Store> Store for SimStore<S>
where
    S::Fault: std::fmt::Debug,
{
    fn commit(&mut self, changes: &Changes) -> Result<Commit, Self::Fault> {
        match self {
            Self::Alone(view) => view.commit(changes).map_err(|fault| match fault {
                Injected::Lost => TermFault::Unknown(fault),
                Injected::Refused => TermFault::Database(fault),
            }),
            Self::Led(leader) => leader.commit(changes),
        }
    }

    fn probe(&mut self) -> Result<(), Self::Fault> {
        match self {
            Self::Alone(view) => view.probe().map_err(TermFault::Database),
            Self::Led(leader) => leader.probe(),
        }
    }

    fn attest(&mut self) -> Result<(), Self::Fault> {
        match self {
            Self::Alone(view) => view.attest().map_err(TermFault::Database),
            Self::Led(leader) => leader.attest(),
        }
    }
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
