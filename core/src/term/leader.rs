//! The store of the process that leads.
//!
//! A connection that breaks ends the term: what came of a commit without an answer is known only after
//! the next term was taken, because by then the database has done with it.

use std::time::Duration;

use crate::engine::need::{Fact, Need};
use crate::engine::outcome::Changes;
use crate::engine::store::{Commit, Rows, Store};
use crate::term::database::{Database, DeskRow, Hold, Note, PARTS, or_disconnect};
use crate::term::fault::TermFault;

/// How long the fate of a commit is looked for. Callers wait for it.
const FATE: Duration = Duration::from_secs(10);
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// What came of a commit whose answer did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Done,
    Undone,
}

/// The store of the process that leads.
#[derive(Debug)]
pub struct Leader<D> {
    database: D,
    /// What this process has others know it by.
    name: String,
    lease: Duration,
    term: i64,
    /// Commits of all terms, as this process has left the desk row.
    rev: i64,
    renewed: Duration,
    /// When another may lead at the earliest, less the part of a lease that it waits longer.
    lease_end: Duration,
}

impl<D: Database> Leader<D> {
    /// Takes the next term, if the desk row is still as it was seen.
    ///
    /// # Errors
    /// When the database cannot be reached or refuses.
    pub(super) fn take(
        database: &mut D,
        seen: &DeskRow,
        (name, lease): (&str, Duration),
    ) -> Result<Option<Taken>, D::Fault> {
        let asked = database.clock();
        let is_taken = database.take(seen, name, lease)?;
        let (term, rev) = (seen.term + 1, seen.rev + 1);
        Ok(is_taken.then(|| Taken { term, rev, lease_end: asked + lease }))
    }

    pub(super) fn new(database: D, (name, lease): (String, Duration), taken: Taken) -> Self {
        let Taken { term, rev, lease_end } = taken;
        let renewed = database.clock();
        Self { database, name, lease, term, rev, renewed, lease_end }
    }

    pub fn database(&self) -> &D {
        &self.database
    }

    pub fn database_mut(&mut self) -> &mut D {
        &mut self.database
    }

    pub fn term(&self) -> i64 {
        self.term
    }

    /// When the lease is to be renewed.
    pub fn renewal(&self) -> Duration {
        let since = self.database.clock().saturating_sub(self.renewed);
        (self.lease / PARTS).saturating_sub(since)
    }

    /// Until when no other leads, by the database's [clock](Database::clock).
    pub fn lease_end(&self) -> Duration {
        self.lease_end
    }

    /// Renews the lease, if it is time to.
    ///
    /// # Errors
    /// When the database does not answer, or another process leads. Nobody waits for what came of it.
    pub fn renew(&mut self) -> Result<(), TermFault<D::Fault>> {
        if self.renewal().is_zero() { self.attest() } else { Ok(()) }
    }

    /// Lets another process lead.
    ///
    /// # Errors
    /// When the database does not answer: then another takes over only after the lease.
    pub fn release(&mut self) -> Result<(), D::Fault> {
        let hold = Hold { term: self.term, leader: &self.name, rev: self.rev };
        self.database.release(hold)
    }

    /// Takes the next term after what ended this one, and returns what came of the commit that was
    /// tried, if there was one.
    fn next_term(&mut self) -> Result<Fate, TermFault<D::Fault>> {
        loop {
            let row = self.database.read().map_err(TermFault::Database)?;
            if row.leader.as_ref() != Some(&self.name) {
                return Err(TermFault::Deposed { is_unknown: false });
            }
            // Of those, one for each term that was taken without an answer.
            let commits = row.rev - self.rev - (row.term - self.term);
            // What was tried before waits for a lock of this row, or holds it: after this it has ended.
            let by = (self.name.as_str(), self.lease);
            let taken = Self::take(&mut self.database, &row, by).map_err(TermFault::Database)?;
            if let Some(Taken { term, rev, lease_end }) = taken {
                (self.term, self.rev, self.lease_end) = (term, rev, lease_end);
                self.renewed = self.database.clock();
                return Ok(if commits == 0 { Fate::Undone } else { Fate::Done });
            }
        }
    }

    /// Takes the next term on another connection, where no commit was on its way that matters.
    fn reconnect(&mut self) -> Result<(), TermFault<D::Fault>> {
        let next = self.next_term();
        if next.is_err() {
            self.database.disconnect();
        }
        next?;
        self.database.note(Note::Connected { term: self.term });
        Ok(())
    }

    /// As [`Self::next_term`], for as long as callers may wait: what still holds the row, or the way
    /// to it, may let go.
    fn fate(&mut self) -> Result<Fate, TermFault<D::Fault>> {
        let until = self.database.clock() + FATE;
        loop {
            let fault = match self.next_term() {
                Ok(fate) => return Ok(fate),
                Err(fault) => fault,
            };
            self.database.disconnect();
            if fault.is_deposed() || self.database.clock() >= until {
                return Err(fault.of_commit());
            }
            self.database.pause(BETWEEN_LOOKS);
        }
    }

    fn try_commit(&mut self, changes: &Changes) -> Result<(), D::Fault> {
        let lease_end = self.database.clock() + self.lease;
        let hold = Hold { term: self.term, leader: &self.name, rev: self.rev };
        or_disconnect(&mut self.database, |database| database.write(hold, changes))?;
        self.note_commit(lease_end);
        Ok(())
    }

    /// A commit that changes nothing. Returns whether it was carried out.
    fn try_renew(&mut self) -> bool {
        let lease_end = self.database.clock() + self.lease;
        let hold = Hold { term: self.term, leader: &self.name, rev: self.rev };
        let is_renewed =
            self.database.is_connected() && matches!(self.database.renew(hold), Ok(true));
        if is_renewed {
            self.note_commit(lease_end);
        } else {
            self.database.disconnect();
        }
        is_renewed
    }

    fn note_commit(&mut self, lease_end: Duration) {
        self.rev += 1;
        (self.renewed, self.lease_end) = (self.database.clock(), lease_end);
    }
}

/// A term that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    term: i64,
    rev: i64,
    lease_end: Duration,
}

impl<D: Database> Rows for Leader<D> {
    type Fault = TermFault<D::Fault>;

    fn load(&mut self, need: &Need) -> Result<Fact, Self::Fault> {
        let mut facts = self.load_all(std::slice::from_ref(need))?;
        Ok(facts.pop().expect("a database answers each need"))
    }

    fn load_all(&mut self, needs: &[Need]) -> Result<Vec<Fact>, Self::Fault> {
        let load = |database: &mut D| database.load_all(needs);
        match or_disconnect(&mut self.database, load) {
            Ok(facts) => Ok(facts),
            // Nobody else has written if the next term is ours, so what was loaded before holds.
            Err(fault) if D::is_lost(&fault) => {
                self.reconnect()?;
                or_disconnect(&mut self.database, load).map_err(TermFault::Database)
            }
            Err(fault) => Err(TermFault::Database(fault)),
        }
    }
}

impl<D: Database> Store for Leader<D> {
    fn commit(&mut self, changes: &Changes) -> Result<Commit, Self::Fault> {
        if !self.database.is_connected() {
            self.reconnect()?;
        }
        let Err(fault) = self.try_commit(changes) else { return Ok(Commit::Done) };
        match self.fate()? {
            Fate::Done => {
                self.database.note(Note::Found(&fault));
                Ok(Commit::Done)
            }
            // Nobody has committed anything since, so it fits as it is.
            Fate::Undone if D::is_lost(&fault) => {
                self.database.note(Note::Again(&fault));
                let Err(again) = self.try_commit(changes) else { return Ok(Commit::Done) };
                let is_unknown = D::is_lost(&again);
                Err(if is_unknown { TermFault::Unknown(again) } else { TermFault::Database(again) })
            }
            Fate::Undone => Err(TermFault::Database(fault)),
        }
    }

    fn probe(&mut self) -> Result<(), Self::Fault> {
        self.attest()
    }

    /// A commit that changes nothing, as only the leader can make it; or the next term, as only the
    /// leader of the last one can take it without having been replaced.
    fn attest(&mut self) -> Result<(), Self::Fault> {
        if self.try_renew() { Ok(()) } else { self.reconnect() }
    }
}
