//! A database that several simulated hosts share, as one of them reaches it: with a fault at each of its
//! statements.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use hookdesk_core::term::{Database, DeskRow, Hold, Note};
use hookdesk_core::{Changes, Fact, Millis, Need, Store};

use super::{Disk, Injected, Trouble, stored};

/// What becomes of the next write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Write {
    #[default]
    Holds,
    /// The database refuses it.
    Refused,
    /// It is carried out, and the connection is lost.
    Done,
    /// The connection is lost before it is carried out.
    Undone,
    /// The connection is lost, and the database carries it out after a while, unless the desk row is
    /// another by then. Until then it may hold that row; and the host may be cut off.
    Later { ms: u64, holds_row: bool, is_cut: bool },
}

/// A write that the database has, and whose client is gone.
#[derive(Debug)]
pub struct Delayed {
    term: i64,
    rev: i64,
    changes: Changes,
    at: Millis,
    /// Whether others wait for it.
    holds_row: bool,
}

impl<S: Store> Disk<S>
where
    S::Fault: std::fmt::Debug,
{
    /// Carries out what is due.
    pub fn pass(&mut self, now: Millis) {
        self.now = now;
        if self.delayed.as_ref().is_some_and(|delayed| delayed.at <= now) {
            self.end_delayed();
        }
    }

    /// Waits for what holds the desk row.
    pub fn lock_row(&mut self) {
        if self.delayed.as_ref().is_some_and(|delayed| delayed.holds_row) {
            self.end_delayed();
        }
    }

    /// Carries out what waits, or finds that it cannot be.
    fn end_delayed(&mut self) {
        let Some(Delayed { term, rev, changes, .. }) = self.delayed.take() else { return };
        if (self.desk_row.term, self.desk_row.rev) == (term, rev) {
            stored(self.store.commit(&changes));
            self.desk_row.rev += 1;
            self.commits += 1;
        }
    }

    fn is_as_left(&self, hold: Hold<'_>) -> bool {
        let DeskRow { term, leader, rev, .. } = &self.desk_row;
        (*term, leader.as_deref(), *rev) == (hold.term, Some(hold.leader), hold.rev)
    }
}

/// The database as one host reaches it.
#[derive(Debug)]
pub struct Connection<S> {
    pub disk: Rc<RefCell<Disk<S>>>,
    /// Whether the host cannot reach the database.
    pub is_cut: bool,
    /// What becomes of the next writes, the last one first.
    pub next_writes: Vec<Write>,
    /// Whether the answer to the next term that is taken is lost.
    pub loses_term: bool,
    /// How long the answers to writes take.
    pub answers_after: Duration,
    /// What the host had read of the desk row before it stood still, and when.
    pub stale: Option<(DeskRow, Duration)>,
    /// How long it has waited in this turn.
    pub waited: Duration,
    is_connected: bool,
}

impl<S> Connection<S> {
    pub fn new(disk: &Rc<RefCell<Disk<S>>>) -> Self {
        Self {
            disk: Rc::clone(disk),
            is_cut: false,
            next_writes: Vec::new(),
            loses_term: false,
            answers_after: Duration::ZERO,
            stale: None,
            waited: Duration::ZERO,
            is_connected: false,
        }
    }

    /// Whether the database is there, for one that connects where it has to.
    fn reach(&mut self) -> Result<(), Injected> {
        let refuses = self.disk.borrow().trouble == Some(Trouble::Refuses);
        self.is_connected = !self.is_cut && !refuses;
        if self.is_connected { Ok(()) } else { Err(Injected::Lost) }
    }

    /// The same over the connection of the term.
    fn reach_here(&mut self) -> Result<(), Injected> {
        if self.is_connected { self.reach() } else { Err(Injected::Lost) }
    }

    /// Whether the database takes something in.
    fn takes_in(&mut self) -> Result<(), Injected> {
        let is_full = self.disk.borrow().trouble == Some(Trouble::Full);
        if is_full { Err(Injected::Refused) } else { Ok(()) }
    }

    fn lose(&mut self) -> Injected {
        self.is_connected = false;
        Injected::Lost
    }
}

impl<S: Store> Database for Connection<S>
where
    S::Fault: std::fmt::Debug,
{
    type Fault = Injected;

    fn clock(&self) -> Duration {
        let now = Duration::from_millis(self.disk.borrow().now.0) + self.waited;
        self.stale.as_ref().map_or(now, |(_, at)| *at)
    }

    /// Who is cut off stays so for its turn. Who is not needs no pause: what it does after one would be
    /// done before, as others see it.
    fn pause(&mut self, pause: Duration) {
        if self.is_cut || self.disk.borrow().trouble.is_some() {
            self.waited += pause;
        }
    }

    fn read(&mut self) -> Result<DeskRow, Injected> {
        if let Some((row, _)) = self.stale.take() {
            return Ok(row);
        }
        self.reach()?;
        Ok(self.disk.borrow().desk_row.clone())
    }

    fn take(&mut self, seen: &DeskRow, leader: &str, lease: Duration) -> Result<bool, Injected> {
        self.reach()?;
        self.takes_in()?;
        let disk = &mut *self.disk.borrow_mut();
        disk.lock_row();
        if disk.desk_row != *seen {
            return Ok(false);
        }
        let DeskRow { schema, term, rev, .. } = *seen;
        let leader = Some(leader.to_owned());
        disk.desk_row = DeskRow { schema, term: term + 1, leader, lease, rev: rev + 1 };
        self.is_connected = !std::mem::take(&mut self.loses_term);
        if self.is_connected { Ok(true) } else { Err(Injected::Lost) }
    }

    fn renew(&mut self, hold: Hold<'_>) -> Result<bool, Injected> {
        self.reach_here()?;
        self.takes_in()?;
        let disk = &mut *self.disk.borrow_mut();
        disk.lock_row();
        let is_as_left = disk.is_as_left(hold);
        disk.desk_row.rev += i64::from(is_as_left);
        Ok(is_as_left)
    }

    fn write(&mut self, hold: Hold<'_>, changes: &Changes) -> Result<(), Injected> {
        self.reach_here()?;
        self.takes_in()?;
        let next = self.next_writes.pop().unwrap_or_default();
        match next {
            Write::Refused => return Err(Injected::Refused),
            Write::Undone => return Err(self.lose()),
            Write::Later { ms, holds_row, is_cut } => {
                let disk = &mut *self.disk.borrow_mut();
                disk.end_delayed();
                let (Hold { term, rev, .. }, at) = (hold, disk.now.plus(ms));
                let changes = changes.clone();
                disk.delayed = Some(Delayed { term, rev, changes, at, holds_row });
                self.is_cut = is_cut;
            }
            Write::Holds | Write::Done => {
                let disk = &mut *self.disk.borrow_mut();
                disk.lock_row();
                if !disk.is_as_left(hold) {
                    return Err(Injected::Refused);
                }
                stored(disk.store.commit(changes));
                disk.desk_row.rev += 1;
                disk.commits += 1;
            }
        }
        if next != Write::Holds {
            return Err(self.lose());
        }
        // It is the turn's last statement.
        self.waited += self.answers_after;
        Ok(())
    }

    fn load_all(&mut self, needs: &[Need]) -> Result<Vec<Fact>, Injected> {
        self.reach_here()?;
        let disk = &mut *self.disk.borrow_mut();
        Ok(needs.iter().map(|need| disk.load(need)).collect())
    }

    fn release(&mut self, hold: Hold<'_>) -> Result<(), Injected> {
        self.reach_here()?;
        self.takes_in()?;
        let disk = &mut *self.disk.borrow_mut();
        if disk.is_as_left(hold) {
            disk.desk_row.leader = None;
            disk.desk_row.rev += 1;
        }
        Ok(())
    }

    fn is_connected(&self) -> bool {
        self.is_connected
    }

    fn disconnect(&mut self) {
        self.is_connected = false;
    }

    fn is_current(&self, _: &DeskRow) -> bool {
        true
    }

    fn is_lost(fault: &Injected) -> bool {
        *fault == Injected::Lost
    }

    fn note(&mut self, _: Note<'_, Injected>) {}
}
