//! Which webhooks belong to which partner.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::id::WebhookId;
use crate::model::partner::Partner;
use crate::webhook::Webhook;

/// The webhooks of each partner.
#[derive(Clone, Debug, Default)]
pub(crate) struct Owners(BTreeMap<Partner, BTreeSet<WebhookId>>);

impl Owners {
    /// A partner's webhooks, oldest first.
    pub fn webhooks(&self, partner: Partner) -> impl Iterator<Item = WebhookId> + '_ {
        self.0.get(&partner).into_iter().flatten().copied()
    }

    /// Notes a webhook that is registered, or whose settings are changed.
    pub fn put(&mut self, webhook: &Webhook) {
        // A partner never changes, so no other one has it.
        if let Some(partner) = webhook.partner {
            self.0.entry(partner).or_default().insert(webhook.id);
        }
    }

    /// Forgets a webhook that is unregistered.
    pub fn remove(&mut self, webhook: &Webhook) {
        let Some(partner) = webhook.partner else { return };
        if let Some(webhooks) = self.0.get_mut(&partner) {
            webhooks.remove(&webhook.id);
            if webhooks.is_empty() {
                self.0.remove(&partner);
            }
        }
    }
}
