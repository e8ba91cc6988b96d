//! A process that waits for its turn to lead.

use std::thread;
use std::time::{Duration, Instant};

use crate::store::postgres::desk_row::{DeskRow, prepare, read};
use crate::store::postgres::link::Link;
use crate::store::postgres::{
    DEFAULT_LEASE_MS, PARTS, Postgres, PostgresFault, PostgresUrl, RETRY,
};

/// A process that takes the place of the leader when it lets go, or when it has committed nothing for
/// its lease and a little longer, by the candidate's own clock.
pub struct Candidate {
    store: Postgres,
    seen: DeskRow,
    since: Instant,
    /// Whether the leader was seen to commit.
    is_led: bool,
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

impl Candidate {
    /// Connects, and creates the tables if there are none. Others know the process by `nonce`, which
    /// no other may have.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses, or when the tables are a newer version's.
    pub fn new(url: &PostgresUrl, lease: Duration, nonce: String) -> Result<Self, PostgresFault> {
        let mut link = Link::connect(url)?;
        let seen = prepare(&mut link)?;
        let (term, rev) = (seen.term, seen.rev);
        let (url, link, renewed) = (url.clone(), Some(link), Instant::now());
        let lease_end = Duration::ZERO;
        let store = Postgres { url, link, nonce, lease, term, rev, renewed, lease_end };
        Ok(Self { store, seen, since: renewed, is_led: false })
    }

    /// The nonce of who leads, if it was seen to commit.
    #[must_use]
    pub fn leader(&self) -> Option<&str> {
        self.seen.leader.as_deref().filter(|_| self.is_led)
    }

    /// How long to wait between two looks.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.seen.lease.max(self.store.lease) / PARTS
    }

    /// Looks who leads, and takes the place of one that is gone. A server that does not answer is no
    /// sign that it is: the time counts from the first answer after that.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses. Another look connects again.
    pub fn look(&mut self) -> Result<Look, PostgresFault> {
        let looked = self.store.or_unlink(|store| {
            // What was read may be as old as the question.
            let asked = Instant::now();
            let row = read(store.linked()?)?;
            let missing = row.missing().ok_or(PostgresFault::Newer { version: row.schema })?;
            let is_new = row != self.seen;
            if is_new {
                (self.seen, self.since) = (row, Instant::now());
            }
            let is_gone = asked.saturating_duration_since(self.since) >= self.seen.patience();
            if (self.seen.leader.is_none() || is_gone) && store.take(&self.seen)? {
                return Ok(Look::Taken);
            }
            // An older version that leads is waited for: it does not speak to hosts.
            let is_led = is_new || self.is_led && !is_gone;
            Ok(if is_led && missing.is_empty() { Look::Led } else { Look::Silent })
        });
        if looked.is_err() {
            self.since = Instant::now();
        }
        self.is_led = looked == Ok(Look::Led) && self.seen.leader.is_some();
        looked
    }

    /// Waits until it leads, or until another process is seen to.
    ///
    /// # Errors
    /// As [`Self::look`].
    pub fn join(&mut self) -> Result<Look, PostgresFault> {
        let mut is_logged = false;
        loop {
            match self.look()? {
                Look::Silent => {}
                seen @ (Look::Taken | Look::Led) => return Ok(seen),
            }
            if !is_logged && self.seen.leader.is_some() {
                let (url, patience_ms) = (&self.store.url, self.seen.patience().as_millis());
                tracing::info!(
                    "another process led {url}: it is replaced after {patience_ms} ms without a \
                     commit, or when it lets go"
                );
                is_logged = true;
            }
            thread::sleep(self.interval().min(RETRY));
        }
    }

    /// The store of the term that was taken.
    #[must_use]
    pub fn store(self) -> Postgres {
        tracing::info!("leading {}, in term {}", self.store.url, self.store.term);
        self.store
    }

    /// Leads for a single command, where no process leads or the one that led is gone.
    ///
    /// # Errors
    /// [`PostgresFault::Deposed`] when one leads, and as [`Self::new`].
    pub fn lead_if_free(url: &PostgresUrl, nonce: String) -> Result<Postgres, PostgresFault> {
        let mut candidate = Self::new(url, Duration::from_millis(DEFAULT_LEASE_MS), nonce)?;
        match candidate.join()? {
            Look::Taken => Ok(candidate.store()),
            Look::Led | Look::Silent => Err(PostgresFault::Deposed),
        }
    }
}
