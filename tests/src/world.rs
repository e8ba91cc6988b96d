//! A simulated world around a desk: hosts, callers, receivers, clocks, and all their faults.
//!
//! A [`Plan`] determines a world, which is the same each time and over every store: the [`Trace`]
//! of one must be that of the others to the byte. After each step all rows are checked, each
//! request is checked as it is sent, and at the end the requests of every receiver are checked
//! against a reference model.

mod callers_replies;
mod calls;
mod expectations;
mod plan;
mod quiescence;
mod reference;
mod repeats;
mod sim_host;
mod sim_receivers;
mod situations;
mod trace;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use fastrand::Rng;
use hookdesk_core::incident::{Header, Recorder};
use hookdesk_core::{
    Amendment, Answer, Command, Committed, Desk, HolderId, Hosts, Limits, Memory, Millis, Moment,
    OrderingKey, Reason, Report, Request, Seq, Session, TicketId, Topic, Webhook, WebhookId,
};

use crate::invariants::{self, Witness};
use crate::stores::{Disk, Fate, Inspect, Recorded, StoredRows, Trouble, View, copy};
use calls::Callers;
use expectations::Expectation;
use reference::Reference;
use repeats::{Repeats, plain};
use sim_host::SimHost;
use sim_receivers::{RequestInFlight, receive};

pub use plan::{EVENT_BYTES, Odds, Plan};
pub use situations::Situations;
pub use trace::hex;

/// A line for each step: text for people, and a digest of all decisions.
pub type Trace = Vec<String>;

const START: Millis = Millis(1_700_000_000_000);

pub struct World<'a, S> {
    plan: Plan,
    rng: Rng,
    now: Millis,
    disk: Rc<RefCell<Disk<S>>>,
    /// When the store's fault ends.
    trouble_until: Millis,
    hosts: Vec<SimHost<S>>,
    memory: Memory,
    flying: Vec<RequestInFlight>,
    callers: Callers,
    model: Reference,
    repeats: Repeats,
    witness: Witness,
    /// Tickets and the version in the caller's response: their events must never be lost.
    acknowledged: BTreeMap<TicketId, u32>,
    /// Requests that a receiver processed without a response of success.
    untold: BTreeMap<(WebhookId, Seq), u32>,
    /// Replays and resends that callers were promised.
    promises: Vec<Expectation>,
    /// Requests that receivers processed.
    taken: BTreeMap<(WebhookId, Seq), u32>,
    /// The rows as they were last read, after `looked_at` commits.
    rows: StoredRows,
    looked_at: u64,
    /// Whether the hosts' clocks are the world's.
    clocks_are_right: bool,
    /// Whether calls may have keys.
    has_keys: bool,
    /// Whether each report reaches its host once, and at its time.
    reports_are_prompt: bool,
    /// Requests so far.
    sent: u64,
    /// Recordings of dead hosts, if hosts are recorded.
    files: Option<Vec<String>>,
    story: &'a mut Trace,
    situations: &'a mut Situations,
}

impl<'a, S: Inspect> World<'a, S>
where
    S::Fault: std::fmt::Debug,
{
    /// A world over `store`. Facts are cached only if there is one host.
    pub fn new(
        plan: &Plan,
        store: S,
        memory: Memory,
        story: &'a mut Trace,
        situations: &'a mut Situations,
    ) -> Self {
        let mut world = Self {
            plan: plan.clone(),
            rng: Rng::with_seed(!plan.seed),
            now: START,
            disk: Rc::new(RefCell::new(Disk { store, trouble: None, commits: 0 })),
            trouble_until: START,
            hosts: Vec::new(),
            memory: if plan.hosts > 1 { Memory::Dropped } else { memory },
            flying: Vec::new(),
            callers: Callers::default(),
            model: Reference::default(),
            repeats: Repeats::default(),
            witness: Witness::default(),
            acknowledged: BTreeMap::new(),
            untold: BTreeMap::new(),
            promises: Vec::new(),
            taken: BTreeMap::new(),
            rows: StoredRows::default(),
            looked_at: 0,
            clocks_are_right: plan.clocks_are_right(),
            has_keys: plan.odds.keyed > 0,
            reports_are_prompt: plan.odds.hang == 0 && plan.odds.doubled == 0,
            sent: 0,
            files: None,
            story,
            situations,
        };
        for name in ('A'..).take(plan.hosts as usize) {
            let host = world.start(name);
            world.hosts.push(host);
        }
        world
    }

    /// Runs the world to its end, and returns the recordings of all hosts that it had.
    pub fn record(mut self) -> Vec<String> {
        self.files = Some(Vec::new());
        for host in 0..self.hosts.len() {
            self.hosts[host] = self.start(self.hosts[host].name);
        }
        self.live();
        let of_hosts = self.hosts.into_iter().filter_map(|host| host.file);
        self.files.into_iter().flatten().chain(of_hosts).collect()
    }

    /// Runs the world to its end. A broken invariant panics, and leaves the trace so far.
    pub fn run(mut self) {
        self.live();
    }

    fn live(&mut self) {
        for _ in 0..self.plan.steps {
            self.step();
        }
        self.plan.calm();
        self.rest();
    }

    fn chance(&mut self, thousandths: u32) -> bool {
        self.rng.u32(0..1_000) < thousandths
    }

    fn tell(&mut self, what: impl std::fmt::Display) {
        self.story.push(format!("{:>9} ms  {what}", self.now.since(START)));
    }

    /// A host starts on the store.
    fn start(&mut self, name: char) -> SimHost<S> {
        let mut chance = [0; 16];
        self.rng.fill(&mut chance);
        let view =
            View { disk: Rc::clone(&self.disk), fate: Fate::Holds, stale: None, conflicts: 0 };
        let mut desk = Desk::new(Recorder::new(view), self.memory).with_limits(Limits {
            in_flight: self.plan.cap,
            hosts: if self.plan.hosts > 1 { Hosts::Several } else { Hosts::One },
            health: self.plan.health_policy(),
            retention: self.plan.retention(),
        });
        let ahead_ms = i64::from(self.rng.u32(0..=self.plan.skew_ms));
        let now = self.now;
        let begin = || Header::raw(1).line() + &desk.begin_recording(now, [0; 32], 0);
        let file = self.files.is_some().then(begin);
        SimHost {
            name,
            session: Session::new(desk, Millis(0)),
            file,
            recorded: 0,
            holder: HolderId::new(self.now, &chance),
            calls: Vec::new(),
            ahead_ms,
            hangs: None,
            doubtful: false,
        }
    }

    fn step(&mut self) {
        self.pass_time();
        self.trouble();
        let calls = self.plan.odds.call;
        while self.chance(calls) {
            let again = self.chance(self.plan.odds.again);
            let call =
                if again { self.once_more() } else { self.callers.call(&self.plan, &mut self.rng) };
            let Some(call) = call else { continue };
            self.repeats.asked(&call);
            let first = self.rng.usize(..self.hosts.len());
            // If a host does not respond, callers go to another.
            let (before, after) = self.hosts.split_at_mut(first);
            let mut hosts = after.iter_mut().chain(before);
            if let Some(host) = hosts.find(|host| host.hangs.is_none()) {
                host.calls.push(call);
            }
        }
        let host = self.rng.usize(..self.hosts.len());
        self.turn(host);
    }

    /// A call that resends or replays events, or stops a replay.
    fn once_more(&mut self) -> Option<Command> {
        let id = self.callers.pick_webhook(&mut self.rng)?;
        let event = self.rng.choice(&self.rows.events)?.id;
        let call = match self.rng.u32(0..6) {
            0 => Command::StopReplay { id },
            1 | 2 => Command::Resend { id, event },
            _ => {
                let call = calls::replay(&mut self.rng, id, event);
                calls::prepare(call, &mut self.disk.borrow_mut().store)?
            }
        };
        Some(calls::perhaps_keyed(&self.plan, &mut self.rng, call))
    }

    /// Advances the time: a little, or to when something is due.
    fn pass_time(&mut self) {
        let later = self.flying.iter().filter_map(|flying| flying.reported_at);
        let wakes = self.hosts.iter().filter_map(|host| host.wakes_at(self.now));
        let due = later.chain(wakes).filter(|at| *at > self.now).min();
        // Calls are repeated soon, or not at all.
        let due = due.filter(|at| at.since(self.now) < 3_600_000);
        self.now = match (self.rng.u32(0..10), due) {
            (0..=3, Some(due)) => due,
            (4..=6, _) => self.now.plus(self.rng.u64(0..=30)),
            (7, _) => self.now.plus(self.rng.u64(0..=20_000)),
            (_, _) => self.now,
        };
    }

    /// Faults of the store, of hosts and of their clocks.
    fn trouble(&mut self) {
        if self.now >= self.trouble_until {
            self.disk.borrow_mut().trouble = None;
        }
        let Odds { store_refuses, store_full, hang, clock_jumps, .. } = self.plan.odds;
        let (refuses, full) = (self.chance(store_refuses), self.chance(store_full));
        let host = self.rng.usize(..self.hosts.len());
        let (hangs, jumps) = (self.chance(hang), self.chance(clock_jumps));
        let for_ms = self.rng.u64(0..=60_000);
        if refuses || full {
            let trouble = if refuses { Trouble::Refuses } else { Trouble::Full };
            self.disk.borrow_mut().trouble = Some(trouble);
            self.trouble_until = self.now.plus(for_ms);
            self.tell(format!("the store: {trouble:?} for {for_ms} ms"));
            self.meet(if refuses { "store refuses" } else { "store is full" });
        } else if hangs && self.hosts[host].hangs.is_none() {
            let until = self.now.plus(for_ms);
            let stale = copy(&mut self.disk.borrow_mut().store);
            let host = &mut self.hosts[host];
            host.hangs = Some((until, host.clock(self.now)));
            // A single host caches facts, which no other can outdate.
            if self.plan.hosts > 1 {
                host.view().stale = Some(stale);
            }
            let name = host.name;
            self.tell(format!("{name} stands still for {for_ms} ms"));
            self.meet("host hangs");
        } else if jumps {
            let by_ms = i64::try_from(for_ms * for_ms / 500).unwrap_or(0);
            let back = self.rng.bool();
            let host = &mut self.hosts[host];
            host.ahead_ms += if back { -by_ms } else { by_ms };
            let name = host.name;
            self.tell(format!("{name}'s clock jumps by {by_ms} ms, back: {back}"));
            self.meet(if back { "clock jumps back" } else { "clock jumps ahead" });
        }
    }

    /// Notes a situation for all webhooks.
    fn meet(&mut self, what: &'static str) {
        for (webhook, reader) in self.witness.after.values() {
            self.situations.met(what, webhook, reader);
        }
    }

    fn meet_one(&mut self, what: &'static str, id: WebhookId) {
        if let Some((webhook, reader)) = self.witness.after.get(&id) {
            self.situations.met(what, webhook, reader);
        }
    }

    /// The host dies, with everything that it had not committed; a new one starts on the same
    /// store.
    fn crash(&mut self, host: usize) {
        let name = self.hosts[host].name;
        self.tell(format!("{name} dies"));
        self.meet("crash");
        let next = self.start(name);
        let dead = std::mem::replace(&mut self.hosts[host], next);
        if let Some(files) = &mut self.files {
            files.extend(dead.file);
        }
    }

    /// One turn of a host's loop: everything queued is decided and committed, then answered and
    /// sent; or a fault occurs in between.
    fn turn(&mut self, index: usize) {
        let Some(read_at) = self.awakes(index) else { return };
        self.hear_reports(index);
        let host = &mut self.hosts[index];
        let (calls, holder) = (std::mem::take(&mut host.calls), host.holder);
        for call in &calls {
            host.session.call(call.clone());
        }
        let rng = &mut self.rng;
        let batch = host.session.batch(|| {
            let mut chance = [0; 16];
            rng.fill(&mut chance);
            Moment { now: read_at, chance, holder }
        });
        let commands = batch.commands().to_vec();
        let Odds { commit_fails, commit_unknown, .. } = self.plan.odds;
        let fate = match (self.chance(commit_fails), self.chance(commit_unknown)) {
            (true, _) => Fate::Fails,
            (false, true) => Fate::Unknown,
            (false, false) => Fate::Holds,
        };
        let host = &mut self.hosts[index];
        (host.view().fate, host.view().conflicts) = (fate, 0);
        let decided = host.run(batch, host.clock(self.now));
        let View { stale, conflicts, .. } = host.view();
        *stale = None;
        let conflicts = *conflicts;
        self.note(index, &commands, fate, conflicts, decided.as_deref());

        let rows = self.look(&calls);
        let crash = self.plan.odds.crash;
        let (before, after) = (self.chance(crash), self.chance(crash));
        match decided {
            Some(_) if before => {
                self.crash(index);
                for call in calls {
                    self.unsure(&call);
                    self.repeat_under_key(call);
                }
            }
            Some(decided) => {
                self.acknowledge(&rows, &calls, &decided);
                self.witness.leave(&commands, &decided);
                if let Some(wake) = decided.last() {
                    invariants::fairness(&rows, holder, &wake.requests, self.plan.cap);
                }
                let cancels: Vec<_> = decided.iter().flat_map(|one| &one.cancels).collect();
                self.flying.retain(|f| f.holder != holder || !cancels.contains(&&f.webhook));
                for request in decided.iter().flat_map(|decided| &decided.requests) {
                    self.send(&rows, holder, request);
                }
                self.nothing_is_held(&rows);
                if after {
                    self.crash(index);
                }
            }
            None => self.failed(index, fate, calls),
        }
        self.rows = rows;
    }

    /// The current time by the host's clock, unless the host hangs.
    fn awakes(&mut self, index: usize) -> Option<Millis> {
        let host = &mut self.hosts[index];
        match host.hangs {
            Some((until, _)) if until > self.now => None,
            Some((_, read_at)) => {
                host.hangs = None;
                Some(read_at)
            }
            None => Some(host.clock(self.now)),
        }
    }

    /// Adds a batch to the trace.
    fn note(
        &mut self,
        index: usize,
        batch: &[(Command, Moment)],
        fate: Fate,
        conflicts: u32,
        decided: Option<&[Committed]>,
    ) {
        let name = self.hosts[index].name;
        self.tell(trace::batch(name, batch, fate, conflicts, decided));
        if conflicts > 0 {
            self.meet("host wakes to a conflict");
        }
        match fate {
            Fate::Holds => {}
            Fate::Fails => self.meet("commit fails"),
            Fate::Unknown => self.meet("commit of unknown fate"),
        }
    }

    /// A batch failed: its reports are kept, and callers may call again.
    fn failed(&mut self, index: usize, fate: Fate, calls: Vec<Command>) {
        let repeat = self.plan.odds.repeat;
        for call in calls {
            if fate == Fate::Unknown {
                self.unsure(&call);
            }
            if self.chance(repeat) {
                let other = self.rng.usize(..self.hosts.len());
                self.hosts[other].calls.push(call);
            }
        }
        self.hosts[index].doubtful |= fate == Fate::Unknown;
    }

    /// The result of a call is unknown.
    fn unsure(&mut self, call: &Command) {
        self.model.unsure(call);
        expectations::forget(&mut self.promises, plain(call));
    }

    /// Passes reports that are due to the host that sent the request, if it is still alive.
    fn hear_reports(&mut self, index: usize) {
        let now = self.now;
        let hosts: Vec<HolderId> = self.hosts.iter().map(|host| host.holder).collect();
        let holder = hosts[index];
        let is_due = |flying: &mut RequestInFlight| {
            let for_us = flying.holder == holder || !hosts.contains(&flying.holder);
            for_us && flying.reported_at.is_some_and(|at| at <= now)
        };
        for flying in self.flying.extract_if(.., is_due) {
            if flying.holder == holder {
                self.hosts[index].session.report(flying.report);
            }
        }
    }

    /// Reads all rows, if anything was committed since.
    fn look(&mut self, calls: &[Command]) -> StoredRows {
        let known = std::mem::take(&mut self.rows);
        let disk = Rc::clone(&self.disk);
        let disk = &mut *disk.borrow_mut();
        if disk.commits == self.looked_at {
            self.asked(calls, &known);
            self.witness.nothing_new();
            return known;
        }
        let StoredRows { events, attempts, .. } = known;
        let rows = StoredRows::of(&mut disk.store, events, &attempts);
        let gone = rows.events.iter().filter(|event| event.seq <= rows.log.floor);
        self.model.expire(gone);
        self.asked(calls, &rows);
        self.looked_at = disk.commits;
        self.witness.rows(&rows, self.plan.cap);
        self.count_given_up(&attempts, &rows.attempts);
        for (id, after) in &self.witness.after {
            if let Some(before) = self.witness.before.get(id) {
                self.situations.moved(before, after, self.now);
            }
        }
        for (ticket, version) in &self.acknowledged {
            let told = rows.events.iter().any(|event| {
                event.version == Some(*version) && event.topic == Some(Topic::Ticket(*ticket))
            });
            assert!(told, "{ticket} was acknowledged at version {version}, and nobody is told");
        }
        rows
    }

    /// Notes operators' calls of this batch, whatever their result.
    fn asked(&mut self, calls: &[Command], rows: &StoredRows) {
        for call in calls.iter().map(plain) {
            if let Command::Amend { id, settings: Amendment { events: Some(events), .. } } = call {
                self.witness.asked(rows, *id, events);
            }
            if let Command::Resend { id, event } = call {
                self.witness.hurried(*id, *event);
            }
        }
    }

    /// Counts requests that the desk gave up as lost.
    fn count_given_up(&mut self, before: &[Recorded], after: &[Recorded]) {
        for recorded in after.iter().filter(|recorded| recorded.reason == Reason::Lost) {
            if before.binary_search_by_key(&recorded.key, |known| known.key).is_err() {
                self.meet_one("given up as lost", recorded.key.webhook);
            }
        }
    }

    /// Every request that is in flight by the rows was really sent by a host, and is not reported
    /// yet. After a commit of unknown fate there may be more, which are given up in time.
    fn nothing_is_held(&self, rows: &StoredRows) {
        for host in self.hosts.iter().filter(|host| !host.doubtful) {
            let registered = |id: WebhookId| rows.partners.iter().any(|(one, ..)| one.id == id);
            let is_held = |f: &&RequestInFlight| f.holder == host.holder && !registered(f.webhook);
            // Another host may have unregistered it.
            let held = self.flying.iter().find(is_held).filter(|_| self.hosts.len() == 1);
            assert!(held.is_none(), "requests of nobody are in flight: {held:?}");
            let held = rows.partners.iter().filter(|(_, of, _)| of.holder == Some(host.holder));
            for (webhook, reader, _) in held {
                for slot in &reader.sending {
                    let is_it = |report: &Report| {
                        let key = report.key;
                        (key.webhook, key.seq, key.number) == (webhook.id, slot.seq, slot.number)
                    };
                    let sent =
                        self.flying.iter().any(|f| f.holder == host.holder && is_it(&f.report));
                    let heard = host.session.reports().iter().any(is_it);
                    let id = webhook.id;
                    assert!(sent || heard, "{id}: nobody sends {}, and it has a place", slot.seq);
                }
            }
        }
    }

    /// A request goes out, and its receiver handles it.
    fn send(&mut self, rows: &StoredRows, holder: HolderId, request: &Request) {
        let id = request.key.webhook;
        let found = rows.partners.iter().find(|(webhook, ..)| webhook.id == id);
        let Some((webhook, reader, _)) = found else { panic!("{id} is unknown, and is sent to") };
        let key = request.key;
        let slot = reader.sending.iter().find(|s| (s.seq, s.number) == (key.seq, key.number));
        let ordering_key = slot.map_or(OrderingKey::Resend(key.seq), |slot| slot.ordering_key);
        let clocks_are_right = self.clocks_are_right;
        if webhook.secrets.live(key.sent_at).nth(1).is_some() {
            self.meet_one("two secrets sign", id);
        }
        self.witness.request(rows, request, (webhook, reader), clocks_are_right);
        let twice = self
            .flying
            .iter()
            .find(|f| {
                let same = f.ordering_key == ordering_key || f.report.key.seq == key.seq;
                (f.webhook, f.holder) == (id, holder) && same
            })
            .filter(|flying| flying.reported_at.is_some_and(|at| at <= lost_at(flying, webhook)))
            .filter(|_| clocks_are_right && self.reports_are_prompt);
        assert!(twice.is_none(), "{id}: two in flight for {ordering_key}: {twice:?}");

        self.sent += 1;
        let timeout_ms = u64::from(request.timeout_ms);
        let since_ms = self.now.since(START);
        let received = receive(&self.plan, &mut self.rng, id, since_ms, timeout_ms);
        self.model.heard(request, received.taken);
        if received.taken {
            *self.taken.entry((id, key.seq)).or_default() += 1;
            if !matches!(received.answer, Answer::Status { status: 200, .. }) {
                *self.untold.entry((id, key.seq)).or_default() += 1;
            }
        }
        match &received.answer {
            Answer::Status { status: 410, .. } => self.meet_one("410", id),
            Answer::Failure(_) if received.taken => self.meet_one("heard, and we are not told", id),
            Answer::Status { .. } | Answer::Failure(_) => {}
        }
        let Odds { late, unreported, doubled, .. } = self.plan.odds;
        let (is_late, is_lost, is_doubled) =
            (self.chance(late), self.chance(unreported), self.chance(doubled));
        let late_ms = self.rng.u64(0..=60_000);
        let delay_ms = if is_late { late_ms } else { 0 };
        let report = Report { key, duration_ms: received.took_ms, answer: received.answer };
        let reported_at = (!is_lost).then(|| self.now.plus(received.took_ms + delay_ms));
        let flying = RequestInFlight { holder, webhook: id, ordering_key, reported_at, report };
        if is_lost {
            self.meet_one("report lost", id);
        }
        if is_doubled {
            self.meet_one("report twice", id);
            self.flying.push(flying.clone());
        }
        self.flying.push(flying);
    }
}

/// When the desk considers a request lost: after that it may send again.
fn lost_at(flying: &RequestInFlight, webhook: &Webhook) -> Millis {
    flying.report.key.sent_at.plus(u64::from(webhook.timeout_ms) + 30_000)
}
