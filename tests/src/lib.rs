//! The test harness: simulated worlds over every store, and the real binary with real sockets.

#![allow(
    clippy::missing_panics_doc,
    clippy::manual_assert,
    clippy::match_wild_err_arm,
    clippy::print_stderr,
    clippy::return_self_not_must_use,
    clippy::large_futures,
    clippy::large_stack_arrays,
    clippy::format_push_string,
    clippy::similar_names,
    reason = "a panic is how a check fails, and a test's harness need not be lean"
)]

#[cfg(feature = "host")]
mod client;
#[cfg(feature = "host")]
mod clock;
#[cfg(feature = "host")]
pub mod corpus;
#[cfg(feature = "host")]
mod desk;
#[cfg(feature = "host")]
mod fake_dns;
#[cfg(feature = "host")]
pub mod fuzz;
pub mod golden;
#[cfg(feature = "host")]
pub mod history;
mod invariants;
#[cfg(feature = "host")]
mod libraries;
mod oracles;
mod plan;
#[cfg(feature = "host")]
mod raw_connection;
#[cfg(feature = "host")]
mod receiver;
pub mod rig;
#[cfg(feature = "host")]
mod server;
#[cfg(feature = "host")]
mod silent_listener;
pub mod simulate;
mod stores;
pub mod two_hosts;
mod world;

#[cfg(feature = "host")]
pub use client::{Answer, Client, Frame, SINCE_EVER, Stream, Webhook, ids, ticket_body};
#[cfg(feature = "host")]
pub use clock::unix_seconds;
#[cfg(feature = "host")]
pub use desk::{MINUTE, NEVER_DOWN, SOON, desk, desk_with};
#[cfg(feature = "host")]
pub use fake_dns::FakeDns;
#[cfg(feature = "host")]
pub use libraries::libraries_verify;
pub use plan::Plan;
#[cfg(feature = "host")]
pub use raw_connection::{RawAnswer, RawConnection};
#[cfg(feature = "host")]
pub use receiver::{Delivery, Gate, Reaction, Receiver, event_ids};
#[cfg(feature = "host")]
pub use server::{Attempt, Cluster, Folder, Host, Options, Port, Server, Stop, binary, postgres};
#[cfg(feature = "host")]
pub use silent_listener::SilentListener;
pub use world::{Situations, Trace, World, hex};
