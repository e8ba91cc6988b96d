//! A process among those that share a desk: it waits for its turn to lead, and knows the others.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hookdesk_core::term::{Candidate, Look};

use crate::BoxError;
use crate::cluster::Identity;
use crate::store::DeskStore;
use crate::store::postgres::{
    HostRow, PostgresDatabase, PostgresUrl, Roster, candidate, leading, nonce,
};

/// Between two trials of a server that does not answer.
const RETRY: Duration = Duration::from_secs(1);

/// What a process that joined its desk is to do.
pub enum Place {
    Lead(DeskStore),
    Follow(Box<Candidate<PostgresDatabase>>),
}

/// A process among those that share a desk.
pub struct Membership {
    url: PostgresUrl,
    lease: Duration,
    pub identity: Identity,
    pub roster: Arc<Roster>,
    is_ending: AtomicBool,
}

impl Membership {
    /// Joins the desk: leads it, or waits until another process is seen to. Others reach this one at
    /// the listener that it returns.
    ///
    /// # Errors
    /// When the database or the address cannot be used: the text is for the operator.
    pub fn join(
        url: &PostgresUrl,
        lease: Duration,
        listen: SocketAddr,
    ) -> Result<(Self, TcpListener, Place), BoxError> {
        let identity = Identity::draw()?;
        let listener = TcpListener::bind(listen)
            .map_err(|error| format!("cannot listen for other hosts on {listen}: {error}"))?;
        listener.set_nonblocking(true)?;
        let id = nonce();
        let mut candidate = candidate(url, lease, id.clone())?;
        let place = match candidate.join()? {
            Look::Taken => Place::Lead(leading(candidate).ok_or("no term was taken")?),
            Look::Led | Look::Silent => Place::Follow(Box::new(candidate)),
        };
        let (address, key) = (listener.local_addr()?, identity.public_key().to_vec());
        let roster = Arc::new(Roster::enter(url, HostRow { id, address, key })?);
        let (url, is_ending) = (url.clone(), AtomicBool::new(false));
        Ok((Self { url, lease, identity, roster, is_ending }, listener, place))
    }

    /// Waits for the turn to lead, and notes meanwhile who does. `None` when the process ends.
    #[must_use]
    pub fn follow(
        &self,
        mut candidate: Candidate<PostgresDatabase>,
        mut note: impl FnMut(Option<Arc<HostRow>>),
    ) -> Option<DeskStore> {
        let mut blind: Option<Instant> = None;
        while !self.is_ending.load(Ordering::Relaxed) {
            match (candidate.look(), blind) {
                (Ok(Look::Taken), _) => return leading(candidate),
                (Ok(Look::Led | Look::Silent), _) => {
                    blind = None;
                    note(self.leader(&candidate));
                }
                (Err(fault), None) => {
                    tracing::error!("who leads cannot be seen, and is looked for again: {fault}");
                    blind = Some(Instant::now());
                }
                // Who leads goes on, or has the same trouble: then it does not lead for long.
                (Err(_), Some(since)) if since.elapsed() > self.lease => note(None),
                (Err(_), Some(_)) => {}
            }
            thread::sleep(candidate.interval());
        }
        None
    }

    /// A candidate again, after another process took the lead. `None` when the process ends.
    #[must_use]
    pub fn stand_again(&self) -> Option<Candidate<PostgresDatabase>> {
        while !self.is_ending.load(Ordering::Relaxed) {
            match candidate(&self.url, self.lease, self.roster.own().id.clone()) {
                Ok(candidate) => return Some(candidate),
                Err(fault) => tracing::error!("who leads cannot be seen: {fault}"),
            }
            thread::sleep(RETRY);
        }
        None
    }

    /// Ends waiting.
    pub fn end(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
    }

    /// Who leads, as a candidate has seen it.
    #[must_use]
    pub fn leader(&self, candidate: &Candidate<PostgresDatabase>) -> Option<Arc<HostRow>> {
        let id = candidate.leader()?;
        if let Some(known) = self.roster.find(id) {
            return Some(known);
        }
        if let Err(fault) = self.roster.read_again() {
            tracing::debug!("the hosts cannot be read: {fault}");
        }
        self.roster.find(id)
    }
}
