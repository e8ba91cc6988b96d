//! The API for the command line of a desk's own machine.

use hookdesk_core::api::{Api, Callers, OwnNames};
use hookdesk_core::guard::Targets;

/// The API of a desk with these `targets` for a user of its machine.
#[must_use]
pub fn api(targets: Targets, uid: u32) -> Api {
    let names = OwnNames::Known { loopback: true, public: Vec::new() };
    Api::new(Callers::CommandLine { uid }, names, targets)
}
