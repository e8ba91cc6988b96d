//! The PostgreSQL store: it runs the statements of the core, as the processes that share a desk
//! [lead it in turn](hookdesk_core::term).
//!
//! A leader that has nothing to commit renews its lease after a fifth of it.

mod cells;
mod database;
mod desk_row;
mod fault;
mod filling;
mod link;
mod readers;
mod roster;
mod tls;
mod url;

use std::ops::RangeInclusive;
use std::time::Duration;

use hookdesk_core::term::Candidate;

pub use database::PostgresDatabase;
pub use fault::PostgresFault;
pub use filling::{Filling, PostgresReader};
pub use readers::Readers;
pub use roster::{HostRow, Roster};
pub use url::PostgresUrl;

use crate::moment::chance;
use crate::store::{DeskStore, StoreFault};

/// Milliseconds that a leader may commit nothing before another takes its place.
pub const LEASE_MS: RangeInclusive<u64> = 500..=60_000;
pub const DEFAULT_LEASE_MS: u64 = 5_000;

/// What others know a process by.
#[must_use]
pub fn nonce() -> String {
    chance::<16>().map(|byte| format!("{byte:02x}")).concat()
}

/// A process that waits for its turn, known to others by `nonce`, which no other may have. It connects,
/// and creates the tables if there are none.
///
/// # Errors
/// When the server cannot be reached or refuses, or when the tables are a newer version's.
pub fn candidate(
    url: &PostgresUrl,
    lease: Duration,
    nonce: String,
) -> Result<Candidate<PostgresDatabase>, StoreFault> {
    Candidate::new(PostgresDatabase::prepare(url)?, nonce, lease)
}

/// The store of the term that a candidate has taken, if it has.
#[must_use]
pub fn leading(candidate: Candidate<PostgresDatabase>) -> Option<DeskStore> {
    let leader = candidate.into_leader().ok()?;
    tracing::info!("leading {}, in term {}", leader.database().url(), leader.term());
    Some(DeskStore::Postgres(Box::new(leader)))
}

/// Leads for a single command. `None` where another process leads.
///
/// # Errors
/// As [`candidate`].
pub fn lead_if_free(url: &PostgresUrl) -> Result<Option<DeskStore>, StoreFault> {
    let mut candidate = candidate(url, Duration::from_millis(DEFAULT_LEASE_MS), nonce())?;
    candidate.join()?;
    Ok(leading(candidate))
}
