//! Ownership: what a webhook may be because it is a partner's, and what a partner may make of it.

use crate::engine::decision::{Decision, Stop};
use crate::guard::Targets;
use crate::model::event::EventType;
use crate::model::partner::Partner;
use crate::model::refusal::Refusal;
use crate::model::subscription::Subscription;
use crate::webhook::extra_headers::ExtraHeaders;
use crate::webhook::{Amendment, Webhook};

/// The owner of a webhook that is registered: the partner that calls, or the one that is named.
pub(super) fn of_new(
    decision: &Decision<'_>,
    named: Option<Partner>,
) -> Result<Option<Partner>, Stop> {
    let calls = decision.reach.partner();
    if calls.is_some() && named.is_some() {
        return Err(Refusal::PartnerIsTheCaller.into());
    }
    let owner = calls.or(named);
    if let Some(partner) = owner {
        check_count(decision, partner)?;
    }
    Ok(owner)
}

fn check_count(decision: &Decision<'_>, partner: Partner) -> Result<(), Stop> {
    let most = decision.webhooks_per_partner();
    if decision.webhooks_of(partner)?.count() >= most as usize {
        return Err(Refusal::TooManyPartnerWebhooks { most }.into());
    }
    Ok(())
}

/// What a partner's webhook hears if its registration says nothing.
pub(super) fn granted(decision: &Decision<'_>) -> Option<Subscription> {
    decision.reach.grant().map(|grant| grant.events.clone())
}

/// Whether the webhook goes to `partner`: it does not if it is that partner's already.
pub(super) fn goes_to(
    decision: &Decision<'_>,
    webhook: &Webhook,
    partner: Partner,
) -> Result<bool, Stop> {
    if decision.reach.partner().is_some() {
        return Err(Refusal::PartnerIsTheCaller.into());
    }
    if !decision.reach.is_admin() {
        return Err(Refusal::AdminGivesPartners.into());
    }
    match webhook.partner {
        Some(owner) if owner == partner => Ok(false),
        Some(_) => Err(Refusal::PartnerIsSet.into()),
        None => {
            check_count(decision, partner)?;
            Ok(true)
        }
    }
}

/// The webhook after `settings`, with the note who set its headers. Those that a partner did not set
/// itself stay at the origin for which they were meant.
pub(super) fn with_headers_of_its_own(
    decision: &Decision<'_>,
    amended: Webhook,
    before: &Webhook,
    settings: &Amendment,
) -> Webhook {
    let is_partner = decision.reach.partner().is_some();
    let partner_headers =
        if settings.headers.is_some() { is_partner } else { before.partner_headers };
    let moves = amended.callback_url.origin() != before.callback_url.origin();
    if is_partner && moves && !partner_headers {
        return Webhook { headers: ExtraHeaders::default(), partner_headers: true, ..amended };
    }
    Webhook { partner_headers, ..amended }
}

/// Checks what a partner's webhook may be, and what `settings` of it a partner may choose.
pub(super) fn check(
    decision: &Decision<'_>,
    webhook: &Webhook,
    settings: &Amendment,
) -> Result<(), Stop> {
    let mut chosen = settings.events.iter().flat_map(Subscription::types);
    if let Some(kind) = chosen.find(|kind| !decision.reach.grants(*kind)) {
        return Err(Refusal::NotGranted(kind).into());
    }
    if webhook.partner.is_none() {
        return Ok(());
    }
    if let Some(kind) = webhook.events.types().find(|kind| EventType::is_operational(*kind)) {
        return Err(Refusal::NotForPartnerWebhooks(kind).into());
    }
    webhook.callback_url.check(&Targets::public()).map_err(|_| Refusal::NotPublic.into())
}
