//! Changes of a webhook's and of a key's settings in JSON. A field that is left out stays as it is.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};

use super::Read;
use super::names::{ScopesForm, TypesForm};
use crate::engine::command::KeyAmendment;
use crate::guard::CallbackUrl;
use crate::model::millis::Millis;
use crate::webhook::extra_headers::ExtraHeaders;
use crate::webhook::retry_schedule::RetrySchedule;
use crate::webhook::{Amendment, Ordering};

#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::option_option, reason = "it may stay, go, or be another")]
pub(super) struct AmendmentForm<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    callback_url: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<TypesForm<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ordering: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    description: Option<Option<Cow<'a, str>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<Cow<'a, [(String, String)]>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_schedule: Option<Cow<'a, [u32]>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_in_flight: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    rate_limit: Option<Option<u32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paused: Option<bool>,
}

impl<'a> AmendmentForm<'a> {
    pub fn of(amendment: &'a Amendment) -> Self {
        let Amendment {
            callback_url,
            events,
            ordering,
            description,
            headers,
            retry_schedule,
            timeout_ms,
            max_in_flight,
            rate_limit,
            paused,
        } = amendment;
        Self {
            callback_url: callback_url.as_ref().map(|url| url.as_str().into()),
            events: events.as_ref().map(TypesForm::of),
            ordering: ordering.map(|ordering| ordering.name().into()),
            description: description.as_ref().map(|text| text.as_deref().map(Cow::Borrowed)),
            headers: headers.as_ref().map(|headers| headers.as_slice().into()),
            retry_schedule: retry_schedule.as_ref().map(|waits| waits.waits_s().into()),
            timeout_ms: *timeout_ms,
            max_in_flight: *max_in_flight,
            rate_limit: *rate_limit,
            paused: *paused,
        }
    }

    pub fn read(self) -> Read<Amendment> {
        let ordering = |name: Cow<'_, str>| Ordering::parse(&name).ok_or("not an ordering");
        Ok(Amendment {
            callback_url: self.callback_url.map(|url| CallbackUrl::stored(url.into_owned())),
            events: self.events.map(|events| events.read()).transpose()?,
            ordering: self.ordering.map(ordering).transpose()?,
            description: self.description.map(|text| text.map(Cow::into_owned)),
            headers: self.headers.map(|headers| ExtraHeaders::stored(headers.into_owned())),
            retry_schedule: self.retry_schedule.map(|s| RetrySchedule::stored(s.into_owned())),
            timeout_ms: self.timeout_ms,
            max_in_flight: self.max_in_flight,
            rate_limit: self.rate_limit,
            paused: self.paused,
        })
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::option_option, reason = "it may stay, go, or be another")]
pub(super) struct KeyAmendmentForm<'a> {
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    name: Option<Option<Cow<'a, str>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<ScopesForm<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<TypesForm<'a>>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    rate_limit: Option<Option<u32>>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    expires_at: Option<Option<Millis>>,
}

impl<'a> KeyAmendmentForm<'a> {
    pub fn of(amendment: &'a KeyAmendment) -> Self {
        let KeyAmendment { name, scopes, events, rate_limit, expires_at } = amendment;
        Self {
            name: name.as_ref().map(|name| name.as_deref().map(Cow::Borrowed)),
            scopes: scopes.map(ScopesForm::of),
            events: events.as_ref().map(TypesForm::of),
            rate_limit: *rate_limit,
            expires_at: *expires_at,
        }
    }

    pub fn read(self) -> Read<KeyAmendment> {
        Ok(KeyAmendment {
            name: self.name.map(|name| name.map(Cow::into_owned)),
            scopes: self.scopes.map(|scopes| scopes.read()).transpose()?,
            events: self.events.map(|events| events.read()).transpose()?,
            rate_limit: self.rate_limit,
            expires_at: self.expires_at,
        })
    }
}

/// A field that is present, be it null.
#[expect(clippy::option_option, reason = "it may stay, go, or be another")]
fn given<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}
