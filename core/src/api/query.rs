//! Query string parameters. Names and values are percent-decoded, and nothing more: `+` stays.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use percent_encoding::percent_decode_str;

use crate::api::nearest::unknown;
use crate::api::{Call, Code, FieldError, Listing, Problem};

/// The parameters of a call, each there once and known to its route.
#[derive(Clone, Debug, Default)]
pub(super) struct Query<'a> {
    pairs: Vec<(&'static str, Cow<'a, str>)>,
}

impl<'a> Query<'a> {
    /// # Errors
    /// When a parameter is none of `known`, or is there twice: a caller means something by it.
    pub fn of(call: &Call<'a>, known: &[&'static str]) -> Result<Self, Problem> {
        let mut query = Self::default();
        for pair in call.query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decoded(name);
            let Some(name) = known.iter().find(|known| **known == name) else {
                let (name, detail) = unknown(&name, known, "parameter");
                return Err(bad_parameter(&name, detail));
            };
            if query.get(name).is_some() {
                return Err(bad_parameter(name, "must be there once at the most"));
            }
            query.pairs.push((name, decoded(value)));
        }
        Ok(query)
    }

    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(of, _)| *of == name).map(|(_, value)| &**value)
    }

    /// A parameter that is a whole number within `range`.
    pub fn whole(&self, name: &str, range: &RangeInclusive<u32>) -> Result<Option<u32>, Problem> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|number| is_plain && range.contains(number));
        let detail = || format!("must be a whole number from {} to {}", range.start(), range.end());
        number.map(Some).ok_or_else(|| bad_parameter(name, detail()))
    }

    pub fn limit(&self) -> Result<Option<u32>, Problem> {
        self.whole("limit", &(1..=Listing::MAX))
    }

    pub fn cursor<T>(&self, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Problem> {
        let Some(cursor) = self.get("after") else { return Ok(None) };
        let detail = "must be the next of an earlier page of this list";
        parse(cursor).map(Some).ok_or_else(|| bad_parameter("after", detail))
    }
}

/// What is no UTF-8 becomes U+FFFD, which no parameter takes.
fn decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

pub(super) fn bad_parameter(name: &str, detail: impl Into<String>) -> Problem {
    let error = FieldError { pointer: format!("?{name}"), detail: detail.into() };
    Problem::fields(Code::BadField, vec![error])
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 3] = ["after", "limit", "state"];

    fn taken(query: &str) -> Result<Vec<(&str, String)>, String> {
        let call = Call { method: "GET", path: "/", query, headers: Vec::new(), body: b"" };
        let query = Query::of(&call, &KNOWN).map_err(|problem| problem.detail)?;
        Ok(query.pairs.into_iter().map(|(name, value)| (name, value.into_owned())).collect())
    }

    #[test]
    fn names_and_values_are_decoded_and_a_plus_stays() {
        for (query, pairs) in [
            ("", &[][..]),
            ("&&", &[]),
            ("limit=%31&after=evt%5F1", &[("limit", "1"), ("after", "evt_1")]),
            ("%6Cimit=1&", &[("limit", "1")]),
            ("limit", &[("limit", "")]),
            ("state=a+b%2B%20c=d", &[("state", "a+b+ c=d")]),
            ("state=%zz%", &[("state", "%zz%")]),
            ("state=%ff", &[("state", "\u{fffd}")]),
            ("state=%2526", &[("state", "%26")]),
        ] {
            let pairs: Vec<_> = pairs.iter().map(|(name, of)| (*name, (*of).to_owned())).collect();
            assert_eq!(taken(query), Ok(pairs), "{query}");
        }
    }

    #[test]
    fn what_is_unknown_or_there_twice_is_refused() {
        for (query, detail) in [
            ("limit=1&limit=1", "?limit must be there once at the most."),
            ("limit=1&%6cimit=2", "?limit must be there once at the most."),
            ("limits=1", "?limits is no parameter here: the nearest is limit."),
            ("Limit=1", "?Limit is no parameter here: the nearest is limit."),
            ("ticket=1", "?ticket is no parameter here: there are after, limit, state."),
            ("=1", "? is no parameter here: there are after, limit, state."),
        ] {
            assert_eq!(taken(query), Err(detail.to_owned()), "{query}");
        }
    }
}
