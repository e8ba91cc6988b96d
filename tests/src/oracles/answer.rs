//! The meaning of an answer, written from the document for integrators.

use hookdesk_core::{Answer, Failure};

/// What the desk must take an answer for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    Success,
    /// 410: the receiver wants no further requests.
    Gone,
    Failure(Trouble),
    /// The desk could not send.
    Unsent,
}

/// What follows a failure, besides its retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trouble {
    pub narrows: bool,
    pub counts: bool,
    /// Milliseconds for which the receiver asks to be left alone.
    pub asks_ms: Option<u64>,
    /// Whether the receiver was not reached at all.
    pub unreached: bool,
}

impl Meaning {
    /// A partner's webhook is not to tell a forbidden address from a name that leads nowhere.
    pub fn of(answer: &Answer, is_partners: bool) -> Self {
        let failed = |narrows, counts| Trouble { narrows, counts, asks_ms: None, unreached: false };
        match answer {
            Answer::Status { status, retry_after, .. } => match status {
                200..=299 => Self::Success,
                410 => Self::Gone,
                429 | 503 => Self::Failure(Trouble {
                    asks_ms: retry_after.as_deref().and_then(asked_ms),
                    ..failed(true, *status == 503)
                }),
                _ => Self::Failure(failed(false, true)),
            },
            Answer::Failure(Failure::Ours) => Self::Unsent,
            Answer::Failure(Failure::Timeout) => Self::Failure(failed(true, true)),
            Answer::Failure(failure) => Self::Failure(Trouble {
                unreached: matches!(failure, Failure::Dns | Failure::Connect)
                    || (is_partners && *failure == Failure::Blocked),
                ..failed(false, true)
            }),
        }
    }
}

/// Simulated receivers ask for whole seconds, or for nonsense.
fn asked_ms(value: &str) -> Option<u64> {
    let seconds: u128 = value.parse().ok()?;
    u64::try_from(seconds * 1_000).ok().or(Some(u64::MAX))
}
