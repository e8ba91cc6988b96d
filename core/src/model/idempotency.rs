//! What a call with an idempotency key was answered first, kept so that its repetition is answered
//! the same and changes nothing.
//!
//! Callers choose their keys, and bodies may be long and private: both are kept as digests.

use crate::model::digest::Digest;
use crate::model::id::{SecretId, WebhookId};
use crate::model::millis::Millis;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// Of the caller and the key that it chose.
    pub key: Digest,
    /// Of all that makes the call what it is.
    pub request: Digest,
    /// When it was answered. No two answers to one key have the same time, so it is the row's
    /// revision too.
    pub at: Millis,
    pub status: u16,
    pub location: Option<String>,
    /// As it was given, but without its secret.
    pub body: String,
    /// The secret that it showed.
    pub shown: Option<(WebhookId, SecretId)>,
}

impl IdempotencyRecord {
    /// Milliseconds that it is given again: a day outlasts the outages over which callers repeat
    /// their calls, and keys that are kept for ever would outgrow the tickets.
    pub const KEPT_MS: u64 = 86_400_000;

    /// Whether it still stands. One from so far ahead was written by a clock that was wrong.
    #[must_use]
    pub fn stands(&self, now: Millis) -> bool {
        now.0.abs_diff(self.at.0) < Self::KEPT_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_stands_for_a_day() {
        let at = Millis(1_700_000_000_000);
        let digest = Digest::of(&[]);
        let first = IdempotencyRecord {
            key: digest,
            request: digest,
            at,
            status: 201,
            location: None,
            body: String::new(),
            shown: None,
        };
        assert!(first.stands(at) && first.stands(at.plus(86_399_999)));
        assert!(!first.stands(at.plus(86_400_000)));
        assert!(first.stands(Millis(at.0 - 86_399_999)) && !first.stands(Millis(0)));
    }
}
