//! HookDesk as a native server: it moves bytes for the core, which decides.
//!
//! [`server`] takes calls from sockets that have [`places`], [`desk`] runs the core's loop on a thread
//! of its own over [`store`], [`courier`] carries what comes out to receivers, and [`feed`] shows it to
//! who streams events. [`record`] keeps what the desk was told, and [`incident`] gives it out. The host
//! computes no delay and knows no rule.

#![warn(clippy::indexing_slicing)] // What input can reach must not panic.
#![warn(clippy::wildcard_enum_match_arm)] // A new variant must break every match.

pub mod config;
pub mod courier;
pub mod desk;
pub mod feed;
pub mod incident;
pub mod places;
pub mod record;
pub mod serve;
pub mod server;
pub mod store;
