//! A key, and the HMAC that it makes.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// The bytes of a key, and the index of its secret.
pub(super) struct Key {
    pub secret: usize,
    pub ended: bool,
    pub bytes: Zeroizing<Vec<u8>>,
}

impl Key {
    /// HMAC-SHA256 of `content`, not yet finished.
    pub fn mac(&self, content: &[&[u8]]) -> Hmac<Sha256> {
        let mut mac = hmac(&self.bytes);
        for part in content {
            mac.update(part);
        }
        mac
    }
}

/// HMAC-SHA256 with these bytes as the key, of nothing yet.
pub(super) fn hmac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}
