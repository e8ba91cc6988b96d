//! A simulated world around a desk: hosts, callers, receivers, clocks, and all their faults.
//!
//! A [`Plan`] determines a world, which is the same each time and over every store: the [`Trace`]
//! of one must be that of the others to the byte. After each step all rows are checked, and the
//! [oracles](crate::oracles) judge requests, replies and what the desk shows; at the end the requests
//! of every receiver are checked against a reference model.

mod callers_replies;
mod calls;
mod expectations;
mod faults;
mod key_holder_reads;
mod key_holders;
mod looking;
mod operators;
mod quiescence;
mod reference;
mod repeats;
mod replay_call;
mod sending;
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
    CallSource, Command, Committed, Desk, HolderId, Hosts, Limits, Memory, Millis, Moment, Seq,
    Session, TicketId, WebhookId,
};

use crate::invariants::{self, Witness};
use crate::oracles::Oracles;
use crate::plan::{Odds, Plan};
use crate::stores::{Disk, Fate, Inspect, StoredRows, View};
use calls::Callers;
use expectations::Expectation;
use key_holders::Call;
use reference::Reference;
use repeats::{Repeats, plain};
use sim_host::SimHost;
use sim_receivers::RequestInFlight;

pub use replay_call::ReplayCall;
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
    /// How far a host's clock was ahead, at most.
    furthest_ahead_ms: i64,
    hosts: Vec<SimHost<S>>,
    memory: Memory,
    flying: Vec<RequestInFlight>,
    callers: Callers,
    model: Reference,
    repeats: Repeats,
    witness: Witness,
    oracles: Oracles,
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
    /// The plan before all faults ended.
    drawn: Plan,
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
            furthest_ahead_ms: 0,
            hosts: Vec::new(),
            memory: if plan.hosts > 1 { Memory::Dropped } else { memory },
            flying: Vec::new(),
            callers: Callers::default(),
            model: Reference::default(),
            repeats: Repeats::default(),
            witness: Witness::default(),
            oracles: Oracles::new(plan),
            acknowledged: BTreeMap::new(),
            untold: BTreeMap::new(),
            promises: Vec::new(),
            taken: BTreeMap::new(),
            rows: StoredRows::default(),
            looked_at: 0,
            drawn: plan.clone(),
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
        let desk = Desk::new(Recorder::new(view), self.memory);
        // What a recorded host asks of its store is recorded.
        let desk = if self.files.is_some() { desk } else { desk.comparing() };
        let mut desk = desk.with_limits(Limits {
            in_flight: self.plan.cap,
            hosts: if self.plan.hosts > 1 { Hosts::Several } else { Hosts::One },
            health: self.plan.health_policy(),
            retention: self.plan.retention(),
            quotas: self.plan.quotas,
            webhooks_per_partner: self.plan.webhooks_per_partner,
            ..Limits::default()
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
            let Odds { again, stirs, .. } = self.plan.odds;
            let call = if self.chance(again) {
                self.once_more()
            } else if stirs > 0 && self.chance(stirs) {
                self.stir()
            } else {
                self.callers.call((&self.plan, self.now), &mut self.rng)
            };
            let Some(command) = call else { continue };
            let call = self.callers.make(&self.plan, &mut self.rng, command);
            self.repeats.asked(&call.command);
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

    /// One turn of a host's loop: everything queued is decided and committed, then answered and
    /// sent; or a fault occurs in between.
    fn turn(&mut self, index: usize) {
        let Some(read_at) = self.awakes(index) else { return };
        self.hear_reports(index);
        let host = &mut self.hosts[index];
        let (calls, holder) = (std::mem::take(&mut host.calls), host.holder);
        for call in &calls {
            host.session.call_by(call.by, CallSource::default(), call.command.clone());
        }
        let rng = &mut self.rng;
        let batch = host.session.batch(|| {
            let mut chance = [0; 16];
            rng.fill(&mut chance);
            Moment::new(read_at, chance, holder)
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
        match &decided {
            Some(decided) => {
                self.oracles.decided(&rows, &commands, decided);
                self.show_replays(&rows);
                self.read_with_key(&rows, read_at);
            }
            None => self.oracles.failed(&commands, fate == Fate::Unknown),
        }
        match decided {
            Some(_) if before => {
                self.crash(index);
                for call in calls {
                    self.unsure(&call.command);
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
    fn failed(&mut self, index: usize, fate: Fate, calls: Vec<Call>) {
        let repeat = self.plan.odds.repeat;
        for call in calls {
            if fate == Fate::Unknown {
                self.unsure(&call.command);
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
}
