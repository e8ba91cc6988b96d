//! What HookDesk is judged by: simulated worlds over every store, and the real binary with real
//! sockets.

#![allow(
    clippy::missing_panics_doc,
    clippy::indexing_slicing,
    clippy::manual_assert,
    clippy::match_wild_err_arm,
    clippy::print_stderr,
    reason = "a panic is how a check fails"
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
