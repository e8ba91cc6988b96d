//! Partner commands.

use std::sync::Arc;

use crate::engine::decide::keys::delete_with_children;
use crate::engine::decide::webhooks::unregister;
use crate::engine::decision::{Decision, Stop};
use crate::engine::outcome::Reply;
use crate::model::api_key::ApiKey;
use crate::model::key_kind::KeyKind;
use crate::model::partner::{Partner, PartnerCounts};
use crate::model::refusal::Refusal;

/// Revokes all keys of a partner, ends its sessions and links, and unregisters all its webhooks, in one commit.
pub(super) fn remove(decision: &mut Decision<'_>, partner: Partner) -> Result<Reply, Stop> {
    let is_its = |key: &&Arc<ApiKey>| key.settings.partner() == Some(partner);
    let of_any_kind: Vec<_> = decision.api_keys()?.iter().filter(is_its).map(Arc::clone).collect();
    let is_key = |key: &&Arc<ApiKey>| key.kind == KeyKind::Bearer;
    let keys = of_any_kind.iter().filter(is_key).count() as u64;
    let webhooks: Vec<_> = decision.webhooks_of(partner)?.collect();
    if of_any_kind.is_empty() && webhooks.is_empty() {
        return Err(Refusal::UnknownPartner.into());
    }
    let counts = PartnerCounts { partner, webhooks: webhooks.len() as u64, keys };
    for key in of_any_kind {
        delete_with_children(decision, &key)?;
    }
    for id in webhooks {
        unregister(decision, id)?;
    }
    Ok(Reply::PartnerRemoved(counts))
}
