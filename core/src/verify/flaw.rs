//! What can be wrong with one part of a delivery.

use std::fmt;

/// What is wrong with how a signature is written in `webhook-signature`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureFlaw {
    /// No signature of version v1 is there.
    NoV1,
    /// `v1,` does not stand before it.
    VersionMissing,
    /// `v1,` stands before it more than once.
    VersionRepeated,
    /// Something like `v1=` or `sha256=` stands before it.
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
    /// Upper and lower case are not as they were.
    CaseChanged,
    CutShort,
    NotBase64,
    /// It has another number of bytes than 32.
    Length(usize),
}

/// What is wrong with a secret's text.
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

/// Which bytes were taken for the key, in place of those that the secret's base64 spells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFlaw {
    /// Those of the whole text, `whsec_` included.
    WholeText,
    /// Those of the text after `whsec_`, not decoded.
    Undecoded,
    /// What a lenient decoder makes of the whole text, `whsec_` included.
    PrefixDecoded,
    /// The right ones, made a string and encoded as UTF-8 on the way.
    ReadAsText,
    /// The right ones in hex digits.
    HexText,
}

/// What was signed in place of `id.timestamp.body`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentFlaw {
    BodyOnly,
    WithoutId,
    WithoutTimestamp,
    WithoutBody,
    /// The three parts in another order.
    Order,
    /// Something else than a full stop between the parts.
    Separator,
    /// A timestamp in milliseconds, where the header has seconds.
    Milliseconds,
    /// The id in another spelling than the header's.
    IdSpelling,
}

/// What a signature was made with in place of HMAC-SHA256.
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

/// What happened to a body on its way from the socket to the check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFlaw {
    Empty,
    /// White space or NULs were added at the ends, or taken away.
    Ends,
    /// A byte order mark was added.
    Bom,
    Utf16,
    /// UTF-8 was decoded as Latin-1 or Windows-1252, and encoded anew.
    Mojibake,
    /// It is in Latin-1 or Windows-1252.
    Latin1,
    /// Characters were replaced by U+FFFD.
    Replaced,
    NotUtf8,
    LineEnds,
    /// Accents were joined to their letters, or taken from them.
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
    /// Something else stands before or after it.
    Surrounded,
    /// It is there twice or more.
    Repeated,
    CutShort,
    /// It was parsed, and serialised anew.
    Reserialised(Changes),
    NotJson,
    /// It is JSON, and no event of ours.
    NotOurs,
}

/// What a body that was serialised anew differs in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "any of them may be with any other")]
pub struct Changes {
    /// Blanks or line ends between values.
    pub spaces: bool,
    pub order: bool,
    /// Escapes in strings.
    pub escapes: bool,
    /// Values or names: a date in another form, `null` for what is absent, `[]` for `{}`.
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
