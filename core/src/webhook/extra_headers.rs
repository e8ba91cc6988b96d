//! Extra headers of a webhook's requests, such as a key that its gateway requires.

use std::fmt;

/// Headers besides the desk's, in the order in which they were given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtraHeaders(Vec<(String, String)>);

/// The reason why headers are rejected, with the header's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadHeader {
    TooMany,
    /// Not a token (RFC 9110 §5.6.2), or too long.
    Name(String),
    /// Reserved: the desk or the connection sets it.
    Ours(String),
    /// Not printable ASCII, or too long. A line break would begin another header.
    Value(String),
    Twice(String),
}

impl ExtraHeaders {
    /// Enough for gateways in a row, each with its key.
    pub const MAX: usize = 16;
    /// Bytes of a name.
    pub const MAX_NAME: usize = 64;
    /// Bytes of a value: sixteen of them are still under the 16 KiB that servers accept (RFC 9112
    /// §2.3 leaves the limit to them; 8 KiB is common for one line).
    pub const MAX_VALUE: usize = 1_000;
    /// Reserved names.
    const OURS: [&str; 13] = [
        "accept",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    ];
    /// Prefixes of reserved names.
    const OUR_PREFIXES: [&str; 3] = ["webhook-", "hookdesk-", "proxy-"];

    /// # Errors
    /// [`BadHeader`] for the first header that is rejected.
    pub fn parse(headers: Vec<(String, String)>) -> Result<Self, BadHeader> {
        if headers.len() > Self::MAX {
            return Err(BadHeader::TooMany);
        }
        for (index, (name, value)) in headers.iter().enumerate() {
            check_name(name)?;
            let printable = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
            let trimmed = value.trim() == value;
            if !printable || !trimmed || value.is_empty() || value.len() > Self::MAX_VALUE {
                return Err(BadHeader::Value(name.clone()));
            }
            if headers.iter().skip(index + 1).any(|(other, _)| other.eq_ignore_ascii_case(name)) {
                return Err(BadHeader::Twice(name.clone()));
            }
        }
        Ok(Self(headers))
    }

    /// Headers from the store, which [`ExtraHeaders::parse`] accepted earlier.
    #[must_use]
    pub fn stored(headers: Vec<(String, String)>) -> Self {
        Self(headers)
    }

    /// Whether a header of this name is set by the desk or the connection.
    pub(crate) fn is_ours(name: &str) -> bool {
        let lower = name.to_ascii_lowercase();
        Self::OURS.contains(&lower.as_str())
            || Self::OUR_PREFIXES.iter().any(|prefix| lower.starts_with(prefix))
    }

    /// Whether a receiver may mistake a header of this name for a reserved one. CGI-style gateways
    /// (WSGI, Rack, PHP) map all punctuation in names to `_` (RFC 3875 §4.1.18): behind them
    /// `Webhook_Id` and `webhook.id` are `webhook-id`.
    fn passes_for_ours(name: &str) -> bool {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        Self::is_ours(&name.chars().map(plain).collect::<String>())
    }

    #[must_use]
    pub fn as_slice(&self) -> &[(String, String)] {
        &self.0
    }
}

fn check_name(name: &str) -> Result<(), BadHeader> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || name.len() > ExtraHeaders::MAX_NAME || !name.bytes().all(token) {
        return Err(BadHeader::Name(name.to_owned()));
    }
    if ExtraHeaders::passes_for_ours(name) { Err(BadHeader::Ours(name.to_owned())) } else { Ok(()) }
}

impl BadHeader {
    /// The name of the rejected header; `None` when there are too many.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::TooMany => None,
            Self::Name(name) | Self::Ours(name) | Self::Value(name) | Self::Twice(name) => {
                Some(name)
            }
        }
    }
}

impl fmt::Display for BadHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany => write!(f, "must be at most {} headers", ExtraHeaders::MAX),
            Self::Name(_) => write!(
                f,
                "must be a header name of 1 to {} letters, digits and hyphens",
                ExtraHeaders::MAX_NAME
            ),
            Self::Ours(_) => f.write_str("is a header that HookDesk or the connection sets"),
            Self::Value(_) => write!(
                f,
                "must be 1 to {} printable ASCII characters, without spaces at its ends",
                ExtraHeaders::MAX_VALUE
            ),
            Self::Twice(_) => f.write_str("is given twice"),
        }
    }
}

impl std::error::Error for BadHeader {}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(name: &str, value: &str) -> Result<ExtraHeaders, BadHeader> {
        ExtraHeaders::parse(vec![(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn headers_are_neither_ours_nor_more_than_one() {
        assert!(parse("X-Api-Key", "a b").is_ok());
        assert!(parse("authorization", "Bearer x").is_ok());
        for name in ["Host", "webhook-id", "Webhook-Anything", "HookDesk-Ticket", "TE", "Proxy-X"] {
            assert_eq!(parse(name, "x"), Err(BadHeader::Ours(name.to_owned())));
        }
        for name in ["Content_Length", "webhook.id", "TRANSFER~ENCODING", "hookdesk_x", "Trailer"] {
            assert_eq!(parse(name, "x"), Err(BadHeader::Ours(name.to_owned())));
        }
        assert!(parse("webhooks", "x").is_ok() && parse("x_host", "x").is_ok());
        for name in ["", "a b", "a:", "é", "x\r\ny"] {
            assert_eq!(parse(name, "x"), Err(BadHeader::Name(name.to_owned())));
        }
        for value in ["", "a\r\nb: c", "a\nb", "é", " a", "a\0"] {
            assert_eq!(parse("x", value), Err(BadHeader::Value("x".to_owned())), "{value:?}");
        }
        let twice = vec![("A".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())];
        assert_eq!(ExtraHeaders::parse(twice), Err(BadHeader::Twice("A".to_owned())));
        let many = (0..17).map(|n| (format!("x-{n}"), "x".to_owned())).collect();
        assert_eq!(ExtraHeaders::parse(many), Err(BadHeader::TooMany));
    }
}
