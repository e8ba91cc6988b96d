//! A request as it goes out: whether it may, and what it carries.

use hookdesk_core::{Event, HolderId, Ordering, Quotas, Request};

use super::{Flying, Places, Status, Watched, count, kind, row};
use crate::oracles::health::{Kind, Subject};
use crate::oracles::pace::{Due, Waiting};
use crate::stores::StoredRows;

impl Watched {
    /// A request goes out, with these places in the process.
    pub fn sent(
        &mut self,
        rows: &StoredRows,
        request: &Request,
        quotas: &Quotas,
        (holder, places): (HolderId, &Places),
    ) {
        let (id, now) = (self.settings.id, request.key.sent_at);
        let (seq, number) = (request.key.seq, request.key.number);
        assert_eq!(self.status, Status::Active, "{id} is not active, and {seq} is sent");
        assert!(self.has_room(places), "{id}: {seq} is sent beyond the window {:?}", self.window);
        if !self.flying.is_empty() {
            self.judged.add("place in the window");
        }
        let from = self.pace.sends_from();
        assert!(now >= from, "{id}: {seq} is sent {} ms too early", from.since(now));
        if let Some((_, next)) = self.health.down {
            self.judged.add("probe");
            assert!(!self.probes(), "{id} is down, and {seq} is a second probe");
            assert!(now >= next, "{id} is probed {} ms too early", next.since(now));
        }
        let waited = self.waiting.contains_key(&seq);
        let steps = match self.waiting.remove(&seq) {
            Some(Waiting { due, .. }) => {
                self.judged.add("retry");
                let is_due = |due: &&Due| due.at <= now;
                assert!(due.iter().any(|due| is_due(&due)), "{id}: {seq} is early: {due:?}");
                due.iter().filter(is_due).map(|due| due.step).collect()
            }
            None => vec![0],
        };
        self.carries(rows.event(seq), request);
        let (_, reader, _) = row(rows, &self.settings);
        let slot = reader.sending.iter().find(|slot| (slot.seq, slot.number) == (seq, number));
        let kind = kind(slot.expect("what is sent is in flight").ordering_key);
        let subject = subject(rows.event(seq), kind, reader.ordering);
        let is_read =
            kind == Kind::Replay && self.replay.as_ref().is_some_and(|of| of.is_new(subject));
        if !waited && (is_read || self.knows_all_lanes()) {
            self.is_within_lanes(quotas, kind);
        }
        if kind == Kind::Live {
            self.pending.sent(seq);
        }
        if let Some(replay) = self.replay.as_mut().filter(|_| kind == Kind::Replay) {
            replay.begins(seq);
        }
        if kind == Kind::Replay && !waited {
            self.judged.add("replayed event");
            let before = self.flying.values().find(|of| of.subject == subject);
            assert!(before.is_none(), "{id}: {seq} is replayed beside {before:?}");
            let replay = self.replay.as_mut();
            let replay = replay.unwrap_or_else(|| panic!("{id}: {seq} is of no replay"));
            replay.sent(seq, subject, self.delivered.contains(&seq), now);
        }
        let is_probe = self.health.down.is_some();
        let flying = Flying { holder, sent_at: now, subject, kind, steps, is_probe };
        self.flying.insert((seq, number), flying);
        if self.settings.rate_limit.is_some() {
            self.judged.add("rate limit");
        }
        self.pace.sent(self.settings.rate_limit, now);
    }

    /// An event is read only while lanes are left, and for a replay while some of its own are.
    fn is_within_lanes(&mut self, quotas: &Quotas, kind: Kind) {
        self.judged.add("new event within lanes");
        assert!(self.lanes_left(quotas) > 0, "{}: an event is read", self.settings.id);
        if kind == Kind::Replay {
            let replayed = self.waiting.values().filter(|waiting| waiting.kind == kind);
            let has_lane = count(replayed.count()) < quotas.replay_lanes;
            assert!(has_lane, "{}: an event of a replay is read", self.settings.id);
        }
    }

    /// A request has the settings and signatures that replies showed.
    fn carries(&self, event: &Event, request: &Request) {
        let id = self.settings.id;
        assert_eq!(request.public_only, self.settings.partner.is_some(), "{id}");
        assert_eq!(request.url, self.settings.callback_url, "{id}");
        assert_eq!(request.timeout_ms, self.settings.timeout_ms, "{id}");
        let signatures = self.secrets.signatures(event, request.key.sent_at);
        let has = |name: &str, value: &str| {
            request.headers.iter().any(|(of, is)| *of == name && is == value)
        };
        assert!(has("webhook-signature", &signatures), "{id}: {:?}", request.headers);
        for (name, value) in self.settings.headers.as_slice() {
            assert!(has(name, value), "{id}: {name} is missing");
        }
    }
}

/// What a request is one of.
fn subject(event: &Event, kind: Kind, ordering: Ordering) -> Subject {
    match (kind, ordering, event.topic) {
        (Kind::Live | Kind::Replay, Ordering::Webhook, _) => Subject::All(kind),
        (Kind::Live | Kind::Replay, Ordering::Ticket, Some(topic)) => Subject::Topic(kind, topic),
        (_, _, _) => Subject::Event(kind, event.seq.0),
    }
}
