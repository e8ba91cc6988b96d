//! Reason codes: a closed set, the same in API, store and log.

use serde::Serialize;

/// The reason for the step that followed an attempt, for which a lane waits, or for which a webhook
/// is disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub enum Reason {
    /// The receiver answered 2xx. Nothing to do.
    Delivered,
    /// The attempt failed, and a retry is scheduled. Look at the status or failure if it goes on.
    Retry,
    /// No connection could be made, and a retry is scheduled: at its time, or as soon as the
    /// receiver acknowledges another event. Look whether the receiver runs if it goes on.
    Unreachable,
    /// The attempt failed and was the retry schedule's last: the event is abandoned, and kept. Fix
    /// the receiver.
    RetriesUsedUp,
    /// The receiver answered 410 Gone: the webhook is disabled. Register the URL that replaces it.
    Gone,
    /// The server stopped before an answer came: the event is sent again. Receivers recognize
    /// repeats by their `webhook-id`.
    TakenOver,
    /// No answer was reported until long after the timeout: the request is lost, and the event is
    /// sent again.
    Lost,
    /// The server could not send (no file descriptors, say): the event is sent again. Look at the
    /// server's log.
    OurFault,
    /// The answer came after the server had stopped waiting for it. It changed nothing.
    Late,
    /// The attempt failed, and its replay is stopped: the event is not tried again.
    Stopped,
    /// A probe of a receiver that is down failed: the event is tried again when the receiver is
    /// back, or as another probe. It took no step of the retry schedule.
    Probe,
    /// Every request fails: down after ten in a row, disabled after five days. Fix the receiver,
    /// then enable the webhook if it is disabled.
    Failing,
    /// The webhook is paused. It goes on when its `status` is set to `active`.
    Paused,
    /// The receiver asked for a pause with `Retry-After`. It goes on by itself.
    RetryAfter,
    /// Another `ordering` was chosen; it takes effect when nothing is in flight or waits.
    Reordering,
    /// 10 000 lanes wait for the receiver, and nothing new is read until some are settled. Fix the
    /// receiver.
    TooManyLanes,
    /// Retention deleted the event, by age or by size, before it was delivered.
    Expired,
    /// A resend was requested: the event is due at once.
    Resend,
    /// The event is next, and waits for a free slot, or for the webhook to be enabled.
    Turn,
}

impl Reason {
    pub const ALL: [Self; 19] = [
        Self::Delivered,
        Self::Retry,
        Self::Unreachable,
        Self::RetriesUsedUp,
        Self::Gone,
        Self::TakenOver,
        Self::Lost,
        Self::OurFault,
        Self::Late,
        Self::Stopped,
        Self::Probe,
        Self::Failing,
        Self::Paused,
        Self::RetryAfter,
        Self::Reordering,
        Self::TooManyLanes,
        Self::Expired,
        Self::Resend,
        Self::Turn,
    ];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Retry => "retry",
            Self::Unreachable => "unreachable",
            Self::RetriesUsedUp => "retries_used_up",
            Self::Gone => "gone",
            Self::TakenOver => "taken_over",
            Self::Lost => "lost",
            Self::OurFault => "our_fault",
            Self::Late => "late",
            Self::Stopped => "stopped",
            Self::Probe => "probe",
            Self::Failing => "failing",
            Self::Paused => "paused",
            Self::RetryAfter => "retry_after",
            Self::Reordering => "reordering",
            Self::TooManyLanes => "too_many_lanes",
            Self::Expired => "expired",
            Self::Resend => "resend",
            Self::Turn => "turn",
        }
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}
