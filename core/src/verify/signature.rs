//! The header `webhook-signature`: `v1,` and the base64 of 32 bytes, or a distorted form of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::encoding::{base64_loose, from_html, from_percent, hex};
use super::flaw::SignatureFlaw;

/// Signatures that are read: a webhook has at most five secrets that sign.
const MAX_SIGNATURES: usize = 16;

/// Bytes of an HMAC-SHA256.
const LENGTH: usize = 32;

/// Characters that a truncated signature must have to be recognized: nine bytes cannot match by
/// chance.
const SHORTEST: usize = 12;

/// A signature as it was read.
pub(super) struct Signature {
    /// The text after the version.
    text: String,
    pub digest: Vec<u8>,
    /// `None` if it is well-formed.
    pub flaw: Option<SignatureFlaw>,
}

impl Signature {
    /// The byte of the header's `value` where `flaw` of this signature shows.
    pub fn offset(&self, value: &str, flaw: SignatureFlaw) -> usize {
        let at = value.find(&self.text).unwrap_or(0);
        let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
        let within = if flaw == SignatureFlaw::NotBase64 {
            self.text.find(|c| !is_base64(c)).unwrap_or(0)
        } else {
            0
        };
        at + within
    }
}

/// All readings of `value`, the plain one first.
pub(super) fn read(value: &str) -> Vec<Signature> {
    let mut all: Vec<Signature> = tokens(value).collect();
    let readings = [
        (unescaped(value), SignatureFlaw::Escaped),
        (value.replace(' ', "+").replace("+v1,", " v1,"), SignatureFlaw::PlusLost),
        (value.replace(", ", " ").replace(",v1,", " v1,"), SignatureFlaw::Joined),
    ];
    for (reading, flaw) in readings.iter().filter(|(reading, _)| reading != value) {
        let right = tokens(reading).filter(|one| one.flaw.is_none());
        all.extend(right.map(|one| Signature { flaw: Some(*flaw), ..one }));
    }
    // A digest that the plain reading has as well is right.
    let right: Vec<_> =
        all.iter().filter(|one| one.flaw.is_none()).map(|one| one.digest.clone()).collect();
    all.retain(|one| one.flaw.is_none() || !right.contains(&one.digest));
    all
}

fn tokens(value: &str) -> impl Iterator<Item = Signature> {
    value.split_whitespace().filter_map(token).take(MAX_SIGNATURES)
}

/// `None` for a signature of another version.
fn token(token: &str) -> Option<Signature> {
    let (text, version) = version(token)?;
    let (digest, spelling) = decode(text);
    Some(Signature { text: text.to_owned(), digest, flaw: spelling.or(version) })
}

/// The text after the version, and the version's flaw.
fn version(token: &str) -> Option<(&str, Option<SignatureFlaw>)> {
    const SPELLINGS: [&str; 9] =
        ["V1,", "v1=", "v1:", "v1.", "v1;", "V1=", "sha256=", "sha512=", "sha1="];
    if let Some(mut rest) = token.strip_prefix("v1,") {
        let mut flaw = None;
        while let Some(after) = rest.strip_prefix("v1,") {
            (rest, flaw) = (after, Some(SignatureFlaw::VersionRepeated));
        }
        return (!rest.is_empty()).then_some((rest, flaw));
    }
    if let Some(rest) = SPELLINGS.iter().find_map(|spelling| token.strip_prefix(spelling)) {
        return Some((rest, Some(SignatureFlaw::VersionSpelling)));
    }
    let other = token.split_once(',').filter(|(version, _)| {
        version.len() < 6 && version.starts_with('v') && version.get(1..2) < Some(":")
    });
    if other.is_some() { None } else { Some((token, Some(SignatureFlaw::VersionMissing))) }
}

fn decode(text: &str) -> (Vec<u8>, Option<SignatureFlaw>) {
    let is_hash = |bytes: &Vec<u8>| matches!(bytes.len(), 16 | 20 | 32 | 48 | 64);
    let (bytes, flaw) = if let Some(bytes) = hex(text).filter(is_hash) {
        (bytes, Some(SignatureFlaw::Hex))
    } else if let Ok(bytes) = STANDARD.decode(text) {
        match std::str::from_utf8(&bytes).ok().and_then(hex) {
            Some(inner) => (inner, Some(SignatureFlaw::HexInBase64)),
            None => (bytes, None),
        }
    } else {
        let is_url = text.contains(['-', '_']);
        let flaw = if is_url { SignatureFlaw::Base64Url } else { SignatureFlaw::Unpadded };
        match base64_loose(text) {
            Some(bytes) => (bytes, Some(flaw)),
            None => return (Vec::new(), Some(SignatureFlaw::NotBase64)),
        }
    };
    let length = bytes.len();
    let flaw = if length == LENGTH { flaw } else { Some(SignatureFlaw::Length(length)) };
    (bytes, flaw)
}

/// `value` without quotes, backslashes, and the escapes of HTML and URLs.
fn unescaped(value: &str) -> String {
    let plain = from_percent(from_html(value).as_bytes(), false);
    let plain = String::from_utf8_lossy(&plain).replace(['\\', '"', '\'', '[', ']'], "");
    plain.trim().to_owned()
}

/// The signature that has `digest` in some other form than the right one, and its flaw.
pub(super) fn distorted<'a>(
    all: &'a [Signature],
    digest: &[u8],
) -> Option<(&'a Signature, SignatureFlaw)> {
    if let Some(one) = all.iter().find(|one| one.flaw.is_some() && one.digest == digest) {
        return Some((one, one.flaw?));
    }
    let text = STANDARD.encode(digest);
    let remains = |one: &Signature| {
        if one.text == text {
            return None;
        }
        let begins = one.text.len() >= SHORTEST && text.starts_with(&one.text);
        let same = one.text.eq_ignore_ascii_case(&text);
        let flaw = if begins { SignatureFlaw::CutShort } else { SignatureFlaw::CaseChanged };
        (begins || same).then_some(flaw)
    };
    all.iter().find_map(|one| Some((one, remains(one)?)))
}

/// Whether the signatures have no upper case, which is next to impossible in base64 of 32 bytes.
pub(super) fn is_lower_case(signatures: &[Signature]) -> bool {
    let lower = |one: &Signature| !one.text.bytes().any(|byte| byte.is_ascii_uppercase());
    signatures.iter().filter(|one| one.flaw.is_none()).all(lower)
}
