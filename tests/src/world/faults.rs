//! Faults of the store, of hosts and of their clocks, and the time that passes between them.

use super::{Odds, World};
use crate::stores::{Inspect, Trouble};

impl<S: Inspect> World<'_, S>
where
    S::Fault: std::fmt::Debug,
{
    /// Advances the time: a little, or to when something is due.
    pub(super) fn pass_time(&mut self) {
        let days = self.plan.odds.days;
        if days > 0 && self.chance(days) {
            let hours = self.rng.u64(20..=60);
            self.now = self.now.plus(hours * 3_600_000);
            self.tell(format!("{hours} hours without a step"));
            self.meet("hours pass");
        }
        let later = self.flying.iter().filter_map(|flying| flying.reported_at);
        let is_led = self.is_led();
        let wakes = self.hosts.iter().filter_map(|host| host.wakes_at(self.now, is_led));
        let due = later.chain(wakes).filter(|at| *at > self.now).min();
        // Calls are repeated soon, or not at all.
        let due = due.filter(|at| at.since(self.now) < 3_600_000);
        self.now = match (self.rng.u32(0..10), due) {
            (0..=3, Some(due)) => due,
            (4..=6, _) => self.now.plus(self.rng.u64(0..=30)),
            (7, _) => self.now.plus(self.rng.u64(0..=20_000)),
            (_, _) => self.now,
        };
        self.time_passed();
    }

    /// Faults of the store, of hosts and of their clocks.
    pub(super) fn trouble(&mut self) {
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
            self.hold_look(host);
            self.hang(host, for_ms);
        } else if jumps {
            // Seconds, or up to two hours: what is too far away to be true comes near again, or does not.
            let is_little = self.rng.bool();
            let by_ms = if is_little { for_ms / 4 } else { for_ms * for_ms / 500 };
            let by_ms = i64::try_from(by_ms).unwrap_or(0);
            let back = self.rng.bool();
            let host = &mut self.hosts[host];
            host.ahead_ms += if back { -by_ms } else { by_ms };
            let (name, ahead_ms) = (host.name, host.ahead_ms);
            self.furthest_ahead_ms = self.furthest_ahead_ms.max(ahead_ms);
            self.tell(format!("{name}'s clock jumps by {by_ms} ms, back: {back}"));
            self.meet(if back { "clock jumps back" } else { "clock jumps ahead" });
        }
    }

    /// The host stands still for a while.
    pub(super) fn hang(&mut self, host: usize, for_ms: u64) {
        let until = self.now.plus(for_ms);
        let host = &mut self.hosts[host];
        host.hangs = Some((until, host.clock(self.now)));
        let name = host.name;
        self.tell(format!("{name} stands still for {for_ms} ms"));
        self.meet("host hangs");
    }

    /// Faults that only several hosts can have: one cannot reach the database, or lets go.
    pub(super) fn part(&mut self) {
        if self.plan.hosts == 1 {
            return;
        }
        let Odds { cut, stops, .. } = self.plan.odds;
        let host = self.rng.usize(..self.hosts.len());
        let for_ms = self.rng.u64(0..=4 * u64::from(self.plan.lease_ms));
        if self.chance(cut) {
            self.hosts[host].cut_until = self.now.plus(for_ms);
            let name = self.hosts[host].name;
            self.tell(format!("{name} cannot reach the database for {for_ms} ms"));
            self.meet("host is cut off");
        }
        if self.chance(stops) && self.hosts[host].hangs.is_none() {
            self.let_go(host);
        }
    }

    /// The host dies, with everything that it had not committed; a new one starts on the same
    /// store.
    pub(super) fn crash(&mut self, host: usize) {
        let name = self.hosts[host].name;
        self.tell(format!("{name} dies"));
        self.meet("crash");
        self.replace(host);
    }

    /// A new process takes the place of one.
    pub(super) fn replace(&mut self, host: usize) {
        let name = self.hosts[host].name;
        if self.plan.hosts > 1 {
            let holder = self.hosts[host].holder;
            self.flying.retain(|flying| flying.holder != holder);
        }
        let next = self.start(name);
        let dead = std::mem::replace(&mut self.hosts[host], next);
        if let Some(files) = &mut self.files {
            files.extend(dead.file);
        }
    }
}
