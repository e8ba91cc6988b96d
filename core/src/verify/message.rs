//! The parts of a delivery that are signed or hold signatures.

use serde::Serialize;

use super::mistake::{Header, Mistake};
use super::signature::{self, Signature};

/// Headers that are read: more than servers accept.
const MAX_HEADERS: usize = 256;

/// Bytes of a header's value that are read: sixteen signatures and some.
const MAX_VALUE: usize = 4_096;

/// A timestamp from here on cannot be in seconds (that is the year 5138), but in milliseconds or a
/// smaller unit.
const MILLISECONDS_FROM: u64 = 100_000_000_000;

/// A delivery that has all three headers.
pub(super) struct Message<'a> {
    pub id: &'a str,
    /// As received: a whole number.
    pub timestamp: &'a str,
    pub seconds: u64,
    /// The text of `webhook-signature`; the signatures in it follow.
    pub signature: String,
    pub signatures: Vec<Signature>,
    pub body: &'a [u8],
}

impl<'a> Message<'a> {
    pub fn read(headers: &[(&'a str, &'a str)], body: &'a [u8]) -> Result<Self, Mistake> {
        let id = first(headers, Header::Id)?;
        let timestamp = first(headers, Header::Timestamp)?;
        let all: Vec<&str> = values(headers, Header::Signature).collect();
        if all.is_empty() {
            return Err(Mistake::MissingHeader(Header::Signature));
        }
        let signature = all.join(" ");
        let digits = timestamp.bytes().take_while(u8::is_ascii_digit).count();
        let malformed = Mistake::TimestampMalformed { offset: digits };
        if digits < timestamp.len() {
            return Err(malformed);
        }
        let seconds = timestamp.parse().map_err(|_| malformed)?;
        let signatures = signature::read(&signature);
        Ok(Self { id, timestamp, seconds, signature, signatures, body })
    }

    /// The content that HookDesk signs, in parts.
    pub fn content(&self) -> [&[u8]; 5] {
        [self.id.as_bytes(), b".", self.timestamp.as_bytes(), b".", self.body]
    }

    /// The same with another body.
    pub fn content_of<'b>(&'b self, body: &'b [u8]) -> [&'b [u8]; 5] {
        [self.id.as_bytes(), b".", self.timestamp.as_bytes(), b".", body]
    }

    pub fn is_in_milliseconds(&self) -> bool {
        self.seconds >= MILLISECONDS_FROM
    }
}

/// A header that counts although its name is not spelled as it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Renamed<'a> {
    /// The name as it was given.
    pub name: &'a str,
    pub header: Header,
}

/// The headers that count under another name than their own, such as `HTTP_WEBHOOK_ID`. Names have
/// no case (RFC 9110 §5.1), so that another case is the same name.
#[must_use]
pub fn renamed<'a>(headers: &[(&'a str, &'a str)]) -> Vec<Renamed<'a>> {
    let all = [Header::Id, Header::Timestamp, Header::Signature];
    let counted = all.into_iter().flat_map(|header| {
        let most = if header == Header::Signature { MAX_HEADERS } else { 1 };
        named(headers, header).take(most).map(move |(name, _)| Renamed { name, header })
    });
    counted.filter(|one| !one.name.eq_ignore_ascii_case(one.header.name())).collect()
}

fn first<'a>(headers: &[(&'a str, &'a str)], header: Header) -> Result<&'a str, Mistake> {
    values(headers, header).next().ok_or(Mistake::MissingHeader(header))
}

fn values<'a>(headers: &[(&'a str, &'a str)], header: Header) -> impl Iterator<Item = &'a str> {
    named(headers, header).map(|(_, value)| value)
}

/// The names and values that are given for a header, without those whose value is empty.
fn named<'a>(
    headers: &[(&'a str, &'a str)],
    header: Header,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let named = headers.iter().take(MAX_HEADERS).filter(move |(name, _)| is_name(name, header));
    named.map(|(name, value)| (*name, cut(value.trim()))).filter(|(_, value)| !value.is_empty())
}

/// Whether `name` is that header's, also as CGI-style gateways (WSGI, Rack, PHP) spell it.
fn is_name(name: &str, header: Header) -> bool {
    let name = name.trim().trim_end_matches(':');
    let prefix = name.get(..5).filter(|prefix| prefix.eq_ignore_ascii_case("http_"));
    let name = prefix.and_then(|_| name.get(5..)).unwrap_or(name);
    let same =
        |(one, other): (u8, u8)| one.eq_ignore_ascii_case(&other) || (one == b'_' && other == b'-');
    name.len() == header.name().len() && name.bytes().zip(header.name().bytes()).all(same)
}

fn cut(value: &str) -> &str {
    let mut end = value.len().min(MAX_VALUE);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    value.get(..end).unwrap_or_default()
}
