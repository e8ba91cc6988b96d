//! How the signature was made: with HMAC-SHA256 and distorted afterwards, or with another algorithm.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha512};

use super::flaw::{Algorithm, SignatureFlaw};
use super::key::{Key, hmac};
use super::keys::Keys;
use super::message::Message;
use super::mistake::Mistake;
use super::signature::{Signature, distorted};
use super::trial::Trial;

/// Finds the flaw in how the signature is written, if all other parts are right, or if no signature
/// is well-formed.
pub(super) fn prove(message: &Message<'_>, keys: &Keys, trial: &mut Trial) -> Option<Mistake> {
    let found = keys.best().find_map(|key| made_by(key, message));
    if let Some((one, flaw)) = found {
        return Some(mistake(message, one, flaw, true));
    }
    if trial.has_any() {
        return algorithm(message, keys, trial);
    }
    let Some(one) = message.signatures.iter().find(|one| one.flaw.is_some()) else {
        return Some(Mistake::Signature { flaw: SignatureFlaw::NoV1, offset: 0, proven: false });
    };
    let other = match one.digest.len() {
        16 => Algorithm::Md5,
        20 => Algorithm::Sha1,
        48 => Algorithm::Sha384,
        64 => Algorithm::Sha512,
        _ => return Some(mistake(message, one, one.flaw?, false)),
    };
    let proven = other == Algorithm::Sha512 && keys.best().any(|key| is_sha512(key, message, one));
    Some(Mistake::Algorithm { other, proven })
}

/// The signature that `key` makes, if it came in some other form.
fn made_by<'a>(key: &Key, message: &'a Message<'_>) -> Option<(&'a Signature, SignatureFlaw)> {
    let digest = key.mac(&message.content()).finalize().into_bytes();
    distorted(&message.signatures, &digest)
}

fn mistake(message: &Message<'_>, one: &Signature, flaw: SignatureFlaw, proven: bool) -> Mistake {
    Mistake::Signature { flaw, offset: one.offset(&message.signature, flaw), proven }
}

/// Other ways to hash to 32 bytes.
fn algorithm(message: &Message<'_>, keys: &Keys, trial: &mut Trial) -> Option<Mistake> {
    let content = message.content();
    let bytes = content.concat();
    let plain = |parts: &[&[u8]]| -> Vec<u8> {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part);
        }
        hash.finalize().to_vec()
    };
    let unkeyed = trial.came(&content, || plain(&[&bytes]))
        || trial.came(&content, || plain(&[message.body]));
    let other = keys.best().find_map(|key| {
        let written = trial.came(&content, || plain(&[&key.bytes, &bytes]))
            || trial.came(&content, || plain(&[&bytes, &key.bytes]));
        let swapped = || {
            let mut mac = hmac(&bytes);
            mac.update(&key.bytes);
            mac.finalize().into_bytes().to_vec()
        };
        if written {
            Some(Algorithm::PlainSha256)
        } else {
            trial.came(&content, swapped).then_some(Algorithm::Swapped)
        }
    });
    let other = if unkeyed { Some(Algorithm::PlainSha256) } else { other };
    other.map(|other| Mistake::Algorithm { other, proven: true })
}

fn is_sha512(key: &Key, message: &Message<'_>, one: &Signature) -> bool {
    let mut mac =
        Hmac::<Sha512>::new_from_slice(&key.bytes).expect("HMAC takes keys of any length");
    for part in message.content() {
        mac.update(part);
    }
    mac.verify_slice(&one.digest).is_ok()
}
