//! The desk for WebAssembly: bindings around the core, with no rule in them.
//!
//! There are two faces. A [`MemoryDesk`] keeps everything in memory, for pages and for a partner's
//! tests; whoever drives it brings the clock, the chance and the receivers. A [`StoredDesk`] works
//! over a store that its host brings, for edge workers. Both take calls as HTTP has them, and give
//! responses and webhook requests.

mod border;
mod face;
mod incident;
mod memory;
mod options;
pub mod shapes;
mod signature;
mod stored;
mod told;

pub use face::Face;
pub use incident::IncidentPlayer;
pub use memory::{MemoryDesk, NotedStore};
pub use options::Options;
pub use signature::{sign, verify};
pub use stored::StoredDesk;
