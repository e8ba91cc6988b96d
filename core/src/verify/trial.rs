//! Trials: whether a key and some content make one of the received signatures.

use hmac::Mac;

use super::key::Key;
use super::signature::Signature;

/// Bytes that are hashed to find a mistake, at most: a quarter of a second on a slow machine. All
/// trials for a message of usual length take a fiftieth of it.
const MAX_HASHED: usize = 48 * 1_024 * 1_024;

/// The cost of a trial beside its content: HMAC hashes its key and its digest as well.
const EACH: usize = 256;

/// The well-formed signatures, and the bytes that may still be hashed to match one.
pub(super) struct Trial {
    digests: Vec<Vec<u8>>,
    left: usize,
}

impl Trial {
    pub fn new(signatures: &[Signature]) -> Self {
        let right = signatures.iter().filter(|one| one.flaw.is_none());
        Self { digests: right.map(|one| one.digest.clone()).collect(), left: MAX_HASHED }
    }

    /// Whether any signature is well-formed.
    pub fn has_any(&self) -> bool {
        !self.digests.is_empty()
    }

    /// The first of `keys` that makes one of the signatures over `content`; one that has ended only
    /// if no other does. This is the check itself, and its cost is not counted.
    pub fn verifies<'k>(
        &self,
        keys: impl Iterator<Item = &'k Key>,
        content: &[&[u8]],
    ) -> Option<&'k Key> {
        let made: Vec<&Key> = keys.filter(|key| self.is_made_by(key, content)).collect();
        made.iter().find(|key| !key.ended).or(made.first()).copied()
    }

    /// Whether one of `keys` makes one of the signatures over `content`. When no more may be
    /// hashed, none does.
    pub fn matches<'k>(
        &mut self,
        mut keys: impl Iterator<Item = &'k Key>,
        content: &[&[u8]],
    ) -> bool {
        keys.any(|key| self.may_hash(content) && self.is_made_by(key, content))
    }

    /// Whether `digest`, which hashes `content` in some other way, is one of the signatures.
    pub fn came(&mut self, content: &[&[u8]], digest: impl FnOnce() -> Vec<u8>) -> bool {
        self.may_hash(content) && self.digests.contains(&digest())
    }

    /// Compares in constant time.
    fn is_made_by(&self, key: &Key, content: &[&[u8]]) -> bool {
        if !self.has_any() {
            return false;
        }
        let mac = key.mac(content);
        self.digests.iter().any(|digest| mac.clone().verify_slice(digest).is_ok())
    }

    /// Subtracts the cost of `content` from the bytes that are left.
    fn may_hash(&mut self, content: &[&[u8]]) -> bool {
        let cost = content.iter().map(|part| part.len()).sum::<usize>() + EACH;
        let left = self.left.checked_sub(cost).filter(|_| self.has_any());
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }
}
