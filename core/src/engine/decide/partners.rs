//! Partner commands.

use std::sync::Arc;

use crate::engine::decide::webhooks::unregister;
use crate::engine::decision::{Decision, Stop};
use crate::engine::outcome::Reply;
use crate::model::api_key::ApiKey;
use crate::model::partner::{Partner, PartnerCounts};
use crate::model::refusal::Refusal;

/// Revokes all keys of a partner and unregisters all its webhooks, in one commit.
pub(super) fn remove(decision: &mut Decision<'_>, partner: Partner) -> Result<Reply, Stop> {
    let is_its = |key: &&Arc<ApiKey>| key.settings.partner() == Some(partner);
    let keys: Vec<_> = decision.api_keys()?.iter().filter(is_its).map(Arc::clone).collect();
    let webhooks: Vec<_> = decision.webhooks_of(partner)?.collect();
    if keys.is_empty() && webhooks.is_empty() {
        return Err(Refusal::UnknownPartner.into());
    }
    let counts =
        PartnerCounts { partner, webhooks: webhooks.len() as u64, keys: keys.len() as u64 };
    for key in keys {
        decision.delete_key(&key);
    }
    for id in webhooks {
        unregister(decision, id)?;
    }
    Ok(Reply::PartnerRemoved(counts))
}
