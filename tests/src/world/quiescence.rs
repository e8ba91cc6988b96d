//! The end of a world: all faults are over, and everything pending is delivered.

use std::collections::BTreeMap;

use hookdesk_core::{Amendment, Command, Lane, Reader, Reason, Seq, Webhook, WebhookId};

use super::key_holders::Call;
use super::sim_host::SimHost;
use super::{World, expectations};
use crate::stores::Inspect;

/// Milliseconds in which everything pending is delivered once all faults are over: the longest wait of
/// an event is a day with a fifth of jitter, and a receiver can ask for an hour for all. What was set by
/// a clock that was ahead is later by as much.
const LIVELY_MS: u64 = 30 * 3_600_000;

/// Milliseconds in which a host looks several times for events to delete.
const LOOK_ROUND_MS: u64 = 240_000;
/// Turns of all hosts until nothing happens any more, beside those of [`TURNS_EACH`].
const MAX_TURNS: usize = 4_000;
/// Turns for each event of each webhook: a few attempts, with an answer to each.
const TURNS_EACH: usize = 8;

impl<S: Inspect> World<'_, S>
where
    S::Fault: std::fmt::Debug,
{
    /// With all faults over, everything pending is delivered in a bounded time, and nothing
    /// follows.
    pub(super) fn rest(&mut self) {
        self.disk.borrow_mut().trouble = None;
        for host in &mut self.hosts {
            host.ahead_ms = 0;
            host.hangs = None;
            host.cut_until = self.now;
        }
        let over = self.now;
        self.be_quiet();
        for id in self.rows.webhooks.iter().map(|(webhook, ..)| webhook.id) {
            let settings = Amendment { paused: Some(false), ..Amendment::default() };
            let calls = [Command::Enable { id }, Command::Amend { id, settings }];
            let by_anyone = |command| Call { command, by: None };
            let leader = self.leader().expect("somebody leads a quiet desk");
            self.hosts[leader].calls.extend(calls.map(by_anyone));
        }
        self.be_quiet();
        let took_ms = self.now.since(over);
        self.look_round();
        self.at_rest();
        let most_ms = LIVELY_MS.saturating_add_signed(self.furthest_ahead_ms);
        assert!(took_ms <= most_ms, "everything owed takes {} s", took_ms / 1_000);
    }

    /// What is too old or too many is deleted within some minutes.
    fn look_round(&mut self) {
        let until = self.now.plus(LOOK_ROUND_MS);
        let is_kept_for_good = self.plan.retention().is_for_good();
        for _ in 0..MAX_TURNS {
            let wakes = self.hosts.iter().filter_map(|host| host.wakes_at(self.now, true));
            let due = wakes.min().filter(|at| *at <= until);
            let (Some(at), Some(leader)) = (due.filter(|_| !is_kept_for_good), self.leader())
            else {
                return;
            };
            self.now = self.now.max(at);
            self.time_passed();
            self.turn(leader);
        }
    }

    fn be_quiet(&mut self) {
        let mut idle = 0;
        let deliveries = self.rows.events.len() * self.rows.webhooks.len();
        for _ in 0..MAX_TURNS + TURNS_EACH * deliveries {
            let before = self.progress();
            for host in 0..self.hosts.len() {
                self.turn(host);
            }
            if self.is_quiet() {
                return;
            }
            let reports = self.flying.iter().filter_map(|flying| flying.reported_at);
            let is_led = self.is_led();
            let wakes = self.hosts.iter().filter_map(|host| host.wakes_at(self.now, is_led));
            // What was passed on is decided in the next turn.
            let is_asked = is_led && self.hosts.iter().any(|host| !host.calls.is_empty());
            let Some(at) = reports.chain(wakes).chain(is_asked.then_some(self.now)).min() else {
                return;
            };
            self.now = self.now.max(at);
            // What is deleted in steps goes on at once.
            let is_idle = before == self.progress();
            idle = if is_idle && self.looks_round() { idle + 1 } else { 0 };
            if idle > 8 {
                self.now = self.now.plus(1_000 << (idle - 8).min(8));
            }
            self.time_passed();
        }
        panic!("never quiet: {:?} {:?} {:?}", self.flying, self.rows.log, self.rows.webhooks);
    }

    /// Requests so far, and what is left of the log.
    fn progress(&self) -> (u64, Seq, usize) {
        (self.sent, self.rows.log.floor, self.rows.lanes)
    }

    /// Whether hosts wake long after the last delivery: several look who leads, a log with limits is
    /// checked for what has expired, and idempotency records are deleted after a day.
    fn looks_round(&self) -> bool {
        self.plan.hosts > 1 || !self.plan.retention().is_for_good() || self.drawn.odds.keyed > 0
    }

    fn is_quiet(&self) -> bool {
        let due = self.flying.iter().any(|flying| flying.reported_at.is_some());
        let done = |(webhook, reader, _): &(Webhook, Reader, Vec<Lane>)| {
            let owed = reader.backlog(webhook, &self.rows.log) > 0;
            let replays = reader.replay.run.is_some();
            reader.sending.is_empty() && !(webhook.is_active() && (owed || replays))
        };
        let is_done =
            |host: &SimHost<S>| host.session().is_none_or(|session| session.reports().is_empty());
        self.looks_round()
            && !due
            && self.leader().is_some()
            && self
                .hosts
                .iter()
                .all(|host| host.calls.is_empty() && host.held.is_empty() && is_done(host))
            && self.rows.webhooks.iter().all(done)
    }

    fn at_rest(&mut self) {
        let rows = &self.rows;
        for (webhook, reader, lanes) in &rows.webhooks {
            assert!(reader.sending.is_empty(), "{} still sends at rest", webhook.id);
            assert!(webhook.is_active(), "{} stays {:?}", webhook.id, webhook.status);
            assert!(reader.replay.run.is_none(), "{} still replays: {reader:?}", webhook.id);
            let owed = reader.backlog(webhook, &rows.log);
            assert_eq!(owed, 0, "{webhook:?} is owed: {reader:?} {lanes:?}");
            assert!(lanes.is_empty());
        }
        for recorded in &rows.attempts {
            self.situations.reason(recorded.reason);
            if recorded.reason == Reason::Delivered {
                let key = (recorded.key.webhook, recorded.key.seq);
                assert!(self.taken.contains_key(&key), "{key:?} was delivered, and never arrived");
            }
        }
        let webhooks = rows.webhooks.iter().map(|(webhook, ..)| (webhook.id, webhook));
        let is_kept_for_good = self.plan.retention().is_for_good();
        // The first that is kept may be about to go, and its lanes are gone already.
        let kept_from = if is_kept_for_good { Seq(1) } else { rows.log.floor.next().next() };
        expectations::kept(&self.promises, rows, &webhooks.collect(), kept_from);
        self.repeats_are_bounded();
        self.model.at_rest();
        if self.drawn.odds.days == 0 {
            self.repeats.at_rest(&self.rows);
        }
        for (what, times) in self.oracles.at_rest(&self.rows, self.now) {
            self.situations.judged(what, times);
        }
    }

    /// A receiver processes an event twice only when the desk could not know: it did not get a
    /// success the first time, or a caller asked for the event again.
    fn repeats_are_bounded(&self) {
        let mut known: BTreeMap<(WebhookId, Seq), u32> = self.untold.clone();
        for recorded in &self.rows.attempts {
            let settles = match recorded.reason {
                Reason::Delivered | Reason::TakenOver | Reason::Lost | Reason::Late => 1,
                _ => 0,
            };
            *known.entry((recorded.key.webhook, recorded.key.seq)).or_default() += settles;
        }
        let here = |id: WebhookId| self.rows.webhooks.iter().any(|(of, ..)| of.id == id);
        for (key, taken) in self.taken.iter().filter(|(key, _)| here(key.0)) {
            let most = known.get(key).copied().unwrap_or(0);
            assert!(*taken <= most, "{key:?} was taken in {taken} times, with reason for {most}");
        }
    }
}
