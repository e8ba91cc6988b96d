//! Which commands are audited, and as what.
//!
//! A command that changes nothing appends no row, and neither does one that is refused or repeated.
//! A change of settings that leaves them as they were is a change: whether private texts differ must
//! not show in what is decided, as recordings are redacted.

use crate::engine::command::{Command, NewLink, Registration};
use crate::engine::decision::{Decision, States};
use crate::engine::need::Need;
use crate::model::audit::{
    AuditAction, AuditChange, AuditObject, AuditState, AuditedPartner, AuditedService,
};
use crate::model::id::WebhookId;
use crate::model::partner::Partner;
use crate::model::service::Availability;

/// Appends the rows of a command that was carried out.
pub(super) fn append(decision: &mut Decision<'_>, command: &Command) -> Result<(), Need> {
    if !decision.is_audited() {
        return Ok(());
    }
    match command {
        Command::CreateKey(_) => keys(decision, AuditAction::KeyCreated),
        Command::AmendKey { .. } => keys(decision, AuditAction::KeyChanged),
        Command::RevokeKey { .. } => keys(decision, AuditAction::KeyRevoked),
        Command::RemovePartner { partner } => partner_removed(decision, *partner),
        Command::CreateLink(NewLink { grant, .. }) => {
            let partner = AuditObject::Partner(grant.partner);
            row(decision, AuditAction::LinkCreated, partner, (None, None))
        }
        Command::EndSessions { partner } => {
            let partner = AuditObject::Partner(*partner);
            row(decision, AuditAction::SessionsEnded, partner, (None, None))
        }
        Command::Register(Registration { settings, .. }) => {
            webhooks(decision, AuditAction::WebhookRegistered, settings.headers.is_some())
        }
        Command::Amend { settings, .. } | Command::HandOver { settings, .. } => {
            webhooks(decision, AuditAction::WebhookChanged, settings.headers.is_some())
        }
        Command::Enable { .. } => webhooks(decision, AuditAction::WebhookEnabled, false),
        Command::Unregister { .. } => webhooks(decision, AuditAction::WebhookUnregistered, false),
        Command::Rotate(_) => webhooks(decision, AuditAction::SecretRotated, false),
        Command::EndSecret { .. } => webhooks(decision, AuditAction::SecretEnded, false),
        Command::Resend { id, event } => {
            let object = AuditObject::Delivery(*id, *event);
            row(decision, AuditAction::EventResent, object, (None, None))
        }
        Command::Replay { id, dry_run: false, .. } => {
            replay(decision, AuditAction::ReplayStarted, *id)
        }
        Command::StopReplay { id } => replay(decision, AuditAction::ReplayStopped, *id),
        Command::Announce(availability) => announced(decision, *availability),
        // The command inside an idempotent one is decided, and audited, by itself.
        Command::Idempotent(_)
        | Command::OpenTicket { .. }
        | Command::UpdateTicket { .. }
        | Command::CloseTicket { .. }
        | Command::PingOne { .. }
        | Command::Ping
        | Command::Replay { dry_run: true, .. }
        | Command::SignIn(_)
        | Command::NoteRefusedKeys { .. }
        | Command::SignOut { .. }
        | Command::NoteKeyUse { .. }
        | Command::Report(_)
        | Command::Wake
        | Command::Retain => Ok(()),
    }
}

fn row(
    decision: &mut Decision<'_>,
    action: AuditAction,
    object: AuditObject,
    (before, after): States,
) -> Result<(), Need> {
    decision.append_audit(AuditChange { action, object, before, after })
}

/// A row for each API key that the decision changes.
fn keys(decision: &mut Decision<'_>, action: AuditAction) -> Result<(), Need> {
    for (id, states) in decision.changed_keys()? {
        row(decision, action, AuditObject::Key(id), states)?;
    }
    Ok(())
}

/// A row for each webhook that the decision changes.
fn webhooks(
    decision: &mut Decision<'_>,
    action: AuditAction,
    sets_headers: bool,
) -> Result<(), Need> {
    for (id, states) in decision.changed_webhooks(sets_headers)? {
        let action = if changes_hands(&states) { AuditAction::WebhookHandedOver } else { action };
        row(decision, action, AuditObject::Webhook(id), states)?;
    }
    Ok(())
}

/// Whether a webhook became a partner's.
fn changes_hands(states: &States) -> bool {
    match states {
        (Some(AuditState::Webhook(before)), Some(AuditState::Webhook(after))) => {
            before.partner != after.partner
        }
        _ => false,
    }
}

fn replay(
    decision: &mut Decision<'_>,
    action: AuditAction,
    webhook: WebhookId,
) -> Result<(), Need> {
    let states = decision.webhook_states(webhook, false)?;
    row(decision, action, AuditObject::Webhook(webhook), states)
}

/// A row for the partner, and one for each key and webhook that goes with it.
fn partner_removed(decision: &mut Decision<'_>, partner: Partner) -> Result<(), Need> {
    let keys_gone = decision.changed_keys()?.len() as u64;
    let webhooks_gone = decision.changed_webhooks(false)?.len() as u64;
    let before = AuditedPartner { webhooks: webhooks_gone, keys: keys_gone };
    let states = (Some(AuditState::Partner(before)), None);
    row(decision, AuditAction::PartnerRemoved, AuditObject::Partner(partner), states)?;
    keys(decision, AuditAction::KeyRevoked)?;
    webhooks(decision, AuditAction::WebhookUnregistered, false)
}

fn announced(decision: &mut Decision<'_>, availability: Availability) -> Result<(), Need> {
    let before = service(decision.service()?.availability);
    let states = (Some(before), Some(service(availability)));
    row(decision, AuditAction::ServiceAnnounced, AuditObject::Service, states)
}

fn service(availability: Availability) -> AuditState {
    AuditState::Service(AuditedService { available: availability == Availability::Available })
}

#[cfg(test)]
mod tests;
