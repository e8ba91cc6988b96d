//! Time and chance, as arguments.
//!
//! The core owns no clock and no dice. Whoever calls it says when it is, what the dice showed and
//! who is asking, in one [`Moment`] per command; the same command at the same moment over the same
//! facts gives the same outcome, to the byte, in every runtime.

use serde::{Deserialize, Serialize};

use crate::model::id::HolderId;
use crate::model::millis::Millis;

/// When a command is decided, with what chance, and by which host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    pub now: Millis,
    /// Drawn anew for each command. It makes ids and nothing else, so an id tells nothing of a
    /// secret.
    pub chance: [u8; 16],
    /// The host that decides: a new one at each start of the process.
    pub holder: HolderId,
}
