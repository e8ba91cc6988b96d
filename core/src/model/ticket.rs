//! Tickets of customers.

use serde::{Deserialize, Serialize};

use crate::model::id::TicketId;
use crate::model::millis::Millis;
use crate::model::text::{BadText, named};

/// A customer's message: 1 to 65 536 bytes of UTF-8 without NUL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketMessage(String);

impl TicketMessage {
    /// Bytes. Sixteen times the longest letter that support desks see, and small enough that a
    /// full window of 64 such events is 4 MiB.
    pub const MAX_LENGTH: usize = 65_536;

    /// # Errors
    /// [`BadText`] when the text is empty, too long or has a NUL.
    pub fn parse(text: String) -> Result<Self, BadText> {
        BadText::check(&text, Self::MAX_LENGTH).map(|()| Self(text))
    }

    /// A message from the store, which [`TicketMessage::parse`] accepted earlier.
    #[must_use]
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The status of a ticket; a closed one cannot change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify), tsify(type = "\"open\" | \"closed\""))]
pub enum TicketStatus {
    Open,
    Closed { at: Millis },
}

impl TicketStatus {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed { .. } => "closed",
        }
    }
}

named!(TicketStatus);

/// The current state of a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    pub id: TicketId,
    pub message: TicketMessage,
    pub status: TicketStatus,
    pub opened_at: Millis,
    pub updated_at: Millis,
    /// Changes so far, the opening included: 1, 2, 3 … Receivers see it with each event.
    pub version: u32,
}

impl Ticket {
    #[must_use]
    pub fn open(id: TicketId, message: TicketMessage, at: Millis) -> Self {
        Self { id, message, status: TicketStatus::Open, opened_at: at, updated_at: at, version: 1 }
    }

    /// The ticket with another message.
    #[must_use]
    pub fn updated(self, message: TicketMessage, at: Millis) -> Self {
        Self { message, updated_at: at, version: self.version + 1, ..self }
    }

    #[must_use]
    pub fn closed(self, at: Millis) -> Self {
        let status = TicketStatus::Closed { at };
        Self { status, updated_at: at, version: self.version + 1, ..self }
    }
}

/// The status of the tickets that a list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TicketFilter {
    Open,
    Closed,
}

impl TicketFilter {
    #[must_use]
    pub fn takes(self, status: TicketStatus) -> bool {
        match (self, status) {
            (Self::Open, TicketStatus::Open) | (Self::Closed, TicketStatus::Closed { .. }) => true,
            (Self::Open, TicketStatus::Closed { .. }) | (Self::Closed, TicketStatus::Open) => false,
        }
    }
}
