//! A simulated world around a desk: callers, receivers, a clock, and all that goes wrong with them.
//!
//! A seed goes in, and a world comes out: how many callers and receivers, how often receivers fail,
//! hang or answer late, how often commits fail and hosts crash. The same seed makes the same world
//! over every store, and the [`Story`] of one must be that of the others to the byte.

use std::collections::BTreeMap;

use fastrand::Rng;
use hookdesk_core::guard::{CallbackUrl, Targets};
use hookdesk_core::{
    Amendment, Answer, Availability, Command, Decided, Desk, Event, EventType, Failure, HolderId,
    Memory, Millis, Moment, Ordering, Refusal, Registration, Reply, Report, Request, RetrySchedule,
    Secret, Seq, Subject, Subscription, TicketId, TicketMessage, WebhookId, WebhookStatus,
};

use crate::check::{self, Witness};
use crate::stores::{Fate, Faulty, Inspect, Rows};

/// What happened, step by step.
pub type Story = Vec<String>;

/// How a world is: drawn from its seed, so that each one has troubles of its own.
#[derive(Clone, Debug)]
pub struct Climate {
    steps: u32,
    webhooks: u32,
    tickets: usize,
    events: u64,
    cap: u32,
    /// Chances, in thousandths.
    call: u32,
    commit_fails: u32,
    commit_unknown: u32,
    crash: u32,
    unregister: u32,
    operate: u32,
    gone: u32,
    fails: u32,
    hangs: u32,
    unreported: u32,
    late: u32,
    ours: u32,
    /// Until when every receiver is away.
    away_ms: u64,
}

impl Climate {
    #[must_use]
    pub fn of(rng: &mut Rng) -> Self {
        // Each trouble is there in half of the worlds, and in them sometimes often.
        let mut trouble = |most: u32| if rng.bool() { 0 } else { rng.u32(0..=most) };
        let (commit_fails, commit_unknown, crash) = (trouble(100), trouble(60), trouble(100));
        let (unregister, gone, fails) = (trouble(30), trouble(20), trouble(600));
        let operate = trouble(300);
        let (hangs, unreported, late, ours) =
            (trouble(200), trouble(60), trouble(100), trouble(100));
        let away_ms = u64::from(trouble(120_000));
        Self {
            steps: rng.u32(40..160),
            // Mostly few; in some worlds many, for few places.
            webhooks: if rng.u32(0..24) == 0 { rng.u32(6..=12) } else { rng.u32(1..=5) },
            tickets: rng.usize(1..=8),
            events: rng.u64(5..=60),
            cap: rng.u32(1..=12),
            call: rng.u32(200..=700),
            commit_fails,
            commit_unknown,
            crash,
            unregister,
            operate,
            gone,
            fails,
            hangs,
            unreported,
            late,
            ours,
            away_ms,
        }
    }

    /// All trouble ends.
    fn calm(&mut self) {
        *self = Self {
            call: 0,
            commit_fails: 0,
            commit_unknown: 0,
            crash: 0,
            unregister: 0,
            operate: 0,
            gone: 0,
            fails: 0,
            hangs: 0,
            unreported: 0,
            late: 0,
            ours: 0,
            away_ms: 0,
            ..self.clone()
        };
    }
}

/// A request that a receiver has, and the report that will come of it.
#[derive(Debug)]
struct Flying {
    holder: HolderId,
    webhook: WebhookId,
    subject: Subject,
    /// When its end is reported: never, if the task that waits for it died.
    reported_at: Option<Millis>,
    report: Report,
}

pub struct World<S> {
    rng: Rng,
    climate: Climate,
    now: Millis,
    desk: Option<Desk<Faulty<S>>>,
    memory: Memory,
    holder: HolderId,
    queue: Vec<Command>,
    /// Reports whose batch was not committed.
    unheard: Vec<Report>,
    /// Whether this host had a commit of unknown fate.
    doubtful: bool,
    flying: Vec<Flying>,
    next_wake: Option<Millis>,
    tickets: Vec<TicketId>,
    webhooks: Vec<WebhookId>,
    /// Tickets and the version that a caller was told of: they must never be lost.
    acknowledged: BTreeMap<TicketId, u32>,
    witness: Witness,
    /// What receivers took in with a 2xx.
    taken: BTreeMap<(WebhookId, Seq), u32>,
    /// The log, as far as it was read.
    events: Vec<Event>,
    story: Story,
}

const START: Millis = Millis(1_700_000_000_000);

impl<S: Inspect> World<S>
where
    S::Fault: std::fmt::Debug,
{
    pub fn new(seed: u64, store: S, memory: Memory) -> Self {
        let mut rng = Rng::with_seed(seed);
        let climate = Climate::of(&mut rng);
        let mut world = Self {
            holder: HolderId::new(START, &[0; 16]),
            rng,
            climate,
            now: START,
            desk: None,
            memory,
            queue: Vec::new(),
            unheard: Vec::new(),
            doubtful: false,
            flying: Vec::new(),
            next_wake: None,
            tickets: Vec::new(),
            webhooks: Vec::new(),
            acknowledged: BTreeMap::new(),
            witness: Witness::default(),
            taken: BTreeMap::new(),
            events: Vec::new(),
            story: Vec::new(),
        };
        world.start(Faulty { store, fate: Fate::Holds });
        world
    }

    /// Runs the world to its end, and tells its story. A broken invariant panics.
    pub fn run(mut self) -> Story {
        for _ in 0..self.climate.steps {
            self.step();
        }
        self.climate.calm();
        self.rest();
        self.story
    }

    fn chance(&mut self, thousandths: u32) -> bool {
        self.rng.u32(0..1_000) < thousandths
    }

    /// A host starts on the store.
    fn start(&mut self, store: Faulty<S>) {
        let mut chance = [0; 16];
        self.rng.fill(&mut chance);
        self.holder = HolderId::new(self.now, &chance);
        let mut desk = Desk::new(store, self.memory);
        desk.limit_in_flight(self.climate.cap);
        self.desk = Some(desk);
        self.unheard.clear();
        self.doubtful = false;
        self.queue.clear();
    }

    /// The host dies, with all that it had not committed; a new one starts on what it left.
    fn crash(&mut self) {
        self.story.push("crash".to_owned());
        let desk = self.desk.take().expect("there is always a host");
        self.start(desk.into_store());
    }

    fn step(&mut self) {
        self.pass_time();
        let calls = self.climate.call;
        while self.chance(calls) {
            let command = self.call();
            self.queue.extend(command);
        }
        self.turn();
    }

    /// Time goes on: a little, or to when something is due.
    fn pass_time(&mut self) {
        let later = self.flying.iter().filter_map(|flying| flying.reported_at);
        let due = later.chain(self.next_wake).filter(|at| *at > self.now).min();
        self.now = match (self.rng.u32(0..10), due) {
            (0..=3, Some(due)) => due,
            (4..=6, _) => self.now.plus(self.rng.u64(0..=30)),
            (7, _) => self.now.plus(self.rng.u64(0..=20_000)),
            (_, _) => self.now,
        };
    }

    /// A call that somebody makes.
    fn call(&mut self) -> Option<Command> {
        let events = self.story.len() as u64;
        if self.webhooks.len() < self.climate.webhooks as usize && self.rng.u32(0..3) == 0 {
            return Some(self.registration());
        }
        let unregister = self.climate.unregister;
        if self.chance(unregister) && !self.webhooks.is_empty() {
            let id = self.webhooks[self.rng.usize(..self.webhooks.len())];
            return Some(Command::Unregister { id });
        }
        let operate = self.climate.operate;
        if self.chance(operate) {
            return self.operate();
        }
        if self.taken.len() as u64 + events > self.climate.events * 8 {
            return None;
        }
        let message =
            TicketMessage::parse(format!("m{}", self.rng.u16(..))).expect("a good message");
        let ticket =
            (!self.tickets.is_empty()).then(|| self.tickets[self.rng.usize(..self.tickets.len())]);
        Some(match (self.rng.u32(0..10), ticket) {
            (0, _) => Command::Ping,
            (1, _) => Command::Announce(Availability::Unavailable),
            (2, _) => Command::Announce(Availability::Available),
            (3, Some(id)) if self.tickets.len() > 1 => Command::CloseTicket { id },
            (_, Some(id)) if self.tickets.len() >= self.climate.tickets => {
                Command::UpdateTicket { id, message }
            }
            (4..=6, Some(id)) => Command::UpdateTicket { id, message },
            (_, _) => Command::OpenTicket { message },
        })
    }

    fn registration(&mut self) -> Command {
        let url = format!("https://receiver.example/{}", self.rng.u8(..));
        let waits = (0..self.rng.usize(0..=4)).map(|_| self.rng.u32(0..=20)).collect();
        let mut secret = [0; Secret::LENGTH];
        self.rng.fill(&mut secret);
        Command::Register(Registration {
            callback_url: CallbackUrl::parse(&url, &Targets::public()).expect("a good URL"),
            secret: Secret::new(secret),
            settings: Amendment {
                ordering: Some(self.ordering()),
                retry_schedule: Some(RetrySchedule::parse(waits).expect("a good schedule")),
                timeout_ms: Some(self.rng.u32(1_000..=10_000)),
                max_in_flight: Some(self.rng.u32(1..=6)),
                ..self.amendment()
            },
        })
    }

    fn ordering(&mut self) -> Ordering {
        Ordering::ALL[self.rng.usize(..Ordering::ALL.len())]
    }

    /// Some settings, most of them left as they are.
    fn amendment(&mut self) -> Amendment {
        let rng = &mut self.rng;
        let mut sometimes = || rng.u32(0..4) == 0;
        let (events, ordering, rate, window, paused) =
            (sometimes(), sometimes(), sometimes(), sometimes(), sometimes());
        let all = EventType::ALL;
        let some = |rng: &mut Rng| (0..4).map(|_| all[rng.usize(..all.len())]).collect::<Vec<_>>();
        Amendment {
            events: events.then(|| Subscription::of(some(&mut self.rng))),
            ordering: ordering.then(|| self.ordering()),
            rate_limit: rate.then(|| self.rng.bool().then(|| self.rng.u32(1..=20))),
            max_in_flight: window.then(|| self.rng.u32(1..=6)),
            paused: paused.then(|| self.rng.u32(0..3) == 0),
            ..Amendment::default()
        }
    }

    /// What an operator does to a webhook.
    fn operate(&mut self) -> Option<Command> {
        if self.webhooks.is_empty() {
            return None;
        }
        let id = self.webhooks[self.rng.usize(..self.webhooks.len())];
        Some(match self.rng.u32(0..4) {
            0 => Command::Enable { id },
            1 => Command::PingOne { id },
            _ => Command::Amend { id, settings: self.amendment() },
        })
    }

    /// One turn of the host's loop: everything queued is decided and committed, then answered and
    /// sent; or something goes wrong in between.
    fn turn(&mut self) {
        self.hear_reports();
        let calls = std::mem::take(&mut self.queue);
        let reports = self.unheard.iter().cloned().map(Command::Report);
        let commands: Vec<Command> =
            calls.iter().cloned().chain(reports).chain([Command::Wake]).collect();
        let batch: Vec<(Command, Moment)> =
            commands.into_iter().map(|command| (command, self.moment())).collect();
        let (fails, unknown) = (self.climate.commit_fails, self.climate.commit_unknown);
        let fate = match (self.chance(fails), self.chance(unknown)) {
            (true, _) => Fate::Fails,
            (false, true) => Fate::Unknown,
            (false, false) => Fate::Holds,
        };
        let desk = self.desk.as_mut().expect("there is always a host");
        desk.store_mut().fate = fate;
        let decided = desk.run(&batch);
        desk.store_mut().fate = Fate::Holds;
        self.story.push(format!("{} {fate:?} {decided:?}", self.now.0));

        let crash = self.climate.crash;
        let rows = self.rows();
        for call in &calls {
            if let Command::Amend { id, settings: Amendment { events: Some(events), .. } } = call {
                self.witness.asked(&rows, *id, events);
            }
        }
        self.look(&rows);
        match decided {
            Ok(_) if self.chance(crash) => self.crash(),
            Ok(decided) => {
                self.unheard.clear();
                self.next_wake = decided.last().and_then(|wake| wake.next_wake);
                self.acknowledge(&calls, &decided);
                self.witness.leave(&batch, &decided);
                if let Some(wake) = decided.last() {
                    check::fairness(&rows, &wake.requests, self.climate.cap);
                }
                let requests = decided.into_iter().flat_map(|decided| decided.requests);
                for request in requests.collect::<Vec<_>>() {
                    self.send(&rows, &request);
                }
                self.nothing_is_held(&rows);
                if self.chance(crash) {
                    self.crash();
                }
            }
            Err(_) => {
                self.doubtful |= fate == Fate::Unknown;
                self.next_wake = Some(self.now);
            }
        }
        self.events = rows.events;
    }

    fn moment(&mut self) -> Moment {
        let mut chance = [0; 16];
        self.rng.fill(&mut chance);
        Moment { now: self.now, chance, holder: self.holder }
    }

    /// Reports whose time has come reach the host that sent the request, if it still lives.
    fn hear_reports(&mut self) {
        let (now, holder) = (self.now, self.holder);
        let due = |flying: &mut Flying| flying.reported_at.is_some_and(|at| at <= now);
        for flying in self.flying.extract_if(.., due) {
            if flying.holder == holder {
                self.unheard.push(flying.report);
            }
        }
    }

    /// Callers hear what became of their calls, and what they hear must hold from here on.
    fn acknowledge(&mut self, calls: &[Command], decided: &[Decided]) {
        for (call, decided) in calls.iter().zip(decided) {
            match (&decided.reply, call) {
                (Ok(Reply::Opened(id)), _) => {
                    self.tickets.push(*id);
                    self.acknowledged.insert(*id, 1);
                }
                (Ok(Reply::Ticket(ticket)), _) => {
                    self.acknowledged.insert(ticket.id, ticket.version);
                }
                (Ok(Reply::Registered(webhook)), _) => self.webhooks.push(webhook.id),
                (Ok(Reply::Unregistered(id)), _) => {
                    self.webhooks.retain(|webhook| webhook != id);
                    self.witness.unregistered.insert(*id);
                }
                // A call whose commit was of unknown fate may have been carried out before.
                (Err(Refusal::UnknownWebhook), Command::Unregister { id }) => {
                    self.webhooks.retain(|webhook| webhook != id);
                }
                (Ok(Reply::Announced(_) | Reply::Webhook(_) | Reply::Noted) | Err(_), _) => {}
            }
        }
    }

    fn rows(&mut self) -> Rows {
        let desk = self.desk.as_mut().expect("there is always a host");
        Rows::of(&mut desk.store_mut().store, std::mem::take(&mut self.events))
    }

    fn look(&mut self, rows: &Rows) {
        self.witness.rows(rows, self.climate.cap);
        for (ticket, version) in &self.acknowledged {
            let told = rows.events.iter().any(|event| {
                event.version == Some(*version)
                    && event.topic == Some(hookdesk_core::Topic::Ticket(*ticket))
            });
            assert!(told, "{ticket} was acknowledged at version {version}, and nobody is told");
        }
    }

    /// What the desk thinks to be in flight, this host really sent, and has not heard of. After a
    /// commit of unknown fate there may be more, which is given up in time.
    fn nothing_is_held(&self, rows: &Rows) {
        if self.doubtful {
            return;
        }
        for (webhook, reader, _) in &rows.partners {
            for slot in &reader.sending {
                let sent = self.flying.iter().any(|flying| {
                    let key = flying.report.key;
                    let same = (key.webhook, key.seq, key.number);
                    flying.holder == self.holder && same == (webhook.id, slot.seq, slot.number)
                });
                assert!(sent, "{}: nobody sends {}, which holds its place", webhook.id, slot.seq);
            }
        }
    }

    /// A request goes out, and its receiver does what it does.
    fn send(&mut self, rows: &Rows, request: &Request) {
        let id = request.key.webhook;
        let found = rows.partners.iter().find(|(webhook, ..)| webhook.id == id);
        let Some((webhook, reader, _)) = found else { panic!("{id} is unknown, and is sent to") };
        let subject = Subject::of(rows.event(request.key.seq), reader.ordering);
        self.witness.request(rows, request, webhook, reader);
        let holder = self.holder;
        let twice = self
            .flying
            .iter()
            .find(|f| (f.webhook, f.subject, f.holder) == (id, subject, holder))
            .filter(|flying| flying.reported_at.is_some_and(|at| at <= lost_at(flying, webhook)));
        assert!(twice.is_none(), "{id}: two in flight for {subject}: {twice:?}");

        let timeout_ms = u64::from(request.timeout_ms);
        let (answer, took_ms) = self.receive(timeout_ms);
        if matches!(answer, Answer::Status { status: 200..=299, .. }) {
            *self.taken.entry((id, request.key.seq)).or_default() += 1;
        }
        let (late, unreported) = (self.climate.late, self.climate.unreported);
        let delay_ms = if self.chance(late) { self.rng.u64(0..=60_000) } else { 0 };
        let reported_at = (!self.chance(unreported)).then(|| self.now.plus(took_ms + delay_ms));
        let key = request.key;
        let report = Report { key, sent_at: request.sent_at, duration_ms: took_ms, answer };
        self.flying.push(Flying { holder, webhook: id, subject, reported_at, report });
    }

    /// What a receiver answers, and after how many milliseconds.
    fn receive(&mut self, timeout_ms: u64) -> (Answer, u64) {
        let waits = [None, Some("3"), Some("60"), Some("soon")];
        let retry_after = waits[self.rng.usize(..waits.len())].map(str::to_owned);
        let status = |status| Answer::Status { status, retry_after, excerpt: String::new() };
        let took_ms = self.rng.u64(0..=500);
        let away = self.now < START.plus(self.climate.away_ms);
        let Climate { hangs, gone, fails, ours, .. } = self.climate;
        if away {
            (Answer::Failure(Failure::Connect), 1)
        } else if self.chance(hangs) {
            (Answer::Failure(Failure::Timeout), timeout_ms)
        } else if self.chance(ours) {
            (Answer::Failure(Failure::Ours), took_ms)
        } else if self.chance(gone) {
            (status(410), took_ms)
        } else if self.chance(fails) {
            const STATUSES: [u16; 6] = [500, 503, 404, 302, 429, 400];
            (status(STATUSES[self.rng.usize(..STATUSES.len())]), took_ms)
        } else {
            (status(200), took_ms)
        }
    }

    /// With all trouble over, everything owed arrives in a bounded time, and all is quiet.
    fn rest(&mut self) {
        self.be_quiet();
        let rows = self.rows();
        for id in rows.partners.iter().map(|(webhook, ..)| webhook.id) {
            let settings = Amendment { paused: Some(false), ..Amendment::default() };
            self.queue.extend([Command::Enable { id }, Command::Amend { id, settings }]);
        }
        self.events = rows.events;
        self.be_quiet();
        self.at_rest();
    }

    fn be_quiet(&mut self) {
        for _ in 0..20_000 {
            self.turn();
            let later = self.flying.iter().filter_map(|flying| flying.reported_at);
            match later.chain(self.next_wake).min() {
                Some(at) => self.now = self.now.max(at),
                None => return,
            }
        }
        panic!("never quiet: {:?}", self.flying);
    }

    fn at_rest(&mut self) {
        let rows = self.rows();
        for (webhook, reader, lanes) in &rows.partners {
            assert!(reader.sending.is_empty(), "{} still sends at rest", webhook.id);
            match webhook.status {
                WebhookStatus::Active => {
                    let owed = reader.backlog(webhook, &rows.log);
                    assert_eq!(owed, 0, "{webhook:?} is owed: {reader:?} {lanes:?}");
                    assert!(lanes.is_empty());
                }
                WebhookStatus::Paused | WebhookStatus::Disabled { .. } => {
                    panic!("{} stays {:?}", webhook.id, webhook.status)
                }
            }
        }
        for recorded in &rows.attempts {
            if recorded.reason == hookdesk_core::Reason::Delivered {
                let key = (recorded.key.webhook, recorded.key.seq);
                assert!(self.taken.contains_key(&key), "{key:?} was delivered, and never arrived");
            }
        }
        let hours = self.now.since(START) / 3_600_000;
        assert!(hours < 24, "everything owed takes {hours} hours");
    }
}

/// When the desk gives up waiting for word of a request: after that it may send again.
fn lost_at(flying: &Flying, webhook: &hookdesk_core::Webhook) -> Millis {
    flying.report.sent_at.plus(u64::from(webhook.timeout_ms) + 30_000)
}
