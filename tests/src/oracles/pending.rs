//! Which events are still to be delivered to a webhook, as far as calls and reports tell.

use std::collections::BTreeSet;

use hookdesk_core::Seq;

/// Events that are not settled for certain: all others are.
#[derive(Clone, Debug, Default)]
pub struct Pending {
    /// Those that the webhook hears ever since they were appended, or that were sent.
    certain: BTreeSet<Seq>,
    /// Those that it did not always hear: they were skipped, if they were read then.
    perhaps: BTreeSet<Seq>,
}

impl Pending {
    pub fn appended(&mut self, seq: Seq, is_heard: bool) {
        let of = if is_heard { &mut self.certain } else { &mut self.perhaps };
        of.insert(seq);
    }

    /// The subscription changed.
    pub fn subscribed(&mut self, is_heard: impl Fn(Seq) -> bool) {
        self.perhaps.extend(self.certain.extract_if(.., |seq| !is_heard(*seq)));
    }

    /// A request for it went out, in its turn.
    pub fn sent(&mut self, seq: Seq) {
        if self.perhaps.remove(&seq) {
            self.certain.insert(seq);
        }
    }

    /// It was delivered or abandoned.
    pub fn ended(&mut self, seq: Seq) {
        self.certain.remove(&seq);
        self.perhaps.remove(&seq);
    }

    /// Events up to the floor are deleted, and the next one perhaps expires.
    pub fn expired(&mut self, floor: Seq, next_expires: bool) {
        self.certain.retain(|seq| *seq > floor);
        self.perhaps.retain(|seq| *seq > floor);
        let next = floor.next();
        if next_expires && self.certain.remove(&next) {
            self.perhaps.insert(next);
        }
    }

    /// Nothing is in flight or waits, and what is to be sent was: all others were skipped, unless one
    /// `may_be_left` unread.
    pub fn rests(&mut self, may_be_left: impl Fn(Seq) -> bool) {
        if self.certain.is_empty() && !self.perhaps.iter().any(|seq| may_be_left(*seq)) {
            self.perhaps.clear();
        }
    }

    pub fn is_certain(&self, seq: Seq) -> bool {
        self.certain.contains(&seq)
    }

    pub fn is_possible(&self, seq: Seq) -> bool {
        self.perhaps.contains(&seq)
    }
}
