//! Inputs of a desk, in the form that JavaScript passes. The TypeScript types are generated from
//! these.
//!
//! [`Call`] and [`Report`] are not the core's: here all text is owned, where the core's call
//! borrows bytes from its host; and a report holds the whole response, with or without a status,
//! where the core's is checked and holds an excerpt.

use std::borrow::Cow;
use std::fmt;

use hookdesk_core::{Failure, RequestKey, Secret, api};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use tsify::Tsify;

/// The time of an input, and its random bytes.
#[derive(Clone, Copy, Debug, Deserialize, Tsify)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[tsify(rename = "At")]
pub struct JsMoment {
    /// Milliseconds of unix time.
    pub now_ms: u64,
    /// 96 hex digits of randomness, drawn anew for each input: 16 bytes for ids, and 32 for a
    /// secret if one is generated. `MemoryDesk` takes any; equal digits give equal results.
    #[tsify(type = "string")]
    pub chance: Chance,
}

/// Random bytes for one command.
#[derive(Clone, Copy)]
pub struct Chance {
    pub ids: [u8; 16],
    pub secret: [u8; Secret::LENGTH],
}

impl Chance {
    /// Parses 96 hex digits.
    #[must_use]
    pub fn parse(digits: &str) -> Option<Self> {
        let digit = |byte: &u8| u8::try_from(char::from(*byte).to_digit(16)?).ok();
        let digits: Vec<u8> = digits.as_bytes().iter().map(digit).collect::<Option<_>>()?;
        let (pairs, []) = digits.as_chunks::<2>() else { return None };
        let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high * 16 + low).collect();
        let (ids, secret) = bytes.split_at_checked(16)?;
        Some(Self { ids: ids.try_into().ok()?, secret: secret.try_into().ok()? })
    }
}

impl fmt::Debug for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chance(hidden)")
    }
}

impl<'de> Deserialize<'de> for Chance {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let digits = Cow::<str>::deserialize(from)?;
        Self::parse(&digits).ok_or_else(|| D::Error::custom("chance must be 96 hex digits"))
    }
}

/// An input of a desk: a call, the report of a request that ended, or else the passing of time.
#[derive(Clone, Debug, Deserialize, Tsify)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    #[tsify(type = "At")]
    pub at: JsMoment,
    #[serde(default)]
    pub call: Option<Call>,
    #[serde(default)]
    pub report: Option<Report>,
}

/// An HTTP call.
#[derive(Clone, Debug, Deserialize, Tsify)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Call {
    pub method: String,
    /// As in the request line, not decoded.
    pub path: String,
    /// The query string, without the `?`.
    #[serde(default)]
    pub query: String,
    /// Names in lower case.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    #[serde(default)]
    pub body: String,
}

impl Call {
    /// The core's call, with a body of bytes.
    #[must_use]
    pub fn with_body<'a>(&'a self, body: &'a [u8]) -> api::Call<'a> {
        let headers = self.headers.iter();
        api::Call {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: headers.map(|(name, value)| (&**name, &**value)).collect(),
            body,
        }
    }
}

/// How a request ended: with a status, or with a failure.
#[derive(Clone, Debug, Deserialize, Tsify)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Report {
    pub key: RequestKey,
    pub duration_ms: u64,
    /// The response's status.
    #[serde(default)]
    pub status: Option<u16>,
    /// The response's header `Retry-After`, as received.
    #[serde(default)]
    pub retry_after: Option<String>,
    /// The beginning of the response's body. 1,024 bytes are kept.
    #[serde(default)]
    pub body: String,
    /// Why there was no response.
    #[serde(default)]
    pub failure: Option<Failure>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_96_hex_digits() {
        let digits = "0f".repeat(48);
        let chance = Chance::parse(&digits).unwrap();
        assert_eq!((chance.ids, chance.secret), ([15; 16], [15; 32]));
        for bad in ["", "0", &digits[1..], &digits[2..], &"0g".repeat(48), &"0f".repeat(49)] {
            assert!(Chance::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn an_input_that_is_not_one_says_why() {
        let at = format!(r#"{{"nowMs":1,"chance":"{}"}}"#, "00".repeat(48));
        let read = |text: &str| serde_json::from_str::<Input>(text).map_err(|bad| bad.to_string());
        assert!(read(&format!(r#"{{"at":{at}}}"#)).is_ok());
        for (text, why) in [
            (r#"{"at":{"nowMs":1.5,"chance":""}}"#.to_owned(), "expected u64"),
            (r#"{"at":{"nowMs":1,"chance":"00"}}"#.to_owned(), "96 hex digits"),
            (format!(r#"{{"at":{at},"cal":1}}"#), "unknown field `cal`"),
            (format!(r#"{{"at":{at},"call":{{"method":"GET"}}}}"#), "missing field `path`"),
        ] {
            let bad = read(&text).unwrap_err();
            assert!(bad.contains(why), "{bad}");
        }
    }
}
