//! The PostgreSQL store: it runs the statements of the core as the desk's leader.
//!
//! One process leads at a time. Others are [candidates](Candidate) for its place, and take it when it
//! lets go, or when it has committed nothing for a lease. A leader that has nothing to commit renews its lease once a
//! second. What it commits expects the desk's row as it left it, so a leader that was replaced
//! stores nothing more, whatever it believes.
//!
//! A connection that breaks ends the term: a commit of unknown fate is known only after the next
//! term was taken, because by then the server has done with it.

mod candidate;
mod cells;
mod desk_row;
mod fault;
mod link;
mod readers;
mod roster;
mod tls;
mod url;

use std::fmt;
use std::ops::RangeInclusive;
use std::thread;
use std::time::{Duration, Instant};

use hookdesk_core::sql::Value;
use hookdesk_core::sql::postgres::{self, Parameter, Write};
use hookdesk_core::{Changes, Commit, Fact, Need, Rows, Store};

pub use candidate::{Candidate, Look};
pub use fault::PostgresFault;
pub use readers::Readers;
pub use roster::{HostRow, Roster};
pub use url::PostgresUrl;

use crate::moment::{boot_clock, chance};
use crate::store::StoreFault;
use crate::store::postgres::desk_row::{DeskRow, read};
use crate::store::postgres::link::Link;

/// Milliseconds that a leader may commit nothing before another takes its place.
pub const LEASE_MS: RangeInclusive<u64> = 500..=60_000;
pub const DEFAULT_LEASE_MS: u64 = 5_000;
/// The part of a lease after which a leader renews it and candidates look at it, and for which they
/// wait longer, as the time is each process's own.
const PARTS: u32 = 5;
/// How long the fate of a commit is looked for. Callers wait for it.
const FATE: Duration = Duration::from_secs(10);
const RETRY: Duration = Duration::from_millis(200);

/// What others know a process by.
#[must_use]
pub fn nonce() -> String {
    chance::<16>().map(|byte| format!("{byte:02x}")).concat()
}

/// What came of a commit whose answer did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Done,
    Undone,
}

/// The store of the process that leads.
pub struct Postgres {
    url: PostgresUrl,
    /// `None` after it broke.
    link: Option<Link>,
    /// What this process has others know it by.
    nonce: String,
    lease: Duration,
    term: i64,
    /// Commits of all terms, as this process has left the row.
    rev: i64,
    renewed: Instant,
    /// When another may lead at the earliest, less the part of a lease that it waits longer.
    lease_end: Duration,
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Postgres({}, term {})", self.url, self.term)
    }
}

impl Postgres {
    /// Takes the next term, if the row is still as it was seen.
    fn take(&mut self, seen: &DeskRow) -> Result<bool, PostgresFault> {
        let parameters = vec![
            self.nonce.clone().into(),
            Value::Integer(seen.term),
            seen.leader.clone().into(),
            Value::Integer(seen.rev),
            u64::try_from(self.lease.as_millis()).unwrap_or(u64::MAX).into(),
            Value::Integer(seen.schema),
        ];
        let lease_end = boot_clock() + self.lease;
        let taken = desk_row::take(self.linked()?, seen, parameters)?;
        if taken {
            (self.term, self.rev) = (seen.term + 1, seen.rev + 1);
            (self.renewed, self.lease_end) = (Instant::now(), lease_end);
        }
        Ok(taken)
    }

    /// The connection, or a new one.
    fn linked(&mut self) -> Result<&mut Link, PostgresFault> {
        let link = match self.link.take() {
            Some(link) => link,
            None => Link::connect(&self.url)?,
        };
        Ok(self.link.insert(link))
    }

    /// The connection of this term.
    fn current(&mut self) -> Result<&mut Link, PostgresFault> {
        let ended = || PostgresFault::Unreachable("the connection of this term ended".to_owned());
        self.link.as_mut().ok_or_else(ended)
    }

    /// Takes the next term after what ended this one, and returns what came of the commit that was
    /// tried, if there was one.
    fn next_term(&mut self) -> Result<Fate, PostgresFault> {
        loop {
            let row = read(self.linked()?)?;
            if row.leader.as_ref() != Some(&self.nonce) {
                return Err(PostgresFault::Deposed);
            }
            // Of those, one for each term that was taken without an answer.
            let commits = row.rev - self.rev - (row.term - self.term);
            // What was tried before waits for a lock of this row, or holds it: after this it has ended.
            if self.take(&row)? {
                return Ok(if commits == 0 { Fate::Undone } else { Fate::Done });
            }
        }
    }

    /// Takes the next term on another connection, where no commit was on its way that matters.
    fn reconnect(&mut self) -> Result<(), PostgresFault> {
        self.or_unlink(Self::next_term)?;
        tracing::info!("connected again, in term {}", self.term);
        Ok(())
    }

    /// As [`Self::next_term`], for as long as callers may wait: what still holds the row, or the way
    /// to it, may let go.
    fn fate(&mut self) -> Result<Fate, PostgresFault> {
        let until = Instant::now() + FATE;
        loop {
            let fate = self.next_term();
            let Err(fault) = fate else { return fate };
            self.link = None;
            if fault.is_deposed() || Instant::now() >= until {
                return Err(PostgresFault::Unknown(Box::new(fault)));
            }
            thread::sleep(RETRY);
        }
    }

    fn try_commit(&mut self, changes: &Changes) -> Result<(), PostgresFault> {
        let lead = self.expected().into_iter().map(Parameter::One).collect();
        let mut writes = vec![Write { sql: postgres::LEAD, parameters: lead }];
        writes.extend(postgres::statements(changes));
        let lease_end = boot_clock() + self.lease;
        self.current()?.write(&writes)?;
        self.note_commit(lease_end);
        Ok(())
    }

    /// A commit that changes nothing, in a single statement.
    fn try_renew(&mut self) -> Result<(), PostgresFault> {
        let (expected, lease_end) = (self.expected(), boot_clock() + self.lease);
        if self.current()?.ask_alone(postgres::RENEW, expected)?.is_empty() {
            return Err(PostgresFault::unexpected("the row of the desk is not as it was left"));
        }
        self.note_commit(lease_end);
        Ok(())
    }

    /// The row of the desk, as this leader left it.
    fn expected(&self) -> Vec<Value<'static>> {
        let (term, rev) = (Value::Integer(self.term), Value::Integer(self.rev));
        vec![term, self.nonce.clone().into(), rev, desk_row::schema().into()]
    }

    fn note_commit(&mut self, lease_end: Duration) {
        self.rev += 1;
        (self.renewed, self.lease_end) = (Instant::now(), lease_end);
    }

    /// When the lease is to be renewed.
    #[must_use]
    pub fn renewal(&self) -> Duration {
        (self.lease / PARTS).saturating_sub(self.renewed.elapsed())
    }

    /// Until when no other leads, by the clock of [`boot_clock`].
    #[must_use]
    pub fn lease_end(&self) -> Duration {
        self.lease_end
    }

    /// Renews the lease, if it is time to.
    ///
    /// # Errors
    /// When the server does not answer, or another process leads. Nobody waits for what came of it.
    pub fn renew(&mut self) -> Result<(), StoreFault> {
        if !self.renewal().is_zero() {
            return Ok(());
        }
        self.probe()
    }

    /// Lets another process lead.
    pub fn release(&mut self) {
        let parameters =
            vec![Value::Integer(self.term), self.nonce.clone().into(), Value::Integer(self.rev)];
        let released = self.current().and_then(|link| link.ask(postgres::RELEASE, parameters));
        if let Err(fault) = released {
            let lease_ms = self.lease.as_millis();
            tracing::warn!(
                "another process takes over only after its lease of {lease_ms} ms: {fault}"
            );
        }
    }
}

impl Postgres {
    /// Does what ends the connection where it fails.
    fn or_unlink<T, F>(&mut self, act: impl FnOnce(&mut Self) -> Result<T, F>) -> Result<T, F> {
        let done = act(self);
        if done.is_err() {
            self.link = None;
        }
        done
    }
}

impl Rows for Postgres {
    type Fault = StoreFault;

    fn load(&mut self, need: &Need) -> Result<Fact, StoreFault> {
        let mut facts = self.load_all(std::slice::from_ref(need))?;
        facts.pop().ok_or_else(|| PostgresFault::silent().into())
    }

    fn load_all(&mut self, needs: &[Need]) -> Result<Vec<Fact>, StoreFault> {
        let load = |store: &mut Self| store.current()?.load_all(needs);
        match self.or_unlink(load) {
            // Nobody else has written if the next term is ours, so what was loaded before holds.
            Err(StoreFault::Postgres(PostgresFault::Unreachable(_))) => {
                self.reconnect()?;
                self.or_unlink(load)
            }
            loaded => loaded,
        }
    }
}

impl Store for Postgres {
    fn commit(&mut self, changes: &Changes) -> Result<Commit, StoreFault> {
        // Without a connection nothing is tried.
        self.current()?;
        let tried = self.or_unlink(|store| store.try_commit(changes));
        let Err(fault) = tried else { return Ok(Commit::Done) };
        match (self.fate()?, &fault) {
            (Fate::Done, _) => {
                tracing::info!("a commit was carried out, though its answer was lost: {fault}");
                Ok(Commit::Done)
            }
            // Nobody has committed anything since, so it fits as it is.
            (Fate::Undone, PostgresFault::Unreachable(_)) => {
                tracing::info!("a commit is made again, as its connection was lost: {fault}");
                let again = self.or_unlink(|store| store.try_commit(changes));
                let fault = |fault| match fault {
                    PostgresFault::Unreachable(_) => PostgresFault::Unknown(Box::new(fault)),
                    PostgresFault::Refused { .. }
                    | PostgresFault::Deposed
                    | PostgresFault::Unknown(_)
                    | PostgresFault::Newer { .. } => fault,
                };
                Ok(again.map(|()| Commit::Done).map_err(fault)?)
            }
            (Fate::Undone, _) => Err(fault.into()),
        }
    }

    fn probe(&mut self) -> Result<(), StoreFault> {
        if self.link.is_some() && self.or_unlink(Self::try_renew).is_ok() {
            return Ok(());
        }
        Ok(self.reconnect()?)
    }
}
