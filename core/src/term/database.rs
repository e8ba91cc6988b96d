//! Databases that several processes can reach.

use std::time::Duration;

use crate::engine::need::{Fact, Need};
use crate::engine::outcome::Changes;

/// The part of a lease after which a leader renews it and candidates look at it, and for which they
/// wait longer than it, as the time is each process's own.
pub(super) const PARTS: u32 = 5;

/// The row that says who leads, until when, and what was committed last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeskRow {
    /// The version of the tables.
    pub schema: i64,
    pub term: i64,
    /// What the leader has others know it by; `None` after it let go.
    pub leader: Option<String>,
    pub lease: Duration,
    /// Commits of all terms.
    pub rev: i64,
}

impl DeskRow {
    /// How long it must stay as it is before another takes the leader's place.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.lease + self.lease / PARTS
    }
}

/// What a leader holds: the desk row as it left it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold<'a> {
    pub term: i64,
    pub leader: &'a str,
    pub rev: i64,
}

/// What a leader or a candidate has done that an operator may want to read of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note<'a, F> {
    /// It connected again.
    Connected { term: i64 },
    /// A commit was carried out, though its answer was lost.
    Found(&'a F),
    /// A commit is made again, as its connection was lost before it was carried out.
    Again(&'a F),
    /// Another process led, and is waited for.
    Waits { patience: Duration },
}

/// A database that several processes can reach, over one connection at a time.
///
/// [`read`](Self::read) and [`take`](Self::take) connect where there is no connection. All else is
/// done over the connection of the term, and fails where that ended.
pub trait Database {
    /// The error of a statement.
    type Fault;

    /// The time by a clock that goes on while the machine sleeps.
    fn clock(&self) -> Duration;

    /// Waits before something is tried again.
    fn pause(&mut self, pause: Duration);

    /// Reads the desk row.
    ///
    /// # Errors
    /// When the database cannot be reached or refuses, or when its tables are a newer version's.
    fn read(&mut self) -> Result<DeskRow, Self::Fault>;

    /// Makes `leader` the leader of the next term, if the desk row is still as it was seen, and waits
    /// for what holds that row.
    ///
    /// # Errors
    /// As [`Self::read`]. Then the term may have been taken.
    fn take(&mut self, seen: &DeskRow, leader: &str, lease: Duration) -> Result<bool, Self::Fault>;

    /// Counts a commit that changes nothing, if the desk row is as it was left.
    ///
    /// # Errors
    /// When the database does not answer or refuses.
    fn renew(&mut self, hold: Hold<'_>) -> Result<bool, Self::Fault>;

    /// Commits all changes and counts one commit, or nothing if the desk row is not as it was left.
    ///
    /// # Errors
    /// When nothing was committed, or when the [connection was lost](Self::is_lost) and it is unknown.
    fn write(&mut self, hold: Hold<'_>, changes: &Changes) -> Result<(), Self::Fault>;

    /// Loads the rows of each need, all as they are at one moment.
    ///
    /// # Errors
    /// When the database does not answer, or has bad rows.
    fn load_all(&mut self, needs: &[Need]) -> Result<Vec<Fact>, Self::Fault>;

    /// Ends a term, if the desk row is as it was left.
    ///
    /// # Errors
    /// When the database does not answer or refuses.
    fn release(&mut self, hold: Hold<'_>) -> Result<(), Self::Fault>;

    /// Whether there is a connection, as far as it is known.
    fn is_connected(&self) -> bool;

    /// Ends the connection.
    fn disconnect(&mut self);

    /// Whether the tables are of the version that this process writes.
    fn is_current(&self, row: &DeskRow) -> bool;

    /// Whether a statement failed because its connection was lost, so that it may have been carried out.
    fn is_lost(fault: &Self::Fault) -> bool;

    /// Notes something for the operator.
    fn note(&mut self, note: Note<'_, Self::Fault>);
}

/// Does what ends the connection where it fails.
pub(super) fn or_disconnect<D: Database, T, F>(
    database: &mut D,
    act: impl FnOnce(&mut D) -> Result<T, F>,
) -> Result<T, F> {
    let done = act(database);
    if done.is_err() {
        database.disconnect();
    }
    done
}
