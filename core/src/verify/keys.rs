//! Keys from secrets' texts, decoded correctly and in common wrong ways.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::encoding::{base64_lenient, base64_loose, hex};
use super::flaw::{KeyFlaw, SecretFlaw};
use super::key::Key;
use super::message::Message;
use super::mistake::Mistake;
use super::trial::Trial;
use super::{Known, MAX_SECRETS};
use crate::model::id::SecretId;

/// Bytes of a secret's text that are read; one of 64 bytes has 94.
const MAX_SECRET: usize = 1_024;

const PREFIX: &str = "whsec_";

/// All keys that the given secrets may stand for.
pub(super) struct Keys(Vec<Readings>);

/// One secret.
struct Readings {
    /// Decoded as the Standard Webhooks libraries do.
    right: Option<Key>,
    /// Decoded in other ways, if the text is malformed.
    mended: Vec<(SecretFlaw, Key)>,
    /// Other bytes that may have been used as the key.
    mistaken: Vec<(KeyFlaw, Key)>,
    /// Why it cannot be the right secret, if that shows.
    flaw: Option<SecretFlaw>,
}

impl Keys {
    pub fn read(secrets: &[Known<'_>]) -> Self {
        let secrets = secrets.iter().take(MAX_SECRETS).enumerate();
        Self(secrets.map(|(index, known)| Readings::of(index, *known)).collect())
    }

    /// The correctly decoded keys.
    pub fn right(&self) -> impl Iterator<Item = &Key> {
        self.0.iter().filter_map(|one| one.right.as_ref())
    }

    /// The best keys of each secret: those of the mended text if its own cannot be decoded.
    pub fn best(&self) -> impl Iterator<Item = &Key> {
        let unread = self.0.iter().filter(|one| one.right.is_none());
        self.right().chain(unread.flat_map(|one| &one.mended).map(|(_, key)| key))
    }

    /// The first secret that cannot be right, and its flaw.
    pub fn flawed(&self) -> Option<(usize, SecretFlaw)> {
        self.0.iter().enumerate().find_map(|(index, one)| Some((index, one.flaw?)))
    }
}

impl Readings {
    fn of(secret: usize, known: Known<'_>) -> Self {
        let key = |bytes: Vec<u8>| Key { secret, ended: known.ended, bytes: Zeroizing::new(bytes) };
        let text = if known.text.len() > MAX_SECRET { "" } else { known.text };
        let right = STANDARD.decode(bare(text)).ok().filter(|bytes| !bytes.is_empty());
        let flaw = flaw(text, right.as_deref());
        let mistaken = mistaken(text).into_iter().map(|(flaw, bytes)| (flaw, key(bytes)));
        Self {
            mended: mended(text).into_iter().map(|(flaw, bytes)| (flaw, key(bytes))).collect(),
            mistaken: mistaken.collect(),
            right: right.map(key),
            flaw,
        }
    }
}

/// Finds the one mistake with the key, if all other parts are right.
pub(super) fn prove(message: &Message<'_>, keys: &Keys, trial: &mut Trial) -> Option<Mistake> {
    let content = message.content();
    for (index, one) in keys.0.iter().enumerate() {
        for (flaw, key) in &one.mended {
            if trial.matches(std::iter::once(key), &content) {
                return Some(Mistake::Secret { index, flaw: *flaw, proven: true });
            }
        }
        for (flaw, key) in &one.mistaken {
            if trial.matches(std::iter::once(key), &content) {
                return Some(Mistake::Key { index, flaw: *flaw });
            }
        }
    }
    None
}

/// `text` without the prefix, if it has it.
fn bare(text: &str) -> &str {
    text.strip_prefix(PREFIX).unwrap_or(text)
}

/// `text` without what configurations may leave around a value.
fn tidy(text: &str) -> &str {
    const AROUND: [char; 9] = ['"', '\'', '`', '\u{feff}', '\u{200b}', '\u{a0}', ';', ',', '\0'];
    let is_around = |c: char| c.is_whitespace() || AROUND.contains(&c);
    let text = text.trim_matches(is_around);
    let text = ["\\n", "\\r"].iter().fold(text, |text, end| text.trim_end_matches(end));
    // `NAME=whsec_…`: a line of an environment file.
    text.find(PREFIX).and_then(|at| text.get(at..)).unwrap_or(text).trim_matches(is_around)
}

fn mended(text: &str) -> Vec<(SecretFlaw, Vec<u8>)> {
    let tidy = tidy(text);
    let spelled = bare(tidy);
    let mut all = Vec::new();
    if tidy != text {
        all.extend(STANDARD.decode(spelled).ok().map(|bytes| (SecretFlaw::Untidy, bytes)));
    }
    all.extend(hex(spelled).map(|bytes| (SecretFlaw::Hex, bytes)));
    let is_url = spelled.contains(['-', '_']);
    if is_url || STANDARD.decode(spelled).is_err() {
        let flaw = if is_url { SecretFlaw::Base64Url } else { SecretFlaw::Unpadded };
        all.extend(base64_loose(spelled).map(|bytes| (flaw, bytes)));
    }
    all.retain(|(_, bytes)| !bytes.is_empty());
    all
}

fn mistaken(text: &str) -> Vec<(KeyFlaw, Vec<u8>)> {
    let tidy = tidy(text);
    let spelled = bare(tidy);
    let mut all = vec![
        (KeyFlaw::WholeText, tidy.as_bytes().to_vec()),
        (KeyFlaw::Undecoded, spelled.as_bytes().to_vec()),
        (KeyFlaw::WholeText, format!("{PREFIX}{spelled}").into_bytes()),
    ];
    for skipped in [false, true] {
        let decoded = base64_lenient(&format!("{PREFIX}{spelled}"), skipped);
        all.push((KeyFlaw::PrefixDecoded, decoded));
    }
    if let Ok(bytes) = STANDARD.decode(spelled) {
        let latin1: String = bytes.iter().copied().map(char::from).collect();
        all.push((KeyFlaw::ReadAsText, latin1.into_bytes()));
        all.push((KeyFlaw::ReadAsText, String::from_utf8_lossy(&bytes).into_owned().into_bytes()));
        all.push((KeyFlaw::HexText, digits(&bytes)));
    }
    all
}

/// The hex digits of `bytes`.
pub(super) fn digits(bytes: &[u8]) -> Vec<u8> {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a String takes all");
    }
    text.into_bytes()
}

/// Why `text` cannot be a secret of a HookDesk.
fn flaw(text: &str, right: Option<&[u8]>) -> Option<SecretFlaw> {
    let tidy = tidy(text);
    if tidy.is_empty() || tidy == PREFIX {
        return Some(SecretFlaw::Empty);
    }
    if SecretId::parse(tidy).is_some() {
        return Some(SecretFlaw::Name);
    }
    let of_a_length = |length: usize| (24..=64).contains(&length);
    if let Some(bytes) = right {
        return (!of_a_length(bytes.len())).then_some(SecretFlaw::Length(bytes.len()));
    }
    let mended = mended(text);
    let usable = mended.iter().find(|(_, bytes)| of_a_length(bytes.len()));
    Some(usable.map_or(SecretFlaw::NotBase64, |(flaw, _)| *flaw))
}
