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
    reason = "a panic is how a check fails, and a test's harness need not be lean"
)]

mod check;
mod client;
mod receiver;
mod server;
mod stores;
mod world;

pub use client::{Answer, Client, Webhook};
pub use receiver::{Delivery, Gate, Reaction, Receiver};
pub use server::{Attempt, Folder, Options, Port, Server, binary};
pub use world::{Story, World};
