//! What a desk came to, row by row, for who draws it as it happens.

use std::collections::BTreeMap;

use hookdesk_core::{
    Answer, Attempt, Changes, Event, Log, MemoryStore, Millis, Reader, Reason, Rows as _, Webhook,
    WebhookId,
};
use serde::Serialize;
use tsify::Tsify;

/// Rows that are new, or another than before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    pub events: Vec<ToldEvent>,
    /// Requests that ended.
    pub attempts: Vec<ToldAttempt>,
    pub webhooks: Vec<ToldWebhook>,
}

/// An event of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct ToldEvent {
    /// Its place in the log.
    pub seq: u64,
    /// The value of `webhook-id`.
    pub id: String,
    #[tsify(type = "string")]
    pub event: &'static str,
    pub created_ms: u64,
    /// What order is kept about: a ticket's id, a webhook's, or `service`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
}

/// A request that ended, and what followed from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct ToldAttempt {
    #[tsify(type = "string")]
    pub webhook: WebhookId,
    pub seq: u64,
    pub number: u32,
    pub at_ms: u64,
    /// Missing when its end was never heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[tsify(type = "Failure")]
    pub failure: Option<&'static str>,
    /// Why what followed followed.
    #[tsify(type = "string")]
    pub reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt_at_ms: Option<u64>,
}

/// How a webhook stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct ToldWebhook {
    #[tsify(type = "string")]
    pub id: WebhookId,
    #[tsify(type = "\"active\" | \"paused\" | \"disabled\"")]
    pub status: &'static str,
    /// What holds it back beside its window, if anything does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[tsify(type = "string")]
    pub reason: Option<&'static str>,
    pub down: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_probe_at_ms: Option<u64>,
    /// Events still owed.
    pub backlog: u64,
    pub in_flight: u32,
    /// Requests that may be in flight.
    pub window: u32,
}

impl Told {
    /// Events and attempts among changes.
    #[must_use]
    pub fn of(changes: &Changes) -> Self {
        Self {
            events: changes.events.iter().map(|event| event.as_ref().into()).collect(),
            attempts: changes.attempts.values().map(ToldAttempt::from).collect(),
            webhooks: Vec::new(),
        }
    }
}

impl From<&Event> for ToldEvent {
    fn from(event: &Event) -> Self {
        Self {
            seq: event.seq.0,
            id: event.id.to_string(),
            event: event.kind.name(),
            created_ms: event.created.0,
            about: event.topic.map(|topic| topic.to_string()),
        }
    }
}

impl From<&Attempt> for ToldAttempt {
    fn from(attempt: &Attempt) -> Self {
        let (status, failure) = match attempt.answer {
            Answer::Status { status, .. } => (Some(status), None),
            Answer::Failure(failure) => (None, Some(failure.name())),
        };
        Self {
            webhook: attempt.key.webhook,
            seq: attempt.key.seq.0,
            number: attempt.key.number,
            at_ms: attempt.at.0,
            duration_ms: attempt.duration_ms,
            status,
            failure,
            reason: attempt.reason.name(),
            next_attempt_at_ms: attempt.next_attempt_at.map(|at| at.0),
        }
    }
}

impl ToldWebhook {
    fn new(webhook: &Webhook, reader: &Reader, log: &Log, now: Millis) -> Self {
        let down = reader.health.down;
        Self {
            id: webhook.id,
            status: webhook.status.name(),
            reason: reader.holds_back(webhook, now).map(Reason::name),
            down: down.is_some(),
            next_probe_at_ms: down.map(|down| down.next_probe.0),
            backlog: reader.backlog(webhook, log),
            in_flight: reader.in_flight(),
            window: reader.window.size.min(webhook.max_in_flight),
        }
    }
}

/// Notes what changes in a store, and how its webhooks stand thereafter.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    told: Told,
    last: BTreeMap<WebhookId, ToldWebhook>,
}

impl Watch {
    /// Something was stored.
    pub fn note(&mut self, changes: &Changes) {
        let Told { events, attempts, webhooks: _ } = Told::of(changes);
        self.told.events.extend(events);
        self.told.attempts.extend(attempts);
    }

    /// What was noted since it was last asked, at the time `now`.
    pub fn take(&mut self, rows: &mut MemoryStore, now: Millis) -> Told {
        let mut told = std::mem::take(&mut self.told);
        let (Ok(log), Ok(webhooks)) = (rows.log(), rows.webhooks(None, u32::MAX));
        for (webhook, reader) in &webhooks {
            let stands = ToldWebhook::new(webhook, reader, &log, now);
            if self.last.get(&webhook.id) != Some(&stands) {
                self.last.insert(webhook.id, stands.clone());
                told.webhooks.push(stands);
            }
        }
        self.last.retain(|id, _| webhooks.iter().any(|(webhook, _)| webhook.id == *id));
        told
    }
}
