//! Rows of a desk that are new or changed, for live views.

use std::collections::BTreeMap;

use hookdesk_core::{
    Answer, Attempt, Changes, Event, EventType, Failure, Log, MemoryStore, Millis, Reader, Reason,
    Rows as _, Webhook, WebhookId, WebhookStatus,
};
use serde::Serialize;
use tsify::Tsify;

/// Rows that are new or changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
#[tsify(rename = "Told")]
pub struct RowChanges {
    #[tsify(type = "ToldEvent[]")]
    pub events: Vec<EventChange>,
    /// Requests that ended.
    #[tsify(type = "ToldAttempt[]")]
    pub attempts: Vec<AttemptChange>,
    #[tsify(type = "ToldWebhook[]")]
    pub webhooks: Vec<WebhookChange>,
}

/// An event of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
#[tsify(rename = "ToldEvent")]
pub struct EventChange {
    /// Its position in the log.
    pub seq: u64,
    /// The value of `webhook-id`.
    pub id: String,
    pub event: EventType,
    pub created_ms: u64,
    /// The ordering key: a ticket's id, a webhook's, or `service`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
}

/// A request that ended, and its consequence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
#[tsify(rename = "ToldAttempt")]
pub struct AttemptChange {
    pub webhook: WebhookId,
    pub seq: u64,
    pub number: u32,
    pub at_ms: u64,
    /// Missing if no report came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Reason for the next step.
    pub reason: Reason,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt_at_ms: Option<u64>,
}

/// The state of a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
#[tsify(rename = "ToldWebhook")]
pub struct WebhookChange {
    pub id: WebhookId,
    pub status: WebhookStatus,
    /// Why it is held back apart from its window, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    pub down: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_probe_at_ms: Option<u64>,
    /// Events that are still to be delivered.
    pub backlog: u64,
    pub in_flight: u32,
    /// Requests that may be in flight.
    pub window: u32,
}

impl RowChanges {
    /// Events and attempts among changes.
    #[must_use]
    pub fn of(changes: &Changes) -> Self {
        Self {
            events: changes.events.iter().map(|event| event.as_ref().into()).collect(),
            attempts: changes.attempts.values().map(AttemptChange::from).collect(),
            webhooks: Vec::new(),
        }
    }
}

impl From<&Event> for EventChange {
    fn from(event: &Event) -> Self {
        Self {
            seq: event.seq.0,
            id: event.id.to_string(),
            event: event.kind,
            created_ms: event.created.0,
            about: event.topic.map(|topic| topic.to_string()),
        }
    }
}

impl From<&Attempt> for AttemptChange {
    fn from(attempt: &Attempt) -> Self {
        let (status, failure) = match attempt.answer {
            Answer::Status { status, .. } => (Some(status), None),
            Answer::Failure(failure) => (None, Some(failure)),
        };
        Self {
            webhook: attempt.key.webhook,
            seq: attempt.key.seq.0,
            number: attempt.key.number,
            at_ms: attempt.at.0,
            duration_ms: attempt.duration_ms,
            status,
            failure,
            reason: attempt.reason,
            next_attempt_at_ms: attempt.next_attempt_at.map(|at| at.0),
        }
    }
}

impl WebhookChange {
    fn new(webhook: &Webhook, reader: &Reader, log: &Log, now: Millis) -> Self {
        let down = reader.health.down;
        Self {
            id: webhook.id,
            status: webhook.status,
            reason: reader.holds_back(webhook, now),
            down: down.is_some(),
            next_probe_at_ms: down.map(|down| down.next_probe.0),
            backlog: reader.backlog(webhook, log),
            in_flight: reader.in_flight(),
            window: reader.window.size.min(webhook.max_in_flight),
        }
    }
}

/// Notes what changes in a store, and the state of its webhooks after that.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    changed: RowChanges,
    last: BTreeMap<WebhookId, WebhookChange>,
}

impl Watch {
    /// Notes committed changes.
    pub fn note(&mut self, changes: &Changes) {
        let RowChanges { events, attempts, webhooks: _ } = RowChanges::of(changes);
        self.changed.events.extend(events);
        self.changed.attempts.extend(attempts);
    }

    /// The changes since the last call, with the state of webhooks at the time `now`.
    pub fn take(&mut self, rows: &mut MemoryStore, now: Millis) -> RowChanges {
        let mut changed = std::mem::take(&mut self.changed);
        let (Ok(log), Ok(webhooks)) = (rows.log(), rows.webhooks(None, u32::MAX));
        for (webhook, reader) in &webhooks {
            let stands = WebhookChange::new(webhook, reader, &log, now);
            if self.last.get(&webhook.id) != Some(&stands) {
                self.last.insert(webhook.id, stands.clone());
                changed.webhooks.push(stands);
            }
        }
        self.last.retain(|id, _| webhooks.iter().any(|(webhook, _)| webhook.id == *id));
        changed
    }
}
