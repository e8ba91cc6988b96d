//! Callback URLs, their validation, and the reasons for which one is refused.

use std::fmt;
use std::net::Ipv6Addr;
use std::sync::Arc;

use serde::Serialize;
use url::{Host, ParseError, Position, Url};

use super::bad_host::BadHost;
use super::check_target;
use super::host_name::check_host;
use super::targets::Targets;

#[cfg(test)]
mod tests;

/// A callback URL exactly as it was given, known to be one that may be called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify), tsify(type = "string"))]
pub struct CallbackUrl {
    text: String,
    #[serde(skip)]
    /// Parsed, as it is called. `None` for a stored text that later rules for URLs do not accept.
    url: Option<Arc<Url>>,
}

impl CallbackUrl {
    /// The longest URL in bytes. Every server takes this much (RFC 9110 §4.1 recommends 8 000), and
    /// a list of ten thousand webhooks with such URLs still fits into memory.
    pub const MAX_LENGTH: usize = 2_048;

    /// Parses `text`, if all parsers read it alike and `targets` allows its host.
    ///
    /// None of these counts as a repair: a scheme or host in upper case, no path, the scheme's own
    /// port, any spelling of an IPv6 address that RFC 4291 §2.2 knows, square brackets in path or
    /// query. What follows the host is sent as it was given, to the byte, by every host of the desk.
    ///
    /// A host name is refused for loopback only; the addresses that it resolves to are checked at
    /// delivery.
    ///
    /// # Errors
    /// The first rule that `text` breaks.
    pub fn parse(text: &str, targets: &Targets) -> Result<Self, BadCallbackUrl> {
        if text.len() > Self::MAX_LENGTH {
            return Err(BadCallbackUrl::TooLong { bytes: text.len() });
        }
        text.chars().try_for_each(check_character)?;
        let parts = Parts::split(text)?;
        check_host(parts.host)?;
        check_port(parts.port)?;
        check_path(parts.path)?;
        check_query(parts.query)?;
        check_encodings(parts.path, parts.query)?;
        let url = Url::parse(text).map_err(unreadable)?;
        check_unmended(&parts, &url)?;
        check_target(&url.host().ok_or(BadHost::Missing)?, None, targets)?;
        Ok(Self { text: text.to_owned(), url: Some(Arc::new(url)) })
    }

    /// A URL that [`CallbackUrl::parse`] accepted earlier, read back from the store. It is not
    /// checked again: a desk with stricter rules must still load its webhooks.
    #[must_use]
    pub fn stored(text: String) -> Self {
        let url = Url::parse(&text).ok().map(Arc::new);
        Self { text, url }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The URL to call.
    #[must_use]
    pub fn url(&self) -> Option<&Url> {
        self.url.as_deref()
    }

    /// Scheme, host and port.
    #[must_use]
    pub fn origin(&self) -> Option<String> {
        self.url().map(|url| url.origin().ascii_serialization())
    }

    /// [`check_target`] for its host, without name resolution.
    ///
    /// # Errors
    /// Why the host is refused.
    pub fn check(&self, targets: &Targets) -> Result<(), BadHost> {
        let host = self.url().and_then(Url::host).ok_or(BadHost::Missing)?;
        check_target(&host, None, targets)
    }
}

impl fmt::Display for CallbackUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

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

/// A URL's pieces, cut from the text without changing any.
struct Parts<'a> {
    scheme: &'a str,
    host: &'a str,
    /// The text after the host's colon.
    port: Option<&'a str>,
    /// Empty or from its first slash.
    path: &'a str,
    /// Empty or from its question mark.
    query: &'a str,
}

impl<'a> Parts<'a> {
    fn split(text: &'a str) -> Result<Self, BadCallbackUrl> {
        let (scheme, rest) = text.split_once(':').ok_or(BadCallbackUrl::Scheme)?;
        if !(scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")) {
            return Err(BadCallbackUrl::Scheme);
        }
        let rest = rest.strip_prefix("//").ok_or(BadCallbackUrl::Slashes)?;
        if rest.starts_with('/') {
            return Err(BadCallbackUrl::Slashes);
        }
        let (authority, rest) = cut_before(rest, &['/', '?']);
        if authority.contains('@') {
            return Err(BadCallbackUrl::Credentials);
        }
        let (path, query) = cut_before(rest, &['?']);
        let (host, port) = split_authority(authority)?;
        Ok(Self { scheme, host, port, path, query })
    }
}

/// `text` up to the first of `marks`, and the rest from there.
fn cut_before<'a>(text: &'a str, marks: &[char]) -> (&'a str, &'a str) {
    text.split_at(text.find(marks).unwrap_or(text.len()))
}

/// Host and port. A colon before a closing bracket belongs to the IPv6 address.
fn split_authority(authority: &str) -> Result<(&str, Option<&str>), BadHost> {
    if authority.parse::<Ipv6Addr>().is_ok() {
        return Err(BadHost::Address);
    }
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => Ok((host, Some(port))),
        Some(_) | None => Ok((authority, None)),
    }
}

fn check_character(found: char) -> Result<(), BadCallbackUrl> {
    match found {
        '\0'..=' ' | '\x7f' => Err(BadCallbackUrl::Blank(found)),
        '\\' => Err(BadCallbackUrl::Backslash),
        '#' => Err(BadCallbackUrl::Fragment),
        '"' | '<' | '>' | '^' | '`' | '{' | '|' | '}' => Err(BadCallbackUrl::Character(found)),
        '!'..='~' => Ok(()),
        '\u{80}'.. => Err(BadCallbackUrl::NotAscii(found)),
    }
}

fn check_port(port: Option<&str>) -> Result<(), BadCallbackUrl> {
    let Some(port) = port else { return Ok(()) };
    let plain = port.bytes().all(|b| b.is_ascii_digit()) && !port.starts_with('0');
    match port.parse::<u16>() {
        Ok(_) if plain => Ok(()),
        Ok(_) | Err(_) => Err(BadCallbackUrl::Port),
    }
}

fn check_path(path: &str) -> Result<(), BadCallbackUrl> {
    let vanishes = |segment: &str| {
        let plain = segment.to_ascii_lowercase().replace("%2e", ".");
        plain == "." || plain == ".."
    };
    if path.split('/').any(vanishes) { Err(BadCallbackUrl::DotSegment) } else { Ok(()) }
}

/// The URL standard, by which hosts in JavaScript call, encodes an apostrophe in a query.
fn check_query(query: &str) -> Result<(), BadCallbackUrl> {
    if query.contains('\'') { Err(BadCallbackUrl::Character('\'')) } else { Ok(()) }
}

fn check_encodings(path: &str, query: &str) -> Result<(), BadCallbackUrl> {
    let encoded = |after: &str| after.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    let mut after_each = path.split('%').skip(1).chain(query.split('%').skip(1));
    if after_each.all(encoded) { Ok(()) } else { Err(BadCallbackUrl::PercentEncoding) }
}

fn unreadable(why: ParseError) -> BadHost {
    if why == ParseError::InvalidIpv4Address { BadHost::Address } else { BadHost::Unreadable(why) }
}

/// Whether the parser left everything as it was, except for the changes that [`CallbackUrl::parse`]
/// allows.
fn check_unmended(parts: &Parts<'_>, url: &Url) -> Result<(), BadCallbackUrl> {
    let host = parts.host.to_ascii_lowercase();
    let same_host = match url.host().ok_or(BadHost::Missing)? {
        Host::Domain(name) => name == host,
        Host::Ipv4(address) if address.to_string() == host => true,
        Host::Ipv4(address) => return Err(BadHost::Spelling(address).into()),
        Host::Ipv6(address) => host.trim_matches(['[', ']']).parse() == Ok(address),
    };
    let port = parts.port.and_then(|port| port.parse().ok());
    let default = if url.scheme() == "http" { 80 } else { 443 };
    let slash = if parts.path.is_empty() { "/" } else { "" };
    let tail = format!("{slash}{}{}", parts.path, parts.query);
    let same = same_host
        && url.scheme().eq_ignore_ascii_case(parts.scheme)
        && url.port() == port.filter(|port| *port != default)
        && url[Position::BeforePath..] == tail;
    if same { Ok(()) } else { Err(BadCallbackUrl::Mended) }
}
