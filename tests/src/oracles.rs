//! Oracles: models of the rules beside the desk. Each knows requests, answers, callers and time, and
//! has no code of the core; where the desk shows a state, it must be the one that they come to.
//!
//! They judge worlds in which all of a desk is seen: one host, whose clock runs as the world's, and
//! no commit of unknown fate so far.

mod access;
mod answer;
mod calls;
mod count;
mod health;
mod held_keys;
mod judged;
mod ownership;
mod pace;
mod pending;
mod replay;
mod retention;
mod secrets;
mod turns;
mod watched;
mod window;

use std::collections::BTreeMap;
use std::sync::Arc;

use hookdesk_core::{
    Command, Committed, Event, EventType, HolderId, Millis, Moment, Request, Topic, WebhookId,
};

use crate::plan::Plan;
use crate::stores::StoredRows;
use crate::world::ReplayCall;
use access::Rights;
use calls::Callers;
use held_keys::Keys;
use judged::Judged;
use pace::Shortage;
use retention::Floor;
use serde_json::Value;
use turns::Turns;
use watched::{Places, Watched};

#[derive(Debug)]
pub struct Oracles {
    plan: Plan,
    /// Whether all of the desk was seen so far.
    sees_all: bool,
    webhooks: BTreeMap<WebhookId, Watched>,
    callers: Callers,
    keys: Keys,
    /// The process that sends, and its shortage.
    holder: Option<HolderId>,
    shortage: Shortage,
    floor: Floor,
    turns: Turns,
    judged: Judged,
}

impl Oracles {
    pub fn new(plan: &Plan) -> Self {
        Self {
            plan: plan.clone(),
            sees_all: plan.is_seen_whole(),
            webhooks: BTreeMap::new(),
            callers: Callers::default(),
            keys: Keys::default(),
            holder: None,
            shortage: Shortage::default(),
            floor: Floor::default(),
            turns: Turns::default(),
            judged: Judged::default(),
        }
    }

    /// A batch failed.
    pub fn failed(&mut self, batch: &[(Command, Moment)], is_unknown: bool) {
        self.sees_all &= !is_unknown;
        self.turns = Turns::default();
        self.shortage.is_unclear |=
            batch.iter().any(|(command, _)| matches!(command, Command::Report(_)));
    }

    /// A batch was decided and committed; the rows are those after it.
    pub fn decided(
        &mut self,
        rows: &StoredRows,
        batch: &[(Command, Moment)],
        decided: &[Committed],
    ) {
        if !self.sees_all {
            return;
        }
        self.deleted(rows, batch);
        for ((command, moment), committed) in batch.iter().zip(decided) {
            if self.holder.replace(moment.holder) != Some(moment.holder) {
                self.shortage = Shortage::default();
                self.turns = Turns::default();
            }
            let (earlier, own) = by_retention(&committed.events);
            self.appended(earlier);
            let caused = self.command(rows, command, moment, committed);
            self.announced(&caused, &committed.events);
            self.appended(own);
            for request in &committed.requests {
                self.sent(rows, request, moment.holder);
            }
        }
        for watched in self.webhooks.values_mut() {
            watched.shown(rows);
        }
        if let Some(((_, moment), wake)) = batch.iter().zip(decided).next_back() {
            self.wakes(rows, moment, wake.next_wake);
            let now = moment.now;
            for _ in 0..self.turns.wake(&wake.requests) {
                self.judged.add("turn");
            }
            let places = self.places(moment.holder);
            let by = if self.plan.retention().is_for_good() { wake.next_wake } else { Some(now) };
            for watched in self.webhooks.values_mut() {
                watched.rests(rows, by, (now, &places));
            }
        }
    }

    fn appended(&mut self, events: &[Arc<Event>]) {
        for event in events {
            self.webhooks.values_mut().for_each(|watched| watched.appended(event));
        }
    }

    /// A replay was counted, over these rows.
    pub fn counted(&mut self, rows: &StoredRows, call: &ReplayCall, command: &Command) {
        let (Command::Replay { counted, .. }, true) = (command, self.sees_all) else { return };
        let Some(watched) = self.webhooks.get(&call.webhook) else { return };
        let count = watched.count(rows, call, !self.plan.retention().is_for_good());
        assert!(count.allows(*counted), "{counted:?} is none of {count:?}: {call:?}");
        self.judged.add(if count.is_exact() { "count of a replay" } else { "bounds of a count" });
    }

    /// Webhooks of which a replay may run.
    pub fn replaying(&self) -> Vec<WebhookId> {
        let running = self.webhooks.iter().filter(|(_, of)| self.sees_all && of.replays());
        running.map(|(id, _)| *id).collect()
    }

    /// What a caller is shown of a webhook's replay.
    pub fn replay_shown(&mut self, rows: &StoredRows, id: WebhookId, shown: Option<&Value>) {
        if let Some(watched) = self.webhooks.get_mut(&id) {
            watched.replay_shown(rows, shown);
        }
    }

    /// Events were deleted before the batch, if any were.
    fn deleted(&mut self, rows: &StoredRows, batch: &[(Command, Moment)]) {
        let Some((_, moment)) = batch.first() else { return };
        if self.floor.raised(&self.plan, rows, moment.now) {
            self.judged.add("deleted events");
        }
        let next = rows.events.iter().find(|event| event.seq == rows.log.floor.next());
        let expires =
            next.is_some_and(|next| retention::may_delete(&self.plan, rows, next, moment.now));
        for watched in self.webhooks.values_mut() {
            watched.expired(rows, expires);
        }
    }

    /// Returns the operational events that the command must cause.
    fn command(
        &mut self,
        rows: &StoredRows,
        command: &Command,
        moment: &Moment,
        committed: &Committed,
    ) -> Vec<(EventType, WebhookId)> {
        let now = moment.now;
        let caller = match self.keys.judge(command, moment) {
            Ok(caller) => caller,
            Err(refusal) => {
                assert_eq!(committed.reply, Err(refusal), "{command:?} by {moment:?}");
                self.judged.add("refused caller");
                return Vec::new();
            }
        };
        match command {
            Command::Report(report) => {
                let id = report.key.webhook;
                let Some(watched) = self.webhooks.get_mut(&id) else { return Vec::new() };
                let at = (moment.holder, now);
                let caused = watched.ended(&self.plan, &mut self.shortage, report, at);
                return caused.into_iter().map(|kind| (kind, id)).collect();
            }
            Command::Wake => {
                let webhooks = self.webhooks.values_mut();
                webhooks.for_each(|watched| watched.gives_up(moment.holder, now));
            }
            Command::Idempotent(call) => {
                if self.callers.carries_out(call, &committed.reply, now) {
                    self.called(rows, (&call.command, &caller), &committed.reply, now);
                }
            }
            call => self.called(rows, (call, &caller), &committed.reply, now),
        }
        Vec::new()
    }

    /// Each turn of a webhook appends one event, if any webhook is subscribed to it, unless it is
    /// the turn of one that is.
    fn announced(&mut self, caused: &[(EventType, WebhookId)], events: &[Arc<Event>]) {
        let is_wanted = |(kind, id): &&(EventType, WebhookId)| {
            let is_heard = self.webhooks.values().any(|of| of.names(*kind));
            let is_watcher = self.webhooks.get(id).is_some_and(|of| {
                EventType::ALL.into_iter().any(|kind| kind.is_operational() && of.names(kind))
            });
            is_heard && !is_watcher
        };
        let mut expected: Vec<_> = caused.iter().filter(is_wanted).copied().collect();
        let mut appended: Vec<_> = events.iter().filter_map(|event| operational(event)).collect();
        for _ in &expected {
            self.judged.add("operational event");
        }
        expected.sort_unstable();
        appended.sort_unstable();
        assert_eq!(appended, expected, "operational events");
    }

    fn sent(&mut self, rows: &StoredRows, request: &Request, holder: HolderId) {
        let places = self.places(holder);
        let id = request.key.webhook;
        let Some(watched) = self.webhooks.get_mut(&id) else { panic!("{id} is not registered") };
        watched.sent(rows, request, &self.plan.quotas, (holder, &places));
    }

    /// The places of a process.
    fn places(&self, holder: HolderId) -> Places {
        let held: u32 = self.webhooks.values().map(|of| of.in_flight(holder)).sum();
        let mut taken = BTreeMap::new();
        for watched in self.webhooks.values() {
            if let Some(partner) = watched.settings.partner {
                *taken.entry(partner).or_default() += watched.all_in_flight();
            }
        }
        Places { free: self.plan.cap.saturating_sub(held), taken }
    }

    /// Nothing that time alone makes due is slept past, and nothing that could go now is left.
    fn wakes(&mut self, rows: &StoredRows, moment: &Moment, next_wake: Option<Millis>) {
        if !self.plan.retention().is_for_good() {
            // What is about to expire is not sent.
            return;
        }
        let places = self.places(moment.holder);
        for (id, watched) in &self.webhooks {
            if let Some(by) = watched.wakes_by(rows, &self.plan.quotas, &places) {
                self.judged.add(if by > moment.now { "wake in time" } else { "wake at once" });
                let by = by.max(moment.now);
                let is_in_time = next_wake.is_some_and(|at| at <= by);
                assert!(is_in_time, "{id} must be looked at by {by:?}, and is at {next_wake:?}");
            }
        }
    }

    /// All is delivered, and nothing happens any more. Returns how often each oracle was asked.
    pub fn at_rest(&self, rows: &StoredRows, now: Millis) -> Vec<(&'static str, u64)> {
        if self.sees_all {
            Floor::at_rest(&self.plan, rows, now);
        }
        let webhooks = self.webhooks.values().flat_map(|watched| watched.judged.all());
        webhooks.chain(self.judged.all()).collect()
    }
}

/// An operational event that is not about an event that expired.
fn operational(event: &Event) -> Option<(EventType, WebhookId)> {
    match event.topic {
        Some(Topic::Webhook(id)) if !is_expiry(event) => Some((event.kind, id)),
        _ => None,
    }
}

fn is_expiry(event: &Event) -> bool {
    event.body.contains("\"reason\":\"expired\"")
}

/// Events that retention appended, and those of the command itself. Retention comes before all
/// commands of a batch, and its events are given with the first of them.
fn by_retention(events: &[Arc<Event>]) -> (&[Arc<Event>], &[Arc<Event>]) {
    events.split_at(events.iter().take_while(|event| is_expiry(event)).count())
}
