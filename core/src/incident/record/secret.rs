//! Secrets in JSON: in plain text, as a recording must sign what the desk signed.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::webhook::sign::Secret;

/// A secret in plain text.
pub(super) struct SecretForm(pub Secret);

impl Serialize for SecretForm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.reveal())
    }
}

impl<'de> Deserialize<'de> for SecretForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        let secret = Secret::parse(&text);
        secret.map(Self).ok_or_else(|| serde::de::Error::custom("not a secret"))
    }
}
