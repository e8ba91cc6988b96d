//! Idempotency records: the first response to a call with an idempotency key, stored so that a
//! repeated call gets the same response and changes nothing.
//!
//! Callers choose their keys, and bodies may be long and private: both are stored as digests.

use crate::model::digest::Digest;
use crate::model::id::{SecretId, WebhookId};
use crate::model::millis::Millis;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// The digest of the caller and its idempotency key.
    pub key: Digest,
    /// The digest of the request.
    pub request: Digest,
    /// When the response was made. No two responses for one key have the same time, so it is the
    /// row's revision too.
    pub at: Millis,
    pub status: u16,
    pub location: Option<String>,
    /// The response body without its secret.
    pub body: String,
    /// The secret that the response showed.
    pub shown: Option<(WebhookId, SecretId)>,
}

impl IdempotencyRecord {
    /// Milliseconds that a record is kept: a day outlasts the outages over which callers repeat
    /// their calls, and records that are kept for ever would outgrow the tickets.
    pub const KEPT_MS: u64 = 86_400_000;

    /// Whether the record is still valid. One from as far in the future was written by a clock that
    /// was wrong, and is not.
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
