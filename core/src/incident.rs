//! Recordings of a desk's inputs, which can be replayed step by step, anywhere.
//!
//! A decision follows from commands, moments, limits and the facts of the store, and from nothing
//! else. A [`Recorder`] records these as they come; a [`Player`] passes them to a desk without a
//! store, which makes the same decisions. A recording begins with a desk that has read nothing, so
//! all facts that it needs are in the recording: there is no snapshot to be taken, and none to be
//! trusted.
//!
//! A file is lines of JSON: a [`Header`], then an input on each. The *chain* is a digest of all
//! inputs and decisions up to a step: equal chains mean equal histories. Redaction replaces every
//! private text by one that leads to the same decisions, so the chain stays the same; a keyed hash
//! of the original line stands for what was removed, so that a change of it is detected, and the
//! key is removed too.
//!
//! ```
//! use hookdesk_core::incident::{Header, Incident, Recorder};
//! use hookdesk_core::{Command, Desk, HolderId, Memory, MemoryStore, Millis, Moment, TicketMessage};
//!
//! let mut desk = Desk::new(Recorder::new(MemoryStore::default()), Memory::Kept);
//! let now = Millis(1_672_531_200_000);
//! let moment = Moment::new(now, [3; 16], HolderId::new(now, &[7; 16]));
//! let mut file = Header::raw(1).line() + &desk.begin_recording(now, [1; 32], 0);
//! let message = TicketMessage::parse("My order is late".into()).unwrap();
//! let recorded = desk.run_recorded(&[(Command::OpenTicket { message }, moment)]);
//! file += &recorded.lines.unwrap();
//!
//! let redacted = Incident::export(&file, true).unwrap();
//! assert!(!redacted.contains("My order"));
//! let (mut one, mut other) = (Incident::open(file).unwrap(), Incident::open(redacted).unwrap());
//! while let Some(step) = one.step() {
//!     let (step, same) = (step.unwrap(), other.step().unwrap().unwrap());
//!     assert!(step.difference.is_none() && step.chain == same.chain);
//! }
//! ```

mod chain;
mod player;
mod record;
mod recorder;
mod redact;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::error::Category;
use serde_json::value::RawValue;

use crate::model::digest::Digest;

pub use player::{Difference, Incident, Player, ReplayStep, Sent, StepDecision};
pub use recorder::{Recorded, Recorder};

/// Bytes of a line: half of what a recording keeps by default. A program that reads a file holds
/// one line at a time; a longer batch is left out of the recording, and counted as lost.
pub const MAX_LINE: usize = 32 << 20;

/// The format of files that this version writes. It grows when an older version could not read
/// them, or would read them wrongly.
const FORMAT: u32 = 3;

/// The first line of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The format, which also marks the file as an incident file.
    pub hookdesk_incident: u32,
    /// The version of HookDesk that wrote it. Another version may decide differently.
    pub version: String,
    /// Whether private texts were replaced.
    pub redacted: bool,
    /// Grows from one file of a recording to the next.
    pub number: u64,
}

impl Header {
    /// Bytes that a line has beside its input, with some to spare.
    const ROOM: usize = 1_024;

    /// The header of a recording.
    #[must_use]
    pub fn raw(number: u64) -> Self {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Self { hookdesk_incident: FORMAT, version, redacted: false, number }
    }

    /// Parses the first line.
    ///
    /// # Errors
    /// [`BadIncident`] when the line is no header, or that of a newer format.
    pub fn parse(line: &str) -> Result<Self, BadIncident> {
        #[derive(Deserialize)]
        struct Format {
            hookdesk_incident: u32,
        }
        let bad = |what| BadIncident { line: 1, what };
        // Checked first: the other fields of a newer header are not known here.
        let format: Format = serde_json::from_str(line).map_err(|_| bad(Bad::Foreign))?;
        if format.hookdesk_incident > FORMAT {
            return Err(bad(Bad::Newer { format: format.hookdesk_incident }));
        }
        serde_json::from_str(line).map_err(|_| bad(Bad::Foreign))
    }

    /// The line with its line break.
    ///
    /// # Panics
    /// Never: numbers and texts always have a JSON form.
    #[must_use]
    pub fn line(&self) -> String {
        let text = serde_json::to_string(self).expect("numbers and texts always have a JSON form");
        text + "\n"
    }
}

/// A line after the first.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    /// The chain up to here, as the writer of the file computed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chain: Option<Digest>,
    /// Digest of the decisions of the desk that was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    witness: Option<Digest>,
    /// In a redacted file, the keyed hash of the original input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mac: Option<Digest>,
    #[serde(borrow)]
    input: &'a RawValue,
}

/// A file that is no incident file, or that is damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadIncident {
    /// From 1.
    pub line: u64,
    pub what: Bad,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bad {
    /// It has no header of an incident file.
    Foreign,
    /// A newer version wrote it.
    Newer { format: u32 },
    /// Over [`MAX_LINE`].
    TooLong,
    /// An invalid input, with what is wrong: never with a value, as a raw recording has secrets.
    Input(String),
    /// An input before the first `begin`.
    NoBeginning,
    /// The desk cannot decide over it: its facts were never in one store.
    Undecidable,
    /// A redacted line without its keyed hash, or a recording without its key.
    NoMac,
}

impl fmt::Display for BadIncident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line;
        match &self.what {
            Bad::Foreign => f.write_str("it is not an incident file of HookDesk"),
            Bad::Newer { format } => write!(
                f,
                "a newer HookDesk wrote it (format {format}; this one knows up to {FORMAT}): use \
                 that version"
            ),
            Bad::TooLong => write!(f, "line {line} has more than {MAX_LINE} bytes"),
            Bad::Input(why) => write!(f, "line {line} is damaged: {why}"),
            Bad::NoBeginning => write!(f, "line {line} comes before any beginning"),
            Bad::Undecidable => write!(f, "line {line} is damaged: no desk can decide over it"),
            Bad::NoMac => write!(f, "line {line} has lost the hash of what was private in it"),
        }
    }
}

impl std::error::Error for BadIncident {}

/// A parser's error without what it quotes.
fn damage(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        Category::Io | Category::Syntax => "it is not JSON",
        Category::Eof => "it is cut short",
        Category::Data => "a value is not one that HookDesk writes",
    };
    format!("{what}, at column {}", error.column())
}
