//! One webhook × one subject: inside a lane order is kept, and lanes do not wait for each other.

use std::fmt;

use crate::event::{Event, Seq, Topic};
use crate::id::WebhookId;
use crate::moment::Millis;
use crate::reader::Slot;
use crate::reason::Reason;
use crate::schedule::RetrySchedule;
use crate::text::spelled;
use crate::webhook::Ordering;

/// What is kept in order, for one webhook: what it reads of the log, apart from that one event that
/// somebody wants to be sent once more, and apart from these what a replay reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    Live(Scope),
    Again(Seq),
    Replay(Scope),
    /// What a replay had in flight when it was stopped. It never waits.
    Stopped(Seq),
}

/// What order is kept within. A webhook's [`Ordering`] is a choice of scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// One event by itself.
    Event(Seq),
    /// All events about one ticket, or about the service.
    Topic(Topic),
    /// All events of the webhook.
    Everything,
}

impl Subject {
    /// No subject sorts before it.
    pub(crate) const FIRST: Self = Self::Live(Scope::Event(Seq(0)));
    /// How the subjects of a replay are spelled, up to their scope.
    pub(crate) const REPLAY: &str = "replay:";
    const AGAIN: &str = "again#";
    const STOPPED: &str = "stopped#";

    /// What the event is read under.
    #[must_use]
    pub fn of(event: &Event, ordering: Ordering) -> Self {
        Self::Live(Scope::of(event, ordering))
    }

    /// What a replay reads the event under.
    #[must_use]
    pub fn replayed(event: &Event, ordering: Ordering) -> Self {
        Self::Replay(Scope::of(event, ordering))
    }

    #[must_use]
    pub fn is_replay(self) -> bool {
        match self {
            Self::Live(_) | Self::Again(_) | Self::Stopped(_) => false,
            Self::Replay(_) => true,
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(scope) = text.strip_prefix(Self::REPLAY) {
            return Scope::parse(scope).map(Self::Replay);
        }
        if let Some(seq) = text.strip_prefix(Self::STOPPED) {
            return seq.parse().ok().map(|seq| Self::Stopped(Seq(seq)));
        }
        match text.strip_prefix(Self::AGAIN) {
            Some(seq) => seq.parse().ok().map(|seq| Self::Again(Seq(seq))),
            None => Scope::parse(text).map(Self::Live),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Live(scope) => scope.fmt(f),
            Self::Again(seq) => write!(f, "{}{seq}", Self::AGAIN),
            Self::Replay(scope) => write!(f, "{}{scope}", Self::REPLAY),
            Self::Stopped(seq) => write!(f, "{}{seq}", Self::STOPPED),
        }
    }
}

spelled!(Subject);

impl Scope {
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

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic(topic) => topic.fmt(f),
            Self::Event(seq) => write!(f, "#{seq}"),
            Self::Everything => f.write_str("everything"),
        }
    }
}

/// A subject whose next event waits. A lane that sends is a [`Slot`] of the reader, and one with
/// nothing to send has no row at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane {
    pub webhook: WebhookId,
    pub subject: Subject,
    /// The event that goes next.
    pub head: Seq,
    /// Requests made for the head so far.
    pub number: u32,
    /// Steps of the ladder that the head has taken.
    pub step: u32,
    pub due: Millis,
    /// The subject's last event that was read behind the head.
    pub behind: Option<Seq>,
    pub why: Reason,
}

impl Lane {
    /// Waiting lanes of one webhook at the most. With more, nothing new is read for it: what it is
    /// owed waits in the log, where it costs nothing.
    pub const MOST: u32 = 10_000;

    /// The order in which lanes go.
    #[must_use]
    pub fn turn(&self) -> (Millis, Seq) {
        (self.due, self.head)
    }

    /// Whether the head may go. A due time further away than the schedule's longest wait was set by
    /// a clock that was wrong, and is due.
    #[must_use]
    pub fn is_due(&self, now: Millis, schedule: &RetrySchedule) -> bool {
        self.due <= now || self.due > now.plus(schedule.longest_ms().max(Self::LONGEST_PAUSE_MS))
    }

    /// Milliseconds that a receiver's `Retry-After` can hold an event back, at the most: a day,
    /// like the ladder's longest wait.
    pub const LONGEST_PAUSE_MS: u64 = 86_400_000;

    /// Milliseconds before an attempt is repeated that failed by our own fault: long enough not to
    /// spin while files or memory are short, short enough that nobody notices.
    pub const OUR_WAIT_MS: u64 = 1_000;

    /// The request that the head makes now.
    #[must_use]
    pub fn slot(&self, now: Millis) -> Slot {
        Slot {
            seq: self.head,
            subject: self.subject,
            number: self.number + 1,
            step: self.step,
            behind: self.behind,
            since: now,
            probe: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Details, EventType, body};
    use crate::id::{EventId, Stamp, TicketId};

    fn event(topic: Option<Topic>) -> Event {
        let kind = EventType::Ping;
        let id = EventId::new(Stamp::default(), Seq(9));
        let body = body(kind, Millis(0), Details::default());
        let (version, only_for) = (None, None);
        Event { seq: Seq(9), id, kind, created: Millis(0), topic, version, only_for, body }
    }

    #[test]
    fn ordering_is_a_choice_of_subject() {
        let ticket = Topic::Ticket(TicketId::new(Stamp::default(), &[1; 16]));
        let own = Scope::Event(Seq(9));
        let table = [
            (Ordering::Ticket, Some(ticket), Scope::Topic(ticket)),
            (Ordering::Ticket, Some(Topic::Service), Scope::Topic(Topic::Service)),
            (Ordering::Ticket, None, own),
            (Ordering::Webhook, Some(ticket), Scope::Everything),
            (Ordering::Webhook, None, Scope::Everything),
            (Ordering::None, Some(ticket), own),
            (Ordering::None, None, own),
        ];
        for (ordering, topic, scope) in table {
            let live = Subject::of(&event(topic), ordering);
            let replayed = Subject::replayed(&event(topic), ordering);
            assert_eq!((live, replayed), (Subject::Live(scope), Subject::Replay(scope)));
            for subject in [live, replayed, Subject::Again(Seq(9)), Subject::Stopped(Seq(9))] {
                assert_eq!(Subject::parse(&subject.to_string()), Some(subject));
            }
        }
    }

    #[test]
    fn a_lane_is_due_at_its_time_and_when_that_is_further_away_than_any_wait() {
        // seconds of the schedule's one wait, milliseconds to the due time, whether it is due
        const TABLE: [(u32, u64, bool); 7] = [
            (5, 0, true),
            (5, 1, false),
            (5, 86_400_000, false),
            (5, 86_400_001, true),
            (604_800, 86_400_001, false),
            (604_800, 725_760_000, false),
            (604_800, 725_760_001, true),
        ];
        let now = Millis(1_000);
        for (wait_s, away_ms, is_due) in TABLE {
            let webhook = WebhookId::new(Stamp::default(), &[1; 16]);
            let schedule = RetrySchedule::parse(vec![wait_s]).unwrap();
            let slot = Slot::first(Seq(1), Subject::Live(Scope::Everything), None, now);
            let lane = slot.waiting(webhook, 1, now.plus(away_ms), Reason::Retry);
            assert_eq!(lane.is_due(now, &schedule), is_due, "{wait_s} {away_ms}");
        }
    }
}
