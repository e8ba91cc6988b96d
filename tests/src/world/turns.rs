//! Turns of a host that leads: everything queued is decided and committed, then answered and sent, or a
//! fault occurs in between.

use hookdesk_core::{Batch, CallSource, Command, Committed, HolderId, Millis, Moment, RunError};

use super::key_holders::Call;
use super::repeats::plain;
use super::{Odds, World, expectations, trace};
use crate::invariants;
use crate::stores::{Fate, Inspect, SimStore, StoredRows, View};

/// What came of a batch.
struct Turn {
    decided: Option<Vec<Committed>>,
    fate: Fate,
    is_deposed: bool,
    waited_ms: u64,
}

impl<S: Inspect> World<'_, S>
where
    S::Fault: std::fmt::Debug,
{
    /// One turn of a host's loop: everything queued is decided and committed, then answered and
    /// sent; or a fault occurs in between.
    pub(super) fn turn(&mut self, index: usize) {
        let Some(read_at) = self.awakes(index) else { return };
        if self.hosts[index].session().is_none() {
            return self.wait(index);
        }
        self.see_delayed(index);
        self.cut_off(index);
        if !self.hosts[index].held.is_empty() {
            let rows = self.look(&[]);
            self.send_held(index, &rows);
            self.rows = rows;
        }
        self.hear_reports(index);
        let (calls, holder) =
            (std::mem::take(&mut self.hosts[index].calls), self.hosts[index].holder);
        let batch = self.batch(index, &calls, (read_at, holder));
        let commands = batch.commands().to_vec();
        let fate = self.meet_store(index);
        let turn = self.decide(index, batch, fate);
        self.note(index, &commands, turn.fate, turn.decided.as_deref());

        let rows = self.look(&calls);
        let crash = self.plan.odds.crash;
        let dies = (self.chance(crash), self.chance(crash));
        self.judge(index, &rows, (&commands, &calls), &turn);
        self.carry_out(index, &rows, (&commands, calls), turn, dies);
        self.rows = rows;
    }

    /// Decides a batch, and commits it.
    fn decide(&mut self, index: usize, batch: Batch, fate: Fate) -> Turn {
        let host = &mut self.hosts[index];
        let ended = host.run(batch, host.clock(self.now));
        let waited_ms = self.waited_ms(index);
        let (decided, fate, is_deposed) = match ended {
            Ok(decided) => (Some(decided), fate, false),
            Err(RunError::Store(_)) if self.plan.hosts == 1 => (None, fate, false),
            Err(RunError::Store(fault)) => {
                let is_unknown = fault.leaves_fate_unknown();
                let fate = if is_unknown { Fate::Unknown } else { Fate::Fails };
                (None, fate, fault.is_deposed())
            }
            // What is loaded after another took over need not fit what is known.
            Err(error) => {
                let name = self.hosts[index].name;
                assert_ne!(self.leader(), Some(index), "{name} leads, and {error:?}");
                (None, Fate::Fails, false)
            }
        };
        Turn { decided, fate, is_deposed, waited_ms }
    }

    /// Has the oracles judge what was decided.
    fn judge(
        &mut self,
        index: usize,
        rows: &StoredRows,
        (commands, calls): (&[(Command, Moment)], &[Call]),
        turn: &Turn,
    ) {
        match &turn.decided {
            // It cannot know yet: it has nothing to decide.
            Some(decided) if self.leader() != Some(index) => {
                let does = |one: &Committed| !one.requests.is_empty() || !one.events.is_empty();
                let name = self.hosts[index].name;
                assert!(calls.is_empty(), "{name} answers, and another leads");
                assert!(!decided.iter().any(does), "{name} decides, and another leads");
            }
            Some(decided) => {
                self.oracles.decided(rows, commands, decided);
                self.show_replays(rows);
                if let Some((_, moment)) = commands.last() {
                    self.read_with_key(rows, moment.now);
                }
            }
            None => self.oracles.failed(commands, turn.fate == Fate::Unknown),
        }
    }

    /// Answers and sends what was decided, unless the host dies or stands still before, or dies after.
    fn carry_out(
        &mut self,
        index: usize,
        rows: &StoredRows,
        (commands, calls): (&[(Command, Moment)], Vec<Call>),
        turn: Turn,
        (before, after): (bool, bool),
    ) {
        let Turn { decided, fate, is_deposed, waited_ms } = turn;
        match decided {
            Some(decided) if waited_ms > 0 || self.stands_still() => {
                self.witness.leave(commands, &decided);
                self.hold(index, &decided, waited_ms);
                self.leave_unanswered(calls);
            }
            Some(_) if before => {
                self.crash(index);
                self.leave_unanswered(calls);
            }
            Some(decided) => {
                self.acknowledge(rows, &calls, &decided);
                self.witness.leave(commands, &decided);
                self.dispatch(index, rows, &decided);
                if after {
                    self.crash(index);
                }
            }
            None => {
                self.failed(index, fate, calls);
                if is_deposed {
                    self.depose(index);
                } else if waited_ms > 0 {
                    self.hang(index, waited_ms);
                }
            }
        }
    }

    fn leave_unanswered(&mut self, calls: Vec<Call>) {
        for call in calls {
            self.unsure(&call.command);
            self.repeat_under_key(call);
        }
    }

    /// Cuts off and sends requests.
    fn dispatch(&mut self, index: usize, rows: &StoredRows, decided: &[Committed]) {
        let holder = self.hosts[index].holder;
        if let Some(wake) = decided.last() {
            invariants::fairness(rows, holder, &wake.requests, self.plan.cap);
        }
        let cancels: Vec<_> = decided.iter().flat_map(|one| &one.cancels).collect();
        self.flying.retain(|f| f.holder != holder || !cancels.contains(&&f.webhook));
        for request in decided.iter().flat_map(|decided| &decided.requests) {
            self.send(rows, holder, request);
        }
        self.nothing_is_held(rows);
    }

    /// Looks at what the database carried out since, before a leader commits something else.
    fn see_delayed(&mut self, index: usize) {
        let is_cut = self.hosts[index].cut_until > self.now;
        if !is_cut {
            self.disk.borrow_mut().lock_row();
        }
        let commits = self.disk.borrow().commits;
        if commits != self.looked_at {
            self.rows = self.look(&[]);
        }
    }

    /// Queues calls at a leader, and takes its next batch.
    fn batch(
        &mut self,
        index: usize,
        calls: &[Call],
        (read_at, holder): (Millis, HolderId),
    ) -> Batch {
        let session = self.hosts[index].session_mut().expect("it leads");
        for call in calls {
            session.call_by(call.by, CallSource::default(), call.command.clone());
        }
        let rng = &mut self.rng;
        session.batch(|| {
            let mut chance = [0; 16];
            rng.fill(&mut chance);
            Moment::new(read_at, chance, holder)
        })
    }

    /// Draws what becomes of the next commit.
    fn meet_store(&mut self, index: usize) -> Fate {
        if self.plan.hosts > 1 {
            self.meet_database(index);
            return Fate::Holds;
        }
        let Odds { commit_fails, commit_unknown, .. } = self.plan.odds;
        let next = match (self.chance(commit_fails), self.chance(commit_unknown)) {
            (true, _) => Fate::Fails,
            (false, true) => Fate::Unknown,
            (false, false) => Fate::Holds,
        };
        if let Some(SimStore::Alone(View { fate, .. })) = self.hosts[index].store() {
            *fate = next;
        }
        next
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

    /// Whether a leader stands still between its commit and what it is to do then.
    fn stands_still(&mut self) -> bool {
        let hang = self.plan.odds.hang;
        self.plan.hosts > 1 && self.chance(hang)
    }

    /// A leader stands still after its commit: nobody has a reply, and nothing is sent yet.
    fn hold(&mut self, index: usize, decided: &[Committed], waited_ms: u64) {
        let for_ms = if waited_ms > 0 { waited_ms } else { self.rng.u64(0..=60_000) };
        let host = &mut self.hosts[index];
        let cancels: Vec<_> = decided.iter().flat_map(|one| &one.cancels).collect();
        host.held.extend(decided.iter().flat_map(|one| &one.requests).cloned());
        self.flying.retain(|f| f.holder != host.holder || !cancels.contains(&&f.webhook));
        self.hang(index, for_ms);
        self.meet("host hangs before it sends");
    }

    /// Adds a batch to the trace.
    fn note(
        &mut self,
        index: usize,
        batch: &[(Command, Moment)],
        fate: Fate,
        decided: Option<&[Committed]>,
    ) {
        let name = self.hosts[index].name;
        self.tell(trace::batch(name, batch, fate, decided));
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
    pub(super) fn unsure(&mut self, call: &Command) {
        self.model.unsure(call);
        expectations::forget(&mut self.promises, plain(call));
    }
}
