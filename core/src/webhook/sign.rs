//! Signatures of Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, base64, with the version
//! `v1,` before it. A secret is `whsec_` and the base64 of its bytes.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::model::id::EventId;

/// A webhook's signing key. `Debug` hides it: only [`Secret::reveal`] shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Bytes of a secret that the desk generates: as many as the hash has, beyond which more add
    /// nothing (RFC 2104 §3).
    pub const LENGTH: usize = 32;
    const PREFIX: &str = "whsec_";

    #[must_use]
    pub fn new(bytes: [u8; Self::LENGTH]) -> Self {
        Self(Zeroizing::new(Zeroizing::new(bytes).to_vec()))
    }

    /// Parses `whsec_` and base64; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.strip_prefix(Self::PREFIX)?).ok()?;
        Some(Self(Zeroizing::new(bytes)))
    }

    /// Parses a secret of any length but 0, with or without its prefix, as the Standard Webhooks
    /// libraries do.
    #[must_use]
    pub fn of_any_sender(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.strip_prefix(Self::PREFIX).unwrap_or(text)).ok()?;
        if bytes.is_empty() { None } else { Some(Self(Zeroizing::new(bytes))) }
    }

    /// A secret that a caller supplies: `whsec_` and the base64 of 24 to 64 bytes, as Standard
    /// Webhooks requires.
    ///
    /// # Errors
    /// [`BadSecret`] for anything else.
    pub fn own(text: String) -> Result<Self, BadSecret> {
        let text = Zeroizing::new(text);
        let secret = Self::parse(&text).ok_or(BadSecret)?;
        if (24..=64).contains(&secret.0.len()) { Ok(secret) } else { Err(BadSecret) }
    }

    /// A secret of zero bytes, to stand in for a real one that must not be shown.
    pub(crate) fn zeros(length: usize) -> Self {
        Self(Zeroizing::new(vec![0; length]))
    }

    /// Bytes.
    pub(crate) fn length(&self) -> usize {
        self.0.len()
    }

    /// The secret in clear, for the response that shows it and for the store.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::from(Self::PREFIX));
        STANDARD.encode_string(self.0.as_slice(), &mut text);
        text
    }

    /// One signature of `webhook-signature`.
    #[must_use]
    pub fn signature(&self, id: EventId, unix_seconds: u64, body: &str) -> String {
        self.signature_of_any(&id.to_string(), unix_seconds, body.as_bytes())
    }

    /// A signature of any sender's message: the id is any text, and the body any bytes.
    ///
    /// # Panics
    /// Never: HMAC takes keys of any length (RFC 2104 §2).
    #[must_use]
    pub fn signature_of_any(&self, id: &str, unix_seconds: u64, body: &[u8]) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(format!("{id}.{unix_seconds}.").as_bytes());
        mac.update(body);
        let mut text = String::from("v1,");
        STANDARD.encode_string(mac.finalize().into_bytes(), &mut text);
        text
    }
}

/// The error for a text that is not a signing secret. It does not contain the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadSecret;

impl fmt::Display for BadSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be whsec_ and the base64 of 24 to 64 bytes")
    }
}

impl std::error::Error for BadSecret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::Stamp;
    use crate::model::millis::Millis;
    use crate::model::seq::Seq;

    #[test]
    fn a_signature_is_hmac_sha256_over_id_timestamp_and_body() {
        let secret = Secret::new([7; 32]);
        let id = EventId::new(Stamp { at: Millis(1_672_531_200_000), count: 0 }, Seq(1));
        assert_eq!(
            secret.signature(id, 1_672_531_200, r#"{"event":"ping"}"#),
            "v1,Y9qi0IgTgp5i5EpDTSYm7ou2m0w2OJ0G0UXr/3MK7o4=",
        );
    }

    #[test]
    fn any_senders_secret_may_lack_its_prefix_but_not_its_bytes() {
        let bytes = Secret::of_any_sender("whsec_yMjI");
        assert!(bytes.is_some());
        assert_eq!(Secret::of_any_sender("yMjI"), bytes);
        for text in ["", "whsec_", "whsec_yMj", "whsec_yMjI\n", "sec_yMjI"] {
            assert_eq!(Secret::of_any_sender(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_secret_is_read_back_and_never_printed() {
        let secret = Secret::new([200; 32]);
        let text = secret.reveal();
        assert_eq!(text.len(), 6 + 44);
        assert_eq!(Secret::parse(&text), Some(secret.clone()));
        assert_eq!(format!("{secret:?}"), "Secret(hidden)");
        assert_eq!(Secret::parse("yMjI"), None);
    }

    #[test]
    fn a_secret_of_somebodys_own_has_24_to_64_bytes() {
        for (length, is_one) in [(23, false), (24, true), (64, true), (65, false)] {
            let text = format!("whsec_{}", STANDARD.encode(vec![7; length]));
            let secret = Secret::own(text.clone()).map(|secret| secret.reveal().to_string());
            assert_eq!(secret, if is_one { Ok(text) } else { Err(BadSecret) }, "{length}");
        }
        let words = BadSecret.to_string();
        assert_eq!(words, "must be whsec_ and the base64 of 24 to 64 bytes");
    }
}
