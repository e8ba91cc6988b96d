//! A process that waits for its turn to lead.

use std::time::Duration;

use crate::term::database::{Database, DeskRow, Note, PARTS};
use crate::term::leader::{Leader, Taken};

/// Between two looks while nothing else can be done.
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// A process that takes the place of the leader when it lets go, or when it has committed nothing for
/// its lease and a little longer, by the candidate's own clock.
#[derive(Debug)]
pub struct Candidate<D> {
    database: D,
    name: String,
    lease: Duration,
    seen: DeskRow,
    /// Since when the row was seen as it is.
    since: Duration,
    /// Whether the leader was seen to commit.
    is_led: bool,
    taken: Option<Taken>,
}

/// What a candidate saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// It leads from here on.
    Taken,
    /// Another process leads.
    Led,
    /// Another led, and was not seen to go on yet.
    Silent,
}

impl<D: Database> Candidate<D> {
    /// Others know the process by `name`, which no other may have.
    ///
    /// # Errors
    /// When the database cannot be reached or refuses, or when its tables are a newer version's.
    pub fn new(mut database: D, name: String, lease: Duration) -> Result<Self, D::Fault> {
        let seen = database.read()?;
        let since = database.clock();
        Ok(Self { database, name, lease, seen, since, is_led: false, taken: None })
    }

    pub fn database(&self) -> &D {
        &self.database
    }

    pub fn database_mut(&mut self) -> &mut D {
        &mut self.database
    }

    /// The name of who leads, if it was seen to commit.
    pub fn leader(&self) -> Option<&str> {
        self.seen.leader.as_deref().filter(|_| self.is_led)
    }

    /// How long to wait between two looks.
    pub fn interval(&self) -> Duration {
        self.seen.lease.max(self.lease) / PARTS
    }

    /// Looks who leads, and takes the place of one that is gone. A database that does not answer is no
    /// sign that it is.
    ///
    /// # Errors
    /// When the database cannot be reached or refuses. Another look connects again.
    pub fn look(&mut self) -> Result<Look, D::Fault> {
        let looked = self.look_once();
        if looked.is_err() {
            self.database.disconnect();
            self.since = self.database.clock();
        }
        self.is_led = matches!(looked, Ok(Look::Led)) && self.seen.leader.is_some();
        looked
    }

    fn look_once(&mut self) -> Result<Look, D::Fault> {
        // What is read may be as old as the question.
        let asked = self.database.clock();
        let row = self.database.read()?;
        let is_new = row != self.seen;
        if is_new {
            (self.seen, self.since) = (row, self.database.clock());
        }
        let is_gone = asked.saturating_sub(self.since) >= self.seen.patience();
        if self.seen.leader.is_none() || is_gone {
            let by = (self.name.as_str(), self.lease);
            self.taken = Leader::take(&mut self.database, &self.seen, by)?;
            if self.taken.is_some() {
                return Ok(Look::Taken);
            }
        }
        // An older version that leads is waited for: it does not speak to hosts.
        let is_led = is_new || self.is_led && !is_gone;
        let is_current = self.database.is_current(&self.seen);
        Ok(if is_led && is_current { Look::Led } else { Look::Silent })
    }

    /// Waits until it leads, or until another process is seen to.
    ///
    /// # Errors
    /// As [`Self::look`].
    pub fn join(&mut self) -> Result<Look, D::Fault> {
        let mut is_noted = false;
        loop {
            match self.look()? {
                Look::Silent => {}
                seen @ (Look::Taken | Look::Led) => return Ok(seen),
            }
            if !is_noted && self.seen.leader.is_some() {
                self.database.note(Note::Waits { patience: self.seen.patience() });
                is_noted = true;
            }
            self.database.pause(self.interval().min(BETWEEN_LOOKS));
        }
    }

    /// The store of the term that was [taken](Look::Taken).
    ///
    /// # Errors
    /// The candidate, where none was.
    pub fn into_leader(self) -> Result<Leader<D>, Box<Self>> {
        match self.taken {
            Some(taken) => Ok(Leader::new(self.database, (self.name, self.lease), taken)),
            None => Err(Box::new(self)),
        }
    }
}
