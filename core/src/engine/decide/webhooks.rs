//! Webhook commands: registration, settings, secrets and pings.

use std::sync::Arc;

use crate::delivery::reader::Reader;
use crate::engine::command::{Handover, Registration, Rotation};
use crate::engine::decide::{checkpoint, ownership};
use crate::engine::decision::{Decision, Stop};
use crate::engine::outcome::Reply;
use crate::model::event::EventType;
use crate::model::id::{SecretId, Stamp, WebhookId};
use crate::model::log::EventDraft;
use crate::model::refusal::Refusal;
use crate::webhook::secrets::{Secrets, SigningSecret};
use crate::webhook::sign::Secret;
use crate::webhook::{Amendment, Webhook, WebhookStatus};

/// A new webhook gets the events that are appended from here on.
pub(super) fn register(
    decision: &mut Decision<'_>,
    registration: &Registration,
) -> Result<Reply, Stop> {
    let Registration { callback_url, secret, mut settings, partner } = registration.clone();
    let partner = ownership::of_new(decision, partner)?;
    if decision.webhook_rows()?.len() >= decision.quotas().webhooks {
        return Err(Refusal::TooManyWebhooks.into());
    }
    settings.events = settings.events.or_else(|| ownership::granted(decision));
    let stamp = decision.tick()?;
    let id = WebhookId::new(stamp, &decision.moment.chance);
    let secrets = Secrets::new(new_secret(decision, stamp, secret));
    let webhook = Webhook::new(id, callback_url, secrets, stamp.at).amended(&settings);
    let partner_headers = decision.reach.partner().is_some();
    let webhook = Webhook { partner, partner_headers, ..webhook };
    ownership::check(decision, &webhook, &settings)?;
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
    handover: Option<&Handover>,
) -> Result<Reply, Stop> {
    let webhook = find(decision, id)?;
    if let (WebhookStatus::Disabled { .. }, Some(_)) = (webhook.status, settings.paused) {
        return Err(Refusal::WebhookNotActive.into());
    }
    if settings.events.is_some() {
        checkpoint::save_checkpoint(decision, &webhook)?;
    }
    let amended = Webhook::clone(&webhook).amended(settings);
    let amended = ownership::with_headers_of_its_own(decision, amended, &webhook, settings);
    let amended = handed_over(decision, amended, handover)?;
    ownership::check(decision, &amended, settings)?;
    decision.renews_connections = settings.callback_url.is_some()
        || settings.paused == Some(false)
        || amended.partner != webhook.partner;
    changed(decision, amended, webhook.rev)
}

/// The webhook, given to a partner if it is to be. Its secrets end, as the operator knows them.
fn handed_over(
    decision: &mut Decision<'_>,
    webhook: Webhook,
    handover: Option<&Handover>,
) -> Result<Webhook, Stop> {
    let Some(Handover { partner, secret }) = handover else { return Ok(webhook) };
    if !ownership::goes_to(decision, &webhook, *partner)? {
        return Ok(webhook);
    }
    let stamp = decision.tick()?;
    let secrets = Secrets::new(new_secret(decision, stamp, secret.clone()));
    Ok(Webhook { partner: Some(*partner), secrets, ..webhook })
}

/// Puts a changed webhook.
fn changed(decision: &mut Decision<'_>, webhook: Webhook, was_rev: u64) -> Result<Reply, Stop> {
    let webhook = decision.put_webhook(webhook, was_rev)?;
    Ok(shown(decision, webhook))
}

fn shown(decision: &Decision<'_>, webhook: Arc<Webhook>) -> Reply {
    let shows_headers = decision.reach.shows_headers(webhook.partner_headers);
    Reply::Webhook { webhook, shows_headers }
}

/// Delivery goes on with the backlog. Enabling a webhook that is not disabled changes nothing.
pub(super) fn enable(decision: &mut Decision<'_>, id: WebhookId) -> Result<Reply, Stop> {
    let webhook = find(decision, id)?;
    let now = decision.now();
    match webhook.status {
        WebhookStatus::Active | WebhookStatus::Paused => Ok(shown(decision, webhook)),
        WebhookStatus::Disabled { .. } => {
            decision.renews_connections = true;
            let health = &mut decision.reader_mut(id)?.health;
            health.restart();
            health.probe_now(now);
            let enabled = Webhook::clone(&webhook).with_status(WebhookStatus::Active);
            changed(decision, enabled, webhook.rev)
        }
    }
}

/// The new secret signs from the next request on, besides those that are still live.
pub(super) fn rotate(decision: &mut Decision<'_>, rotation: &Rotation) -> Result<Reply, Stop> {
    let webhook = find(decision, rotation.webhook)?;
    let stamp = decision.tick()?;
    let current = new_secret(decision, stamp, rotation.secret.clone());
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

/// The webhook, if the caller reaches it.
pub(super) fn find(decision: &Decision<'_>, id: WebhookId) -> Result<Arc<Webhook>, Stop> {
    let webhook = decision.webhook(id)?;
    let reached = webhook.filter(|webhook| decision.reach.includes(webhook.partner));
    reached.ok_or_else(|| Refusal::UnknownWebhook.into())
}

fn new_secret(decision: &Decision<'_>, stamp: Stamp, secret: Secret) -> SigningSecret {
    SigningSecret::new(SecretId::new(stamp, &decision.moment.chance), secret, stamp.at)
}
