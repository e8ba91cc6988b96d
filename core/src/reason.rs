//! Why something is as it is: a closed set of words, the same in API, store and log.

/// Why an attempt was followed by what followed, why a lane waits, why a webhook is disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The receiver answered 2xx. Nothing to do.
    Delivered,
    /// The attempt failed, and the ladder has another. Look at the status or failure if it goes on.
    Retry,
    /// The attempt failed and was the ladder's last: the event is abandoned, and kept. Mend the
    /// receiver.
    RetriesUsedUp,
    /// The receiver answered 410 Gone: the webhook is disabled. Register the URL that replaces it.
    Gone,
    /// The server stopped before an answer came: the event is sent again. Receivers tell repeats by
    /// their `webhook-id`.
    TakenOver,
    /// No answer was ever reported, long after the timeout: the event is sent again.
    Lost,
    /// The server could not send (no file descriptors, say): the event is sent again. Look at the
    /// server's log.
    OurFault,
    /// The answer came after the server had stopped waiting for it. It changed nothing.
    Late,
    /// Its turn has come, and it waits for room, or for the webhook to be enabled.
    Turn,
}

impl Reason {
    pub const ALL: [Self; 9] = [
        Self::Delivered,
        Self::Retry,
        Self::RetriesUsedUp,
        Self::Gone,
        Self::TakenOver,
        Self::Lost,
        Self::OurFault,
        Self::Late,
        Self::Turn,
    ];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Retry => "retry",
            Self::RetriesUsedUp => "retries_used_up",
            Self::Gone => "gone",
            Self::TakenOver => "taken_over",
            Self::Lost => "lost",
            Self::OurFault => "our_fault",
            Self::Late => "late",
            Self::Turn => "turn",
        }
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}
