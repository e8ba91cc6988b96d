//! The audit: what a decision appends to it, and what it shows of the objects that are changed.

use std::net::IpAddr;
use std::sync::Arc;

use super::Decision;
use crate::delivery::replay::ReplayRun;
use crate::engine::need::Need;
use crate::model::api_key::ApiKey;
use crate::model::audit::{
    Actor, AuditAction, AuditChange, AuditObject, AuditRow, AuditState, AuditedKey,
    AuditedRefusals, AuditedReplay, AuditedSecret, AuditedUrl, AuditedWebhook,
};
use crate::model::call_source::CallSource;
use crate::model::caller::Caller;
use crate::model::digest::Digest;
use crate::model::event::EventType;
use crate::model::id::{AuditId, KeyId, WebhookId};
use crate::model::key_kind::KeyKind;
use crate::model::millis::Millis;
use crate::model::scope::Scope;
use crate::model::subscription::Subscription;
use crate::webhook::Webhook;
use crate::webhook::secrets::SigningSecret;

/// An object before and after a decision.
pub(crate) type States = (Option<AuditState>, Option<AuditState>);

impl Decision<'_> {
    /// Whether changes are audited.
    pub fn is_audited(&self) -> bool {
        self.facts.limits.audit.is_on()
    }

    /// Appends a row about a change of the caller's.
    pub fn append_audit(&mut self, change: AuditChange) -> Result<(), Need> {
        let (actor, source) = (self.actor()?, self.moment.source);
        self.append_row(actor, source, change)
    }

    /// Appends a row about what a peer did that is no caller.
    pub fn append_refusals(&mut self, peer: Option<IpAddr>, calls: u64) -> Result<(), Need> {
        let change = AuditChange {
            action: AuditAction::KeysRefused,
            object: AuditObject::Peer,
            before: None,
            after: Some(AuditState::Refusals(AuditedRefusals { refused_calls: calls })),
        };
        self.append_row(Actor::Anyone, CallSource { peer, request: None }, change)
    }

    fn append_row(
        &mut self,
        actor: Actor,
        source: CallSource,
        change: AuditChange,
    ) -> Result<(), Need> {
        let stamp = self.tick()?;
        let id = AuditId::new(stamp, &self.moment.chance);
        self.changes.audit.push(AuditRow { id, at: stamp.at, actor, source, change });
        Ok(())
    }

    fn actor(&self) -> Result<Actor, Need> {
        Ok(match self.moment.authorization.map(|authorization| authorization.caller) {
            None => Actor::Anyone,
            Some(Caller::Binding) => Actor::Binding,
            Some(Caller::CommandLine { uid }) => Actor::CommandLine { uid },
            Some(Caller::Key(id)) => self.key_holder(id)?,
        })
    }

    fn key_holder(&self, id: KeyId) -> Result<Actor, Need> {
        let keys = self.api_keys()?;
        let name = keys.of_holder(id).and_then(|key| key.settings.name.clone());
        Ok(match keys.get(id) {
            Some(key) if key.kind == KeyKind::Session => {
                let partner = key.settings.partner().map(|partner| partner.to_string());
                Actor::Session { key: key.parent, name: partner.or(name) }
            }
            Some(_) | None => Actor::Key { id, name },
        })
    }

    /// The API keys that this decision adds, changes or deletes, but for those of browsers.
    pub fn changed_keys(&self) -> Result<Vec<(KeyId, States)>, Need> {
        let known = self.api_keys()?;
        let states = self.changes.api_keys.iter().filter_map(|(id, put)| {
            let before = known.get(*id).map(|key| &**key);
            let after = put.row.as_deref();
            let is_bearer = before.or(after).is_some_and(|key| key.kind == KeyKind::Bearer);
            is_bearer.then(|| (*id, (before.map(key_state), after.map(key_state))))
        });
        Ok(states.collect())
    }

    /// The webhooks that this decision adds, changes or deletes.
    pub fn changed_webhooks(&self, sets_headers: bool) -> Result<Vec<(WebhookId, States)>, Need> {
        let changed = self.changes.webhooks.keys();
        changed.map(|id| Ok((*id, self.webhook_states(*id, sets_headers)?))).collect()
    }

    /// A webhook before and after this decision.
    pub fn webhook_states(&self, id: WebhookId, sets_headers: bool) -> Result<States, Need> {
        let known = self.facts.webhook_rows()?.get(&id);
        let before =
            known.map(|row| webhook_state(&row.webhook, row.reader.replay.run.as_ref(), false));
        let run = self.reader(id)?.and_then(|reader| reader.replay.run.as_ref());
        let webhook: Option<Arc<Webhook>> = self.webhook(id)?;
        let after = webhook.map(|webhook| webhook_state(&webhook, run, sets_headers));
        Ok((before, after))
    }
}

fn key_state(key: &ApiKey) -> AuditState {
    let settings = &key.settings;
    let grant = settings.grant.as_ref();
    AuditState::Key(AuditedKey {
        name: settings.name.clone(),
        scopes: settings.scopes.iter().map(|scope| Scope::name(scope).to_owned()).collect(),
        partner: grant.map(|grant| grant.partner),
        events: grant.map(|grant| names(&grant.events)),
        rate_limit: settings.rate_limit,
        expires_at: settings.expires_at.map(Millis::rfc3339),
    })
}

fn webhook_state(webhook: &Webhook, run: Option<&ReplayRun>, headers_set: bool) -> AuditState {
    let headers = webhook.headers.as_slice().iter();
    AuditState::Webhook(Box::new(AuditedWebhook {
        callback_url: url(webhook),
        partner: webhook.partner,
        events: names(&webhook.events),
        ordering: webhook.ordering.name().to_owned(),
        description: webhook.description.clone(),
        headers: headers.map(|(name, _)| name.clone()).collect(),
        headers_set,
        retry_schedule: webhook.retry_schedule.waits_s().to_vec(),
        timeout_ms: webhook.timeout_ms,
        max_in_flight: webhook.max_in_flight,
        rate_limit: webhook.rate_limit,
        status: webhook.status.name().to_owned(),
        secrets: webhook.secrets.stored().map(secret).collect(),
        replay: run.map(replay),
    }))
}

/// The digest is of the webhook too: equal URLs of two webhooks do not show in it.
fn url(webhook: &Webhook) -> AuditedUrl {
    let url = &webhook.callback_url;
    let digest = Digest::of(&[webhook.id.as_bytes(), url.as_str().as_bytes()]);
    AuditedUrl { origin: url.origin(), digest }
}

fn secret(secret: &SigningSecret) -> AuditedSecret {
    AuditedSecret { id: secret.id, ends_at: secret.ends_at.map(Millis::rfc3339) }
}

fn replay(run: &ReplayRun) -> AuditedReplay {
    let range = run.range;
    AuditedReplay {
        after: range.after.0,
        to: range.to.0,
        only: range.only.name().to_owned(),
        per_second: range.per_second,
        count: run.counted.count,
    }
}

fn names(events: &Subscription) -> Vec<String> {
    events.types().map(|kind| EventType::name(kind).to_owned()).collect()
}
