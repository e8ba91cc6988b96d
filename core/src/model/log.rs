//! The log: an append-only sequence of events.

use crate::model::event::{Event, EventData, EventType, Topic, body};
use crate::model::id::{EventId, Stamp, WebhookId};
use crate::model::millis::Millis;
use crate::model::seq::Seq;
use crate::model::tallies::Tallies;

/// The log's bounds, and the desk's monotonic clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// The position of the last event.
    pub head: Seq,
    /// The position of the last deleted event: every event above it is kept.
    pub floor: Seq,
    /// The newest stamp given out: the desk's time never runs back behind it.
    pub stamp: Stamp,
    /// The events up to the head, by type.
    pub tallies: Tallies,
}

/// An event to be appended, which has no position in the log yet.
#[derive(Clone, Copy, Debug)]
pub struct EventDraft<'a> {
    pub kind: EventType,
    pub topic: Option<Topic>,
    pub version: Option<u32>,
    pub only_for: Option<WebhookId>,
    pub data: EventData<'a>,
}

impl<'a> EventDraft<'a> {
    #[must_use]
    pub fn of(kind: EventType) -> Self {
        let data = EventData::default();
        Self { kind, topic: None, version: None, only_for: None, data }
    }

    #[must_use]
    pub fn about(self, topic: Topic) -> Self {
        Self { topic: Some(topic), ..self }
    }

    #[must_use]
    pub fn with(self, data: EventData<'a>) -> Self {
        Self { data, ..self }
    }
}

impl Log {
    /// The next stamp of the desk's clock.
    pub fn tick(&mut self, now: Millis) -> Stamp {
        self.stamp = self.stamp.next(now);
        self.stamp
    }

    /// Appends `draft` at the next position, and renders the body that every receiver gets.
    pub fn append(&mut self, stamp: Stamp, draft: EventDraft<'_>) -> Event {
        self.head = self.head.next();
        if draft.only_for.is_none() {
            self.tallies.count(draft.kind);
        }
        Event {
            seq: self.head,
            id: EventId::new(stamp, self.head),
            kind: draft.kind,
            created: stamp.at,
            topic: draft.topic,
            version: draft.version,
            only_for: draft.only_for,
            body: body(draft.kind, stamp.at, draft.data),
        }
    }
}
