//! Several hosts over one database: who leads, what a host does that waits, and what becomes of the
//! requests of one that leads no more.

use std::time::Duration;

use hookdesk_core::term::{Candidate, Database as _, Look};
use hookdesk_core::{Answer, Failure, Report};

use super::World;
use super::sim_host::{Role, SimHost};
use super::sim_receivers::RequestInFlight;
use crate::stores::{Connection, Inspect, SimStore, StoredRows, Write};

impl<S: Inspect> World<'_, S>
where
    S::Fault: std::fmt::Debug,
{
    /// Whether somebody leads who goes on to renew the lease.
    pub(super) fn is_led(&self) -> bool {
        let is_well = self.disk.borrow().trouble.is_none();
        is_well && self.leader().is_some_and(|index| self.renews(index))
    }

    /// The host that leads by the desk row, if it knows so.
    pub(super) fn leader(&self) -> Option<usize> {
        if self.plan.hosts == 1 {
            return Some(0);
        }
        let row = &self.disk.borrow().desk_row;
        let leads = |host: &SimHost<S>| {
            host.session().is_some() && row.leader == Some(host.name.to_string())
        };
        self.hosts.iter().position(leads)
    }

    /// Whether a host leads, and reaches the database.
    fn renews(&self, index: usize) -> bool {
        let host = &self.hosts[index];
        let leads = host.session().is_some_and(|session| !session.is_faulty());
        leads && host.hangs.is_none() && host.cut_until <= self.now
    }

    /// Time has passed: the database goes on, and leaders have renewed their leases meanwhile.
    pub(super) fn time_passed(&mut self) {
        self.disk.borrow_mut().pass(self.now);
        for index in 0..self.hosts.len() {
            if !self.renews(index) {
                continue;
            }
            let Some(SimStore::Led(leader)) = self.hosts[index].store() else { continue };
            match leader.renew() {
                Ok(()) => {}
                Err(fault) if fault.is_deposed() => self.depose(index),
                Err(_) => {
                    let host = &mut self.hosts[index];
                    let now = host.clock(self.now);
                    if let Some(session) = host.session_mut() {
                        session.fail(now);
                    }
                }
            }
        }
    }

    /// A turn of a host that waits: it looks who leads, and passes on what callers ask.
    pub(super) fn wait(&mut self, index: usize) {
        let lease = Duration::from_millis(self.plan.lease_ms.into());
        let is_cut = self.hosts[index].cut_until > self.now;
        let host = &mut self.hosts[index];
        let name = host.name;
        let Role::Waits { candidate, looked_at } = &mut host.role else { return };
        *looked_at = self.now;
        if candidate.is_none() {
            let mut connection = Connection::new(&self.disk);
            connection.is_cut = is_cut;
            *candidate = Candidate::new(connection, name.to_string(), lease).ok();
        }
        let Some(of) = candidate else { return };
        of.database_mut().is_cut = is_cut;
        let has_let_go = self.disk.borrow().desk_row.leader.is_none();
        let Ok(look) = of.look() else { return };
        if look == Look::Taken {
            let is_over = |host: &SimHost<S>| host.lease_end().is_none_or(|end| end <= self.now);
            let are_over = self.hosts.iter().all(is_over);
            assert!(has_let_go || are_over, "{name} leads while the lease of another goes on");
            let Role::Waits { candidate, .. } = &mut self.hosts[index].role else { return };
            let leader = candidate.take().and_then(|taken| taken.into_leader().ok());
            let leader = leader.expect("a term that was taken is one to lead in");
            self.tell(format!("{name} leads in term {}", leader.term()));
            self.meet("term taken");
            self.lead(index, SimStore::Led(Box::new(leader)));
            return;
        }
        let leader = of.leader().map(str::to_owned);
        let leads =
            |host: &SimHost<S>| host.session().is_some() && leader == Some(host.name.to_string());
        if let Some(to) = self.hosts.iter().position(leads).filter(|to| *to != index) {
            let calls = std::mem::take(&mut self.hosts[index].calls);
            self.hosts[to].calls.extend(calls);
        }
    }

    /// A host leads from here on.
    pub(super) fn lead(&mut self, index: usize, store: SimStore<S>) {
        let (holder, session, file) = self.begin(store);
        let host = &mut self.hosts[index];
        (host.holder, host.file, host.recorded) = (holder, file, 0);
        (host.doubtful, host.role) = (false, Role::Leads(session));
    }

    /// A host finds that another leads: what it has in flight is cut off.
    pub(super) fn depose(&mut self, index: usize) {
        let host = &mut self.hosts[index];
        let (name, holder) = (host.name, host.holder);
        host.role = Role::Waits { candidate: None, looked_at: self.now };
        host.held.clear();
        let file = host.file.take();
        if let Some(files) = &mut self.files {
            files.extend(file);
        }
        self.flying.retain(|flying| flying.holder != holder);
        self.tell(format!("{name} is deposed"));
        self.meet("deposed");
    }

    /// A host lets go, and starts anew.
    pub(super) fn let_go(&mut self, index: usize) {
        let host = &mut self.hosts[index];
        let (name, holder) = (host.name, host.holder);
        let is_cut = host.cut_until > self.now;
        let calls = std::mem::take(&mut host.calls);
        let Some(SimStore::Led(leader)) = host.store() else { return };
        leader.database_mut().is_cut = is_cut;
        let released = leader.release();
        self.flying.retain(|flying| flying.holder != holder);
        self.tell(format!("{name} lets go: {released:?}"));
        self.meet("lease let go");
        self.replace(index);
        let other = self.rng.usize(..self.hosts.len());
        self.hosts[other].calls.extend(calls);
    }

    /// What the next turn of a leader meets at the database.
    pub(super) fn meet_database(&mut self, index: usize) {
        let odds = &self.plan.odds;
        let (fails, unknown, slow) = (odds.commit_fails, odds.commit_unknown, odds.hang);
        let mut next_writes = Vec::new();
        match (self.chance(fails), self.chance(unknown)) {
            (true, _) => next_writes.push(Write::Refused),
            // One that is made again may be lost again.
            (false, true) => next_writes.extend([self.lost_write(), self.lost_write()]),
            (false, false) => {}
        }
        let loses_term = self.chance(unknown);
        let lease_ms = u64::from(self.plan.lease_ms);
        let after_ms = if self.chance(slow) { self.rng.u64(0..2 * lease_ms) } else { 0 };
        match next_writes.last() {
            None | Some(Write::Holds) => {}
            Some(Write::Refused) => self.meet("commit fails"),
            Some(Write::Done | Write::Undone | Write::Later { .. }) => {
                self.meet("commit of unknown fate");
            }
        }
        let is_cut = self.hosts[index].cut_until > self.now;
        let Some(SimStore::Led(leader)) = self.hosts[index].store() else { return };
        let database = leader.database_mut();
        (database.is_cut, database.loses_term) = (is_cut, loses_term);
        database.next_writes = next_writes;
        database.answers_after = Duration::from_millis(after_ms);
        database.waited = Duration::ZERO;
    }

    /// A write whose answer is lost.
    fn lost_write(&mut self) -> Write {
        match self.rng.u32(0..6) {
            0 | 1 => Write::Done,
            2 => Write::Undone,
            3 => Write::Holds,
            _ => {
                let (ms, holds_row) = (self.rng.u64(0..15_000), self.rng.bool());
                Write::Later { ms, holds_row, is_cut: self.rng.bool() }
            }
        }
    }

    /// Milliseconds that a leader's turn took, as it waited for the database.
    pub(super) fn waited_ms(&mut self, index: usize) -> u64 {
        let Some(SimStore::Led(leader)) = self.hosts[index].store() else { return 0 };
        let waited = std::mem::take(&mut leader.database_mut().waited);
        u64::try_from(waited.as_millis()).unwrap_or(u64::MAX)
    }

    /// Cuts off what a host has in flight beyond its lease: it cannot know what came of that.
    pub(super) fn cut_off(&mut self, index: usize) {
        let host = &self.hosts[index];
        let holder = host.holder;
        if host.lease_end().is_none_or(|end| end > self.now) {
            return;
        }
        let is_its =
            |flying: &mut RequestInFlight| flying.holder == holder && flying.reported_at.is_some();
        let cut: Vec<_> = self.flying.extract_if(.., is_its).collect();
        for flying in cut {
            let key = flying.report.key;
            if matches!(flying.report.answer, Answer::Status { status: 200, .. }) {
                *self.untold.entry((key.webhook, key.seq)).or_default() += 1;
            }
            let answer = Answer::Failure(Failure::Ours);
            if let Some(session) = self.hosts[index].session_mut() {
                session.report(Report { answer, ..flying.report });
            }
            self.meet_one("cut off with its lease", key.webhook);
        }
    }

    /// Sends what a host had decided before it stood still, if its lease goes on.
    pub(super) fn send_held(&mut self, index: usize, rows: &StoredRows) {
        let held = std::mem::take(&mut self.hosts[index].held);
        let host = &self.hosts[index];
        let holder = host.holder;
        let may_send = host.lease_end().is_some_and(|end| end > self.now);
        for request in held {
            if may_send {
                self.send(rows, holder, &request);
                continue;
            }
            // One that stood still between its last look at the lease and the first byte.
            if self.chance(self.drawn.odds.hang) {
                self.send_late(&request);
            }
            let answer = Answer::Failure(Failure::Ours);
            if let Some(session) = self.hosts[index].session_mut() {
                session.report(Report { key: request.key, duration_ms: 0, answer });
            }
        }
    }

    /// Has a waiting host that read the desk row stand still before it acts on it.
    pub(super) fn hold_look(&mut self, index: usize) {
        let row = self.disk.borrow().desk_row.clone();
        if let Role::Waits { candidate: Some(candidate), .. } = &mut self.hosts[index].role {
            let at = candidate.database().clock();
            candidate.database_mut().stale = Some((row, at));
        }
    }
}
