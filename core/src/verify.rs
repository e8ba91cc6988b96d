//! Diagnosis of deliveries whose signature does not verify: finds the receiver's mistake, if
//! possible with proof.
//!
//! A partner whose check fails has the headers, the body and a secret, and no idea which of them is
//! wrong. But a signature is strict evidence: any supposed mistake can be undone, the result
//! signed, and the signatures compared. If they match, that mistake is **proven**. [`verify`] tries
//! all mistakes that it knows, the smallest first, and guesses by shape and by the times that a
//! message carries only when nothing matches.
//!
//! ```
//! use hookdesk_core::{Known, Millis, Verdict, verify};
//!
//! let headers = [
//!     ("Webhook-Id", "evt_01856aa0c80070008000000000000001"),
//!     ("Webhook-Timestamp", "1672531200"),
//!     ("Webhook-Signature", "v1,Hj29zFf6yi8iAdWK7Nyhv10FCLSXCWdGPZfI5KZlFxA="),
//! ];
//! let secrets = [Known::current("whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=")];
//! let now = Millis(1_672_531_201_000);
//!
//! let body = br#"{"event":"ping","created":"2023-01-01T00:00:00Z","data":{}}"#;
//! assert_eq!(verify(&headers, body, &secrets, now), Verdict::Good { secret: 0 });
//!
//! let body = br#"{"event": "ping", "created": "2023-01-01T00:00:00Z", "data": {}}"#;
//! let Verdict::Bad(mistake) = verify(&headers, body, &secrets, now) else { unreachable!() };
//! assert_eq!(mistake.name(), "body_reserialised");
//! ```

mod body;
mod code;
mod content;
mod encoding;
mod flaw;
mod guess;
mod json;
mod key;
mod keys;
mod message;
mod mistake;
mod signature;
mod signing;
mod trial;
mod words;

#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Serialize, Serializer};

use crate::model::millis::Millis;
pub use code::Code;
pub use flaw::{
    Algorithm, BodyFlaw, Changes, ContentFlaw, KeyFlaw, Part, SecretFlaw, SignatureFlaw,
};
use keys::Keys;
use message::Message;
pub use message::{Renamed, renamed};
pub use mistake::{Certainty, Header, Mistake};
use trial::Trial;

/// Seconds that `webhook-timestamp` may differ from the receiver's clock, either way: what the
/// Standard Webhooks libraries allow. With more, a recorded request could be replayed for longer;
/// with less, valid deliveries would be refused by receivers whose clocks are not synchronized.
pub const TOLERANCE_S: u64 = 300;

/// Secrets that are tried. A webhook has at most five live ones; the rest are for old ones.
pub const MAX_SECRETS: usize = 16;

/// A secret as in the partner's configuration. `Debug` hides it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Known<'a> {
    pub text: &'a str,
    /// It no longer signs: the partner has replaced it, or the desk has ended it.
    pub ended: bool,
}

impl<'a> Known<'a> {
    #[must_use]
    pub fn current(text: &'a str) -> Self {
        Self { text, ended: false }
    }

    #[must_use]
    pub fn ended(text: &'a str) -> Self {
        Self { text, ended: true }
    }
}

impl fmt::Debug for Known<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Known").field("ended", &self.ended).finish_non_exhaustive()
    }
}

/// The result of a check. As JSON it is one flat object: `verdict` (`good` or `bad`), `code`,
/// `detail`, `certainty`, `proven` (whether it is more than likely), and where they are known
/// `secret` (its index), `header`, `offset`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was signed with the secret of that index, and its timestamp is within [`TOLERANCE_S`].
    Good {
        secret: usize,
    },
    Bad(Mistake),
}

/// Whether a delivery verifies, and if not, which mistake was made.
///
/// Names of headers may have any case, or the form of CGI (`HTTP_WEBHOOK_ID`, of which [`renamed`]
/// tells), and values may have blanks around them; of several of one name the first counts, and for
/// `webhook-signature` all do.
/// A secret counts with or without its prefix, as in the Standard Webhooks libraries.
///
/// A delivery that verifies is good, whatever else is odd about it. Of several mistakes one is
/// reported.
///
/// # Limits
/// The work is linear in the input, and hashing to find a mistake is bounded by `MAX_HASHED` bytes.
/// [`MAX_SECRETS`] secrets, `MAX_HEADERS` headers and `MAX_SIGNATURES` signatures are read, and a
/// body beyond `MAX_BODY` is verified but not diagnosed.
#[must_use]
pub fn verify(
    headers: &[(&str, &str)],
    body: &[u8],
    secrets: &[Known<'_>],
    now: Millis,
) -> Verdict {
    match examine(headers, body, secrets, now) {
        Ok(secret) => Verdict::Good { secret },
        Err(mistake) => Verdict::Bad(mistake),
    }
}

/// The index of the secret that a good delivery was signed with.
fn examine(
    headers: &[(&str, &str)],
    body: &[u8],
    secrets: &[Known<'_>],
    now: Millis,
) -> Result<usize, Mistake> {
    let message = Message::read(headers, body)?;
    if secrets.is_empty() {
        return Err(Mistake::NoSecrets);
    }
    let keys = Keys::read(secrets);
    let mut trial = Trial::new(&message.signatures);
    if let Some(key) = trial.verifies(keys.right(), &message.content()) {
        let (index, ended) = (key.secret, key.ended);
        return if ended {
            Err(Mistake::EndedSecret { index })
        } else {
            in_time(&message, now, index)
        };
    }
    let proofs = [signing::prove, keys::prove, body::prove, content::prove];
    let proven = proofs.iter().find_map(|prove| prove(&message, &keys, &mut trial));
    Err(proven.unwrap_or_else(|| guess::guess(&message, &keys)))
}

/// `index`, unless the timestamp is too far from `now`.
fn in_time(message: &Message<'_>, now: Millis, index: usize) -> Result<usize, Mistake> {
    let (sent, now) = (message.seconds, now.unix_seconds());
    if message.is_in_milliseconds() {
        Err(Mistake::TimestampMilliseconds)
    } else if now.saturating_sub(sent) > TOLERANCE_S {
        Err(Mistake::Stale { by_s: now - sent })
    } else if sent.saturating_sub(now) > TOLERANCE_S {
        Err(Mistake::Early { by_s: sent - now })
    } else {
        Ok(index)
    }
}

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct View {
            verdict: &'static str,
            code: Code,
            detail: String,
            certainty: Certainty,
            proven: bool,
            #[serde(skip_serializing_if = "Option::is_none")]
            secret: Option<usize>,
            #[serde(skip_serializing_if = "Option::is_none")]
            header: Option<Header>,
            #[serde(skip_serializing_if = "Option::is_none")]
            offset: Option<usize>,
        }
        let view = match self {
            Self::Good { secret } => View {
                verdict: "good",
                code: Code::Good,
                detail: "The delivery verifies.".into(),
                certainty: Certainty::Proven,
                proven: true,
                secret: Some(*secret),
                header: None,
                offset: None,
            },
            Self::Bad(mistake) => View {
                verdict: "bad",
                code: mistake.code(),
                detail: mistake.to_string(),
                certainty: mistake.certainty(),
                proven: mistake.is_proven(),
                secret: mistake.secret(),
                header: mistake.header(),
                offset: mistake.offset(),
            },
        };
        view.serialize(serializer)
    }
}
