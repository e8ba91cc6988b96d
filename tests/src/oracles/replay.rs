//! What a replay may send, how fast, and what it must have sent at its end.

use std::collections::{BTreeMap, BTreeSet};

use hookdesk_core::{Millis, ReplayCount, ReplayFilter, ReplayRange, ReplayRun, Seq};
use serde_json::Value;

use super::health::Subject;

/// A replay that was accepted.
#[derive(Clone, Debug)]
pub struct Replaying {
    pub range: ReplayRange,
    counted: ReplayCount,
    since: Millis,
    /// Events that it must send, unless something happens to them before.
    promised: BTreeSet<Seq>,
    /// Events that it sent.
    begun: BTreeSet<Seq>,
    /// Events that it sent, as a caller was shown last.
    shown: u64,
    /// The subjects of which something was sent, and what last: what follows is queued behind it,
    /// and took its share of the pace when it was read.
    subjects: BTreeMap<Subject, Seq>,
    /// Events that were sent when they were read.
    read: u64,
}

impl Replaying {
    pub fn new(
        range: ReplayRange,
        counted: ReplayCount,
        promised: BTreeSet<Seq>,
        since: Millis,
    ) -> Self {
        Self {
            range,
            counted,
            since,
            promised,
            begun: BTreeSet::new(),
            shown: 0,
            subjects: BTreeMap::new(),
            read: 0,
        }
    }

    /// Events need not be sent: they are not for the webhook any more, or are sent anyway.
    pub fn releases(&mut self, is_released: impl Fn(Seq) -> bool) {
        self.promised.retain(|seq| !is_released(*seq));
    }

    pub fn has_begun(&self, seq: Seq) -> bool {
        self.begun.contains(&seq)
    }

    /// Events of its range that it did not send, and that are kept.
    pub fn ahead(&self, floor: Seq) -> u64 {
        let range = self.range.after.max(floor).0 + 1..=self.range.to.0;
        range.filter(|seq| !self.has_begun(Seq(*seq))).count() as u64
    }

    /// A request of it goes out.
    pub fn begins(&mut self, seq: Seq) {
        self.begun.insert(seq);
    }

    /// A caller looks at it.
    pub fn shows(&mut self, shown: &Value) {
        let ReplayRange { only, per_second, .. } = self.range;
        let ReplayCount { count, owed } = self.counted;
        assert_eq!((shown["count"].as_u64(), shown["owed"].as_u64()), (Some(count), Some(owed)));
        let name = if only == ReplayFilter::All { "all" } else { "undelivered" };
        assert_eq!(shown["only"].as_str(), Some(name));
        assert_eq!(shown["per_second"].as_u64(), per_second.map(u64::from));
        let started_at = shown["started_at"].as_str().and_then(Millis::parse);
        assert_eq!(started_at, Some(self.since), "when the replay began");
        self.shown = self.begun.len() as u64;
        assert_eq!(shown["sent"].as_u64(), Some(self.shown), "events sent by a replay");
    }

    /// A caller stopped it, and is shown what it came to.
    pub fn stopped(&self, run: &ReplayRun) {
        assert_eq!((run.range, run.counted), (self.range, self.counted));
        assert_eq!(run.sent, self.shown, "events sent by a replay that was stopped");
    }

    /// Returns how many events it had to send.
    pub fn ended(&self) -> usize {
        let left = self.promised.difference(&self.begun).next();
        assert_eq!(left, None, "a replay ends without an event that it counted");
        self.promised.len()
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
