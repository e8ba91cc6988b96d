//! Moments: time, chance and the deciding host, as arguments.
//!
//! The core has no clock and no source of randomness. The caller passes both, and its own id, in
//! one [`Moment`] per command; the same command at the same moment over the same facts gives the
//! same outcome, to the byte, in every runtime.

use serde::{Deserialize, Serialize};

use crate::model::call_source::CallSource;
use crate::model::caller::Authorization;
use crate::model::id::HolderId;
use crate::model::millis::Millis;

/// The time, random bytes and host with which a command is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    pub now: Millis,
    /// Random bytes, drawn anew for each command. They make ids and nothing else, so an id reveals
    /// nothing about a secret.
    pub chance: [u8; 16],
    /// The host that decides: a new one at each start of the process.
    pub holder: HolderId,
    /// The caller on whose behalf the command is decided. Without one it is the desk's own, or that
    /// of a caller of an open desk, which cannot tell its callers apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Authorization>,
    /// Where that caller's call came from.
    #[serde(default, skip_serializing_if = "CallSource::is_unknown")]
    pub source: CallSource,
}

impl Moment {
    /// A moment of the desk's own.
    #[must_use]
    pub fn new(now: Millis, chance: [u8; 16], holder: HolderId) -> Self {
        Self { now, chance, holder, authorization: None, source: CallSource::default() }
    }
}
