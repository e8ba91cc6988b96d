//! Calls about API keys, and about the caller itself.

use serde_json::Value;

use crate::api::authorization;
use crate::api::body::Fields;
use crate::api::partners;
use crate::api::query::Query;
use crate::api::settings;
use crate::api::view::{CallerView, KeyView};
use crate::api::{Action, Call, Callers, Code, Problem, Reading, Response, Shown, Taken};
use crate::engine::command::{Command, KeyAmendment, NewKey};
use crate::engine::store::Rows;
use crate::model::api_key::{ApiKey, KeySettings, KeyText};
use crate::model::caller::{Authorization, Caller};
use crate::model::id::KeyId;
use crate::model::key_kind::KeyKind;
use crate::model::millis::Millis;
use crate::model::partner::Grant;
use crate::model::refusal::Refusal;
use crate::model::scope::{Scope, Scopes};
use crate::model::subscription::Subscription;
use crate::model::text::BadText;

/// The id under which the key that a host is configured with is listed.
const BINDING: &str = "binding";
const FIELDS: [&str; 6] = ["events", "expires_at", "name", "partner", "rate_limit", "scopes"];

/// The command has the key's digest; its text goes beside it, to the response alone.
pub(super) fn create(
    call: &Call<'_>,
    now: Millis,
    fresh: impl FnOnce() -> [u8; KeyText::LENGTH],
) -> Result<Taken, Problem> {
    let mut fields = Fields::of(call, &FIELDS)?;
    if !fields.is_given("scopes") {
        fields.fail("scopes", "is missing");
    }
    let partner = fields.optional("partner", |name| partners::name(&name)).flatten();
    let KeyAmendment { name, scopes, events, rate_limit, expires_at } = amendment(&mut fields, now);
    if partner.is_some() && scopes.is_some_and(|scopes| !scopes.are_for_partners()) {
        fields.fail("scopes", "of a partner's key are read and webhooks");
    }
    if partner.is_none() && events.is_some() {
        fields.fail("events", "are for the key of a partner");
    }
    let scopes = fields.finish(scopes)?;
    let grant = partner.map(|partner| Grant { partner, events: events.unwrap_or_default() });
    let settings = KeySettings {
        name: name.flatten(),
        scopes,
        grant,
        rate_limit: rate_limit.flatten(),
        expires_at: expires_at.flatten(),
    };
    let text = KeyText::new(KeyKind::Bearer, fresh());
    let key = NewKey { digest: text.digest(), prefix: text.prefix(), settings };
    Ok(Taken { action: Action::Decide(Command::CreateKey(key)), shown: Some(Shown::Key(text)) })
}

pub(super) fn amend(call: &Call<'_>, id: &str, now: Millis) -> Result<Action, Problem> {
    let id = row(id)?;
    let mut fields = Fields::of(call, &FIELDS)?;
    if fields.is_given("partner") {
        fields.fail("partner", "does not change: make another key");
    }
    let amendment = amendment(&mut fields, now);
    fields.finish(Some(()))?;
    Ok(Action::Decide(Command::AmendKey { id, amendment }))
}

pub(super) fn revoke(id: &str) -> Result<Action, Problem> {
    Ok(Action::Decide(Command::RevokeKey { id: row(id)? }))
}

/// The id of a key that has a row.
fn row(id: &str) -> Result<KeyId, Problem> {
    if id == BINDING {
        let detail = "This key is an option of the desk's host. Change it there.";
        return Err(Problem::new(Code::BoundKey, detail));
    }
    KeyId::parse(id).ok_or_else(|| Refusal::UnknownKey.into())
}

fn amendment(fields: &mut Fields, now: Millis) -> KeyAmendment {
    let checked = |text: String| BadText::check(&text, ApiKey::MAX_NAME).map(|()| text);
    let later = |text: String| {
        let at = Millis::parse(&text).ok_or("must be a time such as 2030-01-01T00:00:00Z")?;
        if at > now { Ok(at) } else { Err("must be in the future") }
    };
    KeyAmendment {
        name: fields.optional("name", checked),
        scopes: scopes(fields),
        events: granted(fields),
        rate_limit: settings::rate_limit(fields, &ApiKey::RATES),
        expires_at: fields.optional("expires_at", later),
    }
}

/// The types that a partner may be told of; never those about the desk's own work.
pub(super) fn granted(fields: &mut Fields) -> Option<Subscription> {
    let events = settings::events(fields)?;
    if events.is_operational() {
        fields.fail("events", "must not be operational: a partner is told of none of those");
    }
    Some(events)
}

fn scopes(fields: &mut Fields) -> Option<Scopes> {
    const NAME: &str = "scopes";
    let known = Scope::ALL.map(Scope::name).join(", ");
    let value = fields.take(NAME)?;
    let Value::Array(names) = &value else {
        fields.fail(NAME, format!("must be a list of at least one of {known}"));
        return None;
    };
    let mut found = Vec::new();
    for (index, name) in names.iter().enumerate() {
        match name.as_str().and_then(Scope::parse) {
            Some(scope) => found.push(scope),
            None => fields.fail(&format!("{NAME}/{index}"), format!("must be one of {known}")),
        }
    }
    if names.is_empty() {
        fields.fail(NAME, format!("must be a list of at least one of {known}"));
    }
    Some(Scopes::of(found))
}

/// A page of the API keys, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeysQuery {
    after: Option<KeyId>,
    limit: u32,
    /// Whether the host is configured with a key, which is listed first.
    binding: bool,
}

impl KeysQuery {
    /// Keys of a page if the caller names no limit.
    const LIMIT: u32 = 100;

    pub(super) fn answer<R: Rows + ?Sized>(self, rows: &mut R) -> Result<Response, R::Fault> {
        let keys = rows.api_keys()?;
        let keys = keys.iter().filter(|key| key.kind == KeyKind::Bearer);
        let later = keys.filter(|key| self.after.is_none_or(|after| key.id > after));
        let shown: Vec<&ApiKey> = later.take(self.limit as usize + 1).collect();
        let is_full = shown.len() > self.limit as usize;
        let shown = shown.get(..self.limit as usize).unwrap_or(&shown);
        let next = shown.last().map(|key| key.id).filter(|_| is_full);
        let binding = (self.binding && self.after.is_none()).then(|| KeyView::binding(BINDING));
        let views = binding.into_iter().chain(shown.iter().map(|key| KeyView::from(*key)));
        Ok(Response::page(views.collect(), next))
    }
}

pub(super) fn list(query: &Query<'_>, callers: &Callers) -> Result<Action, Problem> {
    let binding = matches!(callers, Callers::Keys { binding: Some(_) });
    let (after, limit) = (query.cursor(KeyId::parse)?, query.limit()?);
    let limit = limit.unwrap_or(KeysQuery::LIMIT);
    Ok(Action::Read(Reading::Keys(KeysQuery { after, limit, binding })))
}

/// The response that says who the caller is.
pub(super) fn caller<R: Rows + ?Sized>(
    authorization: Option<Authorization>,
    rows: &mut R,
    now: Millis,
) -> Result<Response, R::Fault> {
    let view = match authorization.map(|authorization| authorization.caller) {
        None => CallerView::unnamed("anyone"),
        Some(Caller::Binding) => CallerView::unnamed(BINDING),
        Some(Caller::CommandLine { .. }) => CallerView::unnamed("command_line"),
        Some(Caller::Key(id)) => {
            return Ok(match authorization::granted(rows, id, now)? {
                Some((key, granted)) => Response::data(200, CallerView::of(&key, &granted)),
                None => Problem::from(Refusal::Unauthorized).into(),
            });
        }
    };
    Ok(Response::data(200, view))
}

#[cfg(test)]
mod tests;
