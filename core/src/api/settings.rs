//! A webhook's settings as callers send them, at registration and to change them. `null` means the
//! default; an absent setting stays as it is.

#![expect(clippy::wildcard_enum_match_arm, reason = "JSON has six kinds, of which one is right")]

use std::ops::RangeInclusive;

use serde_json::Value;

use crate::api::body::{Fields, escaped};
use crate::model::event::EventType;
use crate::model::subscription::Subscription;
use crate::model::text::BadText;
use crate::webhook::extra_headers::{BadHeader, ExtraHeaders};
use crate::webhook::retry_schedule::{BadSchedule, RetrySchedule};
use crate::webhook::{Amendment, Ordering, Webhook};

/// The fields of a registration and of a change.
pub(super) const NAMES: [&str; 12] = [
    "callback_url",
    "description",
    "events",
    "headers",
    "max_in_flight",
    "ordering",
    "partner",
    "rate_limit",
    "retry_schedule",
    "secret",
    "status",
    "timeout_ms",
];

/// All settings but the callback URL. Their mistakes are added to `fields`.
pub(super) fn take(fields: &mut Fields) -> Amendment {
    Amendment {
        callback_url: None,
        events: events(fields),
        ordering: ordering(fields),
        description: description(fields),
        headers: headers(fields),
        retry_schedule: retry_schedule(fields),
        timeout_ms: fields.whole("timeout_ms", &Webhook::TIMEOUTS_MS, Webhook::TIMEOUT_MS),
        max_in_flight: fields.whole("max_in_flight", &Webhook::WINDOWS, Webhook::MAX_IN_FLIGHT),
        rate_limit: rate_limit(fields, &Webhook::RATES),
        paused: paused(fields),
    }
}

/// Event types by name; `null` means those of the integration guide.
pub(super) fn events(fields: &mut Fields) -> Option<Subscription> {
    const NAME: &str = "events";
    let types = || EventType::ALL.map(EventType::name).join(", ");
    let names = match fields.take(NAME)? {
        Value::Null => return Some(Subscription::default()),
        Value::Array(names) if !names.is_empty() => names,
        _ => {
            fields.fail(NAME, format!("must be a list of at least one of {}", types()));
            return None;
        }
    };
    let mut found = Vec::new();
    for (index, name) in names.iter().enumerate() {
        match name.as_str().and_then(EventType::parse) {
            Some(kind) => found.push(kind),
            None => fields.fail(&format!("{NAME}/{index}"), format!("must be one of {}", types())),
        }
    }
    Some(Subscription::of(found))
}

fn ordering(fields: &mut Fields) -> Option<Ordering> {
    const NAME: &str = "ordering";
    match fields.take(NAME)? {
        Value::Null => Some(Ordering::default()),
        value => {
            let ordering = value.as_str().and_then(Ordering::parse);
            if ordering.is_none() {
                fields.fail(NAME, "must be one of ticket, webhook, none");
            }
            ordering
        }
    }
}

#[expect(clippy::option_option, reason = "it may stay, go, or be another")]
fn description(fields: &mut Fields) -> Option<Option<String>> {
    let checked = |text: String| BadText::check(&text, Webhook::MAX_DESCRIPTION).map(|()| text);
    fields.optional("description", checked)
}

fn headers(fields: &mut Fields) -> Option<ExtraHeaders> {
    const NAME: &str = "headers";
    let object = match fields.take(NAME)? {
        Value::Null => return Some(ExtraHeaders::default()),
        Value::Object(object) => object,
        _ => {
            fields.fail(NAME, "must be an object of header names and values");
            return None;
        }
    };
    let mut headers = Vec::new();
    for (name, value) in object {
        match value {
            Value::String(value) => headers.push((name, value)),
            _ => fields.fail(&pointer(NAME, &name), "must be a string"),
        }
    }
    let parsed = ExtraHeaders::parse(headers);
    parsed.map_err(|bad| fields.fail(&header_pointer(NAME, &bad), bad.to_string())).ok()
}

fn header_pointer(field: &str, bad: &BadHeader) -> String {
    bad.name().map_or_else(|| field.to_owned(), |name| pointer(field, name))
}

fn pointer(field: &str, name: &str) -> String {
    format!("{field}/{}", escaped(name))
}

fn retry_schedule(fields: &mut Fields) -> Option<RetrySchedule> {
    const NAME: &str = "retry_schedule";
    let waits = match fields.take(NAME)? {
        Value::Null => return Some(RetrySchedule::default()),
        Value::Array(waits) => waits,
        _ => {
            fields.fail(NAME, "must be a list of whole seconds");
            return None;
        }
    };
    // A value that is no whole number, or does not fit, is treated as one that is too large.
    let seconds = |wait: &Value| wait.as_u64().and_then(|s| u32::try_from(s).ok());
    let waits_s = waits.iter().map(|wait| seconds(wait).unwrap_or(u32::MAX)).collect();
    let parsed = RetrySchedule::parse(waits_s).map_err(|bad| {
        let name = match bad {
            BadSchedule::TooMany => NAME.to_owned(),
            BadSchedule::TooLong { index } => format!("{NAME}/{index}"),
        };
        fields.fail(&name, bad.to_string());
    });
    parsed.ok()
}

#[expect(clippy::option_option, reason = "it may stay, go, or be another")]
pub(super) fn rate_limit(fields: &mut Fields, range: &RangeInclusive<u32>) -> Option<Option<u32>> {
    // The default is no rate limit, which is what null means.
    let given = fields.is_null("rate_limit");
    let rate = fields.whole("rate_limit", range, 0)?;
    Some(if given { None } else { Some(rate) })
}

fn paused(fields: &mut Fields) -> Option<bool> {
    const NAME: &str = "status";
    let value = fields.take(NAME).filter(|value| !value.is_null())?;
    match value.as_str() {
        Some("active") => Some(false),
        Some("paused") => Some(true),
        Some(_) | None => {
            fields.fail(NAME, "must be active or paused");
            None
        }
    }
}
