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
mod terms;
mod trace;
mod turns;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use fastrand::Rng;
use hookdesk_core::incident::{Header, Recorder};
use hookdesk_core::{Desk, HolderId, Limits, Memory, Millis, Seq, Session, TicketId, WebhookId};

use crate::invariants::Witness;
use crate::oracles::Oracles;
use crate::plan::{Odds, Plan};
use crate::stores::{Disk, Fate, Inspect, SimStore, StoredRows, View};
use calls::Callers;
use expectations::Expectation;
use reference::Reference;
use repeats::Repeats;
use sim_host::{Role, SimHost};
use sim_receivers::RequestInFlight;

pub use replay_call::ReplayCall;
pub use situations::Situations;
pub use trace::hex;

/// A line for each step: text for people, and a digest of all decisions.
pub type Trace = Vec<String>;

const START: Millis = Millis(1_700_000_000_000);

/// What one term of a host drives.
type SimSession<S> = Session<Recorder<SimStore<S>>>;

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
    /// A world over `store`.
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
            disk: Rc::new(RefCell::new(Disk::new(store, START))),
            trouble_until: START,
            furthest_ahead_ms: 0,
            hosts: Vec::new(),
            memory,
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
        let (holder, role, file) = if self.plan.hosts > 1 {
            let role = Role::Waits { candidate: None, looked_at: self.now };
            (HolderId::new(self.now, &[0; 16]), role, None)
        } else {
            let view = View { disk: Rc::clone(&self.disk), fate: Fate::Holds };
            let (holder, session, file) = self.begin(SimStore::Alone(view));
            (holder, Role::Leads(session), file)
        };
        SimHost {
            name,
            role,
            file,
            recorded: 0,
            holder,
            calls: Vec::new(),
            ahead_ms: i64::from(self.rng.u32(0..=self.plan.skew_ms)),
            hangs: None,
            cut_until: self.now,
            held: Vec::new(),
            doubtful: false,
        }
    }

    /// A desk begins on a store.
    fn begin(&mut self, store: SimStore<S>) -> (HolderId, SimSession<S>, Option<String>) {
        let mut chance = [0; 16];
        self.rng.fill(&mut chance);
        let desk = Desk::new(Recorder::new(store), self.memory);
        // What a recorded host asks of its store is recorded.
        let desk = if self.files.is_some() { desk } else { desk.comparing() };
        let mut desk = desk.with_limits(Limits {
            in_flight: self.plan.cap,
            health: self.plan.health_policy(),
            retention: self.plan.retention(),
            quotas: self.plan.quotas,
            webhooks_per_partner: self.plan.webhooks_per_partner,
            ..Limits::default()
        });
        let now = self.now;
        let begin = || Header::raw(1).line() + &desk.begin_recording(now, [0; 32], 0);
        let file = self.files.is_some().then(begin);
        (HolderId::new(self.now, &chance), Session::new(desk, Millis(0)), file)
    }

    fn step(&mut self) {
        self.pass_time();
        self.trouble();
        self.part();
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
}
