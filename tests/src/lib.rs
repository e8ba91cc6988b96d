//! What HookDesk is judged by: simulated worlds over every store, and the real binary with real
//! sockets.

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

mod check;
#[cfg(feature = "host")]
mod client;
#[cfg(feature = "host")]
pub mod corpus;
#[cfg(feature = "host")]
mod directory;
#[cfg(feature = "host")]
mod ear;
pub mod fuzz;
pub mod golden;
#[cfg(feature = "host")]
mod libraries;
#[cfg(feature = "host")]
mod receiver;
#[cfg(feature = "host")]
mod server;
pub mod simulate;
mod stores;
#[cfg(feature = "host")]
mod wire;
mod world;

#[cfg(feature = "host")]
pub use client::{Answer, Client, Frame, Stream, Webhook};
#[cfg(feature = "host")]
pub use directory::Directory;
#[cfg(feature = "host")]
pub use ear::Ear;
#[cfg(feature = "host")]
pub use libraries::libraries_verify;
#[cfg(feature = "host")]
pub use receiver::{Delivery, Gate, Reaction, Receiver};
#[cfg(feature = "host")]
pub use server::{Attempt, Folder, Host, Options, Port, Server, binary};
#[cfg(feature = "host")]
pub use wire::{Heard, Wire};
pub use world::{Plan, Situations, Story, World, hex};
