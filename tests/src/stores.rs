//! Stores as the worlds use them: with faults on demand, and open to inspection.

use hookdesk::store::sqlite::Sqlite;
use hookdesk_core::{
    AttemptKey, Changes, Commit, Event, EventId, Fact, Lane, Log, MemoryStore, Millis, Need,
    Reader, Reason, Seq, Store, Webhook, WebhookId,
};

/// A store whose rows can be looked at from outside.
pub trait Inspect: Store {
    fn attempts(&mut self) -> Vec<Recorded>;
}

/// What is checked of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    pub key: AttemptKey,
    pub reason: Reason,
    pub next_attempt_at: Option<Millis>,
}

impl Inspect for MemoryStore {
    fn attempts(&mut self) -> Vec<Recorded> {
        let recorded = |attempt: &hookdesk_core::Attempt| Recorded {
            key: attempt.key,
            reason: attempt.reason,
            next_attempt_at: attempt.next_attempt_at,
        };
        MemoryStore::attempts(self).map(recorded).collect()
    }
}

impl Inspect for Sqlite {
    fn attempts(&mut self) -> Vec<Recorded> {
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

/// A store that fails when it is told to.
#[derive(Debug)]
pub struct Faulty<S> {
    pub store: S,
    pub fate: Fate,
}

#[derive(Debug)]
pub struct Injected;

impl<S: Store> Store for Faulty<S>
where
    S::Fault: std::fmt::Debug,
{
    type Fault = Injected;

    fn load(&mut self, need: &Need) -> Result<Fact, Injected> {
        Ok(self.store.load(need).expect("reads do not fail here"))
    }

    fn commit(&mut self, changes: &Changes) -> Result<Commit, Injected> {
        match std::mem::take(&mut self.fate) {
            Fate::Holds => Ok(self.store.commit(changes).expect("what is decided can be stored")),
            Fate::Fails => Err(Injected),
            Fate::Unknown => {
                let _ = self.store.commit(changes).expect("what is decided can be stored");
                Err(Injected)
            }
        }
    }
}

/// All that a store holds, as far as it is checked.
#[derive(Debug)]
pub struct Rows {
    pub log: Log,
    pub events: Vec<Event>,
    pub partners: Vec<(Webhook, Reader, Vec<Lane>)>,
    pub attempts: Vec<Recorded>,
}

impl Rows {
    /// The rows of a store, with the events that are known of it already: they never change.
    pub fn of<S: Inspect>(store: &mut S, mut events: Vec<Event>) -> Self
    where
        S::Fault: std::fmt::Debug,
    {
        let from = events.last().map_or(Seq(1), |last| last.seq.next());
        let mut load = |need| store.load(&need).expect("reads do not fail here");
        let Fact::Log(log) = load(Need::Log) else { panic!("not a log") };
        let Fact::Events(later) = load(Need::Events { from, most: u32::MAX }) else {
            panic!("not events")
        };
        events.extend(later);
        let Fact::Webhooks(webhooks) = load(Need::Webhooks) else { panic!("not webhooks") };
        let partners = webhooks.into_iter().map(|(webhook, reader)| {
            let all = Need::Lanes { webhook: webhook.id, after: None, most: u32::MAX };
            let Fact::Lanes(lanes) = load(all) else { panic!("not lanes") };
            (webhook, reader, lanes)
        });
        let partners = partners.collect();
        Self { log, events, partners, attempts: store.attempts() }
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
