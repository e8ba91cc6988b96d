//! Coverage of worlds: each fault in each state, each transition, each reason. A rule that never
//! applies is not proved, however many worlds there are.

use std::collections::BTreeMap;
use std::fmt;

use hookdesk_core::{Millis, OrderingKey, Quotas, Reader, Reason, Slot, Webhook, WebhookStatus};

/// How often each situation occurred: the incident, and the state it occurred in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Situations(BTreeMap<(&'static str, &'static str), u64>);

/// Situations that a run of a thousand worlds and more must cover.
const MUST: [(&str, &str); 105] = [
    ("reason", "delivered"),
    ("reason", "retry"),
    ("reason", "unreachable"),
    ("reason", "retries_used_up"),
    ("reason", "gone"),
    ("reason", "taken_over"),
    ("reason", "lost"),
    ("reason", "our_fault"),
    ("reason", "late"),
    ("reason", "probe"),
    ("held back", "failing"),
    ("held back", "paused"),
    ("held back", "retry_after"),
    ("held back", "reordering"),
    ("held back", "gone"),
    ("turns", "down"),
    ("turns", "healthy"),
    ("turns", "paused"),
    ("turns", "active"),
    ("turns", "disabled for failing"),
    ("turns", "disabled as gone"),
    ("secret rotated", "sending"),
    ("secret rotated", "waiting"),
    ("secret ended", "current"),
    ("secret ended", "former"),
    ("two secrets sign", "sending"),
    ("repeated call", "answered again"),
    ("repeated call", "refused again"),
    ("repeated call", "shown its secret again"),
    ("turns", "narrower"),
    ("turns", "wider"),
    ("crash", "sending"),
    ("crash", "waiting"),
    ("crash", "down"),
    ("crash", "probing"),
    ("crash", "reordering"),
    ("takeover", "down"),
    ("takeover", "paused"),
    ("takeover", "probing"),
    ("takeover", "waiting"),
    ("host hangs", "sending"),
    ("host hangs before it sends", "sending"),
    ("host is cut off", "sending"),
    ("term taken", "sending"),
    ("lease let go", "sending"),
    ("deposed", "sending"),
    ("cut off with its lease", "sending"),
    ("sent after its lease", "sending"),
    ("commit fails", "sending"),
    ("commit of unknown fate", "sending"),
    ("store refuses", "sending"),
    ("store is full", "sending"),
    ("clock jumps ahead", "sending"),
    ("clock jumps back", "sending"),
    ("hours pass", "waiting"),
    ("410", "probing"),
    ("given up as lost", "paused"),
    ("report twice", "sending"),
    ("unregister", "sending"),
    ("heard, and we are not told", "sending"),
    ("reason", "stopped"),
    ("turns", "replaying"),
    ("turns", "replayed"),
    ("expires", "waiting"),
    ("expires", "paused"),
    ("expires", "down"),
    ("expires", "replaying"),
    ("crash", "replaying"),
    ("takeover", "replaying"),
    ("unregister", "replaying"),
    ("crash", "resending"),
    ("takeover", "resending"),
    ("judged", "success"),
    ("judged", "failure"),
    ("judged", "410"),
    ("judged", "410 while paused"),
    ("judged", "410 while disabled"),
    ("judged", "own shortage"),
    ("judged", "down"),
    ("judged", "disabled"),
    ("judged", "brought forward"),
    ("judged", "place in the window"),
    ("judged", "probe"),
    ("judged", "retry"),
    ("judged", "replayed event"),
    ("judged", "count of a replay"),
    ("judged", "bounds of a count"),
    ("judged", "progress of a replay"),
    ("judged", "replay at its end"),
    ("judged", "turn"),
    ("judged", "rate limit"),
    ("judged", "operational event"),
    ("judged", "wake in time"),
    ("judged", "deleted events"),
    ("judged", "refusal"),
    ("judged", "no refusal"),
    ("judged", "no webhook more"),
    ("judged", "no lane more"),
    ("judged", "new event within lanes"),
    ("quota", "lanes"),
    ("quota", "lanes of a replay"),
    ("quota", "events read"),
    ("quota", "events of a replay"),
    ("quota", "events skipped"),
    ("quota", "lanes expired"),
];

impl Situations {
    pub fn note(&mut self, what: &'static str, state: &'static str) {
        *self.0.entry((what, state)).or_default() += 1;
    }

    /// Notes how often an oracle could have found something.
    pub fn judged(&mut self, what: &'static str, times: u64) {
        *self.0.entry(("judged", what)).or_default() += times;
    }

    /// Notes an incident of a webhook, in each of its states.
    pub fn met(&mut self, what: &'static str, webhook: &Webhook, reader: &Reader) {
        for state in states(webhook, reader) {
            self.note(what, state);
        }
    }

    pub fn reason(&mut self, reason: Reason) {
        self.note("reason", reason.name());
    }

    /// Notes a webhook's transitions from one step to the next.
    pub fn moved(&mut self, before: &(Webhook, Reader), after: &(Webhook, Reader), now: Millis) {
        let ((webhook, reader), (webhook_after, reader_after)) = (before, after);
        match (reader.health.is_down(), reader_after.health.is_down()) {
            (false, true) => self.note("turns", "down"),
            (true, false) => self.note("turns", "healthy"),
            (true, true) | (false, false) => {}
        }
        if webhook.status != webhook_after.status {
            self.note("turns", status(webhook_after));
        }
        match (reader.replay.run.is_some(), reader_after.replay.run.is_some()) {
            (false, true) => self.note("turns", "replaying"),
            (true, false) => self.note("turns", "replayed"),
            (true, true) | (false, false) => {}
        }
        if reader.expired != reader_after.expired {
            self.met("expires", webhook, reader);
        }
        if reader.window.size > reader_after.window.size {
            self.note("turns", "narrower");
        }
        if reader.window.size < reader_after.window.size {
            self.note("turns", "wider");
        }
        if reader.holder != reader_after.holder && !reader.sending.is_empty() {
            self.met("takeover", webhook, reader);
        }
        if let Some(reason) = reader_after.holds_back(webhook_after, now) {
            self.note("held back", reason.name());
        }
    }

    /// Notes each quota that a webhook met in one step.
    pub fn met_quota(
        &mut self,
        quotas: &Quotas,
        (_, before): &(Webhook, Reader),
        (_, after): &(Webhook, Reader),
    ) {
        let read = after.read_to.0 - before.read_to.0;
        let runs = before.replay.run.zip(after.replay.run);
        let replayed = runs.map_or(0, |(from, to)| to.read_to.0.saturating_sub(from.read_to.0));
        let expired = |reader: &Reader| reader.expired.map_or(0, |expired| expired.count);
        let is_idle = before.is_idle() && after.is_idle();
        let met = [
            ("lanes", after.waiting >= quotas.lanes),
            ("lanes of a replay", after.replay.waiting >= quotas.replay_lanes),
            ("events read", read >= quotas.reads.into()),
            ("events of a replay", replayed >= quotas.replay_reads.into()),
            ("events skipped", is_idle && read >= quotas.unsaved),
            ("lanes expired", expired(after) - expired(before) >= quotas.expired_lanes.into()),
        ];
        for (quota, _) in met.into_iter().filter(|(_, is_met)| *is_met) {
            self.note("quota", quota);
        }
    }

    pub fn add(&mut self, other: &Self) {
        for (situation, count) in &other.0 {
            *self.0.entry(*situation).or_default() += count;
        }
    }

    /// Situations that must occur, and did not.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let missing = MUST.iter().filter(|situation| !self.0.contains_key(situation));
        missing.map(|(what, state)| format!("{what}: {state}")).collect()
    }

    /// The situations that occurred least.
    #[must_use]
    pub fn rare(&self, most: usize) -> Vec<String> {
        let mut counts: Vec<_> = self.0.iter().map(|(of, count)| (*count, *of)).collect();
        counts.sort_unstable();
        let rare = counts.into_iter().take(most);
        rare.map(|(count, (what, state))| format!("{what}: {state} {count}")).collect()
    }
}

/// One line for each kind of incident, with the states in which it occurred.
impl fmt::Display for Situations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for ((what, state), count) in &self.0 {
            lines.entry(what).or_default().push(format!("{state} {count}"));
        }
        for (what, states) in lines {
            writeln!(f, "{what:>26} | {}", states.join(", "))?;
        }
        Ok(())
    }
}

fn status(webhook: &Webhook) -> &'static str {
    match webhook.status {
        WebhookStatus::Active => "active",
        WebhookStatus::Paused => "paused",
        WebhookStatus::Disabled { reason: Reason::Gone, .. } => "disabled as gone",
        WebhookStatus::Disabled { .. } => "disabled for failing",
    }
}

fn states(webhook: &Webhook, reader: &Reader) -> impl Iterator<Item = &'static str> {
    let is_again = |slot: &Slot| matches!(slot.ordering_key, OrderingKey::Resend(_));
    let states = [
        (reader.is_idle(), "idle"),
        (!reader.sending.is_empty(), "sending"),
        (reader.waiting > 0, "waiting"),
        (reader.health.is_down(), "down"),
        (reader.probes(), "probing"),
        (reader.is_reordering(webhook), "reordering"),
        (reader.replay.run.is_some(), "replaying"),
        (reader.sending.iter().any(is_again), "resending"),
        (webhook.status == WebhookStatus::Paused, "paused"),
        (!webhook.is_active() && webhook.status != WebhookStatus::Paused, "disabled"),
    ];
    states.into_iter().filter(|(is_so, _)| *is_so).map(|(_, state)| state)
}
