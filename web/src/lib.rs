//! The desk for WebAssembly: bindings around the core, with no rule in them.
//!
//! There are two desks. A [`MemoryDesk`] keeps everything in memory, for pages and for a partner's
//! tests; whoever drives it brings the clock, the chance and the receivers. A [`StoredDesk`] works
//! over a store that its host brings, for edge workers. Both take calls as HTTP has them, and give
//! responses and webhook requests.

mod driver;
mod effects;
mod host_store;
mod incident;
mod input;
mod js;
mod memory_desk;
mod options;
pub mod platform;
mod row_changes;
mod signature;
mod stored_desk;

pub use driver::Driver;
pub use effects::{Effects, Page, Response};
pub use incident::IncidentPlayer;
pub use input::{Call, Chance, Input, JsMoment, Report};
pub use memory_desk::{MemoryDesk, NotedStore};
pub use options::Options;
pub use signature::{sign, verify};
pub use stored_desk::StoredDesk;
