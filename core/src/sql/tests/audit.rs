//! Audit rows, as stores are handed them.

use std::net::IpAddr;

use super::{event_id, full_key, key_id, partner, secret_id, stamp, webhook_id};
use crate::model::audit::{
    Actor, AuditAction, AuditChange, AuditObject, AuditRow, AuditState, AuditedKey, AuditedPartner,
    AuditedRefusals, AuditedReplay, AuditedSecret, AuditedService, AuditedUrl, AuditedWebhook,
};
use crate::model::call_source::CallSource;
use crate::model::digest::Digest;
use crate::model::id::{AuditId, RequestId};
use crate::model::millis::Millis;

fn row(number: u16, actor: Actor, object: AuditObject) -> AuditRow {
    let action = AuditAction::ServiceAnnounced;
    let change = AuditChange { action, object, before: None, after: None };
    let id = AuditId::new(stamp(number), &[6; 16]);
    AuditRow { id, at: Millis(261), actor, source: CallSource::default(), change }
}

/// A row of each kind of caller, and about each kind of object.
pub fn rows() -> Vec<AuditRow> {
    let named = Actor::Key { id: key_id(1), name: Some("Billing".to_owned()) };
    let unnamed = Actor::Key { id: key_id(2), name: None };
    let service = AuditedService { available: false };
    let mut announced = row(1, named, AuditObject::Service);
    announced.change.after = Some(AuditState::Service(service));
    let peer = Some(IpAddr::from([192, 0, 2, 1]));
    let request = Some(RequestId::new(Millis(274), &[7; 16]));
    announced.source = CallSource { peer, request };
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
    let mut refused = row(6, Actor::Anyone, AuditObject::Peer);
    refused.change.action = AuditAction::KeysRefused;
    refused.change.after = Some(AuditState::Refusals(AuditedRefusals { refused_calls: 275 }));
    let session = Actor::Session { key: Some(key_id(1)), name: Some("acme".to_owned()) };
    let linked = row(7, session, AuditObject::Partner(partner()));
    let resent = row(4, Actor::Anyone, resent);
    vec![announced, removed, made, resent, changed, refused, linked]
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
