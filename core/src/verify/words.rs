//! Texts of flaws: for each its code, and a sentence or two on the flaw and how to correct it.

use super::code::Code;
use super::flaw::{Algorithm, BodyFlaw, ContentFlaw, KeyFlaw, Part, SecretFlaw, SignatureFlaw};

/// A code, and the text.
type Words = (Code, &'static str);

pub(super) fn signature(flaw: SignatureFlaw) -> Words {
    match flaw {
        SignatureFlaw::NoV1 => (
            Code::SignatureNoV1,
            "webhook-signature has no signature of version v1. Take the header as it came: v1, and \
             base64.",
        ),
        SignatureFlaw::VersionMissing => (
            Code::SignatureVersionMissing,
            "A signature stands without its version. Give v1, and the base64, as the header has it.",
        ),
        SignatureFlaw::VersionRepeated => (
            Code::SignatureVersionRepeated,
            "A signature has v1, before it more than once. Put it there once.",
        ),
        SignatureFlaw::VersionSpelling => (
            Code::SignatureVersionSpelling,
            "A signature's version is spelled in another way. It is v1 and a comma.",
        ),
        SignatureFlaw::Hex => {
            (Code::SignatureHex, "The signature is in hex. Encode the 32 bytes in base64.")
        }
        SignatureFlaw::HexInBase64 => (
            Code::SignatureHexInBase64,
            "The signature is the base64 of hex digits. Encode the 32 bytes themselves in base64.",
        ),
        SignatureFlaw::Base64Url => (
            Code::SignatureBase64url,
            "The signature is in base64url. Use standard base64, with + and /.",
        ),
        SignatureFlaw::Unpadded => (
            Code::SignatureUnpadded,
            "The signature lacks the = at its end. Use base64 with padding, and do not cut at =.",
        ),
        SignatureFlaw::Escaped => (
            Code::SignatureEscaped,
            "webhook-signature has quotes or the escapes of URLs, HTML or JSON in it. Take the \
             header as it came.",
        ),
        SignatureFlaw::PlusLost => (
            Code::SignaturePlusLost,
            "Each + of the signature has become a blank, as decoding a form does. Take the header \
             as it came.",
        ),
        SignatureFlaw::Joined => (
            Code::SignatureJoined,
            "Signatures are joined by commas. One blank stands between two of them.",
        ),
        SignatureFlaw::CaseChanged => (
            Code::SignatureCaseChanged,
            "The signature's letters have lost their case. Change the case of headers' names only.",
        ),
        SignatureFlaw::CutShort => (
            Code::SignatureCutShort,
            "The signature is cut short. Make room for the whole header: 47 bytes a signature.",
        ),
        SignatureFlaw::NotBase64 => {
            (Code::SignatureNotBase64, "The signature is not base64. Take the header as it came.")
        }
        SignatureFlaw::Length(_) => (
            Code::SignatureLength,
            "The signature does not have 32 bytes, as HMAC-SHA256 does. Take the whole header as it \
             came.",
        ),
    }
}

pub(super) fn secret(flaw: SecretFlaw) -> Words {
    match flaw {
        SecretFlaw::Untidy => (
            Code::SecretUntidy,
            "The secret is given with blanks, quotes, a line end or its name around it. Configure \
             whsec_ and the base64 alone.",
        ),
        SecretFlaw::Base64Url => (
            Code::SecretBase64url,
            "The secret is written in base64url. Configure it as it was given, with + and /.",
        ),
        SecretFlaw::Unpadded => {
            (Code::SecretUnpadded, "The secret lacks the = at its end. Configure all of it.")
        }
        SecretFlaw::Hex => (
            Code::SecretHex,
            "The secret is written in hex. Configure it as it was given: whsec_ and base64.",
        ),
        SecretFlaw::Name => (
            Code::SecretIsAName,
            "That is a secret's id (sec_…), not the secret. Configure the whsec_… that was shown \
             when it was made.",
        ),
        SecretFlaw::Empty => (
            Code::SecretEmpty,
            "The secret is empty, or too long to be one. Configure the whsec_… that the webhook's \
             registration answered.",
        ),
        SecretFlaw::NotBase64 => (
            Code::SecretNotBase64,
            "The secret is not base64 after whsec_. Configure it as it was given.",
        ),
        SecretFlaw::Length(_) => {
            (Code::SecretLength, "The secret does not have 24 to 64 bytes. Configure all of it.")
        }
    }
}

pub(super) fn key(flaw: KeyFlaw) -> Words {
    match flaw {
        KeyFlaw::WholeText => (
            Code::KeyWholeText,
            "It was signed with the secret's text, whsec_ included, as the key. Take whsec_ off and \
             decode the rest from base64.",
        ),
        KeyFlaw::Undecoded => (
            Code::KeyNotDecoded,
            "It was signed with the secret's base64 as the key. Decode it first.",
        ),
        KeyFlaw::PrefixDecoded => (
            Code::KeyPrefixDecoded,
            "It was signed with what base64 makes of the whole secret. Take whsec_ off first.",
        ),
        KeyFlaw::ReadAsText => (
            Code::KeyReadAsText,
            "It was signed with the secret's bytes made a string. Keep them bytes from base64 to \
             HMAC.",
        ),
        KeyFlaw::HexText => (
            Code::KeyHexText,
            "It was signed with the hex digits of the secret's bytes. Take the bytes for the key.",
        ),
    }
}

pub(super) fn body(flaw: BodyFlaw) -> Words {
    match flaw {
        BodyFlaw::Empty => (
            Code::BodyEmpty,
            "The body is empty. Something read it before; keep its bytes from the first reading.",
        ),
        BodyFlaw::Ends => (
            Code::BodyEndsChanged,
            "White space at the body's ends was added or taken away. Check the bytes as they came.",
        ),
        BodyFlaw::Bom => (
            Code::BodyBom,
            "A byte order mark stands before the body. Check the bytes as they came.",
        ),
        BodyFlaw::Utf16 => (
            Code::BodyUtf16,
            "The body is in UTF-16. Check the bytes as they came, which are UTF-8.",
        ),
        BodyFlaw::Mojibake => (
            Code::BodyMojibake,
            "The body was decoded as Latin-1 or Windows-1252. Check the bytes as they came, or \
             decode them as UTF-8.",
        ),
        BodyFlaw::Latin1 => (
            Code::BodyLatin1,
            "The body is in Latin-1 or Windows-1252. Check the bytes as they came, which are UTF-8.",
        ),
        BodyFlaw::Replaced => (
            Code::BodyCharactersReplaced,
            "The body has U+FFFD or question marks where something took characters for none. Check \
             the bytes as they came, or decode them as UTF-8, all at once.",
        ),
        BodyFlaw::NotUtf8 => {
            (Code::BodyNotUtf8, "The body is not UTF-8. Check the bytes as they came.")
        }
        BodyFlaw::LineEnds => (
            Code::BodyLineEndsChanged,
            "Line ends in the body were changed. Check the bytes as they came.",
        ),
        BodyFlaw::Normalised => (
            Code::BodyUnicodeNormalised,
            "The body's accents are in another of Unicode's normal forms. Check the bytes as they \
             came.",
        ),
        BodyFlaw::Base64 => (
            Code::BodyBase64,
            "The body is in base64, as some gateways pass it on. Decode it before the check.",
        ),
        BodyFlaw::Hex => (Code::BodyHex, "The body is in hex. Check the bytes as they came."),
        BodyFlaw::Html => (
            Code::BodyHtmlEscaped,
            "The body has HTML's escapes. Check the bytes as they came, and escape on output.",
        ),
        BodyFlaw::Percent => (
            Code::BodyPercentEncoded,
            "The body is encoded as a URL or a form. Check the bytes as they came.",
        ),
        BodyFlaw::Quoted => (
            Code::BodyQuoted,
            "The body is inside a string, or has backslashes before its quotes. Check the bytes as \
             they came.",
        ),
        BodyFlaw::Printed => (
            Code::BodyPrinted,
            "The body is what a language prints for an object or for bytes. Check the bytes \
             themselves.",
        ),
        BodyFlaw::Compressed => {
            (Code::BodyCompressed, "The body is compressed. Check what it decompresses to.")
        }
        BodyFlaw::Surrounded => (
            Code::BodySurrounded,
            "Something stands before or after the body. Check its bytes alone.",
        ),
        BodyFlaw::Repeated => (
            Code::BodyRepeated,
            "The body is there more than once. Begin with an empty buffer at each request.",
        ),
        BodyFlaw::CutShort => (
            Code::BodyCutShort,
            "A part of the body is missing. Read as many bytes (not characters) as content-length \
             says, to the end.",
        ),
        BodyFlaw::Reserialised(_) => (Code::BodyReserialised, "The body was serialised anew."),
        BodyFlaw::NotJson => {
            (Code::BodyNotJson, "The body is not JSON. Check the bytes as they came.")
        }
        BodyFlaw::NotOurs => (
            Code::BodyNotOurs,
            "The body is no event of HookDesk's, which has event, created and data. Check the bytes \
             as they came.",
        ),
    }
}

pub(super) fn signed(flaw: ContentFlaw) -> Words {
    match flaw {
        ContentFlaw::BodyOnly => {
            (Code::SignedBodyOnly, "The body alone was signed. Sign id.timestamp.body.")
        }
        ContentFlaw::WithoutId => {
            (Code::SignedWithoutId, "It was signed without webhook-id. Sign id.timestamp.body.")
        }
        ContentFlaw::WithoutTimestamp => (
            Code::SignedWithoutTimestamp,
            "It was signed without webhook-timestamp. Sign id.timestamp.body.",
        ),
        ContentFlaw::WithoutBody => (
            Code::SignedWithoutBody,
            "It was signed without the body, which had been read before. Sign id.timestamp.body.",
        ),
        ContentFlaw::Order => (
            Code::SignedInAnotherOrder,
            "The parts were signed in another order. Sign id.timestamp.body.",
        ),
        ContentFlaw::Separator => (
            Code::SignedWithAnotherSeparator,
            "The parts were signed with something else between them. Sign id.timestamp.body, with \
             full stops.",
        ),
        ContentFlaw::Milliseconds => (
            Code::SignedMilliseconds,
            "A timestamp in milliseconds was signed, and webhook-timestamp has seconds. Sign the \
             header's value.",
        ),
        ContentFlaw::IdSpelling => (
            Code::SignedAnotherSpellingOfTheId,
            "The id was signed in another spelling than webhook-id's. Take the header as it came.",
        ),
    }
}

pub(super) fn algorithm(other: Algorithm) -> &'static str {
    match other {
        Algorithm::Md5 => "a hash of 16 bytes, such as MD5",
        Algorithm::Sha1 => "a hash of 20 bytes, such as SHA-1",
        Algorithm::Sha384 => "a hash of 48 bytes, such as SHA-384",
        Algorithm::Sha512 => "a hash of 64 bytes, such as SHA-512",
        Algorithm::PlainSha256 => "SHA-256 without HMAC",
        Algorithm::Swapped => "key and message in each other's place",
    }
}

pub(super) fn foreign(part: Part) -> Words {
    match part {
        Part::Id => (
            Code::IdOfAnotherMessage,
            "webhook-id and body are of two messages: an event's id and its created are of one \
             second. Keep each request's headers with its body.",
        ),
        Part::Timestamp => (
            Code::TimestampOfAnotherMessage,
            "webhook-timestamp is not the one that was signed, but another message's or attempt's. \
             Take all headers from one request, and not a clock.",
        ),
        Part::Body => (
            Code::BodyOfAnotherMessage,
            "The body is not the one that webhook-id and webhook-timestamp belong to. Keep each \
             request's headers with its body.",
        ),
    }
}
