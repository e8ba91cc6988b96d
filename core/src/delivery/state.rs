//! The delivery state of an event for one webhook, derived from the rows.

use serde::Serialize;

use crate::delivery::attempt::AttemptSummary;
use crate::delivery::lane::Lane;
use crate::delivery::reader::Reader;
use crate::model::event::Event;
use crate::model::millis::Millis;
use crate::model::reason::Reason;
use crate::webhook::Webhook;

/// The delivery state of an event for a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub enum DeliveryState {
    /// It is queued, and its turn has not come.
    Pending,
    /// A request for it is in flight.
    Sending,
    /// The last attempt failed, and a retry is scheduled.
    Waiting,
    Delivered,
    /// Every attempt of the retry schedule failed. The event is kept.
    Abandoned,
    /// The webhook was not subscribed to it.
    Skipped,
    /// Retention deleted it before it was delivered.
    Expired,
}

impl DeliveryState {
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Sending,
        Self::Waiting,
        Self::Delivered,
        Self::Abandoned,
        Self::Skipped,
        Self::Expired,
    ];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sending => "sending",
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Abandoned => "abandoned",
            Self::Skipped => "skipped",
            Self::Expired => "expired",
        }
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// The rows of one event for one webhook.
#[derive(Clone, Debug, Default)]
pub struct DeliveryRows {
    pub attempts: AttemptSummary,
    /// The lane of the event's ordering key.
    pub live: Option<Lane>,
    /// The lane of a resend of the event.
    pub resend: Option<Lane>,
    /// The lane that a replay has for the event's ordering key.
    pub replay: Option<Lane>,
}

/// One event for one webhook.
pub struct Delivery<'a> {
    pub event: &'a Event,
    pub state: DeliveryState,
    pub attempts: u32,
    pub next_attempt_at: Option<Millis>,
    pub reason: Option<Reason>,
}

impl<'a> Delivery<'a> {
    /// The delivery of `event` to `webhook`, as it is at `now`.
    pub fn of(
        webhook: &Webhook,
        reader: &Reader,
        event: &'a Event,
        rows: &DeliveryRows,
        now: Millis,
    ) -> Self {
        let DeliveryRows { attempts, live, resend, replay } = rows;
        let heads = [live, resend, replay].into_iter().flatten();
        let mut heads = heads.filter(|lane| lane.head == event.seq).peekable();
        let is_head = heads.peek().is_some();
        let lane = heads.find(|lane| lane.number > 0);
        let is_owed = is_head || reader.owes(event, reader.read_to, live.as_ref());
        let state = state(webhook, reader, event, *attempts, (is_owed, lane));
        let held_back = reader.holds_back(webhook, now);
        let (next_attempt_at, why) = lane.map_or((None, None), |lane| {
            let (at, why) = next_attempt(webhook, reader, lane, now);
            (at, Some(why))
        });
        let reason = match state {
            DeliveryState::Pending => Some(held_back.unwrap_or(Reason::Turn)),
            DeliveryState::Sending | DeliveryState::Skipped | DeliveryState::Expired => None,
            DeliveryState::Waiting => why,
            // A failed resend does not undo an earlier delivery.
            DeliveryState::Delivered => Some(Reason::Delivered),
            DeliveryState::Abandoned => Some(Reason::RetriesUsedUp),
        };
        Self { event, state, attempts: attempts.number, next_attempt_at, reason }
    }
}

/// When the head of `lane` is tried again, and why then. Nobody knows when while the webhook is not
/// active, or its receiver is down and only a probe can tell.
fn next_attempt(
    webhook: &Webhook,
    reader: &Reader,
    lane: &Lane,
    now: Millis,
) -> (Option<Millis>, Reason) {
    if !webhook.is_active() || reader.health.is_down() {
        return (None, reader.holds_back(webhook, now).unwrap_or(lane.why));
    }
    let from = reader.sends_from(now);
    let why =
        if from > lane.due && reader.not_before > now { Reason::RetryAfter } else { lane.why };
    (Some(lane.due.max(from)), why)
}

/// The delivery state by the attempts, by whether the event is still pending, and by the lane of
/// which it is the head, once it was attempted.
fn state(
    webhook: &Webhook,
    reader: &Reader,
    event: &Event,
    attempts: AttemptSummary,
    (is_owed, waiting): (bool, Option<&Lane>),
) -> DeliveryState {
    let is_sent = reader.sending.iter().any(|slot| slot.seq == event.seq);
    let is_read = event.seq <= reader.read_to;
    if is_sent {
        DeliveryState::Sending
    } else if waiting.is_some() {
        DeliveryState::Waiting
    } else if attempts.delivered {
        DeliveryState::Delivered
    } else if attempts.abandoned {
        DeliveryState::Abandoned
    } else if is_owed && (is_read || webhook.hears(event)) {
        DeliveryState::Pending
    } else {
        DeliveryState::Skipped
    }
}
