//! Hosts that share a desk on PostgreSQL: one leads and decides, and every other takes calls and
//! forwards them to it.
//!
//! Each process draws a key pair when it starts and enters its public key in the database, so that
//! who may write there is who may speak to hosts: connections between them are TLS 1.3 in which both
//! sides prove a key that the database has.

mod acceptor;
mod forwarder;
mod identity;
mod membership;

/// What a host says first to one that it serves, which sends nothing before: in TLS 1.3 a caller is
/// not told that its key was refused.
const GREETING: &[u8] = b"hookdesk\n";

pub use acceptor::HostAcceptor;
pub use forwarder::{CALLER_ADDRESS, CALLER_UID, Forwarder, HEAD_ONLY, NOT_LEADING, Unanswered};
pub use identity::Identity;
pub use membership::{Membership, Place};
