//! Authorization of calls.
//!
//! A desk that listens on loopback only is open to all programs on the machine. A browser there
//! must not be turned against it: a foreign page is recognized by its `Origin`, a hostname that
//! resolves to loopback (DNS rebinding) by its `Host`, and a proxy that forwards other callers by
//! the headers that it adds. Any other desk asks for an API key, unless something in front of it
//! authorizes callers; each route has a rule, which the key must fulfil. On every desk,
//! [`own_names`] says what browsers may send.

use crate::api::own_names::{self, authority, is_loopback};
use crate::api::{Api, Call, Callers, Code, LiveKeys, Problem, routes, session_cookie};
use crate::delivery::reader::Reader;
use crate::delivery::request::USER_AGENT;
use crate::engine::store::Rows;
use crate::model::access::Access;
use crate::model::api_key::{ApiKey, KeySettings, KeyText};
use crate::model::caller::{Authorization, Caller};
use crate::model::digest::Digest;
use crate::model::id::{KeyId, WebhookId};
use crate::model::key_kind::KeyKind;
use crate::model::millis::Millis;
use crate::model::reach::Reach;
use crate::model::refusal::Refusal;
use crate::webhook::Webhook;

/// The caller and the rule of its route (none on a desk that asks for no key, and where the route
/// needs none), and what it reaches. Without a key nobody learns which paths there are.
pub(super) fn check(
    api: &Api,
    call: &Call<'_>,
    keys: LiveKeys<'_>,
) -> Result<(Option<Authorization>, Reach), Problem> {
    check_place(api, call)?;
    own_names::check(&api.names, &api.cross_origins, call)?;
    let access = routes::access(call);
    if matches!(access, Ok(Access::Open)) {
        return Ok((None, Reach::everything()));
    }
    let caller = match &api.callers {
        Callers::Local | Callers::All => {
            return access.map(|_| (None, Reach::everything()));
        }
        Callers::CommandLine { uid } => Caller::CommandLine { uid: *uid },
        Callers::Keys { binding } => holder(api, call, *binding, keys)?,
    };
    let authorization =
        Authorization { caller, access: access.as_ref().copied().unwrap_or(Access::AnyKey) };
    let reach = judge(authorization, keys)?;
    access?;
    Ok((Some(authorization), reach))
}

/// Judges a caller over the keys as the host knows them.
pub(super) fn judge(authorization: Authorization, keys: LiveKeys<'_>) -> Result<Reach, Problem> {
    let granted = authorization.key().and_then(|id| keys.keys.grants(id, keys.now));
    Ok(authorization.judge(granted)?)
}

/// Judges a caller over the rows that a reading sees.
pub(super) fn judge_over<R: Rows + ?Sized>(
    authorization: Option<Authorization>,
    rows: &mut R,
    now: Millis,
) -> Result<Result<Reach, Refusal>, R::Fault> {
    let Some(authorization) = authorization else { return Ok(Ok(Reach::everything())) };
    let Some(id) = authorization.key() else { return Ok(authorization.judge(None)) };
    let granted = granted(rows, id, now)?;
    Ok(authorization.judge(granted.as_ref().map(|(_, granted)| granted)))
}

/// A key, with what it grants at `now`; `None` if it may not be used for calls.
pub(super) fn granted<R: Rows + ?Sized>(
    rows: &mut R,
    id: KeyId,
    now: Millis,
) -> Result<Option<(ApiKey, KeySettings)>, R::Fault> {
    let Some(key) = rows.api_key(id)? else { return Ok(None) };
    let parent = key.parent.map(|id| rows.api_key(id)).transpose()?.flatten();
    let granted = key.grants(parent.as_ref(), now).cloned();
    Ok(granted.map(|granted| (key, granted)))
}

/// A webhook with its reader, if the caller reaches it.
pub(super) fn reached<R: Rows + ?Sized>(
    rows: &mut R,
    reach: &Reach,
    id: WebhookId,
) -> Result<Option<(Webhook, Reader)>, R::Fault> {
    Ok(rows.webhook(id)?.filter(|(webhook, _)| reach.includes(webhook.partner)))
}

/// The holder of the key that the call shows, or of the session whose cookie it has.
fn holder(
    api: &Api,
    call: &Call<'_>,
    binding: Option<Digest>,
    keys: LiveKeys<'_>,
) -> Result<Caller, Problem> {
    if let Some(value) = session_cookie::of(api, call) {
        own_names::check_cookie(call)?;
        let session = session_cookie::session(value, keys).ok_or(Refusal::Unauthorized)?;
        return Ok(Caller::Key(session.id));
    }
    let Some(token) = bearer(call) else {
        return Err(unauthorized("Send an API key, as in Authorization: Bearer KEY."));
    };
    let digest = Digest::of(&[token.as_bytes()]);
    if binding == Some(digest) {
        return Ok(Caller::Binding);
    }
    match keys.keys.with_digest(KeyKind::Bearer, &digest) {
        Some(key) => Ok(Caller::Key(key.id)),
        None => Err(unknown(KeyKind::Bearer, token)),
    }
}

/// Why a text is not a key of the desk's, as far as anybody may know.
pub(super) fn unknown(kind: KeyKind, text: &str) -> Problem {
    let is_cut = text.starts_with(kind.prefix()) && KeyText::parse(kind, text).is_none();
    match kind {
        KeyKind::Bearer if is_cut => {
            unauthorized("This API key is not whole: its checksum is wrong. Copy it again.")
        }
        KeyKind::Link if is_cut => {
            unauthorized("This link is not whole: its checksum is wrong. Copy it again.")
        }
        KeyKind::Link => unauthorized("This link was used, has expired or was withdrawn."),
        KeyKind::Bearer | KeyKind::Session => Refusal::Unauthorized.into(),
    }
}

/// The checks for the page's files too, which have none of the desk's data: a browser may load them
/// under any name, and then shows which one the desk does not know.
pub(super) fn check_place(api: &Api, call: &Call<'_>) -> Result<(), Problem> {
    if is_delivery(call) {
        let detail = "This is a delivery of a HookDesk, and a desk that takes deliveries as calls \
                      would tell itself the same for ever. Register another callback_url.";
        return Err(Problem::new(Code::LoopDetected, detail));
    }
    match &api.callers {
        Callers::Local => foreign(call).map_or(Ok(()), |what| Err(not_local(what))),
        Callers::All | Callers::Keys { .. } | Callers::CommandLine { .. } => Ok(()),
    }
}

fn not_local(what: &str) -> Problem {
    let detail = format!(
        "{what} This desk is open to callers on its own machine and to nobody else. To let others \
         in, make an API key with hookdesk key create and start it with --auth, or with --no-auth \
         where something in front of it checks who calls."
    );
    Problem::new(Code::NotLocal, detail)
}

fn unauthorized(detail: &str) -> Problem {
    Problem::new(Code::Unauthorized, detail)
}

/// The bearer token, if there is just one: of several, none is to be preferred.
fn bearer<'a>(call: &Call<'a>) -> Option<&'a str> {
    let mut all = call.all("authorization");
    let (scheme, token) = all.next()?.split_once(' ')?;
    let is_one = all.next().is_none() && scheme.eq_ignore_ascii_case("bearer");
    is_one.then(|| token.trim_matches(' ')).filter(|token| !token.is_empty())
}

/// Whether the call is a delivery of a HookDesk.
fn is_delivery(call: &Call<'_>) -> bool {
    let (name, _) = USER_AGENT.split_once('/').unwrap_or((USER_AGENT, ""));
    let agent = call.header("user-agent").and_then(|agent| agent.split_once('/'));
    call.header("webhook-id").is_some() && agent.is_some_and(|(of, _)| of == name)
}

/// Evidence that a call does not come from this machine.
fn foreign(call: &Call<'_>) -> Option<&'static str> {
    if call.header("host").is_none() || !call.all("host").all(is_loopback) {
        return Some("The Host header does not name this machine.");
    }
    if !call.all("origin").all(is_local_page) {
        return Some("The Origin header names a page from elsewhere.");
    }
    if call.header("forwarded").is_some() || call.header("x-forwarded-for").is_some() {
        return Some("The call was forwarded by a proxy.");
    }
    None
}

fn is_local_page(origin: &str) -> bool {
    authority(origin).is_some_and(is_loopback)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::OwnNames;
    use crate::guard::Targets;

    fn code(local_only: bool, headers: &[(&'static str, &'static str)]) -> Option<Code> {
        let callers = if local_only { Callers::Local } else { Callers::All };
        asked(callers, headers)
    }

    fn asked(callers: Callers, headers: &[(&'static str, &'static str)]) -> Option<Code> {
        let names = OwnNames::Known { loopback: true, public: Vec::new() };
        let api = Api::new(callers, names, Targets::public());
        let headers = headers.to_vec();
        let call = Call { method: "GET", path: "/tickets", query: "", headers, body: b"" };
        check(&api, &call, LiveKeys::none(Millis(0))).err().map(|problem| problem.code)
    }

    #[test]
    fn an_open_desk_hears_this_machine_alone() {
        for host in ["127.0.0.1:8080", "localhost", "LocalHost:1", "[::1]:8080", "127.1.2.3"] {
            assert_eq!(code(true, &[("host", host)]), None, "{host}");
        }
        for host in ["", "example.com", "10.0.0.1", "localhost.example.com", "127.0.0.1.nip.io"] {
            assert_eq!(code(true, &[("host", host)]), Some(Code::NotLocal), "{host}");
            assert_eq!(code(false, &[("host", host)]), None, "{host}");
        }
        for host in ["[::1", "[::2]", "localhost:x", "localhost:80:80", "[::1]x"] {
            assert_eq!(code(true, &[("host", host)]), Some(Code::NotLocal), "{host}");
        }
        assert_eq!(code(true, &[]), Some(Code::NotLocal));
        let two = [("host", "localhost"), ("host", "example.com")];
        assert_eq!(code(true, &two), Some(Code::NotLocal));
    }

    #[test]
    fn pages_from_elsewhere_and_proxies_are_refused() {
        let local = ("host", "127.0.0.1");
        for origin in ["http://localhost:3000", "http://127.0.0.1:8080", "https://[::1]"] {
            assert_eq!(code(true, &[local, ("origin", origin)]), None, "{origin}");
        }
        for origin in ["null", "https://example.com", "http://localhost.example.com", ""] {
            let headers = [local, ("origin", origin)];
            assert_eq!(code(true, &headers), Some(Code::NotLocal), "{origin}");
        }
        for proxy in [("forwarded", "for=1.2.3.4"), ("x-forwarded-for", "")] {
            assert_eq!(code(true, &[local, proxy]), Some(Code::NotLocal));
        }
    }

    #[test]
    fn a_key_opens_and_nothing_else_does() {
        let key = Callers::with_key("correct horse");
        for (header, heard) in [
            (Some("Bearer correct horse"), None),
            (Some("bearer   correct horse "), None),
            (Some("Bearer correct hors"), Some(Code::Unauthorized)),
            (Some("Bearer"), Some(Code::Unauthorized)),
            (Some("Bearer "), Some(Code::Unauthorized)),
            (Some("Basic correct horse"), Some(Code::Unauthorized)),
            (None, Some(Code::Unauthorized)),
        ] {
            let headers: Vec<_> =
                header.map(|value| ("authorization", value)).into_iter().collect();
            assert_eq!(asked(key.clone(), &headers), heard, "{header:?}");
        }
        let twice = [("authorization", "Bearer correct horse"); 2];
        assert_eq!(asked(key, &twice), Some(Code::Unauthorized));
    }

    #[test]
    fn a_desk_that_calls_a_desk_is_told_so() {
        let ours = ("user-agent", "HookDesk/9.9.9");
        let id = ("webhook-id", "evt_1");
        assert_eq!(code(false, &[ours, id]), Some(Code::LoopDetected));
        assert_eq!(code(false, &[ours]), None);
        assert_eq!(code(false, &[id, ("user-agent", "Svix-Webhooks/1.0")]), None);
    }
}
