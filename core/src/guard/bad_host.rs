//! Reasons for which a URL's host is refused: its name, or an address that it leads to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use url::ParseError;

/// The longest host name in bytes, without a trailing dot: the 255 that RFC 1035 §2.3.4 gives to a
/// name on the wire include two more, its first length and the root's.
pub(super) const MAX_NAME: usize = 253;

/// The longest label of a host name in bytes (RFC 1035 §2.3.4).
pub(super) const MAX_LABEL: usize = 63;

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
    /// A stable name, one for each rule, whatever the wording of the text; a forbidden address has
    /// the name of its range.
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

/// An address that may not be called, as it was given, and the range that forbids it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forbidden {
    pub address: IpAddr,
    /// The range's stable name, such as `private`.
    pub name: &'static str,
    /// The range and its source, such as `private (RFC 1918)`.
    pub range: &'static str,
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}", self.address, self.range)
    }
}

impl std::error::Error for Forbidden {}
