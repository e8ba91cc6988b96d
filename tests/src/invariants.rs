//! The simulation's invariants, checked on the rows after each step and on each request as it is
//! sent.
//!
//! They are written against what the rows must mean, not against the code that makes them.

mod owed;

use std::collections::{BTreeMap, BTreeSet};

use hookdesk_core::{
    Command, Committed, Event, EventId, EventType, HolderId, Lane, Meaning, Millis, Moment,
    OrderingKey, Partner, Reader, Reason, Reply, Request, RequestKey, Secrets, Seq, Subscription,
    Webhook, WebhookId,
};

use crate::stores::{StoredRows, hears};
use owed::{Hashes, Owed};

/// What was seen so far, which rows alone do not tell.
#[derive(Debug, Default)]
pub struct Witness {
    /// Events that were delivered or given up, and stay so.
    settled: BTreeMap<(WebhookId, Seq), Reason>,
    /// Events that were sent once more, or are to be.
    repeated: BTreeSet<(WebhookId, Seq)>,
    /// Events that somebody wanted to go at once.
    hurried: BTreeSet<(WebhookId, Seq)>,
    /// The requests that the receiver acknowledged, by webhook.
    acknowledged: BTreeMap<WebhookId, usize>,
    /// Events whose request of this number did not reach a receiver that acknowledged another one
    /// since: they may go before their time.
    reachable: BTreeMap<(WebhookId, Seq), u32>,
    /// The request with which a replay began an event anew.
    anew: BTreeMap<(WebhookId, Seq), u32>,
    /// Events that a webhook did not want to hear of at some time before it read them.
    unwanted: BTreeSet<(WebhookId, Seq)>,
    /// Events that a webhook was past without hearing of them: for good.
    skipped: BTreeSet<(WebhookId, Seq)>,
    /// The last request for each event: its number, and what it carried.
    sent: BTreeMap<(WebhookId, Seq), (u32, String)>,
    /// Webhooks and their readers as they stood before the last batch, and as they stand.
    pub before: BTreeMap<WebhookId, (Webhook, Reader)>,
    pub after: BTreeMap<WebhookId, (Webhook, Reader)>,
    /// Webhooks whose unregistering was acknowledged.
    pub unregistered: BTreeSet<WebhookId>,
    hashes: Hashes,
}

impl Witness {
    /// Nothing goes to a webhook from the decision on that finds it paused or disabled.
    pub fn leave(&self, batch: &[(Command, Moment)], decided: &[Committed]) {
        let inactive = |(webhook, _): &(Webhook, Reader)| !webhook.is_active();
        let mut away: BTreeSet<WebhookId> =
            self.before.iter().filter(|(_, of)| inactive(of)).map(|(id, _)| *id).collect();
        for ((command, _), decided) in batch.iter().zip(decided) {
            if let Command::Report(report) = command
                && report.answer.meaning() == Meaning::Gone
                && self.after.get(&report.key.webhook).is_some_and(inactive)
                && self.before.get(&report.key.webhook).is_some_and(|(_, reader)| {
                    // A word about a request that is no longer in flight changes nothing.
                    reader.sends(report.key.seq, report.key.number)
                })
            {
                away.insert(report.key.webhook);
            }
            if let Ok(Reply::Webhook { webhook, .. }) = &decided.reply {
                if webhook.is_active() {
                    away.remove(&webhook.id);
                } else {
                    away.insert(webhook.id);
                }
            }
            for request in &decided.requests {
                let id = request.key.webhook;
                assert!(!away.contains(&id), "{id} is not active, and is sent to");
            }
        }
    }

    /// Somebody asked that an event go at once.
    pub fn hurried(&mut self, id: WebhookId, event: EventId) {
        self.hurried.insert((id, event.seq()));
    }

    /// Somebody asked that a webhook hear of these types only, be it for a moment between two others.
    pub fn asked(&mut self, rows: &StoredRows, id: WebhookId, events: &Subscription) {
        let unheard = |event: &&Event| !(event.kind.is_for_all() || events.names(event.kind));
        let unread = self.after.get(&id).map_or(Seq(0), |(_, reader)| reader.read_to);
        let unwanted = rows.events.iter().filter(|event| event.seq > unread).filter(unheard);
        self.unwanted.extend(unwanted.map(|event| (id, event.seq)));
    }

    pub fn is_settled(&self, webhook: WebhookId, seq: Seq) -> bool {
        self.settled.contains_key(&(webhook, seq))
    }

    /// Nothing was committed since the rows were checked.
    pub fn nothing_new(&mut self) {
        self.before.clone_from(&self.after);
    }

    /// Checks all rows.
    pub fn rows(&mut self, rows: &StoredRows, cap: u32) {
        let places: Vec<u64> = rows.events.iter().map(|event| event.seq.0).collect();
        assert!(places.iter().copied().eq(1..=rows.log.head.0), "the log has gaps: {places:?}");
        for recorded in &rows.attempts {
            if matches!(recorded.reason, Reason::Delivered | Reason::RetriesUsedUp) {
                let key = (recorded.key.webhook, recorded.key.seq);
                let settled = *self.settled.entry(key).or_insert(recorded.reason);
                let once = !self.repeated.contains(&key);
                assert!(!once || settled == recorded.reason, "{key:?} was settled otherwise");
            }
        }
        let lanes: usize = rows.webhooks.iter().map(|(_, _, lanes)| lanes.len()).sum();
        assert_eq!(rows.lanes, lanes, "lanes are left of webhooks that are unregistered");
        self.reached(rows);
        self.before = std::mem::take(&mut self.after);
        let mut in_flight: BTreeMap<Option<HolderId>, u32> = BTreeMap::new();
        for (webhook, reader, lanes) in &rows.webhooks {
            assert!(!self.unregistered.contains(&webhook.id), "{} came back", webhook.id);
            let known = self.before.get(&webhook.id);
            let revs = |(webhook, reader): &(Webhook, Reader)| (webhook.rev, reader.rev);
            // Revisions guard lanes too: all that can be new are events, and they are unread.
            if known.map(revs) != Some((webhook.rev, reader.rev)) {
                self.webhook(rows, webhook, reader, lanes);
            }
            *in_flight.entry(reader.holder).or_default() += reader.in_flight();
            self.after.insert(webhook.id, (webhook.clone(), reader.clone()));
        }
        for (holder, in_flight) in in_flight {
            assert!(in_flight <= cap, "{holder:?} has {in_flight} in flight, with a cap of {cap}");
        }
    }

    /// Notes what did not reach a receiver that has acknowledged something since the last look.
    fn reached(&mut self, rows: &StoredRows) {
        let mut acknowledged: BTreeMap<WebhookId, usize> = BTreeMap::new();
        for recorded in rows.attempts.iter().filter(|a| a.reason == Reason::Delivered) {
            *acknowledged.entry(recorded.key.webhook).or_default() += 1;
        }
        for recorded in rows.attempts.iter().filter(|a| a.reason == Reason::Unreachable) {
            let id = recorded.key.webhook;
            if acknowledged.get(&id) > self.acknowledged.get(&id) {
                self.reachable.insert((id, recorded.key.seq), recorded.key.number);
            }
        }
        self.acknowledged = acknowledged;
    }

    fn webhook(&mut self, rows: &StoredRows, webhook: &Webhook, reader: &Reader, lanes: &[Lane]) {
        let id = webhook.id;
        secrets(webhook);
        let before = self.before.get(&id).cloned();
        let (most, had) = before
            .as_ref()
            .map_or((0, 0), |(webhook, reader)| (webhook.max_in_flight, reader.in_flight()));
        let most = most.max(webhook.max_in_flight).max(had);
        assert!(reader.in_flight() <= most, "{id} beyond its window");
        assert_eq!(reader.waiting as usize, lanes.len(), "{id} miscounts its lanes");
        let passed = rows.events.iter().filter(|event| event.seq <= reader.read_to);
        assert_eq!(reader.tallies.counts(), counts(passed), "{id} miscounts what it has passed");

        let heads = heads(rows, reader, lanes);
        self.repeats(rows, reader, &heads);
        let replayed = replayed(rows, reader, &heads);
        let again = heads.keys().filter(|ordering_key| {
            matches!(ordering_key, OrderingKey::Resend(_) | OrderingKey::Cancelled(_))
        });
        let again = again.count();
        let (mut pending, mut unread) = (replayed + again as u64, 0);
        for event in rows.events.iter().filter(|event| hears(id, event.id)) {
            let settled = self.is_settled(id, event.seq);
            let place = place(rows, reader, &heads, event);
            assert!(!(settled && place.is_some()), "{id}: {} is done, and is {place:?}", event.seq);
            let was_wanted = before.as_ref().is_none_or(|(webhook, _)| webhook.hears(event));
            if !(was_wanted && webhook.hears(event)) {
                self.unwanted.insert((id, event.seq));
            }
            match place {
                Some(Place::Unread) => unread += u64::from(webhook.hears(event)),
                Some(Place::Head | Place::Behind) => pending += 1,
                None if settled || rows.is_gone_for(reader, event) => {}
                None => {
                    let unwanted = self.unwanted.contains(&(id, event.seq));
                    assert!(unwanted, "{id}: {} is lost", event.seq);
                    self.skipped.insert((id, event.seq));
                }
            }
        }
        assert_eq!(reader.pending, pending, "{id} miscounts what is pending");
        self.owed(rows, reader, &heads);
        let backlog = reader.backlog(webhook, &rows.log);
        assert_eq!(backlog, pending + unread, "{id} miscounts its backlog");
    }

    /// What it was owed in all, and what of it was let go, is on record: all that was read, bar what
    /// it did not want to hear of. Of what is gone some may have been either.
    fn owed(&mut self, rows: &StoredRows, reader: &Reader, heads: &Heads) {
        let id = reader.webhook;
        let attempts = rows.attempts.iter().filter(|attempt| attempt.key.webhook == id);
        let sent = attempts.map(|attempt| attempt.key.seq);
        let sent: BTreeSet<Seq> = sent.chain(reader.sending.iter().map(|slot| slot.seq)).collect();
        let (mut owed, mut expired, mut perhaps) = (Owed::default(), Vec::new(), 0);
        let read = rows.events.iter().filter(|event| event.seq <= reader.read_to);
        for event in read.filter(|event| hears(id, event.id)) {
            let is_gone = rows.is_gone_for(reader, event) && !self.is_settled(id, event.seq);
            let is_there = place(rows, reader, heads, event).is_some();
            let is_sent = sent.contains(&event.seq);
            // What was sent once was wanted, if it was not sent for a resend or a replay.
            let is_sure = is_sent && !self.repeated.contains(&(id, event.seq));
            if is_gone && self.unwanted.contains(&(id, event.seq)) && !is_sure {
                perhaps += 1;
            } else if is_sent || is_there || is_gone {
                owed.add(event.id, &mut self.hashes);
                expired.extend(is_gone.then_some(event.id));
            }
        }
        let certain = expired.len() as u64;
        let on_record = reader.expired.map_or(0, |expired| expired.count);
        let possible = certain..=certain + perhaps;
        assert!(possible.contains(&on_record), "{id}: {on_record} expired, of {possible:?}");
        if perhaps == 0 {
            let told = (reader.owed.count, reader.owed.digest.to_string());
            assert_eq!(told, (owed.count, owed.digest()), "{id} miscounts what it was owed");
            let bounds = reader.expired.map(|expired| (expired.from, expired.to));
            let ends = expired.first().copied().zip(expired.last().copied());
            assert_eq!(bounds, ends, "{id}: what expired, from and to");
        }
        assert_eq!(reader.owed.after, None, "{id} is owed all from the start");
        let is_counted = |through| owed.through <= Some(through);
        assert!(reader.owed.through.map_or(owed.count == 0, is_counted), "{id}: owed through");
    }

    /// What is sent once more is settled, and the counts of it are right.
    fn repeats(&mut self, rows: &StoredRows, reader: &Reader, heads: &Heads) {
        let id = reader.webhook;
        for (ordering_key, (head, _)) in heads {
            if !matches!(ordering_key, OrderingKey::Live(_)) {
                self.repeated.insert((id, *head));
                let owed = place(rows, reader, heads, rows.event(*head));
                assert!(
                    owed.is_none(),
                    "{id}: {head} is owed as {owed:?}, and is in {ordering_key}"
                );
            }
        }
        let waiting = heads.keys().filter(|ordering_key| ordering_key.is_replay()).count();
        let sending = reader.sending.iter().filter(|slot| slot.ordering_key.is_replay()).count();
        assert_eq!(reader.replay.waiting as usize, waiting - sending, "{id} miscounts its replay");
        assert_eq!(reader.replay.pending, replayed(rows, reader, heads), "{id} miscounts it");
    }

    /// Checks a request that is about to be sent, with the rows as they were committed.
    pub fn request(
        &mut self,
        rows: &StoredRows,
        request: &Request,
        (webhook, reader): (&Webhook, &Reader),
        clocks_are_right: bool,
    ) {
        let RequestKey { webhook: id, seq, number, sent_at } = request.key;
        assert!(!self.unregistered.contains(&id), "{id} was unregistered, and is sent to");
        let event = rows.event(seq);
        let slot = reader.sending.iter().find(|slot| (slot.seq, slot.number) == (seq, number));
        let slot = slot.expect("what is sent has a place");
        let ordering_key = slot.ordering_key;
        let is_live = matches!(ordering_key, OrderingKey::Live(_));
        let is_done = |seq| self.is_settled(id, seq) || self.skipped.contains(&(id, seq));
        assert!(is_live != is_done(seq), "{id}: {seq} of {ordering_key} is done: {}", !is_live);
        for earlier in &rows.events[..rows.events.partition_point(|e| e.seq < seq)] {
            let same = is_live && OrderingKey::of(earlier, reader.ordering) == ordering_key;
            let is_kept = !rows.is_gone_for(reader, earlier);
            let owed = is_kept && hears(id, earlier.id) && !is_done(earlier.seq);
            assert!(!(same && owed), "{id}: {seq} is sent while {} is owed", earlier.seq);
        }
        let signed = format!("{} {}", event.id, event.body);
        let last = self.sent.insert((id, seq), (number, signed.clone()));
        if let Some((last, before)) = last {
            assert!(number > last, "{id}: {seq} has request {number} after {last}");
            assert_eq!(signed, before, "{id}: {seq} changed between attempts");
        }
        let due = rows.attempts.iter().filter(|a| (a.key.seq, a.key.webhook) == (seq, id));
        let reachable = self.reachable.get(&(id, seq)).copied().unwrap_or(0);
        // Whatever it waited for in a replay that was stopped, another one begins with it anew.
        let is_anew = ordering_key.is_replay() && slot.step == 0;
        if is_anew {
            self.anew.insert((id, seq), number);
        }
        let anew = self.anew.get(&(id, seq)).copied().unwrap_or(0);
        let due = due.filter(|a| (anew.max(reachable + 1)..number).contains(&a.key.number));
        let due = due.filter_map(|a| a.next_attempt_at).max();
        let hurried = is_anew || self.hurried.contains(&(id, seq));
        let early = clocks_are_right && !hurried && due.is_some_and(|due| sent_at < due);
        assert!(!early, "{id}: {seq} is sent too early");
        headers(request, webhook, event);
    }
}

fn headers(request: &Request, webhook: &Webhook, event: &Event) {
    let header = |name: &str| {
        let found = request.headers.iter().find(|(of, _)| *of == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    };
    assert_eq!(request.body, event.body);
    assert_eq!(header("webhook-id"), event.id.to_string());
    assert_eq!(header("hookdesk-attempt"), request.key.number.to_string());
    let seconds = request.key.sent_at.unix_seconds();
    assert_eq!(header("webhook-timestamp"), seconds.to_string());
    let signatures: Vec<String> =
        header("webhook-signature").split(' ').map(str::to_owned).collect();
    assert_eq!(
        signatures,
        signed(webhook, event, request.key.sent_at),
        "by secrets that are live then"
    );
}

/// The signatures that a request has: by every secret that has not ended, from the newest id down.
fn signed(webhook: &Webhook, event: &Event, at: Millis) -> Vec<String> {
    let all: BTreeMap<_, _> = webhook.secrets.stored().map(|one| (one.id, one)).collect();
    let mut signatures = Vec::new();
    for one in all.into_values().rev() {
        match one.ends_at {
            Some(end) if end <= at => {}
            Some(_) | None => {
                let signature = one.secret.signature(event.id, at.unix_seconds(), &event.body);
                signatures.push(signature);
            }
        }
    }
    signatures
}

/// Secrets of a webhook whose rows are as given: one has no end, and no more live than may.
fn secrets(webhook: &Webhook) {
    let ends: Vec<_> = webhook.secrets.stored().map(|one| one.ends_at).collect();
    let endless = ends.iter().filter(|end| end.is_none()).count();
    assert!(endless == 1 && ends.len() <= Secrets::MAX, "{}: secrets end {ends:?}", webhook.id);
}

/// A webhook takes a place only while it, or all webhooks of its partner, have fewer in flight than the
/// process has free: checked on the requests of a wake, in their order, after which the rows are as
/// given.
pub fn fairness(rows: &StoredRows, holder: HolderId, requests: &[Request], cap: u32) {
    let held = rows.webhooks.iter().filter(|(_, reader, _)| reader.holder == Some(holder));
    let share_of = |id: WebhookId| {
        let row = rows.webhooks.iter().find(|(webhook, ..)| webhook.id == id);
        let partner = row.and_then(|(webhook, ..)| webhook.partner);
        partner.map_or(Share::Webhook(id), Share::Partner)
    };
    let mut in_flight: BTreeMap<Share, u32> = BTreeMap::new();
    for (webhook, reader, _) in held {
        *in_flight.entry(share_of(webhook.id)).or_default() += reader.in_flight();
    }
    for request in requests {
        in_flight.entry(share_of(request.key.webhook)).and_modify(|count| *count -= 1);
    }
    for request in requests {
        let free = cap - in_flight.values().sum::<u32>();
        let share = share_of(request.key.webhook);
        let count = in_flight.entry(share).or_default();
        assert!(*count < free, "{share:?} takes a place with {count} in flight and {free} free");
        *count += 1;
    }
}

/// Whose places they are together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Share {
    Webhook(WebhookId),
    Partner(Partner),
}

type Heads = BTreeMap<OrderingKey, (Seq, Option<Seq>)>;

/// Events by type, without those that are for one webhook only.
fn counts<'a>(events: impl Iterator<Item = &'a Event>) -> Vec<u64> {
    let mut counts = vec![0; EventType::ALL.len()];
    for event in events.filter(|event| event.only_for.is_none()) {
        counts[event.kind as usize] += 1;
    }
    counts
}

/// Each ordering key is there at most once, and each event heads one at most, of its own kind.
fn heads(rows: &StoredRows, reader: &Reader, lanes: &[Lane]) -> Heads {
    let id = reader.webhook;
    let slots = reader.sending.iter().map(|s| (s.ordering_key, s.seq, s.last_queued));
    let waiting = lanes.iter().map(|lane| (lane.ordering_key, lane.head, lane.last_queued));
    let (mut heads, mut seqs) = (Heads::new(), BTreeSet::new());
    for (ordering_key, head, last_queued) in slots.chain(waiting) {
        let twice = heads.insert(ordering_key, (head, last_queued));
        assert!(twice.is_none(), "{id}: {ordering_key} is twice, at {head} and {twice:?}");
        assert!(seqs.insert(head), "{id}: {head} is in two places");
        assert!(
            is_of(rows.event(head), reader, ordering_key),
            "{id}: {head} is not of {ordering_key}"
        );
        assert!(head > rows.log.floor, "{id} wants {head}, which is gone");
    }
    assert!(reader.read_to >= rows.log.floor, "{id} stands below the floor");
    heads
}

fn is_of(event: &Event, reader: &Reader, ordering_key: OrderingKey) -> bool {
    match ordering_key {
        OrderingKey::Live(_) => OrderingKey::of(event, reader.ordering) == ordering_key,
        OrderingKey::Resend(seq) | OrderingKey::Cancelled(seq) => event.seq == seq,
        OrderingKey::Replay(_) => OrderingKey::replayed(event, reader.ordering) == ordering_key,
    }
}

/// Events that a replay has read and is not done with.
fn replayed(rows: &StoredRows, reader: &Reader, heads: &Heads) -> u64 {
    let replays = heads.iter().filter(|(ordering_key, _)| ordering_key.is_replay());
    let counts = replays.map(|(ordering_key, (head, last_queued))| {
        let last = last_queued.unwrap_or(*head);
        let events = rows.events.iter().filter(|event| (*head..=last).contains(&event.seq));
        events.filter(|event| is_of(event, reader, *ordering_key)).count() as u64
    });
    counts.sum()
}

/// Where an event stands for a webhook that has not settled it.
#[derive(Clone, Copy, Debug)]
enum Place {
    Unread,
    Head,
    Behind,
}

fn place(rows: &StoredRows, reader: &Reader, heads: &Heads, event: &Event) -> Option<Place> {
    if event.seq > reader.read_to {
        return Some(Place::Unread);
    }
    let ordering_key = OrderingKey::of(event, reader.ordering);
    let (head, last_queued) = heads.get(&ordering_key)?;
    if let Some(last_queued) = last_queued {
        assert!(
            last_queued > head && *last_queued <= reader.read_to,
            "behind {last_queued} of {head}"
        );
        assert_eq!(OrderingKey::of(rows.event(*last_queued), reader.ordering), ordering_key);
    }
    if event.seq == *head {
        Some(Place::Head)
    } else {
        last_queued.filter(|last| event.seq > *head && event.seq <= *last).map(|_| Place::Behind)
    }
}
