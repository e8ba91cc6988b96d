//! Audit rows, as stores are handed them.

use super::{event_id, full_key, key_id, partner, secret_id, stamp, webhook_id};
use crate::model::audit::{
    Actor, AuditAction, AuditChange, AuditObject, AuditRow, AuditState, AuditedKey, AuditedPartner,
    AuditedReplay, AuditedSecret, AuditedService, AuditedUrl, AuditedWebhook,
};
use crate::model::digest::Digest;
use crate::model::id::AuditId;
use crate::model::millis::Millis;

fn row(number: u16, actor: Actor, object: AuditObject) -> AuditRow {
    let action = AuditAction::ServiceAnnounced;
    let change = AuditChange { action, object, before: None, after: None };
    let id = AuditId::new(stamp(number), &[6; 16]);
    AuditRow { id, at: Millis(261), actor, change }
}

/// A row of each kind of caller, and about each kind of object.
pub fn rows() -> Vec<AuditRow> {
    let named = Actor::Key { id: key_id(1), name: Some("Billing".to_owned()) };
    let unnamed = Actor::Key { id: key_id(2), name: None };
    let service = AuditedService { available: false };
    let mut announced = row(1, named, AuditObject::Service);
    announced.change.after = Some(AuditState::Service(service));
    let gone = AuditedPartner { webhooks: 262, keys: 263 };
    let mut removed = row(2, Actor::Binding, AuditObject::Partner(partner()));
    removed.change.before = Some(AuditState::Partner(gone));
    let mut made = row(3, Actor::CommandLine { uid: 264 }, AuditObject::Key(full_key().id));
    made.change.after = Some(AuditState::Key(AuditedKey {
        name: Some("Billing".to_owned()),
        scopes: vec!["read".to_owned()],
        partner: Some(partner()),
        events: None,
        rate_limit: Some(265),
        expires_at: None,
    }));
    let resent = AuditObject::Delivery(webhook_id(1), event_id(1));
    let mut changed = row(5, unnamed, AuditObject::Webhook(webhook_id(1)));
    changed.change.before = Some(AuditState::Webhook(webhook().into()));
    vec![announced, removed, made, row(4, Actor::Anyone, resent), changed]
}

fn webhook() -> AuditedWebhook {
    AuditedWebhook {
        callback_url: AuditedUrl {
            origin: Some("https://example.com".to_owned()),
            digest: Digest::of(&[b"url"]),
        },
        partner: None,
        events: vec!["ticket_opened".to_owned()],
        ordering: "ticket".to_owned(),
        description: None,
        headers: vec!["x-team".to_owned()],
        headers_set: true,
        retry_schedule: vec![266],
        timeout_ms: 267,
        max_in_flight: 268,
        rate_limit: Some(269),
        status: "active".to_owned(),
        secrets: vec![AuditedSecret { id: secret_id(1), ends_at: None }],
        replay: Some(AuditedReplay {
            after: 270,
            to: 271,
            only: "all".to_owned(),
            per_second: None,
            count: 272,
        }),
    }
}
