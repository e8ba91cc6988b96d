//! Session commands: browsers that sign in and out, and links that sign partners in.

use std::sync::Arc;

use crate::engine::command::{NewLink, SignIn};
use crate::engine::decision::{Decision, Stop};
use crate::engine::outcome::Reply;
use crate::model::api_key::{ApiKey, KeySettings};
use crate::model::caller::Caller;
use crate::model::digest::Digest;
use crate::model::id::KeyId;
use crate::model::key_kind::KeyKind;
use crate::model::partner::Partner;
use crate::model::refusal::Refusal;
use crate::model::scope::{Scope, Scopes};

/// Sessions, or links, of a holder at a time. One more ends the oldest, so that nobody who cleared
/// the browser's cookies is locked out.
const MAX_OF_ONE: usize = 20;
/// Sessions and links of the desk: they stay in memory.
const MAX: usize = 10_000;

/// A key of a browser to be made.
struct New {
    kind: KeyKind,
    parent: Option<KeyId>,
    digest: Digest,
    prefix: String,
    settings: KeySettings,
    lasts_ms: u64,
}

pub(super) fn create_link(decision: &mut Decision<'_>, new: &NewLink) -> Result<Reply, Stop> {
    let keys = decision.api_keys()?;
    if let Some(known) = keys.with_digest(KeyKind::Link, &new.digest) {
        return Ok(Reply::LinkCreated(Arc::clone(known)));
    }
    let caller = decision.moment.authorization.map(|authorization| authorization.caller);
    let parent = match caller {
        Some(Caller::Key(id)) => keys.of_holder(id).map(|key| key.id),
        Some(Caller::Binding | Caller::CommandLine { .. }) | None => None,
    };
    let settings = KeySettings {
        scopes: Scopes::of([Scope::Read, Scope::Webhooks]),
        grant: Some(new.grant.clone()),
        ..KeySettings::default()
    };
    let link = New {
        kind: KeyKind::Link,
        parent,
        digest: new.digest,
        prefix: new.prefix.clone(),
        settings,
        lasts_ms: KeyKind::LINK_MS,
    };
    Ok(Reply::LinkCreated(make(decision, link)?))
}

/// Signs a browser in on behalf of the key that it showed, or as a link says, which is used up.
pub(super) fn sign_in(decision: &mut Decision<'_>, sign_in: &SignIn) -> Result<Reply, Stop> {
    let keys = decision.api_keys()?;
    if let Some(id) = sign_in.replaced {
        end(decision, id)?;
    }
    let now = decision.moment.now;
    let shown = keys.get(sign_in.shown).filter(|key| key.is_live(now));
    let shown = shown.ok_or(Refusal::Unauthorized)?;
    let (parent, settings) = match shown.kind {
        KeyKind::Bearer => (Some(shown.id), KeySettings::default()),
        KeyKind::Link => {
            decision.delete_key(shown);
            (shown.parent, shown.settings.clone())
        }
        KeyKind::Session => return Err(Refusal::Unauthorized.into()),
    };
    let session = make(
        decision,
        New {
            kind: KeyKind::Session,
            parent,
            digest: sign_in.digest,
            prefix: sign_in.prefix.clone(),
            settings,
            lasts_ms: KeyKind::SESSION_MS,
        },
    )?;
    let parent = parent.and_then(|id| keys.get(id)).map(|parent| &**parent);
    // A link whose maker may make none any more signs nobody in.
    let granted = session.grants(parent, now).cloned().ok_or(Refusal::Unauthorized)?;
    Ok(Reply::SignedIn { session, granted })
}

/// Ends a session, if it has not ended.
pub(super) fn sign_out(decision: &mut Decision<'_>, session: KeyId) -> Result<Reply, Stop> {
    end(decision, session)?;
    Ok(Reply::SignedOut(session))
}

/// Ends all sessions and links of a partner, those of its keys too.
pub(super) fn end_all(decision: &mut Decision<'_>, partner: Partner) -> Result<Reply, Stop> {
    let keys = decision.api_keys()?;
    let is_its = |key: &&Arc<ApiKey>| {
        let holder = keys.of_holder(key.id);
        key.kind != KeyKind::Bearer
            && holder.is_some_and(|key| key.settings.partner() == Some(partner))
    };
    let mut ended = 0;
    for key in keys.iter().filter(is_its) {
        decision.delete_key(key);
        ended += 1;
    }
    Ok(Reply::SessionsEnded(partner, ended))
}

fn end(decision: &mut Decision<'_>, session: KeyId) -> Result<(), Stop> {
    let session = decision.api_keys()?.get(session);
    if let Some(session) = session.filter(|key| key.kind == KeyKind::Session) {
        decision.delete_key(session);
    }
    Ok(())
}

/// Adds the key of a browser. Those that have expired go, and the oldest of its holder's if there are
/// too many.
fn make(decision: &mut Decision<'_>, new: New) -> Result<Arc<ApiKey>, Stop> {
    let keys = decision.api_keys()?;
    let now = decision.moment.now;
    let (of_browsers, expired): (Vec<_>, Vec<_>) =
        keys.iter().filter(|key| key.kind != KeyKind::Bearer).partition(|key| key.is_live(now));
    for key in expired {
        decision.delete_key(key);
    }
    let is_of_one = |key: &&&Arc<ApiKey>| {
        (key.kind, key.parent, key.settings.partner())
            == (new.kind, new.parent, new.settings.partner())
    };
    let of_one: Vec<_> = of_browsers.iter().filter(is_of_one).collect();
    if of_one.len() >= MAX_OF_ONE
        && let Some(oldest) = of_one.first()
    {
        decision.delete_key(oldest);
    } else if of_browsers.len() >= MAX {
        return Err(Refusal::TooManyKeys.into());
    }
    let stamp = decision.tick()?;
    let expires_at = Some(stamp.at.plus(new.lasts_ms));
    let key = ApiKey {
        id: KeyId::new(stamp, &decision.moment.chance),
        kind: new.kind,
        parent: new.parent,
        digest: new.digest,
        prefix: new.prefix,
        settings: KeySettings { expires_at, ..new.settings },
        created_at: stamp.at,
        last_used_at: None,
        rev: 0,
    };
    Ok(decision.put_key(key, None))
}
