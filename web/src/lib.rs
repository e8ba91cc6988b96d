//! The desk for WebAssembly: bindings around the core, without rules of their own.
//!
//! There are two desks. A [`MemoryDesk`] keeps everything in memory, for pages and for a partner's
//! tests; its caller supplies the time, the randomness and the receivers. A [`StoredDesk`] runs
//! over a store of its host, for edge workers. Both take calls in HTTP's terms, and return
//! responses and webhook requests.
//!
//! Without the feature `desk` there is only [`verify`] and [`sign`]: a small module for receivers.

mod argument;
mod js;
mod signature;

#[cfg(feature = "desk")]
mod driver;
#[cfg(feature = "desk")]
mod effects;
#[cfg(feature = "desk")]
mod host_store;
#[cfg(feature = "desk")]
mod incident;
#[cfg(feature = "desk")]
mod input;
#[cfg(feature = "desk")]
mod memory_desk;
#[cfg(feature = "desk")]
mod options;
#[cfg(feature = "desk")]
pub mod platform;
#[cfg(feature = "desk")]
mod row_changes;
#[cfg(feature = "desk")]
mod stored_desk;

#[cfg(feature = "desk")]
pub use self::{
    driver::Driver,
    effects::{Effects, Page, Response},
    incident::IncidentPlayer,
    input::{Call, Chance, Input, JsMoment, Report},
    memory_desk::{MemoryDesk, NotedStore},
    options::Options,
    stored_desk::StoredDesk,
};
pub use signature::{sign, verify};
