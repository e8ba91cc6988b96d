//! A desk under test, with a clock that stands still until it is moved.

use crate::guard::{CallbackUrl, Targets};
use crate::{
    Amendment, Answer, Availability, Command, Desk, HolderId, Lane, Memory, MemoryStore, Millis,
    Moment, Ordering, Reader, Reason, Registration, Reply, Report, Request, RetrySchedule,
    Rows as _, Secret, TicketId, TicketMessage, Webhook, WebhookId,
};

pub(in crate::engine::decide) const START: Millis = Millis(1_700_000_000_000);

/// A desk, its clock, and the requests in flight.
pub(in crate::engine::decide) struct Rig {
    pub desk: Desk<MemoryStore>,
    pub now: Millis,
    holder: HolderId,
    drawn: u8,
    pub flying: Vec<Request>,
    pub next_wake: Option<Millis>,
}

pub(in crate::engine::decide) fn status(status: u16) -> Answer {
    Answer::Status { status, retry_after: None, excerpt: String::new() }
}

pub(in crate::engine::decide) fn webhook(ordering: Ordering, waits_s: &[u32]) -> Registration {
    Registration {
        callback_url: CallbackUrl::parse("https://example.com/", &Targets::public()).unwrap(),
        secret: Secret::new([1; 32]),
        settings: Amendment {
            ordering: Some(ordering),
            retry_schedule: Some(RetrySchedule::parse(waits_s.to_vec()).unwrap()),
            ..Amendment::default()
        },
        partner: None,
    }
}

impl Rig {
    pub fn new() -> Self {
        let holder = HolderId::new(START, &[0; 16]);
        let desk = Desk::new(MemoryStore::default(), Memory::Kept).comparing();
        Self { desk, now: START, holder, drawn: 0, flying: Vec::new(), next_wake: None }
    }

    pub fn moment(&mut self) -> Moment {
        self.drawn = self.drawn.wrapping_add(1);
        Moment::new(self.now, [self.drawn; 16], self.holder)
    }

    pub fn run(&mut self, command: Command) -> Reply {
        let batch = [(command, self.moment()), (Command::Wake, self.moment())];
        let mut decided = self.desk.run(&batch).unwrap();
        self.next_wake = decided[1].next_wake;
        self.flying.extend(decided.iter_mut().flat_map(|decided| decided.requests.drain(..)));
        decided.remove(0).reply.unwrap()
    }

    pub fn register(&mut self, registration: Registration) -> WebhookId {
        let Reply::Registered(webhook) = self.run(Command::Register(registration)) else {
            panic!("not registered")
        };
        webhook.id
    }

    pub fn open(&mut self) -> TicketId {
        let message = TicketMessage::parse("help".to_owned()).unwrap();
        let Reply::Opened(id) = self.run(Command::OpenTicket { message }) else {
            panic!("not opened")
        };
        id
    }

    pub fn update(&mut self, id: TicketId) {
        let message = TicketMessage::parse("more".to_owned()).unwrap();
        self.run(Command::UpdateTicket { id, message });
    }

    pub fn announce(&mut self) {
        self.run(Command::Announce(Availability::Unavailable));
    }

    /// Ends the request that has been in flight longest.
    pub fn end(&mut self, answer: Answer) {
        let request = self.flying.remove(0);
        self.report(&request, answer);
    }

    pub fn report(&mut self, request: &Request, answer: Answer) {
        self.run(Command::Report(Report { key: request.key, duration_ms: 1, answer }));
    }

    /// The events in flight, by their position in the log.
    pub fn sent(&self) -> Vec<u64> {
        self.flying.iter().map(|request| request.key.seq.0).collect()
    }

    pub fn pass(&mut self, seconds: u64) {
        self.now = self.now.plus(seconds * 1_000);
        self.run(Command::Wake);
    }

    /// Another process on the same rows.
    pub fn restart(&mut self) {
        let store = self.desk.store().clone();
        self.desk = Desk::new(store, Memory::Kept).comparing();
        self.holder = HolderId::new(self.now, &[self.drawn; 16]);
        self.flying.clear();
        self.run(Command::Wake);
    }

    pub fn reasons(&self) -> Vec<(u64, u32, Reason)> {
        let attempts = self.desk.store().attempts();
        attempts.map(|a| (a.key.seq.0, a.key.number, a.reason)).collect()
    }

    pub fn row(&mut self, id: WebhookId) -> (Webhook, Reader) {
        self.desk.store_mut().webhook(id).unwrap().expect("it is registered")
    }

    pub fn backlog(&mut self, id: WebhookId) -> u64 {
        let (webhook, reader) = self.row(id);
        let log = self.desk.store_mut().log().unwrap();
        reader.backlog(&webhook, &log)
    }

    pub fn lanes(&mut self, webhook: WebhookId) -> Vec<Lane> {
        self.desk.store_mut().lanes(webhook, None, u32::MAX).unwrap()
    }
}
