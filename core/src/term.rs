//! Terms: of the processes that share a database, one leads its desk at a time.
//!
//! One row of the database, the [desk row](DeskRow), says which process leads, in which term, and
//! what it committed last. A [`Candidate`] reads that row, and takes the next term by a guarded update
//! when the leader has let go, or has committed nothing for its lease and a part of it. A [`Leader`] is
//! the store of a process that leads: each of its commits expects the desk row as it left it.
//!
//! So a process that was replaced stores nothing more, whatever it believes. No clocks of two processes
//! are compared: each measures times of its own.
//!
//! What differs between databases is a [`Database`], whose statements these two put in order. Native
//! hosts have one for PostgreSQL, and simulated worlds one that fails at each of its statements.

mod candidate;
mod database;
mod fault;
mod leader;

pub use candidate::{Candidate, Look};
pub use database::{Database, DeskRow, Hold, Note};
pub use fault::TermFault;
pub use leader::Leader;

#[cfg(test)]
mod tests;
