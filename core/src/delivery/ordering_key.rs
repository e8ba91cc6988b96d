//! The ordering key of a webhook's deliveries: events with the same key are delivered in order.

use std::fmt;

use crate::model::event::{Event, Topic};
use crate::model::seq::Seq;
use crate::model::text::spelled;
use crate::webhook::Ordering;

/// An ordering key of one webhook. Events that its reader reads, resends and replays have keys of
/// their own, so that they do not wait for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OrderingKey {
    Live(OrderingScope),
    Resend(Seq),
    Replay(OrderingScope),
    /// An event that a replay had in flight when it was stopped. It never waits.
    Cancelled(Seq),
}

/// The scope within which order is kept. A webhook's [`Ordering`] is a choice of scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OrderingScope {
    /// One event by itself.
    Event(Seq),
    /// All events about one ticket, or about the service.
    Topic(Topic),
    /// All events of the webhook.
    Everything,
}

impl OrderingKey {
    /// The least key in sort order.
    pub(crate) const FIRST: Self = Self::Live(OrderingScope::Event(Seq(0)));
    /// The prefix of a replay's keys in text form, before their scope.
    pub(crate) const REPLAY: &str = "replay:";
    const AGAIN: &str = "again#";
    const STOPPED: &str = "stopped#";

    /// The key of an event that the reader reads.
    #[must_use]
    pub fn of(event: &Event, ordering: Ordering) -> Self {
        Self::Live(OrderingScope::of(event, ordering))
    }

    /// The key of an event that a replay reads.
    #[must_use]
    pub fn replayed(event: &Event, ordering: Ordering) -> Self {
        Self::Replay(OrderingScope::of(event, ordering))
    }

    #[must_use]
    pub fn is_replay(self) -> bool {
        match self {
            Self::Live(_) | Self::Resend(_) | Self::Cancelled(_) => false,
            Self::Replay(_) => true,
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(scope) = text.strip_prefix(Self::REPLAY) {
            return OrderingScope::parse(scope).map(Self::Replay);
        }
        if let Some(seq) = text.strip_prefix(Self::STOPPED) {
            return seq.parse().ok().map(|seq| Self::Cancelled(Seq(seq)));
        }
        match text.strip_prefix(Self::AGAIN) {
            Some(seq) => seq.parse().ok().map(|seq| Self::Resend(Seq(seq))),
            None => OrderingScope::parse(text).map(Self::Live),
        }
    }
}

impl fmt::Display for OrderingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Live(scope) => scope.fmt(f),
            Self::Resend(seq) => write!(f, "{}{seq}", Self::AGAIN),
            Self::Replay(scope) => write!(f, "{}{scope}", Self::REPLAY),
            Self::Cancelled(seq) => write!(f, "{}{seq}", Self::STOPPED),
        }
    }
}

spelled!(OrderingKey);

impl OrderingScope {
    #[must_use]
    pub fn of(event: &Event, ordering: Ordering) -> Self {
        match (ordering, event.topic) {
            (Ordering::Ticket, Some(topic)) => Self::Topic(topic),
            (Ordering::Ticket, None) | (Ordering::None, _) => Self::Event(event.seq),
            (Ordering::Webhook, _) => Self::Everything,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        if text == "everything" {
            return Some(Self::Everything);
        }
        match text.strip_prefix('#') {
            Some(seq) => seq.parse().ok().map(|seq| Self::Event(Seq(seq))),
            None => Topic::parse(text).map(Self::Topic),
        }
    }
}

impl fmt::Display for OrderingScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic(topic) => topic.fmt(f),
            Self::Event(seq) => write!(f, "#{seq}"),
            Self::Everything => f.write_str("everything"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::{EventData, EventType, body};
    use crate::model::id::{EventId, Stamp, TicketId};
    use crate::model::millis::Millis;

    fn event(topic: Option<Topic>) -> Event {
        let kind = EventType::Ping;
        let id = EventId::new(Stamp::default(), Seq(9));
        let body = body(kind, Millis(0), EventData::default());
        let (version, only_for) = (None, None);
        Event { seq: Seq(9), id, kind, created: Millis(0), topic, version, only_for, body }
    }

    #[test]
    fn ordering_is_a_choice_of_subject() {
        let ticket = Topic::Ticket(TicketId::new(Stamp::default(), &[1; 16]));
        let own = OrderingScope::Event(Seq(9));
        let table = [
            (Ordering::Ticket, Some(ticket), OrderingScope::Topic(ticket)),
            (Ordering::Ticket, Some(Topic::Service), OrderingScope::Topic(Topic::Service)),
            (Ordering::Ticket, None, own),
            (Ordering::Webhook, Some(ticket), OrderingScope::Everything),
            (Ordering::Webhook, None, OrderingScope::Everything),
            (Ordering::None, Some(ticket), own),
            (Ordering::None, None, own),
        ];
        for (ordering, topic, scope) in table {
            let live = OrderingKey::of(&event(topic), ordering);
            let replayed = OrderingKey::replayed(&event(topic), ordering);
            assert_eq!((live, replayed), (OrderingKey::Live(scope), OrderingKey::Replay(scope)));
            for ordering_key in
                [live, replayed, OrderingKey::Resend(Seq(9)), OrderingKey::Cancelled(Seq(9))]
            {
                assert_eq!(OrderingKey::parse(&ordering_key.to_string()), Some(ordering_key));
            }
        }
    }
}
