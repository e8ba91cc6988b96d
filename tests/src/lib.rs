//! What HookDesk is judged by: simulated worlds over every store, and the real binary with real
//! sockets.

mod check;
mod client;
mod receiver;
mod server;
mod stores;
mod world;

pub use client::{Answer, Client, Webhook};
pub use receiver::{Delivery, Reaction, Receiver};
pub use server::{Folder, Options, Port, Server, binary};
pub use world::{Story, World};
