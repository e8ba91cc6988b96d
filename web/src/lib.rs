//! The desk for WebAssembly: bindings around the core, without rules of their own.
//!
//! There are two desks. A [`MemoryDesk`] keeps everything in memory, for pages and for a partner's
//! tests; its caller supplies the time, the randomness and the receivers. A [`StoredDesk`] runs
//! over a store of its host, for edge workers. Both take calls in HTTP's terms, and return
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
