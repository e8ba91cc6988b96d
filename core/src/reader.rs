//! A webhook's place in the log.
//!
//! No row is written per webhook when something happens: each webhook has one reader, which moves
//! along the log. What it has in flight is part of it, and what waits is a [`Lane`].

use serde::{Deserialize, Serialize};

use crate::event::Seq;
use crate::id::{HolderId, WebhookId};
use crate::lane::{Lane, Subject};
use crate::moment::Millis;
use crate::reason::Reason;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    pub webhook: WebhookId,
    /// Everything up to here was read: it was sent, waits, or is behind something that does.
    pub read_to: Seq,
    pub sending: Vec<Slot>,
    /// The host that sends for this webhook.
    pub holder: Option<HolderId>,
    /// Events that were read and are neither delivered nor abandoned.
    pub pending: u64,
    /// Lanes that wait.
    pub waiting: u32,
    /// Grows by one with each change of this row.
    pub rev: u64,
}

/// A request in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    pub seq: Seq,
    #[serde(with = "subject")]
    pub subject: Subject,
    /// Of all requests made for this event: 1, 2, 3 …
    pub number: u32,
    /// Steps of the ladder that the event has taken.
    pub step: u32,
    /// The subject's last event that was read behind this one.
    pub behind: Option<Seq>,
    pub since: Millis,
}

impl Reader {
    /// A reader that hears of what happens after `head`.
    #[must_use]
    pub fn new(webhook: WebhookId, head: Seq) -> Self {
        let sending = Vec::new();
        Self { webhook, read_to: head, sending, holder: None, pending: 0, waiting: 0, rev: 0 }
    }

    #[must_use]
    pub fn in_flight(&self) -> u32 {
        u32::try_from(self.sending.len()).unwrap_or(u32::MAX)
    }

    /// Events that the webhook is still owed, with the log's last event at `head`.
    #[must_use]
    pub fn backlog(&self, head: Seq) -> u64 {
        self.pending + head.0.saturating_sub(self.read_to.0)
    }

    /// The request in flight for `subject`: there is at most one.
    pub fn sending_for(&mut self, subject: Subject) -> Option<&mut Slot> {
        self.sending.iter_mut().find(|slot| slot.subject == subject)
    }

    /// Whether request `number` for the event at `seq` is in flight.
    #[must_use]
    pub fn sends(&self, seq: Seq, number: u32) -> bool {
        self.sending.iter().any(|slot| (slot.seq, slot.number) == (seq, number))
    }

    /// Ends the request `number` for the event at `seq`.
    pub fn end(&mut self, seq: Seq, number: u32) -> Option<Slot> {
        let index = self.sending.iter().position(|s| (s.seq, s.number) == (seq, number))?;
        Some(self.sending.remove(index))
    }
}

impl Slot {
    /// Milliseconds beyond a webhook's timeout after which a request that nobody reported is given
    /// up: twice the longest pause that a loaded machine was seen to make, with a margin.
    const LOST_AFTER_MS: u64 = 30_000;

    /// When we stop waiting for word of this request.
    #[must_use]
    pub fn lost_at(&self, timeout_ms: u32) -> Millis {
        self.since.plus(u64::from(timeout_ms) + Self::LOST_AFTER_MS + 1)
    }

    /// The first request for an event whose turn it is.
    #[must_use]
    pub fn first(seq: Seq, subject: Subject, behind: Option<Seq>, now: Millis) -> Self {
        Self { seq, subject, number: 1, step: 0, behind, since: now }
    }

    /// The same event as a lane that goes at `due`.
    #[must_use]
    pub fn waiting(self, webhook: WebhookId, step: u32, due: Millis, why: Reason) -> Lane {
        Lane {
            webhook,
            subject: self.subject,
            head: self.seq,
            number: self.number,
            step,
            due,
            behind: self.behind,
            why,
        }
    }
}

/// A subject in a stored slot, spelled as in a lane's row.
mod subject {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::lane::Subject;

    pub fn serialize<S: Serializer>(subject: &Subject, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(subject)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Subject, D::Error> {
        let text = String::deserialize(deserializer)?;
        Subject::parse(&text).ok_or_else(|| serde::de::Error::custom("not a subject"))
    }
}
