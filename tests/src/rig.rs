//! A session that is driven step by step, for benchmarks of decisions: there is no host, and the clock
//! stands until it is moved.

use std::fmt::Debug;
use std::mem;

use hookdesk_core::guard::{CallbackUrl, Targets};
use hookdesk_core::{
    Amendment, Answer, Changes, Command, Commit, Desk, Effects, EventType, Expect, HolderId, Lane,
    Memory, MemoryStore, Millis, Moment, Put, Reader, Registration, Reply, Report, RequestKey,
    RetrySchedule, Rows, Secret, Session, Stamp, Store, Subscription, TicketId, TicketMessage,
    Webhook, WebhookId,
};

const START: Millis = Millis(1_750_000_000_000);
/// Webhooks that are copied at a time.
const COPIES: usize = 1_000;

/// A session over some store.
#[derive(Debug)]
pub struct Rig<S> {
    session: Session<S>,
    now: Millis,
    /// What was sent and is not reported.
    in_flight: Vec<RequestKey>,
    ticket: Option<TicketId>,
}

impl Rig<MemoryStore> {
    /// A desk in memory with one webhook, which hears of everything, and so many in all: the others
    /// hear nothing of tickets.
    #[must_use]
    pub fn beside(webhooks: usize) -> Self {
        let mut rig = Self::over(MemoryStore::default());
        rig.register(Amendment::default());
        rig.beside_copies(webhooks.saturating_sub(1))
    }

    /// A desk in memory whose webhook has so many lanes: events that failed and wait for an hour.
    #[must_use]
    pub fn with_lanes(lanes: usize) -> Self {
        let mut rig = Self::over(MemoryStore::default());
        let hour = RetrySchedule::parse(vec![3_600]).expect("a good schedule");
        rig.register(Amendment { retry_schedule: Some(hour), ..Amendment::default() });
        for _ in 0..lanes {
            // The success keeps the webhook from being down.
            for status in [404, 200] {
                rig.open_ticket();
                rig.answer(status);
            }
        }
        rig
    }

    /// The same with so many copies of its webhook, each with that one's lanes, which hear nothing
    /// of tickets.
    ///
    /// # Panics
    /// If the desk has no webhook.
    #[must_use]
    pub fn beside_copies(self, copies: usize) -> Self {
        let mut store = self.session.desk().store().clone();
        copy_webhook(&mut store, copies);
        let mut rig = Self { now: self.now, ..Self::over(store) };
        // Its facts are loaded at the first wake, and not where costs are measured.
        rig.run();
        rig
    }
}

impl<S: Store<Fault: Debug>> Rig<S> {
    pub fn over(store: S) -> Self {
        let session = Session::new(Desk::new(store, Memory::Kept), START);
        Self { session, now: START, in_flight: Vec::new(), ticket: None }
    }

    pub fn now(&self) -> Millis {
        self.now
    }

    /// When the desk is to be woken, if at all.
    pub fn next_wake(&self) -> Option<Millis> {
        self.session.next_wake()
    }

    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    pub fn register(&mut self, settings: Amendment) {
        let url = "https://receiver.example/hook";
        let callback_url = CallbackUrl::parse(url, &Targets::public()).expect("a good URL");
        let secret = Secret::new([9; 32]);
        self.session.call(Command::Register(Registration {
            callback_url,
            secret,
            settings,
            partner: None,
        }));
        self.run();
    }

    pub fn open_ticket(&mut self) {
        self.session.call(Command::OpenTicket { message: message() });
        self.run();
    }

    /// Updates the ticket that was opened last.
    ///
    /// # Panics
    /// If there is none.
    pub fn update_ticket(&mut self) {
        let id = self.ticket.expect("a ticket was opened");
        self.session.call(Command::UpdateTicket { id, message: message() });
        self.run();
    }

    /// What is in flight gets a response with this status, after 20 ms.
    pub fn answer(&mut self, status: u16) {
        self.report(20, |_| Answer::Status { status, retry_after: None, excerpt: String::new() });
    }

    /// What is in flight ends, after so many milliseconds.
    pub fn report(&mut self, duration_ms: u64, mut answer: impl FnMut(&RequestKey) -> Answer) {
        self.now = self.now.plus(duration_ms);
        for key in mem::take(&mut self.in_flight) {
            let answer = answer(&key);
            self.session.report(Report { key, duration_ms, answer });
        }
        self.run();
    }

    /// Lets time pass, and wakes the desk.
    pub fn wake_at(&mut self, now: Millis) {
        self.now = now.max(self.now);
        self.run();
    }

    /// One batch: what was queued, and a wake.
    ///
    /// # Panics
    /// If the store fails.
    pub fn run(&mut self) {
        let (now, holder) = (self.now, HolderId::new(START, &[7; 16]));
        let batch = self.session.batch(|| Moment::new(now, [3; 16], holder));
        let calls = batch.commands().len() - 1;
        let committed = self.session.run(batch, || now, Desk::run).expect("the store works");
        let effects = Effects::of(committed, calls);
        let opened = effects.replies.iter().find_map(|reply| match reply {
            Ok(Reply::Opened(id)) => Some(*id),
            _ => None,
        });
        self.ticket = opened.or(self.ticket);
        self.in_flight.extend(effects.requests.into_iter().map(|request| request.key));
    }
}

fn message() -> TicketMessage {
    TicketMessage::parse("My order is late".into()).expect("a good message")
}

/// Puts so many copies of the only webhook beside it, which hear of the service alone.
fn copy_webhook(store: &mut MemoryStore, copies: usize) {
    let Ok(webhooks) = store.webhooks(None, 1);
    let (webhook, reader) = webhooks.first().expect("one was registered");
    let Ok(lanes) = store.lanes(webhook.id, None, Lane::MAX);
    let events = Subscription::of([EventType::ServiceAvailable]);
    let idle = Webhook { events, ..webhook.clone() };
    let mut stamp = Stamp { at: webhook.created_at.plus(1), count: 0 };
    let ids: Vec<WebhookId> = (0..copies)
        .map(|_| {
            stamp = stamp.next(stamp.at);
            WebhookId::new(stamp, &[0; 16])
        })
        .collect();
    for ids in ids.chunks(COPIES) {
        let mut changes = Changes::default();
        for id in ids.iter().copied() {
            let expect = Expect::Absent;
            let row = Webhook { id, ..idle.clone() }.into();
            changes.webhooks.insert(id, Put { row: Some(row), expect });
            let row = Reader { webhook: id, ..reader.clone() };
            changes.readers.insert(id, Put { row: Some(row), expect });
            for lane in &lanes {
                let row = Lane { webhook: id, ..*lane };
                changes.lanes.insert((id, lane.ordering_key), Some(row));
            }
        }
        let Ok(committed) = store.commit(&changes);
        assert_eq!(committed, Commit::Done, "nobody else writes");
    }
}
