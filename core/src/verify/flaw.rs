//! Flaws of single parts of a delivery: what a [`Mistake`](super::Mistake) is about.

use std::fmt;

/// A flaw in how a signature is written in `webhook-signature`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureFlaw {
    /// There is no signature of version v1.
    NoV1,
    /// It has no `v1,` before it.
    VersionMissing,
    /// `v1,` is before it more than once.
    VersionRepeated,
    /// Something like `v1=` or `sha256=` is before it.
    VersionSpelling,
    Hex,
    /// The base64 of the hex digits.
    HexInBase64,
    Base64Url,
    /// The `=` at its end is missing.
    Unpadded,
    /// HTML's, URLs' or JSON's escapes, or quotes, are in the header.
    Escaped,
    /// Each `+` has become a blank.
    PlusLost,
    /// Several are joined by commas.
    Joined,
    /// The case of its letters was changed.
    CaseChanged,
    CutShort,
    NotBase64,
    /// It has another number of bytes than 32.
    Length(usize),
}

/// A flaw of a secret's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretFlaw {
    /// Blanks, quotes or line ends are around it.
    Untidy,
    Base64Url,
    /// The `=` at its end is missing.
    Unpadded,
    Hex,
    /// It is a secret's name (`sec_…`).
    Name,
    Empty,
    NotBase64,
    /// It has so many bytes, which is not 24 to 64.
    Length(usize),
}

/// Bytes that were used as the key, in place of the decoded base64 of the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFlaw {
    /// Those of the whole text, `whsec_` included.
    WholeText,
    /// Those of the text after `whsec_`, not decoded.
    Undecoded,
    /// The whole text, `whsec_` included, in a lenient decoder.
    PrefixDecoded,
    /// The right ones, converted to a string and encoded as UTF-8 on the way.
    ReadAsText,
    /// The right ones in hex digits.
    HexText,
}

/// Content that was signed in place of `id.timestamp.body`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentFlaw {
    BodyOnly,
    WithoutId,
    WithoutTimestamp,
    WithoutBody,
    /// The three parts in another order.
    Order,
    /// Another separator than a full stop between the parts.
    Separator,
    /// A timestamp in milliseconds, where the header has seconds.
    Milliseconds,
    /// The id in another spelling than the header's.
    IdSpelling,
}

/// A part of the signed content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Id,
    Timestamp,
    Body,
}

/// An algorithm that was used in place of HMAC-SHA256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Md5,
    Sha1,
    Sha384,
    Sha512,
    /// SHA-256 without a key, or with the key merely written before or after.
    PlainSha256,
    /// Content and key changed places.
    Swapped,
}

/// A change of a body on its way from the socket to the check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFlaw {
    Empty,
    /// White space or NULs were added at the ends, or removed.
    Ends,
    /// A byte order mark was added.
    Bom,
    Utf16,
    /// UTF-8 was decoded as Latin-1 or Windows-1252, and encoded again.
    Mojibake,
    /// It is in Latin-1 or Windows-1252.
    Latin1,
    /// Characters were replaced by U+FFFD.
    Replaced,
    NotUtf8,
    LineEnds,
    /// Accents were joined to their letters, or separated from them.
    Normalised,
    Base64,
    Hex,
    Html,
    Percent,
    /// It is inside a JSON string, or has backslashes before its quotes.
    Quoted,
    /// A language's own way to print bytes or objects.
    Printed,
    Compressed,
    /// There is other text before or after it.
    Surrounded,
    /// It is there twice or more.
    Repeated,
    CutShort,
    /// It was parsed, and serialised again.
    Reserialised(Changes),
    NotJson,
    /// It is JSON, but no event of a HookDesk.
    NotOurs,
}

/// The differences of a body that was serialised again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "any of them may be with any other")]
pub struct Changes {
    /// Blanks or line ends between values.
    pub spaces: bool,
    pub order: bool,
    /// Escapes in strings.
    pub escapes: bool,
    /// Values or names: a date in another form, `null` for an absent value, `[]` for `{}`.
    pub values: bool,
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { spaces, order, escapes, values } = *self;
        let words = [
            (spaces, "spaces"),
            (order, "the order of keys"),
            (escapes, "escapes"),
            (values, "values"),
        ];
        let words: Vec<_> = words.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
        f.write_str(if words.is_empty() { "bytes" } else { "" })?;
        f.write_str(&words.join(", "))
    }
}
