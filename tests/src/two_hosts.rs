//! The smallest case of several hosts, in every order of its steps: two hosts over one database, one
//! webhook, and two events of one ticket, of which each step moves one host on by one, with each fault
//! that the database can have there.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use hookdesk_core::guard::{CallbackUrl, Targets};
use hookdesk_core::term::{Candidate, Leader};
use hookdesk_core::{
    Amendment, Answer, Command, Desk, Effects, Failure, HolderId, Memory, MemoryStore, Millis,
    Moment, Registration, Reply, Report, Request, RequestKey, Rows as _, RunError, Secret, Session,
    TicketMessage,
};

use crate::stores::{Connection, Disk, Write};

const START: Millis = Millis(1_750_000_000_000);
const LEASE: Duration = Duration::from_secs(5);
/// Turns of both hosts, a fifth of a lease apart, in which all is settled: what was lost is given up
/// after 45 s.
const MAX_ROUNDS: usize = 120;

/// A step of the case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A host goes on: it looks who leads, or decides, commits and sends.
    Turn(usize),
    /// The same, and it stands still after its commit, before it sends.
    Hold(usize),
    /// The same, and the commit's answer is lost.
    Lose(usize, Write),
    /// The receiver answers what came in first.
    Answer,
    /// Time passes, in which no host does anything.
    Pass(Duration),
}

impl Step {
    /// All that can come next. A host that takes no turn stands still.
    pub const ALL: [Self; 13] = [
        Self::Turn(0),
        Self::Turn(1),
        Self::Hold(0),
        Self::Hold(1),
        Self::Lose(0, Write::Done),
        Self::Lose(0, Write::Undone),
        Self::Lose(0, Write::Later { ms: 3_000, holds_row: true, is_cut: false }),
        Self::Lose(0, Write::Later { ms: 3_000, holds_row: false, is_cut: false }),
        Self::Lose(0, Write::Later { ms: 3_000, holds_row: false, is_cut: true }),
        Self::Answer,
        Self::Pass(Duration::from_secs(1)),
        Self::Pass(Duration::from_secs(4)),
        Self::Pass(Duration::from_secs(7)),
    ];
}

#[expect(clippy::large_enum_variant, reason = "there are two")]
enum Role {
    Leads(Session<Leader<Connection<MemoryStore>>>),
    Waits(Option<Candidate<Connection<MemoryStore>>>),
}

struct Host {
    name: &'static str,
    role: Role,
    holder: HolderId,
    /// What it is to send when it goes on.
    held: Vec<Request>,
}

/// A request that the receiver has.
struct Arrived {
    holder: HolderId,
    key: RequestKey,
}

/// The case, at some step.
pub struct TwoHosts {
    disk: Rc<RefCell<Disk<MemoryStore>>>,
    now: Millis,
    hosts: [Host; 2],
    arrived: Vec<Arrived>,
    /// The versions that the receiver has heard of.
    heard: BTreeSet<u32>,
    drawn: u32,
}

impl TwoHosts {
    /// The first host leads, and has sent the first of two events; the second waits behind it.
    ///
    /// # Panics
    /// If a rule is broken, as in all that follows.
    #[must_use]
    pub fn begin() -> Self {
        let disk = Rc::new(RefCell::new(Disk::new(MemoryStore::default(), START)));
        let host = |name| Host {
            name,
            role: Role::Waits(None),
            holder: HolderId::new(START, &[0; 16]),
            held: Vec::new(),
        };
        let hosts = [host("A"), host("B")];
        let (arrived, heard) = (Vec::new(), BTreeSet::new());
        let mut case = Self { disk, now: START, hosts, arrived, heard, drawn: 0 };
        case.step(Step::Turn(0));
        case.step(Step::Turn(1));
        let url = "https://receiver.example/hook";
        let callback_url = CallbackUrl::parse(url, &Targets::public()).expect("a good URL");
        case.call(Command::Register(Registration {
            callback_url,
            secret: Secret::new([9; 32]),
            settings: Amendment::default(),
            partner: None,
        }));
        let message = || TicketMessage::parse("late".to_owned()).expect("a good message");
        let replies = case.call(Command::OpenTicket { message: message() });
        let Some(Ok(Reply::Opened(id))) = replies.first() else { panic!("{replies:?}") };
        case.call(Command::UpdateTicket { id: *id, message: message() });
        case
    }

    /// Takes a step.
    pub fn step(&mut self, step: Step) {
        match step {
            Step::Turn(host) => self.turn(host, (Write::Holds, false)),
            Step::Hold(host) => self.turn(host, (Write::Holds, true)),
            Step::Lose(host, write) => self.turn(host, (write, false)),
            Step::Answer => self.answer(),
            Step::Pass(time) => {
                let ms = u64::try_from(time.as_millis()).expect("it is short");
                self.now = self.now.plus(ms);
                self.disk.borrow_mut().pass(self.now);
            }
        }
    }

    /// Both hosts go on without a fault: all is delivered in some time.
    pub fn end(mut self) {
        for _ in 0..MAX_ROUNDS {
            self.step(Step::Turn(0));
            self.step(Step::Turn(1));
            self.step(Step::Answer);
            self.step(Step::Pass(LEASE / 5));
            if self.is_settled() {
                break;
            }
        }
        assert!(self.is_settled(), "something is owed");
        assert_eq!(self.heard, BTreeSet::from([1, 2]), "all is heard");
    }

    /// Whether the desk owes nothing.
    fn is_settled(&self) -> bool {
        let disk = &mut *self.disk.borrow_mut();
        let rows = disk.store.webhooks(None, 1).expect("memory does not fail");
        let log = disk.store.log().expect("memory does not fail");
        let (webhook, reader) = rows.first().expect("a webhook was registered");
        (reader.backlog(webhook, &log), reader.in_flight()) == (0, 0)
    }

    /// The first host decides a call.
    fn call(&mut self, command: Command) -> Vec<Result<Reply, hookdesk_core::Refusal>> {
        let Role::Leads(session) = &mut self.hosts[0].role else { panic!("nobody leads") };
        session.call(command);
        let replies = self.decide(0, (Write::Holds, false));
        replies.expect("nothing fails")
    }

    fn turn(&mut self, index: usize, fault: (Write, bool)) {
        match self.hosts[index].role {
            Role::Waits(_) => self.wait(index),
            Role::Leads(_) => {
                self.go_on(index);
                let decided = self.decide(index, fault);
                if decided.is_err_and(|is_deposed| is_deposed) {
                    self.depose(index);
                } else if let Role::Leads(session) = &mut self.hosts[index].role
                    && !session.is_faulty()
                    && let Err(fault) = session.desk_mut().store_mut().renew()
                {
                    session.fail(self.now);
                    if fault.is_deposed() {
                        self.depose(index);
                    }
                }
            }
        }
    }

    fn wait(&mut self, index: usize) {
        let chance = drawn(&mut self.drawn);
        let other = self.may_send(1 - index);
        let host = &mut self.hosts[index];
        let Role::Waits(candidate) = &mut host.role else { return };
        if candidate.is_none() {
            *candidate =
                Candidate::new(Connection::new(&self.disk), host.name.to_owned(), LEASE).ok();
        }
        let Some(waiting) = candidate else { return };
        waiting.look().expect("the database is there");
        let Some(waiting) = candidate.take() else { return };
        match waiting.into_leader() {
            Ok(leader) => {
                assert!(!other, "two hosts lead at once");
                let session = Session::new(Desk::new(leader, Memory::Kept), Millis(0));
                host.holder = HolderId::new(self.now, &chance);
                host.role = Role::Leads(session);
            }
            Err(waiting) => *candidate = Some(*waiting),
        }
    }

    /// A leader that stood still cuts off what its lease has no time for, and sends the rest.
    fn go_on(&mut self, index: usize) {
        let holder = self.hosts[index].holder;
        let held = std::mem::take(&mut self.hosts[index].held);
        if self.may_send(index) {
            for request in held {
                self.send(index, &request);
            }
            return;
        }
        let its = self.arrived.extract_if(.., |arrived| arrived.holder == holder);
        let cut = its.map(|arrived| arrived.key).chain(held.iter().map(|request| request.key));
        let cut: Vec<_> = cut.collect();
        let Role::Leads(session) = &mut self.hosts[index].role else { return };
        for key in cut {
            let answer = Answer::Failure(Failure::Ours);
            session.report(Report { key, duration_ms: 0, answer });
        }
    }

    /// Decides and sends. The fault is whether the host is deposed.
    fn decide(
        &mut self,
        index: usize,
        (write, holds): (Write, bool),
    ) -> Result<Vec<Result<Reply, hookdesk_core::Refusal>>, bool> {
        let (now, host) = (self.now, &mut self.hosts[index]);
        let Role::Leads(session) = &mut host.role else { panic!("{} waits", host.name) };
        let database = session.desk_mut().store_mut().database_mut();
        (database.is_cut, database.next_writes) = (false, vec![write]);
        database.waited = Duration::ZERO;
        let (last, holder) = (&mut self.drawn, host.holder);
        let batch = session.batch(|| Moment::new(now, drawn(last), holder));
        let calls = batch.commands().iter().filter(|(of, _)| !is_own(of)).count();
        let committed = match session.run(batch, || now, Desk::run) {
            Ok(committed) => committed,
            Err(RunError::Store(fault)) => return Err(fault.is_deposed()),
            Err(RunError::Contended | RunError::Unanswered(_)) => return Err(false),
        };
        let Effects { replies, requests, .. } = Effects::of(committed, calls);
        if holds {
            host.held = requests;
        } else {
            for request in requests {
                self.send(index, &request);
            }
        }
        Ok(replies)
    }

    fn depose(&mut self, index: usize) {
        let holder = self.hosts[index].holder;
        self.arrived.retain(|arrived| arrived.holder != holder);
        self.hosts[index].held.clear();
        self.hosts[index].role = Role::Waits(None);
    }

    fn may_send(&self, index: usize) -> bool {
        let Role::Leads(session) = &self.hosts[index].role else { return false };
        session.desk().store().lease_end() > Duration::from_millis(self.now.0)
    }

    fn send(&mut self, index: usize, request: &Request) {
        let holder = self.hosts[index].holder;
        for other in (0..self.hosts.len()).filter(|other| *other != index) {
            let of = self.hosts[other].holder;
            let is_in_flight = self.arrived.iter().any(|arrived| arrived.holder == of);
            assert!(!(is_in_flight && self.may_send(other)), "two hosts send at once");
        }
        let of_ticket = |(name, _): &&(_, String)| *name == "hookdesk-ticket-version";
        let version = request.headers.iter().find(of_ticket).expect("events are about a ticket");
        let version: u32 = version.1.parse().expect("a version is a number");
        assert!((1..version).all(|earlier| self.heard.contains(&earlier)), "{version} came first");
        self.heard.insert(version);
        self.arrived.push(Arrived { holder, key: request.key });
    }

    /// The receiver's first request gets its answer, if whoever sent it waits for that.
    fn answer(&mut self) {
        if self.arrived.is_empty() {
            return;
        }
        let Arrived { holder, key } = self.arrived.remove(0);
        let sender = self.hosts.iter_mut().find(|host| host.holder == holder);
        if let Some(Host { role: Role::Leads(session), .. }) = sender {
            let answer = Answer::Status { status: 200, retry_after: None, excerpt: String::new() };
            session.report(Report { key, duration_ms: 20, answer });
        }
    }
}

/// Bytes that were not drawn before.
fn drawn(last: &mut u32) -> [u8; 16] {
    *last += 1;
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&last.to_be_bytes());
    bytes
}

fn is_own(command: &Command) -> bool {
    matches!(command, Command::Report(_) | Command::Wake)
}
