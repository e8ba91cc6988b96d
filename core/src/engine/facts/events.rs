//! Cached events: the tail of the log, which all readers share, and older events that were loaded.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use crate::engine::need::Need;
use crate::model::event::{Event, Topic};
use crate::model::seq::Seq;

#[derive(Debug, Default)]
pub(super) struct Events {
    /// The last events without a gap, including those that are not committed yet.
    tail: VecDeque<Arc<Event>>,
    tail_bytes: usize,
    /// The positions of the tail's events about each topic.
    topics: HashMap<Topic, VecDeque<Seq>>,
    recalled: BTreeMap<Seq, Arc<Event>>,
    recalled_bytes: usize,
    /// Loaded positions of the next committed event about a topic.
    nexts: HashMap<(Topic, Seq, Seq), Option<Seq>>,
}

impl Events {
    /// Bytes of bodies in the tail, at most, and as many again in recalled events: a thousand
    /// webhooks a few thousand events apart read them from memory.
    const KEPT_BYTES: usize = 8 << 20;
    /// Events in the tail, at most: when bodies are short, the rows outweigh them.
    const KEPT: usize = 16_384;
    /// Events that are loaded at once: a window, and 4 MiB of the longest bodies.
    const PAGE: u32 = 64;

    pub fn get(&self, seq: Seq) -> Result<&Arc<Event>, Need> {
        self.in_tail(seq)
            .or_else(|| self.recalled.get(&seq))
            .ok_or(Need::Events { from: seq, most: Self::PAGE })
    }

    fn in_tail(&self, seq: Seq) -> Option<&Arc<Event>> {
        let index = seq.0.checked_sub(self.tail.front()?.seq.0)?;
        self.tail.get(usize::try_from(index).ok()?)
    }

    pub fn next_about(&self, topic: Topic, after: Seq, to: Seq) -> Result<Option<Seq>, Need> {
        let tail_covers = self.tail.front().is_some_and(|first| first.seq <= after.next());
        if !tail_covers {
            match self.nexts.get(&(topic, after, to)) {
                Some(Some(next)) => return Ok(Some(*next)),
                Some(None) => {}
                None => return Err(Need::NextAbout { topic, after, to }),
            }
        }
        let Some(places) = self.topics.get(&topic) else {
            return Ok(None);
        };
        let index = places.partition_point(|seq| *seq <= after);
        Ok(places.get(index).copied().filter(|seq| *seq <= to))
    }

    pub fn append(&mut self, event: Arc<Event>) {
        debug_assert!(self.tail.back().is_none_or(|last| last.seq.next() == event.seq));
        if let Some(topic) = event.topic {
            self.topics.entry(topic).or_default().push_back(event.seq);
        }
        self.tail_bytes += event.body.len();
        self.tail.push_back(event);
    }

    pub fn recall(&mut self, events: Vec<Event>) {
        for event in events {
            self.recalled_bytes += event.body.len();
            self.recalled.insert(event.seq, Arc::new(event));
        }
    }

    pub fn learn_next(&mut self, topic: Topic, after: Seq, to: Seq, next: Option<Seq>) {
        self.nexts.insert((topic, after, to), next);
    }

    /// After a commit: evicts events beyond what may be kept.
    pub fn trim(&mut self) {
        self.nexts.clear();
        if self.recalled_bytes > Self::KEPT_BYTES || self.recalled.len() > Self::KEPT {
            self.recalled.clear();
            self.recalled_bytes = 0;
        }
        while self.tail_bytes > Self::KEPT_BYTES || self.tail.len() > Self::KEPT {
            let Some(event) = self.tail.pop_front() else {
                break;
            };
            self.tail_bytes -= event.body.len();
            let Some(topic) = event.topic else { continue };
            if let Some(places) = self.topics.get_mut(&topic) {
                places.pop_front();
                if places.is_empty() {
                    self.topics.remove(&topic);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::{EventData, EventType};
    use crate::model::id::Stamp;
    use crate::model::log::{EventDraft, Log};
    use crate::model::millis::Millis;

    fn append(events: &mut Events, log: &mut Log, topic: Option<Topic>, message: &str) {
        let kind = EventType::TicketUpdated;
        let data = EventData { ticket_message: Some(message), ..EventData::default() };
        let news = EventDraft { topic, ..EventDraft::of(kind) }.with(data);
        let event = log.append(Stamp { at: Millis(1), count: 0 }, news);
        events.append(Arc::new(event));
    }

    #[test]
    fn the_tail_is_bounded_and_knows_where_it_begins() {
        let (mut events, mut log) = (Events::default(), Log::default());
        for place in 1..=20_000_u64 {
            let topic = (place % 2 == 0).then_some(Topic::Service);
            append(&mut events, &mut log, topic, "x");
        }
        let (from, to) = (Seq(19_000), Seq(20_000));
        assert_eq!(events.next_about(Topic::Service, from, to), Ok(Some(Seq(19_002))));
        events.trim();
        assert_eq!(events.tail.len(), Events::KEPT);
        assert!(events.get(Seq(3_616)).is_err());
        assert_eq!(events.get(Seq(3_617)).map(|event| event.seq), Ok(Seq(3_617)));
        assert_eq!(events.next_about(Topic::Service, Seq(3_616), to), Ok(Some(Seq(3_618))));
        assert!(events.next_about(Topic::Service, Seq(3_615), to).is_err());
        append(&mut events, &mut log, None, &"x".repeat(Events::KEPT_BYTES));
        events.trim();
        assert!(events.tail.is_empty() && events.topics.is_empty());
    }

    #[test]
    fn what_is_not_committed_follows_what_the_store_knows() {
        let (mut events, mut log) = (Events::default(), Log { head: Seq(50), ..Log::default() });
        append(&mut events, &mut log, Some(Topic::Service), "x");
        let (after, to) = (Seq(10), Seq(51));
        assert!(events.next_about(Topic::Service, after, to).is_err());
        events.learn_next(Topic::Service, after, to, None);
        assert_eq!(events.next_about(Topic::Service, after, to), Ok(Some(Seq(51))));
        events.learn_next(Topic::Service, after, to, Some(Seq(40)));
        assert_eq!(events.next_about(Topic::Service, after, to), Ok(Some(Seq(40))));
    }
}
