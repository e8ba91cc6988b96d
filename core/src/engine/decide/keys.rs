//! API key commands.

use std::net::IpAddr;
use std::sync::Arc;

use crate::engine::command::{KeyAmendment, NewKey};
use crate::engine::decision::{Decision, Stop};
use crate::engine::outcome::Reply;
use crate::model::api_key::{ApiKey, KeySettings};
use crate::model::id::KeyId;
use crate::model::key_kind::KeyKind;
use crate::model::millis::Millis;
use crate::model::refusal::Refusal;

/// Making a key that exists already changes nothing.
pub(super) fn create(decision: &mut Decision<'_>, new: &NewKey) -> Result<Reply, Stop> {
    let keys = decision.api_keys()?;
    if let Some(known) = keys.with_digest(KeyKind::Bearer, &new.digest) {
        return Ok(Reply::KeyCreated(Arc::clone(known)));
    }
    if keys.of_kind(KeyKind::Bearer).count() >= ApiKey::MAX {
        return Err(Refusal::TooManyKeys.into());
    }
    let NewKey { digest, prefix, settings } = new.clone();
    let stamp = decision.tick()?;
    let id = KeyId::new(stamp, &decision.moment.chance);
    let created_at = stamp.at;
    let key = ApiKey {
        id,
        kind: KeyKind::Bearer,
        parent: None,
        digest,
        prefix,
        settings,
        created_at,
        last_used_at: None,
        rev: 0,
    };
    Ok(Reply::KeyCreated(decision.put_key(key, None)))
}

pub(super) fn amend(
    decision: &mut Decision<'_>,
    id: KeyId,
    amendment: &KeyAmendment,
) -> Result<Reply, Stop> {
    let key = find(decision, id)?;
    let KeyAmendment { name, scopes, events, rate_limit, expires_at } = amendment.clone();
    let scopes = scopes.unwrap_or(key.settings.scopes);
    let mut grant = key.settings.grant.clone();
    if grant.is_some() && !scopes.are_for_partners() {
        return Err(Refusal::NotForPartnerKeys.into());
    }
    if let Some(events) = events {
        grant.as_mut().ok_or(Refusal::NotAPartnersKey)?.events = events;
    }
    let settings = KeySettings {
        name: name.unwrap_or_else(|| key.settings.name.clone()),
        scopes,
        grant,
        rate_limit: rate_limit.unwrap_or(key.settings.rate_limit),
        expires_at: expires_at.unwrap_or(key.settings.expires_at),
    };
    let amended = ApiKey { settings, rev: key.rev + 1, ..ApiKey::clone(&key) };
    Ok(Reply::Key(decision.put_key(amended, Some(key.rev))))
}

/// From here on the key is unknown, and all that ends with it.
pub(super) fn revoke(decision: &mut Decision<'_>, id: KeyId) -> Result<Reply, Stop> {
    let key = find(decision, id)?;
    delete_with_children(decision, &key)?;
    Ok(Reply::KeyRevoked(id))
}

/// A key that was revoked since is left out.
pub(super) fn note_use(
    decision: &mut Decision<'_>,
    used: &[(KeyId, Millis)],
) -> Result<Reply, Stop> {
    for (id, at) in used {
        let known = decision.api_keys()?.get(*id).map(Arc::clone);
        if let Some(key) = known.filter(|key| key.last_used_at < Some(*at)) {
            let noted = ApiKey { last_used_at: Some(*at), rev: key.rev + 1, ..ApiKey::clone(&key) };
            decision.put_key(noted, Some(key.rev));
        }
    }
    Ok(Reply::Noted)
}

/// Adds a row to the audit for each peer.
pub(super) fn note_refused(
    decision: &mut Decision<'_>,
    refused: &[(Option<IpAddr>, u64)],
) -> Result<Reply, Stop> {
    if decision.is_audited() {
        for (peer, calls) in refused {
            decision.append_refusals(*peer, *calls)?;
        }
    }
    Ok(Reply::Noted)
}

/// Deletes a key, and the sessions and links that were made on its behalf.
pub(super) fn delete_with_children(decision: &mut Decision<'_>, key: &ApiKey) -> Result<(), Stop> {
    for child in decision.api_keys()?.iter().filter(|child| child.parent == Some(key.id)) {
        decision.delete_key(child);
    }
    decision.delete_key(key);
    Ok(())
}

/// A key that programs use: sessions and links are changed by calls of their own.
fn find(decision: &Decision<'_>, id: KeyId) -> Result<Arc<ApiKey>, Stop> {
    let key = decision.api_keys()?.get(id).filter(|key| key.kind == KeyKind::Bearer);
    key.map(Arc::clone).ok_or_else(|| Refusal::UnknownKey.into())
}
