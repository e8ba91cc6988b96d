//! Redaction of rows, loaded from the store or changed by a commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::delivery::answer::Answer;
use crate::delivery::attempt::Attempt;
use crate::engine::outcome::{Changes, Put};
use crate::incident::redact::Redactor;
use crate::incident::redact::private_text::{
    body, headers, message, retry_after_value, source, text, url,
};
use crate::model::api_key::{ApiKey, KeySettings};
use crate::model::audit::{
    Actor, AuditChange, AuditObject, AuditRow, AuditState, AuditedKey, AuditedUrl, AuditedWebhook,
};
use crate::model::digest::Digest;
use crate::model::event::Event;
use crate::model::idempotency_record::IdempotencyRecord;
use crate::model::partner::Grant;
use crate::model::ticket::Ticket;
use crate::webhook::Webhook;

impl Redactor {
    /// Changes of a commit.
    pub fn changes(&self, changes: &Changes) -> Changes {
        let record = |(key, of): (&Digest, &Put<Arc<IdempotencyRecord>>)| {
            (self.digest(key), put(of, |first| Arc::new(self.idempotency_record(first))))
        };
        Changes {
            tickets: puts(&changes.tickets, ticket),
            events: changes.events.iter().map(|of| Arc::new(event(of))).collect(),
            webhooks: puts(&changes.webhooks, |of| Arc::new(self.webhook(of))),
            attempts: changes.attempts.iter().map(|(key, of)| (*key, attempt(of))).collect(),
            idempotency_records: changes.idempotency_records.iter().map(record).collect(),
            api_keys: puts(&changes.api_keys, |of| Arc::new(self.api_key(of))),
            audit: changes.audit.iter().map(|of| self.audit(of)).collect(),
            forgotten_audit: changes.forgotten_audit,
            log: changes.log,
            service: changes.service,
            forgotten: changes.forgotten,
            floor: changes.floor,
            readers: changes.readers.clone(),
            cleared: changes.cleared.clone(),
            stopped: changes.stopped.clone(),
            lanes: changes.lanes.clone(),
        }
    }

    pub(super) fn idempotency_record(&self, first: &IdempotencyRecord) -> IdempotencyRecord {
        IdempotencyRecord {
            key: self.digest(&first.key),
            request: self.digest(&first.request),
            at: first.at,
            status: first.status,
            location: first.location.clone(),
            body: text(&first.body),
            shown: first.shown,
        }
    }

    pub(super) fn api_key(&self, key: &ApiKey) -> ApiKey {
        ApiKey {
            id: key.id,
            kind: key.kind,
            parent: key.parent,
            digest: self.digest(&key.digest),
            prefix: text(&key.prefix),
            settings: self.key_settings(&key.settings),
            created_at: key.created_at,
            last_used_at: key.last_used_at,
            rev: key.rev,
        }
    }

    pub(super) fn webhook(&self, of: &Webhook) -> Webhook {
        Webhook {
            id: of.id,
            partner: of.partner.map(|of| self.partner(of)),
            callback_url: url(&of.callback_url),
            secrets: of.secrets.blank(),
            events: of.events.clone(),
            ordering: of.ordering,
            description: of.description.as_deref().map(text),
            headers: headers(&of.headers),
            partner_headers: of.partner_headers,
            retry_schedule: of.retry_schedule.clone(),
            timeout_ms: of.timeout_ms,
            max_in_flight: of.max_in_flight,
            rate_limit: of.rate_limit,
            status: of.status,
            created_at: of.created_at,
            rev: of.rev,
        }
    }

    pub(super) fn key_settings(&self, of: &KeySettings) -> KeySettings {
        KeySettings {
            name: of.name.as_deref().map(text),
            grant: of.grant.as_ref().map(|of| self.grant(of)),
            ..of.clone()
        }
    }

    pub(super) fn grant(&self, of: &Grant) -> Grant {
        Grant { partner: self.partner(of.partner), ..of.clone() }
    }

    pub(super) fn audit(&self, row: &AuditRow) -> AuditRow {
        let AuditChange { action, object, before, after } = &row.change;
        let actor = match &row.actor {
            Actor::Key { id, name } => Actor::Key { id: *id, name: name.as_deref().map(text) },
            Actor::Session { key, name } => {
                Actor::Session { key: *key, name: name.as_deref().map(text) }
            }
            Actor::Binding | Actor::CommandLine { .. } | Actor::Anyone => row.actor.clone(),
        };
        let object = match object {
            AuditObject::Partner(of) => AuditObject::Partner(self.partner(*of)),
            AuditObject::Peer
            | AuditObject::Key(_)
            | AuditObject::Webhook(_)
            | AuditObject::Delivery(..)
            | AuditObject::Service => *object,
        };
        let (before, after) = (before.as_ref(), after.as_ref());
        let change = AuditChange {
            action: *action,
            object,
            before: before.map(|of| self.audit_state(of)),
            after: after.map(|of| self.audit_state(of)),
        };
        AuditRow { id: row.id, at: row.at, actor, source: source(row.source), change }
    }

    /// All digests of URLs become the same one: what is replayed has other URLs.
    fn audit_state(&self, of: &AuditState) -> AuditState {
        match of {
            AuditState::Webhook(of) => AuditState::Webhook(Box::new(AuditedWebhook {
                callback_url: AuditedUrl {
                    origin: of.callback_url.origin.clone(),
                    digest: Digest::of(&[]),
                },
                partner: of.partner.map(|of| self.partner(of)),
                description: of.description.as_deref().map(text),
                ..AuditedWebhook::clone(of)
            })),
            AuditState::Key(of) => AuditState::Key(AuditedKey {
                name: of.name.as_deref().map(text),
                partner: of.partner.map(|of| self.partner(of)),
                ..of.clone()
            }),
            AuditState::Partner(_) | AuditState::Service(_) | AuditState::Refusals(_) => of.clone(),
        }
    }
}

pub(super) fn ticket(of: &Ticket) -> Ticket {
    Ticket { message: message(&of.message), ..of.clone() }
}

pub(super) fn attempt(of: &Attempt) -> Attempt {
    Attempt { answer: answer(&of.answer), ..of.clone() }
}

pub(super) fn event(of: &Event) -> Event {
    Event {
        seq: of.seq,
        id: of.id,
        kind: of.kind,
        created: of.created,
        topic: of.topic,
        version: of.version,
        only_for: of.only_for,
        body: body(&of.body).into(),
    }
}

pub(super) fn answer(of: &Answer) -> Answer {
    match of {
        Answer::Status { status, retry_after, excerpt } => {
            let retry_after = retry_after.as_deref().map(retry_after_value);
            Answer::Status { status: *status, retry_after, excerpt: text(excerpt) }
        }
        Answer::Failure(failure) => Answer::Failure(*failure),
    }
}

fn puts<K: Ord + Copy, T>(of: &BTreeMap<K, Put<T>>, row: impl Fn(&T) -> T) -> BTreeMap<K, Put<T>> {
    of.iter().map(|(key, of)| (*key, put(of, &row))).collect()
}

fn put<T>(of: &Put<T>, row: impl Fn(&T) -> T) -> Put<T> {
    Put { row: of.row.as_ref().map(row), expect: of.expect }
}
