//! Query string parameters: ids and whole numbers, which need no escapes.

use std::ops::RangeInclusive;

use crate::api::{Call, Code, FieldError, Listing, Problem};

/// The value of a parameter.
pub(super) fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').find_map(|pair| match pair.split_once('=') {
        Some((of, value)) => (of == name).then_some(value),
        None => (pair == name).then_some(""),
    })
}

/// A parameter that is a whole number within `range`.
pub(super) fn whole(
    call: &Call<'_>,
    name: &str,
    range: &RangeInclusive<u32>,
) -> Result<Option<u32>, Problem> {
    let Some(text) = parameter(call.query, name) else { return Ok(None) };
    let number = text.parse().ok().filter(|number| range.contains(number));
    let detail = || format!("must be a whole number from {} to {}", range.start(), range.end());
    number.map(Some).ok_or_else(|| bad_parameter(name, detail()))
}

pub(super) fn limit(call: &Call<'_>) -> Result<Option<u32>, Problem> {
    whole(call, "limit", &(1..=Listing::MAX))
}

pub(super) fn cursor<T>(
    call: &Call<'_>,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, Problem> {
    let Some(cursor) = parameter(call.query, "after") else { return Ok(None) };
    let detail = "must be the next of an earlier page of this list";
    parse(cursor).map(Some).ok_or_else(|| bad_parameter("after", detail))
}

pub(super) fn bad_parameter(name: &str, detail: impl Into<String>) -> Problem {
    let error = FieldError { pointer: format!("?{name}"), detail: detail.into() };
    Problem::fields(Code::BadField, vec![error])
}
