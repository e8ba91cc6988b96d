//! What a replay may send, and how fast.

use std::collections::BTreeMap;

use hookdesk_core::{Millis, ReplayFilter, ReplayRange, Seq};

use super::health::Subject;

/// A replay that was accepted.
#[derive(Clone, Debug)]
pub struct Replaying {
    range: ReplayRange,
    since: Millis,
    /// The subjects of which something was sent, and what last: what follows is queued behind it,
    /// and took its share of the pace when it was read.
    subjects: BTreeMap<Subject, Seq>,
    /// Events that were sent when they were read.
    read: u64,
}

impl Replaying {
    pub fn new(range: ReplayRange, since: Millis) -> Self {
        Self { range, since, subjects: BTreeMap::new(), read: 0 }
    }

    /// Whether nothing of the subject was sent yet: its first event is sent when it is read.
    pub fn is_new(&self, subject: Subject) -> bool {
        !self.subjects.contains_key(&subject)
    }

    pub fn sent(&mut self, seq: Seq, subject: Subject, is_delivered: bool, now: Millis) {
        let ReplayRange { after, to, only, per_second } = self.range;
        assert!(seq > after && seq <= to, "{seq} is outside of the replay of {after} to {to}");
        let is_asked_for = only == ReplayFilter::All || !is_delivered;
        assert!(is_asked_for, "{seq} was delivered, and a replay of what was not sends it");
        if let Some(last) = self.subjects.insert(subject, seq) {
            assert!(seq > last, "a replay sends {seq} after {last} of the same subject");
            return;
        }
        if let Some(rate) = per_second {
            let allowed = now.since(self.since) * u64::from(rate) / 1_000;
            assert!(self.read <= allowed, "{seq} is number {} of {rate} a second", self.read);
        }
        self.read += 1;
    }
}
