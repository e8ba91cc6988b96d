//! Committed events in memory, for all streams.
//!
//! Every event is rendered once, however many streams send it, and a stream that keeps up takes it
//! from memory. A slower one reads the store, at the pace of its own connection.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use hookdesk_core::api::Frame;
use hookdesk_core::{Event, Seq};
use tokio::sync::watch;

/// The latest events, and the state that wakes streams that wait for more.
#[derive(Debug)]
pub struct EventFeed {
    recent: Mutex<Recent>,
    state: watch::Sender<FeedState>,
}

/// The state that streams watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedState {
    /// The last committed event's position.
    pub head: Seq,
    /// Whether the host is stopping, so that no stream waits.
    pub ending: bool,
}

/// The latest frames, without a gap.
#[derive(Debug, Default)]
struct Recent {
    frames: VecDeque<(Seq, Bytes)>,
    bytes: usize,
}

impl EventFeed {
    /// A feed of a log that ends here.
    #[must_use]
    pub fn new(head: Seq) -> Self {
        let state = FeedState { head, ending: false };
        Self { recent: Mutex::default(), state: watch::Sender::new(state) }
    }

    /// Adds appended events. Must be called in the log's order.
    pub fn publish(&self, events: &[Arc<Event>]) {
        let Some(last) = events.last() else { return };
        if self.state.receiver_count() == 0 {
            // No stream reads it, and a later one reads the store.
            self.change(Recent::clear);
        } else {
            let frames = newest(events).map(|event| Frame::of(event));
            let frames: Vec<_> = frames.map(|frame| (frame.to, frame.text.into())).collect();
            self.change(|recent| recent.extend(frames));
        }
        self.state.send_modify(|state| state.head = last.seq);
    }

    /// The state, to wait for more.
    #[must_use]
    pub fn listen(&self) -> watch::Receiver<FeedState> {
        self.state.subscribe()
    }

    /// The frame after a position in the log, if it is still in memory.
    #[must_use]
    pub fn after(&self, place: Seq) -> Option<(Seq, Bytes)> {
        self.change(|recent| recent.after(place))
    }

    /// Ends all waiting.
    pub fn end(&self) {
        self.state.send_modify(|state| state.ending = true);
    }

    fn change<T>(&self, change: impl FnOnce(&mut Recent) -> T) -> T {
        change(&mut self.recent.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The last of these events, no more than are kept.
fn newest(events: &[Arc<Event>]) -> impl Iterator<Item = &Arc<Event>> {
    let mut bytes = 0;
    let fits = |event: &&Arc<Event>| {
        let fits = bytes <= Recent::KEPT_BYTES;
        bytes += event.body.len();
        fits
    };
    let count = events.iter().rev().take_while(fits).count();
    events.iter().skip(events.len() - count)
}

impl Recent {
    /// Bytes that are kept: a second of the desk's highest load of short messages, in which every
    /// stream that is not stalled gets its turn.
    const KEPT_BYTES: usize = 8 << 20;
    /// Frames that are kept, as each costs some fifty bytes of overhead.
    const KEPT: usize = 16_384;

    fn extend(&mut self, frames: Vec<(Seq, Bytes)>) {
        let follows =
            |last: &(Seq, Bytes)| frames.first().is_none_or(|(seq, _)| *seq == last.0.next());
        if !self.frames.back().is_none_or(follows) {
            // A commit was not published, yet its events are in the store: streams read the gap
            // there.
            self.clear();
        }
        self.bytes += frames.iter().map(|(_, text)| text.len()).sum::<usize>();
        self.frames.extend(frames);
        // The last is kept whatever its size: streams are waiting for it.
        while self.frames.len() > 1
            && (self.bytes > Self::KEPT_BYTES || self.frames.len() > Self::KEPT)
        {
            self.bytes -= self.frames.pop_front().map_or(0, |(_, text)| text.len());
        }
    }

    fn after(&self, place: Seq) -> Option<(Seq, Bytes)> {
        let (first, _) = self.frames.front()?;
        let index = usize::try_from(place.next().0.checked_sub(first.0)?).ok()?;
        self.frames.get(index).cloned()
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hookdesk_core::{EventId, EventType, Millis, Stamp};

    fn event(place: u64) -> Arc<Event> {
        let seq = Seq(place);
        Arc::new(Event {
            seq,
            id: EventId::new(Stamp::default(), seq),
            kind: EventType::Ping,
            created: Millis(0),
            topic: None,
            version: None,
            only_for: None,
            body: r#"{"event":"ping","created":"1970-01-01T00:00:00Z","data":{}}"#.into(),
        })
    }

    #[test]
    fn only_what_somebody_may_read_is_kept_and_all_is_told() {
        let feed = EventFeed::new(Seq(7));
        feed.publish(&[event(8), event(9)]);
        assert_eq!(feed.after(Seq(8)), None);
        let state = feed.listen();
        assert_eq!(state.borrow().head, Seq(9));

        feed.publish(&[event(10)]);
        feed.publish(&[event(11), event(12)]);

        assert_eq!(feed.after(Seq(8)), None);
        assert_eq!(feed.after(Seq(9)), Some((Seq(10), Frame::of(&event(10)).text.into())));
        assert_eq!(feed.after(Seq(11)).map(|(place, _)| place), Some(Seq(12)));
        assert_eq!(state.borrow().head, Seq(12));
        drop(state);
        feed.publish(&[event(13)]);
        assert_eq!(feed.after(Seq(12)), None);
    }

    fn frames(places: std::ops::RangeInclusive<u64>, bytes: usize) -> Vec<(Seq, Bytes)> {
        places.map(|place| (Seq(place), vec![b'x'; bytes].into())).collect()
    }

    #[test]
    fn the_latest_are_kept_within_their_bounds() {
        let mut recent = Recent::default();
        recent.extend(frames(11..=20_010, 1));
        assert_eq!((recent.frames.len(), recent.bytes), (Recent::KEPT, Recent::KEPT));
        assert_eq!(recent.after(Seq(20_009)).map(|(place, _)| place), Some(Seq(20_010)));
        assert_eq!(recent.after(Seq(20_010)), None);
        assert_eq!(recent.after(Seq(3_626)).map(|(place, _)| place), Some(Seq(3_627)));
        assert_eq!(recent.after(Seq(3_625)), None);

        recent.extend(frames(20_011..=20_012, Recent::KEPT_BYTES));
        assert_eq!((recent.frames.len(), recent.bytes), (1, Recent::KEPT_BYTES));
        assert_eq!(recent.after(Seq(20_011)).map(|(place, _)| place), Some(Seq(20_012)));
    }

    #[test]
    fn what_nobody_heard_of_is_a_gap_that_the_store_fills() {
        let feed = EventFeed::new(Seq(0));
        let _listener = feed.listen();
        feed.publish(&[event(1), event(2)]);
        feed.publish(&[event(4)]);
        assert!(feed.after(Seq(1)).is_none() && feed.after(Seq(2)).is_none());
        assert_eq!(feed.after(Seq(3)).map(|(to, _)| to), Some(Seq(4)));
    }
}
