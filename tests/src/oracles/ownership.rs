//! What webhooks may be because they are a partner's, and what partners may make of them.

use hookdesk_core::guard::CallbackUrl;
use hookdesk_core::{
    Amendment, Command, EventType, ExtraHeaders, Partner, Refusal, Registration, Subscription,
    Webhook,
};

use super::watched::Watched;
use super::{Oracles, Rights};

impl Oracles {
    /// Why nothing is registered.
    pub(super) fn not_registered(&self, of: &Registration, caller: &Rights) -> Option<Refusal> {
        if caller.partner().is_some() && of.partner.is_some() {
            return Some(Refusal::PartnerIsTheCaller);
        }
        let owner = caller.partner().or(of.partner);
        if let Some(refusal) = owner.and_then(|partner| self.too_many_of(partner)) {
            return Some(refusal);
        }
        if self.webhooks.len() >= self.plan.quotas.webhooks {
            return Some(Refusal::TooManyWebhooks);
        }
        let events = of.settings.events.as_ref();
        let events: Vec<_> = events.into_iter().flat_map(Subscription::types).collect();
        not_heard(owner, &events, &events, caller)
    }

    fn too_many_of(&self, partner: Partner) -> Option<Refusal> {
        let most = self.plan.webhooks_per_partner;
        let is_full = self.counts(partner).webhooks >= u64::from(most);
        is_full.then_some(Refusal::TooManyPartnerWebhooks { most })
    }

    /// Why a replay is refused for what a partner may not hear of, or as another one of its own runs.
    pub(super) fn not_shared(
        &self,
        watched: &Watched,
        call: &Command,
        caller: &Rights,
    ) -> Option<Refusal> {
        let Command::Replay { id, dry_run, .. } = call else { return None };
        if let Some(kind) = caller.not_granted(watched.settings.events.types()) {
            return Some(Refusal::ReplayNotGranted(kind));
        }
        let partner = watched.settings.partner?;
        let mut others = self.webhooks.iter().filter(|(of, _)| *of != id);
        let runs = others.any(|(_, of)| of.settings.partner == Some(partner) && of.replays());
        (runs && !dry_run).then_some(Refusal::ReplayRunning)
    }

    /// Why a change of settings, or of hands, is refused.
    pub(super) fn not_owned(
        &self,
        watched: &Watched,
        call: &Command,
        caller: &Rights,
    ) -> Option<Refusal> {
        let (settings, to) = match call {
            Command::Amend { settings, .. } => (settings, None),
            Command::HandOver { settings, to, .. } => (settings, Some(to.partner)),
            _ => return None,
        };
        let mut owner = watched.settings.partner;
        if let Some(partner) = to {
            if caller.partner().is_some() {
                return Some(Refusal::PartnerIsTheCaller);
            }
            if !caller.is_admin() {
                return Some(Refusal::AdminGivesPartners);
            }
            if owner.is_some_and(|owner| owner != partner) {
                return Some(Refusal::PartnerIsSet);
            }
            if owner.is_none()
                && let Some(refusal) = self.too_many_of(partner)
            {
                return Some(refusal);
            }
            owner = Some(partner);
        }
        let chosen: Vec<_> = settings.events.iter().flat_map(Subscription::types).collect();
        let events = match &settings.events {
            Some(_) => chosen.clone(),
            None => watched.settings.events.types().collect(),
        };
        not_heard(owner, &chosen, &events, caller)
    }
}

/// Whether one of the chosen types is not granted, or one that the webhook comes to hear of is
/// nothing for partners.
fn not_heard(
    owner: Option<Partner>,
    chosen: &[EventType],
    events: &[EventType],
    caller: &Rights,
) -> Option<Refusal> {
    if let Some(kind) = caller.not_granted(chosen.iter().copied()) {
        return Some(Refusal::NotGranted(kind));
    }
    owner?;
    let operational = events.iter().find(|kind| kind.is_operational());
    operational.map(|kind| Refusal::NotForPartnerWebhooks(*kind))
}

/// Whose the new webhook is, and what it hears of if nothing was chosen.
pub(super) fn registered(of: &Registration, caller: &Rights, webhook: &Webhook) {
    let id = webhook.id;
    assert_eq!(webhook.partner, caller.partner().or(of.partner), "{id}");
    assert_eq!(webhook.partner_headers, caller.partner().is_some(), "{id}");
    if let (None, Some(granted)) = (&of.settings.events, caller.granted()) {
        let events: Vec<_> = webhook.events.types().collect();
        assert_eq!(events, granted, "{id}");
    }
}

/// Notes whose the headers are. Those that a partner did not set stay at the origin for which they
/// were meant.
pub(super) fn headers(
    webhook: &mut Webhook,
    before: &CallbackUrl,
    settings: &Amendment,
    caller: &Rights,
) {
    let is_partners = caller.partner().is_some();
    if settings.headers.is_some() {
        webhook.partner_headers = is_partners;
    }
    let origin = |url: &CallbackUrl| {
        let parts: Vec<String> = url.as_str().splitn(4, '/').take(3).map(str::to_owned).collect();
        parts.join("/")
    };
    let moves = origin(before) != origin(&webhook.callback_url);
    if is_partners && moves && !webhook.partner_headers {
        (webhook.headers, webhook.partner_headers) = (ExtraHeaders::default(), true);
    }
}
