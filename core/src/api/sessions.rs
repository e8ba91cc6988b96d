//! Calls of browsers that sign in and out, and calls about links, which sign partners in.

use std::convert::Infallible;

use crate::api::body::Fields;
use crate::api::link_url::LinkUrl;
use crate::api::session_cookie::{self, SetCookie};
use crate::api::{
    Action, Api, Call, Callers, Code, LiveKeys, OwnNames, Problem, SessionCookie, Shown, Taken,
    authorization, keys, own_names, partners,
};
use crate::engine::command::{Command, NewLink, SignIn};
use crate::model::api_key::KeyText;
use crate::model::digest::Digest;
use crate::model::id::KeyId;
use crate::model::key_kind::KeyKind;
use crate::model::partner::{Grant, Partner};
use crate::model::refusal::Refusal;

pub(super) fn create_link(
    api: &Api,
    call: &Call<'_>,
    partner: &str,
    fresh: impl FnOnce() -> [u8; KeyText::LENGTH],
) -> Result<Taken, Problem> {
    cookie(api)?;
    let partner = Partner::parse(partner).ok_or(Refusal::UnknownPartner)?;
    let mut fields = Fields::of_any(call, &["events"])?;
    let events = keys::granted(&mut fields);
    fields.finish(Some(()))?;
    let OwnNames::Known { public, .. } = &api.names else { return Err(no_public_url()) };
    let desk = public.first().ok_or_else(no_public_url)?;
    let text = KeyText::new(KeyKind::Link, fresh());
    let grant = Grant { partner, events: events.unwrap_or_default() };
    let link = NewLink { digest: text.digest(), prefix: text.prefix(), grant };
    let shown = Shown::Link(LinkUrl::new(desk, partner, &text));
    Ok(Taken { action: Action::Decide(Command::CreateLink(link)), shown: Some(shown) })
}

pub(super) fn end_all(partner: &str) -> Result<Action, Problem> {
    let partner = Partner::parse(partner).ok_or(Refusal::UnknownPartner)?;
    Ok(Action::Decide(Command::EndSessions { partner }))
}

/// A browser signs in with a key, or with a link and the partner that it named.
pub(super) fn sign_in(
    api: &Api,
    call: &Call<'_>,
    keys: LiveKeys<'_>,
    fresh: impl FnOnce() -> [u8; KeyText::LENGTH],
) -> Result<Taken, Problem> {
    let cookie = cookie(api)?;
    own_names::check_sign_in(api, call)?;
    let mut fields = Fields::of(call, &["key", "link", "partner"])?;
    if fields.is_given("key") == fields.is_given("link") {
        fields.fail("key", "is missing, or else link: send one of them");
    }
    let is_link = fields.is_given("link");
    let kind = if is_link { KeyKind::Link } else { KeyKind::Bearer };
    let text = fields.parsed(if is_link { "link" } else { "key" }, |text| {
        Ok::<_, Infallible>(text.trim().to_owned())
    });
    let partner = fields.optional("partner", |name| partners::name(&name)).flatten();
    let text = fields.finish(text)?;
    let digest = Digest::of(&[text.as_bytes()]);
    let known = keys.keys.with_digest(kind, &digest).filter(|key| key.is_live(keys.now));
    let known = match known {
        // A page that names another partner than the link's signs nobody in.
        Some(key) if !is_link || key.settings.partner() == partner => key,
        Some(_) | None => return Err(authorization::unknown(kind, &text)),
    };
    let value = KeyText::new(KeyKind::Session, fresh());
    let sign_in = SignIn {
        shown: known.id,
        digest: value.digest(),
        prefix: value.prefix(),
        replaced: session(api, call, keys),
    };
    let shown = Shown::Cookie(SetCookie::new(cookie, value));
    Ok(Taken { action: Action::Decide(Command::SignIn(sign_in)), shown: Some(shown) })
}

/// The session of a caller with a bearer token is not that of any browser.
pub(super) fn sign_out(api: &Api, call: &Call<'_>, keys: LiveKeys<'_>) -> Result<Taken, Problem> {
    let cookie = cookie(api)?;
    let session = session(api, call, keys).ok_or_else(|| {
        Problem::new(Code::NotFound, "The call has no cookie of a session that could end.")
    })?;
    let action = Action::Decide(Command::SignOut { session });
    Ok(Taken { action, shown: Some(Shown::NoCookie(cookie.clone())) })
}

/// The session whose cookie a call has.
fn session(api: &Api, call: &Call<'_>, keys: LiveKeys<'_>) -> Option<KeyId> {
    let value = session_cookie::of(api, call)?;
    session_cookie::session(value, keys).map(|session| session.id)
}

fn cookie(api: &Api) -> Result<&SessionCookie, Problem> {
    if matches!(api.callers, Callers::Local | Callers::All) {
        let detail = "This desk asks nobody for a key, so there is nothing to sign in to.";
        return Err(Problem::new(Code::NotFound, detail));
    }
    api.cookie.as_ref().ok_or_else(no_public_url)
}

fn no_public_url() -> Problem {
    let detail = "No browser can be signed in under the names that this desk is known by. A server is \
                  to be started with --public-url https://desk.example, or to listen on loopback \
                  (links need the public URL there too). Elsewhere send an API key with each call.";
    Problem::new(Code::NoPublicUrl, detail)
}

#[cfg(test)]
mod tests;
