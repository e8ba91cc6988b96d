//! HookDesk as a native server: sockets, SQLite and HTTP around the core, which decides.
//!
//! [`server`] takes calls from the sockets that [`acceptor`] accepts and [`connections`] admits,
//! [`desk_thread`] runs the core's loop on a thread of its own over [`store`], [`courier`] sends
//! requests to receivers, and [`event_feed`] passes new events to streams. [`recording`] records
//! the desk's inputs, and [`incident`] exports them; [`status`] asks a running desk how it is.
//! [`key_ring`] has the API keys in memory, and [`admin_key`] is the one that a file supplies.
//! [`key_command`] makes keys on the command line and [`audit_command`] lists who changed what, both
//! over [`local_desk`]: a running desk through [`control`], or the rows of one that is stopped.
//! [`call_limits`] counts what callers may do in a second; [`shares`] and [`fair_gate`] have them leave
//! places, and turns, to each other.
//! [`config`] and [`environment`] are what the operator set, [`moment`] is the clock and the source
//! of randomness. The host computes no delay and knows no rule.

#![warn(clippy::indexing_slicing)] // Code that input can reach must not panic.
#![warn(clippy::wildcard_enum_match_arm)] // A new variant must break every match.

pub mod acceptor;
pub mod admin_key;
mod api_reply;
pub mod audit_command;
pub mod call_limits;
pub mod cluster;
pub mod command_line;
pub mod config;
pub mod connections;
pub mod control;
pub mod copy_command;
pub mod courier;
pub mod desk_thread;
pub mod environment;
pub mod event_feed;
pub mod fair_gate;
pub mod incident;
pub mod key_command;
pub mod key_ring;
pub mod leave;
pub mod listener;
pub mod local_desk;
pub mod moment;
pub mod recording;
pub mod serve;
pub mod server;
pub mod share_holder;
pub mod shares;
pub mod size_watch;
pub mod status;
pub mod store;
pub mod term;
pub mod trouble_log;

/// An error of any kind, whose text is for the operator.
pub use tower::BoxError;
