//! Webhook commands: registration, settings, secrets and pings.

use std::sync::Arc;

use crate::delivery::reader::Reader;
use crate::engine::command::{Registration, Rotation};
use crate::engine::decide::checkpoint;
use crate::engine::decision::{Decision, Stop};
use crate::engine::outcome::Reply;
use crate::model::event::EventType;
use crate::model::id::{SecretId, WebhookId};
use crate::model::log::EventDraft;
use crate::model::refusal::Refusal;
use crate::webhook::secrets::{Secrets, SigningSecret};
use crate::webhook::{Amendment, Webhook, WebhookStatus};

/// A new webhook gets the events that are appended from here on.
pub(super) fn register(
    decision: &mut Decision<'_>,
    registration: &Registration,
) -> Result<Reply, Stop> {
    if decision.webhook_rows()?.len() >= decision.quotas().webhooks {
        return Err(Refusal::TooManyWebhooks.into());
    }
    let stamp = decision.tick()?;
    let Registration { callback_url, secret, settings } = registration.clone();
    let id = WebhookId::new(stamp, &decision.moment.chance);
    let secret_id = SecretId::new(stamp, &decision.moment.chance);
    let secrets = Secrets::new(SigningSecret::new(secret_id, secret, stamp.at));
    let webhook = Webhook::new(id, callback_url, secrets, stamp.at).amended(&settings);
    let reader = Reader::new(&webhook, &decision.log()?);
    let webhook = Arc::new(webhook);
    decision.register(Arc::clone(&webhook), reader);
    Ok(Reply::Registered(webhook))
}

/// From here on nothing is sent to the webhook; its requests in flight are cut off.
pub(super) fn unregister(decision: &mut Decision<'_>, id: WebhookId) -> Result<Reply, Stop> {
    let webhook = find(decision, id)?;
    let rev = decision.reader(id)?.map_or(0, |reader| reader.rev);
    decision.unregister(&webhook, rev);
    Ok(Reply::Unregistered(id))
}

/// A change takes effect with the next request. What is in flight ends by itself, also to an earlier
/// URL: the receiver may have acted on it, and its answer is wanted.
pub(super) fn amend(
    decision: &mut Decision<'_>,
    id: WebhookId,
    settings: &Amendment,
) -> Result<Reply, Stop> {
    let webhook = find(decision, id)?;
    if let (WebhookStatus::Disabled { .. }, Some(_)) = (webhook.status, settings.paused) {
        return Err(Refusal::WebhookNotActive.into());
    }
    if settings.events.is_some() {
        checkpoint::save_checkpoint(decision, &webhook)?;
    }
    decision.renews_connections = settings.callback_url.is_some() || settings.paused == Some(false);
    let amended = Webhook::clone(&webhook).amended(settings);
    Ok(Reply::Webhook(decision.put_webhook(amended, webhook.rev)?))
}

/// Delivery goes on with the backlog. Enabling a webhook that is not disabled changes nothing.
pub(super) fn enable(decision: &mut Decision<'_>, id: WebhookId) -> Result<Reply, Stop> {
    let webhook = find(decision, id)?;
    let now = decision.now();
    match webhook.status {
        WebhookStatus::Active | WebhookStatus::Paused => Ok(Reply::Webhook(webhook)),
        WebhookStatus::Disabled { .. } => {
            decision.renews_connections = true;
            let health = &mut decision.reader_mut(id)?.health;
            health.restart();
            health.probe_now(now);
            let enabled = Webhook::clone(&webhook).with_status(WebhookStatus::Active);
            Ok(Reply::Webhook(decision.put_webhook(enabled, webhook.rev)?))
        }
    }
}

/// The new secret signs from the next request on, besides those that are still live.
pub(super) fn rotate(decision: &mut Decision<'_>, rotation: &Rotation) -> Result<Reply, Stop> {
    let webhook = find(decision, rotation.webhook)?;
    let stamp = decision.tick()?;
    let id = SecretId::new(stamp, &decision.moment.chance);
    let current = SigningSecret::new(id, rotation.secret.clone(), stamp.at);
    let secrets = webhook.secrets.rotate(current, decision.now(), rotation.overlap_ms)?;
    let rotated = Webhook::clone(&webhook).with_secrets(secrets);
    Ok(Reply::Rotated(decision.put_webhook(rotated, webhook.rev)?))
}

pub(super) fn end_secret(
    decision: &mut Decision<'_>,
    webhook: WebhookId,
    secret: SecretId,
) -> Result<Reply, Stop> {
    let webhook = find(decision, webhook)?;
    let secrets = webhook.secrets.end(secret, decision.now())?;
    let changed = Webhook::clone(&webhook).with_secrets(secrets);
    decision.put_webhook(changed, webhook.rev)?;
    Ok(Reply::SecretEnded(secret))
}

pub(super) fn ping_one(decision: &mut Decision<'_>, id: WebhookId) -> Result<Reply, Stop> {
    let webhook = find(decision, id)?;
    if !webhook.is_active() {
        return Err(Refusal::WebhookNotActive.into());
    }
    let stamp = decision.tick()?;
    let event = decision.append_event(
        stamp,
        EventDraft { only_for: Some(id), ..EventDraft::of(EventType::Ping) },
    )?;
    let now = decision.now();
    let reader = decision.reader_mut(id)?;
    reader.targeted += 1;
    reader.health.probe_now(now);
    Ok(Reply::Announced(event.id))
}

/// A ping to all is delivered to every webhook, like any event.
pub(super) fn ping(decision: &mut Decision<'_>) -> Result<Reply, Stop> {
    let stamp = decision.tick()?;
    let event = decision.append_event(stamp, EventDraft::of(EventType::Ping))?;
    Ok(Reply::Announced(event.id))
}

pub(super) fn find(decision: &Decision<'_>, id: WebhookId) -> Result<Arc<Webhook>, Stop> {
    decision.webhook(id)?.ok_or_else(|| Refusal::UnknownWebhook.into())
}
