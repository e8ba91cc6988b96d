//! Reasons for which a URL is refused: a sentence for the caller, and a stable name.

use std::fmt;
use std::net::Ipv4Addr;

use url::ParseError;

use super::callback_url::CallbackUrl;
use super::host_name::{MAX_LABEL, MAX_NAME};
use super::targets::Forbidden;

/// Why a text is no callback URL of this desk, as a sentence that tells the caller how to correct
/// it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadCallbackUrl {
    /// Over [`CallbackUrl::MAX_LENGTH`].
    TooLong {
        bytes: usize,
    },
    /// A space, tab, line break or other control character, in any position.
    Blank(char),
    NotAscii(char),
    Backslash,
    /// A `#`: a fragment stays with the client and is never sent (RFC 9110 §7.1).
    Fragment,
    /// A character that URLs cannot contain (RFC 3986 §2), or that parsers encode where it stands: an
    /// apostrophe in the query.
    Character(char),
    /// A scheme other than `http` and `https`, or none.
    Scheme,
    /// Not exactly two slashes after the scheme.
    Slashes,
    /// A user or a password, even an empty one.
    Credentials,
    Host(BadHost),
    /// Not a plain number from 1 to 65535.
    Port,
    /// A path segment `.` or `..`, or one as `%2e`: clients resolve them away (RFC 3986 §5.2.4).
    DotSegment,
    /// A `%` without two hex digits after it.
    PercentEncoding,
    /// The parser would send another text: a last resort after all the rules above.
    Mended,
}

impl BadCallbackUrl {
    /// A stable name, one for each rule, whatever the wording of the sentence.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "too_long",
            Self::Blank(_) => "blank",
            Self::NotAscii(_) => "not_ascii",
            Self::Backslash => "backslash",
            Self::Fragment => "fragment",
            Self::Character(_) => "character",
            Self::Scheme => "scheme",
            Self::Slashes => "slashes",
            Self::Credentials => "credentials",
            Self::Host(why) => why.name(),
            Self::Port => "port",
            Self::DotSegment => "dot_segment",
            Self::PercentEncoding => "percent_encoding",
            Self::Mended => "mended",
        }
    }
}

impl fmt::Display for BadCallbackUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("The callback URL ")?;
        match self {
            Self::TooLong { bytes } => {
                write!(f, "has {bytes} bytes; the most are {}.", CallbackUrl::MAX_LENGTH)
            }
            Self::Blank(found) => write!(f, "has {found:?} in it; drop or percent-encode it."),
            Self::NotAscii(found) => write!(
                f,
                "has {found:?} in it; write hosts in their xn-- form and percent-encode the rest."
            ),
            Self::Backslash => f.write_str("has a backslash in it; write / or %5C."),
            Self::Fragment => f.write_str("has a fragment, which is never sent; end it at the #."),
            Self::Character(found) => write!(f, "has {found:?} in it; percent-encode it."),
            Self::Scheme => f.write_str("must begin with http:// or https://."),
            Self::Slashes => f.write_str("must have exactly two slashes after the scheme."),
            Self::Credentials => {
                f.write_str("must not name a user or password; begin with the host.")
            }
            Self::Host(why) => why.fmt(f),
            Self::Port => {
                f.write_str("must have a port from 1 to 65535, or neither colon nor port.")
            }
            Self::DotSegment => {
                f.write_str("has a . or .. as a part of its path; write the path it leads to.")
            }
            Self::PercentEncoding => {
                f.write_str("has a % without two hex digits; write %25 for the sign itself.")
            }
            Self::Mended => f.write_str("is not in the normal form of RFC 3986; write it in that."),
        }
    }
}

impl std::error::Error for BadCallbackUrl {}

impl From<BadHost> for BadCallbackUrl {
    fn from(why: BadHost) -> Self {
        Self::Host(why)
    }
}

/// Why a callback URL's host is refused. Its text continues after "The callback URL".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadHost {
    Missing,
    /// Over 253 bytes, not counting a trailing dot.
    TooLong {
        bytes: usize,
    },
    /// A label that is empty or over 63 bytes.
    Label {
        bytes: usize,
    },
    /// Not a letter, digit, hyphen, underscore or dot.
    Character(char),
    /// It looks like an address and is none.
    Address,
    /// An IPv4 address, but not written as four decimal numbers.
    Spelling(Ipv4Addr),
    /// The parser's error, such as for an invalid `xn--` label.
    Unreadable(ParseError),
    /// `localhost` or a name below it, while loopback may not be called.
    Loopback,
    /// A name that is not in the public DNS, or that encodes an address.
    Private,
    /// A name that has no address.
    Nowhere,
    /// The host, or one of the addresses that it resolves to.
    Forbidden(Forbidden),
}

impl BadHost {
    /// As [`BadCallbackUrl::name`]; a forbidden address has the name of its range.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Missing => "no_host",
            Self::TooLong { .. } => "host_too_long",
            Self::Label { .. } => "label",
            Self::Character(_) => "host_character",
            Self::Address => "malformed_address",
            Self::Spelling(_) => "odd_spelling",
            Self::Unreadable(_) => "unreadable_host",
            Self::Loopback => "loopback_name",
            Self::Private => "private_name",
            Self::Nowhere => "nowhere",
            Self::Forbidden(why) => why.name,
        }
    }
}

impl fmt::Display for BadHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("has no host; name one after the two slashes."),
            Self::TooLong { bytes } => {
                write!(f, "has a host name of {bytes} bytes; the most are {MAX_NAME}.")
            }
            Self::Label { bytes } => write!(
                f,
                "has a part of {bytes} bytes between the dots of its host name; 1 to \
                 {MAX_LABEL} are right."
            ),
            Self::Character(found) => write!(
                f,
                "has {found:?} in its host; use letters, digits, hyphens, underscores and dots."
            ),
            Self::Address => f.write_str(
                "has a malformed address; write IPv4 as 192.0.2.1 and IPv6 in square brackets.",
            ),
            Self::Spelling(address) => {
                write!(f, "has an address in an odd spelling; write {address}.")
            }
            Self::Unreadable(why) => {
                write!(f, "has a bad host ({why}); check its xn-- form.")
            }
            Self::Loopback => {
                f.write_str("must lead to a public host; this one is the desk's own machine.")
            }
            Self::Private => f.write_str(
                "must lead to a public host; this one is known in private networks only, or stands \
                 for any address.",
            ),
            Self::Nowhere => f.write_str("must lead to an address; its host has none."),
            Self::Forbidden(why) => write!(f, "must lead to a public address, but {why}."),
        }
    }
}

impl std::error::Error for BadHost {}
