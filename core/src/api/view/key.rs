//! Views of API keys, and of a caller.

use serde::Serialize;

use crate::api::view::Time;
use crate::model::api_key::{ApiKey, KeySettings};
use crate::model::event::EventType;
use crate::model::id::KeyId;
use crate::model::key_kind::KeyKind;
use crate::model::partner::Partner;
use crate::model::scope::Scope;

/// An API key, without its text.
#[derive(Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub(in crate::api) struct KeyView<'a> {
    id: String,
    /// The first characters of its text, by which people recognize it.
    prefix: Option<&'a str>,
    name: Option<&'a str>,
    scopes: Vec<Scope>,
    /// The partner whose webhooks alone it reaches.
    partner: Option<Partner>,
    /// The event types that this partner may be told of.
    events: Option<Vec<EventType>>,
    /// Calls per second.
    rate_limit: Option<u32>,
    created_at: Option<Time>,
    expires_at: Option<Time>,
    /// To the minute.
    last_used_at: Option<Time>,
}

impl KeyView<'static> {
    /// The key that the host is configured with, of which there is no row.
    pub fn binding(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            prefix: None,
            name: None,
            scopes: vec![Scope::Admin],
            partner: None,
            events: None,
            rate_limit: None,
            created_at: None,
            expires_at: None,
            last_used_at: None,
        }
    }
}

impl<'a> From<&'a ApiKey> for KeyView<'a> {
    fn from(key: &'a ApiKey) -> Self {
        Self {
            id: key.id.to_string(),
            prefix: Some(&key.prefix),
            name: key.settings.name.as_deref(),
            scopes: key.settings.scopes.iter().collect(),
            partner: key.settings.partner(),
            events: granted(&key.settings),
            rate_limit: key.settings.rate_limit,
            created_at: Some(Time(key.created_at)),
            expires_at: key.settings.expires_at.map(Time),
            last_used_at: key.last_used_at.map(Time),
        }
    }
}

/// An API key's text, which only the response to its making shows.
#[derive(Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub(in crate::api) struct KeySecret<'a> {
    pub key: &'a str,
}

/// A link that signs a browser in as a partner, without its URL.
#[derive(Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub(in crate::api) struct LinkView {
    partner: Option<Partner>,
    /// The event types that this partner may be told of.
    events: Option<Vec<EventType>>,
    /// Until when it can be used, once.
    expires_at: Option<Time>,
}

impl From<&ApiKey> for LinkView {
    fn from(link: &ApiKey) -> Self {
        Self {
            partner: link.settings.partner(),
            events: granted(&link.settings),
            expires_at: link.settings.expires_at.map(Time),
        }
    }
}

/// A link's URL, which only the response to its making shows.
#[derive(Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub(in crate::api) struct LinkSecret<'a> {
    pub url: &'a str,
}

/// How many sessions and links of a partner were ended.
#[derive(Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub(in crate::api) struct EndedView {
    pub partner: Partner,
    pub ended: u64,
}

/// Who the caller is, and what it may do.
#[derive(Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub(in crate::api) struct CallerView<'a> {
    /// `key`, `session`, `binding`, `command_line`, or `anyone` on a desk that asks for no key.
    caller: &'static str,
    /// Its key: of a session the one with which it began.
    id: Option<KeyId>,
    name: Option<&'a str>,
    scopes: Vec<Scope>,
    /// The partner whose webhooks alone it reaches.
    partner: Option<Partner>,
    /// The event types that this partner may be told of.
    events: Option<Vec<EventType>>,
    expires_at: Option<Time>,
}

impl CallerView<'static> {
    /// A caller without a row, which may do everything.
    pub fn unnamed(caller: &'static str) -> Self {
        Self {
            caller,
            id: None,
            name: None,
            scopes: vec![Scope::Admin],
            partner: None,
            events: None,
            expires_at: None,
        }
    }
}

impl<'a> CallerView<'a> {
    /// Whoever holds a key that grants this.
    pub fn of(key: &'a ApiKey, granted: &'a KeySettings) -> Self {
        let is_session = key.kind == KeyKind::Session;
        let ends = [key.settings.expires_at, granted.expires_at];
        Self {
            caller: if is_session { "session" } else { "key" },
            id: if is_session { key.parent } else { Some(key.id) },
            name: granted.name.as_deref(),
            scopes: granted.scopes.iter().collect(),
            partner: granted.partner(),
            events: self::granted(granted),
            expires_at: ends.into_iter().flatten().min().map(Time),
        }
    }
}

fn granted(settings: &KeySettings) -> Option<Vec<EventType>> {
    settings.grant.as_ref().map(|grant| grant.events.types().collect())
}
