//! What crosses the border, in JavaScript's words. The TypeScript types are made from these.

use std::borrow::Cow;
use std::fmt;

use hookdesk_core::sql::{self, Value};
use hookdesk_core::{self as core, Secret, WebhookId, api};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use tsify::Tsify;

use crate::told::Told;

/// When something happens, and with what chance.
#[derive(Clone, Copy, Debug, Deserialize, Tsify)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct At {
    /// Milliseconds of unix time.
    pub now_ms: u64,
    /// 96 hex digits of chance, drawn anew each time: 16 bytes that make ids, and 32 that make a
    /// secret where one is made. `MemoryDesk` takes any; with equal ones it does the same again.
    #[tsify(type = "string")]
    pub chance: Chance,
}

/// Chance for one command.
#[derive(Clone, Copy)]
pub struct Chance {
    pub ids: [u8; 16],
    pub secret: [u8; Secret::LENGTH],
}

impl Chance {
    /// Reads 96 hex digits.
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

/// Something that happens to a desk: a call comes in, a request ended, or else time passed.
#[derive(Clone, Debug, Deserialize, Tsify)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    pub at: At,
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
    /// What follows the `?`.
    #[serde(default)]
    pub query: String,
    /// Names in lower case.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    #[serde(default)]
    pub body: String,
}

/// The request that a report is about, as the request had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Tsify)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestKey {
    #[tsify(type = "string")]
    pub webhook: WebhookId,
    /// The event's place in the log.
    pub seq: u64,
    /// Of all requests for this event and webhook.
    pub number: u32,
    pub sent_at_ms: u64,
}

/// How a request ended: with a status, or with a failure.
#[derive(Clone, Debug, Deserialize, Tsify)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Report {
    pub key: RequestKey,
    pub duration_ms: u64,
    /// The answer's status.
    #[serde(default)]
    pub status: Option<u16>,
    /// The answer's header `Retry-After`, as it came.
    #[serde(default)]
    pub retry_after: Option<String>,
    /// The beginning of the answer's body. 1,024 bytes are kept.
    #[serde(default)]
    pub body: String,
    /// Why no answer came.
    #[serde(default)]
    pub failure: Option<Failure>,
}

/// A class of failure.
#[derive(Clone, Copy, Debug, Deserialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub enum Failure {
    /// The host name did not resolve.
    Dns,
    Connect,
    Tls,
    Timeout,
    Reset,
    /// What came back was not HTTP.
    Protocol,
    /// An address that must not be called.
    Blocked,
    /// Our own fault, for which the receiver is not charged.
    Ours,
}

impl From<Failure> for core::Failure {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Dns => Self::Dns,
            Failure::Connect => Self::Connect,
            Failure::Tls => Self::Tls,
            Failure::Timeout => Self::Timeout,
            Failure::Reset => Self::Reset,
            Failure::Protocol => Self::Protocol,
            Failure::Blocked => Self::Blocked,
            Failure::Ours => Self::Ours,
        }
    }
}

/// What follows from an input.
#[derive(Clone, Debug, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct Handled {
    /// To a call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Response>,
    /// To be sent now, each to be reported on.
    pub requests: Vec<Request>,
    /// When to say that time passed, at the latest, if time alone brings anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_wake_ms: Option<u64>,
    /// What a store was told, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Vec<Statement>>,
    /// Rows that are new or changed, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub told: Option<Told>,
    /// Lines for the file of a recording, if one has begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<String>,
    /// What went wrong with the store, for the host's log. Its callers were told already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// The answer to a call.
#[derive(Clone, Debug, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    pub status: u16,
    #[tsify(type = "[string, string][]")]
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    /// The rest of a long list: take it with `page`, or let go of it with `closeList`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<u32>,
}

impl From<api::Response> for Response {
    fn from(api::Response { status, headers, body }: api::Response) -> Self {
        Self { status, headers, body, list: None }
    }
}

/// A part of a long list.
#[derive(Clone, Debug, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    pub text: String,
    /// Whether there is more.
    pub more: bool,
}

/// A finished webhook request: a POST, signed.
#[derive(Clone, Debug, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    pub key: RequestKey,
    pub url: String,
    /// In the order in which they are sent.
    #[tsify(type = "[string, string][]")]
    pub headers: Vec<(Cow<'static, str>, String)>,
    pub body: String,
    /// For all of it: resolving, connecting, sending, and reading the answer.
    pub timeout_ms: u32,
}

impl From<core::Request> for Request {
    fn from(request: core::Request) -> Self {
        Self {
            key: RequestKey {
                webhook: request.key.webhook,
                seq: request.key.seq.0,
                number: request.key.number,
                sent_at_ms: request.sent_at.0,
            },
            url: request.url.to_string(),
            headers: request.headers,
            body: request.body.to_string(),
            timeout_ms: request.timeout_ms,
        }
    }
}

/// A statement of SQL that a store was told.
#[derive(Clone, Debug, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    #[tsify(type = "string")]
    pub sql: &'static str,
    /// Its parameters, in order.
    #[tsify(type = "SqlValue[]")]
    pub values: Vec<SqlValue>,
}

/// A value on its way to a database.
#[derive(Clone, Debug, Serialize, Tsify)]
#[serde(untagged)]
pub enum SqlValue {
    Null(()),
    Integer(i64),
    Text(String),
}

impl From<&Value<'_>> for SqlValue {
    fn from(value: &Value<'_>) -> Self {
        match value {
            Value::Null => Self::Null(()),
            Value::Integer(number) => Self::Integer(*number),
            Value::Text(text) => Self::Text(text.to_string()),
        }
    }
}

impl From<&sql::Statement<'_>> for Statement {
    fn from(statement: &sql::Statement<'_>) -> Self {
        Self { sql: statement.sql, values: statement.values.iter().map(SqlValue::from).collect() }
    }
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
