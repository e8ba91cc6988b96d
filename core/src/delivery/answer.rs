//! Answers of receivers, and their meaning for delivery.

use serde::{Deserialize, Serialize};

/// The answer to a request, or its failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Status {
        status: u16,
        /// The header `Retry-After`, unparsed.
        retry_after: Option<String>,
        /// The beginning of the answer's body, for diagnosis.
        excerpt: String,
    },
    Failure(Failure),
}

/// The cause of a request without an answer: a closed set of classes. The transport's error text
/// may name addresses and is for the server's log only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub enum Failure {
    /// The host name did not resolve.
    Dns,
    /// No connection could be made.
    Connect,
    /// No TLS session could be made: a certificate that is expired, unknown or for another name.
    Tls,
    /// No answer's head was complete within the webhook's timeout.
    Timeout,
    /// The connection ended before an answer's head was complete.
    Reset,
    /// The answer was not HTTP.
    Protocol,
    /// The host name resolved to addresses that the desk must not connect to.
    Blocked,
    /// The desk did not send the request, or did not get its answer, by its own fault.
    Ours,
}

impl Failure {
    pub const ALL: [Self; 8] = [
        Self::Dns,
        Self::Connect,
        Self::Tls,
        Self::Timeout,
        Self::Reset,
        Self::Protocol,
        Self::Blocked,
        Self::Ours,
    ];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Reset => "reset",
            Self::Protocol => "protocol",
            Self::Blocked => "blocked",
            Self::Ours => "ours",
        }
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|failure| failure.name() == name)
    }
}

/// The meaning of an answer for the event and its webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    Delivered,
    /// The attempt failed: a step of the retry schedule.
    Failed(FailureKind),
    /// The attempt failed, and the receiver is gone for good: the webhook is disabled at once.
    Gone,
    /// The desk's own fault: the attempt is repeated, and does not count against the receiver.
    Unsent,
}

/// The kind of a failed attempt, which decides about window, pause and health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The receiver refuses, or is not reachable.
    Refusing,
    /// The receiver did not answer in time.
    Slow,
    /// The receiver is unavailable for now (503).
    Unavailable,
    /// The receiver gets too many requests (429): no sign of ill health.
    Busy,
}

impl FailureKind {
    /// Whether it narrows the window of requests in flight.
    #[must_use]
    pub fn narrows_window(self) -> bool {
        match self {
            Self::Slow | Self::Unavailable | Self::Busy => true,
            Self::Refusing => false,
        }
    }

    /// Whether a `Retry-After` with it is honoured.
    #[must_use]
    pub fn asks_to_wait(self) -> bool {
        match self {
            Self::Unavailable | Self::Busy => true,
            Self::Refusing | Self::Slow => false,
        }
    }

    /// Whether it counts against the receiver's health.
    #[must_use]
    pub fn counts_against_health(self) -> bool {
        match self {
            Self::Refusing | Self::Slow | Self::Unavailable => true,
            Self::Busy => false,
        }
    }
}

impl Answer {
    /// Bytes of a body that are read: enough for any answer that a person would read.
    pub const MAX_READ: usize = 16 * 1_024;
    /// Bytes of a body that are stored. A million attempts with a full excerpt are 1 GiB.
    pub const EXCERPT: usize = 1_024;
    /// Milliseconds that the rest of a body is awaited once the head is there. A server that is
    /// going to send one does so within a round trip or two (0.3 s around the world); one that does
    /// not delays the next event of its lane by this much.
    pub const MAX_BODY_WAIT_MS: u64 = 500;

    /// An answer whose head was received, and of whose body came so much. The status counts
    /// whatever follows it; an interim one (1xx) is no answer.
    #[must_use]
    pub fn of(status: u16, retry_after: Option<String>, body: &[u8]) -> Self {
        match status {
            200.. => Self::Status { status, retry_after, excerpt: excerpt(body) },
            ..200 => Self::Failure(Failure::Protocol),
        }
    }

    /// All answer rules. Redirects (3xx) are not followed: the new address was not registered, and
    /// a signed body must not be sent there.
    #[must_use]
    pub fn meaning(&self) -> Meaning {
        match self {
            Self::Status { status: 200..=299, .. } => Meaning::Delivered,
            Self::Status { status: 410, .. } => Meaning::Gone,
            Self::Status { status: 429, .. } => Meaning::Failed(FailureKind::Busy),
            Self::Status { status: 503, .. } => Meaning::Failed(FailureKind::Unavailable),
            Self::Failure(Failure::Timeout) => Meaning::Failed(FailureKind::Slow),
            Self::Failure(Failure::Ours) => Meaning::Unsent,
            Self::Status { .. }
            | Self::Failure(
                Failure::Dns
                | Failure::Connect
                | Failure::Tls
                | Failure::Reset
                | Failure::Protocol
                | Failure::Blocked,
            ) => Meaning::Failed(FailureKind::Refusing),
        }
    }
}

/// The beginning of an answer's body as text: at most [`Answer::EXCERPT`] bytes, never cut inside a
/// character, with U+FFFD for bytes that are not UTF-8 and for NUL, which some stores cut at.
/// Signatures and secrets are hidden, so that a receiver that echoes a request does not get them
/// into the store.
#[must_use]
pub fn excerpt(body: &[u8]) -> String {
    let start = body.get(..Answer::EXCERPT).unwrap_or(body);
    let text = String::from_utf8_lossy(start).replace('\0', "\u{fffd}");
    let mut text = hide(&hide(&text, "whsec_"), "v1,");
    let mut end = text.len().min(Answer::EXCERPT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

/// `text` with dots for all base64 that follows `mark`, including some escaped forms.
fn hide(text: &str, mark: &str) -> String {
    let is_base64 =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '\\' | '%');
    let mut parts = text.split(mark);
    let mut hidden = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        hidden.push_str(mark);
        hidden.push_str("...");
        hidden.push_str(part.trim_start_matches(is_base64));
    }
    hidden
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: Meaning = Meaning::Failed(FailureKind::Refusing);

    #[test]
    fn what_each_status_means() {
        const TABLE: [(u16, Meaning); 22] = [
            (101, REFUSED),
            (200, Meaning::Delivered),
            (201, Meaning::Delivered),
            (202, Meaning::Delivered),
            (204, Meaning::Delivered),
            (299, Meaning::Delivered),
            (300, REFUSED),
            (301, REFUSED),
            (302, REFUSED),
            (304, REFUSED),
            (307, REFUSED),
            (400, REFUSED),
            (401, REFUSED),
            (404, REFUSED),
            (409, REFUSED),
            (410, Meaning::Gone),
            (411, REFUSED),
            (429, Meaning::Failed(FailureKind::Busy)),
            (500, REFUSED),
            (502, REFUSED),
            (503, Meaning::Failed(FailureKind::Unavailable)),
            (999, REFUSED),
        ];
        for (status, meaning) in TABLE {
            let answer = Answer::Status { status, retry_after: None, excerpt: String::new() };
            assert_eq!(answer.meaning(), meaning, "{status}");
        }
    }

    #[test]
    fn what_each_failure_means() {
        const TABLE: [(Failure, Meaning); 8] = [
            (Failure::Dns, REFUSED),
            (Failure::Connect, REFUSED),
            (Failure::Tls, REFUSED),
            (Failure::Timeout, Meaning::Failed(FailureKind::Slow)),
            (Failure::Reset, REFUSED),
            (Failure::Protocol, REFUSED),
            (Failure::Blocked, REFUSED),
            (Failure::Ours, Meaning::Unsent),
        ];
        assert_eq!(TABLE.map(|(failure, _)| failure), Failure::ALL);
        for (failure, meaning) in TABLE {
            assert_eq!(Answer::Failure(failure).meaning(), meaning, "{failure:?}");
            assert_eq!(Failure::parse(failure.name()), Some(failure));
        }
    }

    #[test]
    fn excerpts_are_short_text() {
        assert_eq!(excerpt(b"no such ticket"), "no such ticket");
        assert_eq!(excerpt(b"a\0b\xff"), "a\u{fffd}b\u{fffd}");
        let long = excerpt("é".repeat(10_000).as_bytes());
        assert_eq!(long.len(), Answer::EXCERPT);
        assert!(excerpt(&[0xff; 5_000]).len() <= Answer::EXCERPT);
    }

    #[test]
    fn excerpts_of_echoes_hide_signatures_and_secrets() {
        for (echo, kept) in [
            (r#"{"sig":"v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="}"#, r#"{"sig":"v1,..."}"#),
            (r"v1,K5oZ\/H\/pI4= v1,AAAA", "v1,... v1,..."),
            ("secret whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw!", "secret whsec_...!"),
            ("nothing of ours, v1 or not", "nothing of ours, v1 or not"),
        ] {
            assert_eq!(excerpt(echo.as_bytes()), kept);
        }
    }
}
