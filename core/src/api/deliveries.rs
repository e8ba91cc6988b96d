//! What became of each event for one webhook, as the rows tell it.

use crate::api::Response;
use crate::api::problem::Problem;
use crate::api::view::{AttemptView, DeliveryView};
use crate::attempt::Attempt;
use crate::event::{Event, Seq};
use crate::facts::{Fact, Need};
use crate::id::{EventId, WebhookId};
use crate::lane::{Lane, Subject};
use crate::moment::Millis;
use crate::outcome::Refusal;
use crate::reader::Reader;
use crate::reason::Reason;
use crate::webhook::Webhook;

/// Where an event stands for a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// It has not been its turn yet.
    Pending,
    /// A request for it is in flight.
    Sending,
    /// It failed, and is tried again.
    Waiting,
    Delivered,
    /// It failed to the end of the ladder, and is kept.
    Abandoned,
    /// The webhook did not want to hear of it.
    Skipped,
    /// It was owed, and the log no longer has it.
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

/// A page of a webhook's deliveries, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deliveries {
    pub webhook: WebhookId,
    pub only: Option<DeliveryState>,
    /// Older than this event.
    pub after: Option<EventId>,
    pub limit: u32,
}

impl Deliveries {
    /// Deliveries of a page whose caller names no limit.
    pub const LIMIT: u32 = 100;
    /// Events that are looked at for one page when only some of them are wanted: what is sought may
    /// be rare, and the next page goes on from there.
    const LOOKED_AT: u32 = 1_000;

    pub(super) fn needs(self, known: &[Fact]) -> Vec<Need> {
        match known {
            [] => {
                let before = self.after.map(|event| event.seq());
                let events = Need::EventsBefore { before, most: self.most() };
                vec![Need::Webhook(self.webhook), Need::Log, events]
            }
            [Fact::Webhooks(found), Fact::Log(_), Fact::Events(events)] => match found.first() {
                Some((_, reader)) => {
                    events.iter().flat_map(|event| details(self.webhook, reader, event)).collect()
                }
                None => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    /// Events that are looked at.
    fn most(self) -> u32 {
        if self.only.is_some() { Self::LOOKED_AT } else { self.limit }
    }

    pub(super) fn answer(self, facts: &[Fact], now: Millis) -> Response {
        let [Fact::Webhooks(found), Fact::Log(_), Fact::Events(events), details @ ..] = facts
        else {
            panic!("the store said {facts:?} to {self:?}")
        };
        let Some((webhook, reader)) = found.first() else {
            return Problem::from(Refusal::UnknownWebhook).into();
        };
        let owed = events.iter().zip(details.chunks_exact(DETAILS)).take_while(|(event, _)| {
            // Older ones happened before the webhook was registered.
            self.webhook.is_older_than(event.id)
        });
        let (mut shown, mut last, mut looked_at) = (Vec::new(), None, 0_usize);
        for (event, details) in owed {
            let delivery = Delivery::of(webhook, reader, event, details, now);
            last = Some(event.id);
            looked_at += 1;
            if self.only.is_none_or(|state| state == delivery.state) {
                shown.push(DeliveryView::from(&delivery));
            }
            if shown.len() == self.limit as usize {
                break;
            }
        }
        let is_full = shown.len() == self.limit as usize;
        let goes_on = looked_at == events.len() && events.len() == self.most() as usize;
        let next = last.filter(|event| (is_full || goes_on) && event.seq() > Seq(1));
        Response::page(shown, next)
    }
}

/// The attempts of one delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivering {
    pub webhook: WebhookId,
    pub event: EventId,
}

impl Delivering {
    pub(super) fn needs(self) -> Vec<Need> {
        let seq = self.event.seq();
        vec![
            Need::Webhook(self.webhook),
            Need::Events { from: seq, most: 1 },
            Need::Attempts { webhook: self.webhook, seq },
        ]
    }

    pub(super) fn answer(self, facts: &[Fact]) -> Response {
        let [Fact::Webhooks(found), Fact::Events(events), Fact::Attempts(attempts)] = facts else {
            panic!("the store said {facts:?} to {self:?}")
        };
        if found.is_empty() {
            return Problem::from(Refusal::UnknownWebhook).into();
        }
        let is_it = |event: &Event| {
            event.id == self.event && event.only_for.is_none_or(|of| of == self.webhook)
        };
        let known = events.iter().any(is_it);
        if !(known && self.webhook.is_older_than(self.event)) {
            return Problem::from(Refusal::UnknownDelivery).into();
        }
        Response::page(attempts.iter().map(AttemptView::from).collect(), None::<EventId>)
    }
}

/// Facts about one event.
const DETAILS: usize = 4;

/// What is to be known of one event: its attempts, and the lanes that it may wait in.
fn details(webhook: WebhookId, reader: &Reader, event: &Event) -> [Need; DETAILS] {
    [
        Need::Attempts { webhook, seq: event.seq },
        Need::Lane(webhook, Subject::of(event, reader.ordering)),
        Need::Lane(webhook, Subject::Again(event.seq)),
        Need::Lane(webhook, Subject::replayed(event, reader.ordering)),
    ]
}

/// One event for one webhook.
pub(super) struct Delivery<'a> {
    pub event: &'a Event,
    pub state: DeliveryState,
    pub attempts: u32,
    pub next_attempt_at: Option<Millis>,
    pub reason: Option<Reason>,
}

impl<'a> Delivery<'a> {
    fn of(
        webhook: &Webhook,
        reader: &Reader,
        event: &'a Event,
        details: &[Fact],
        now: Millis,
    ) -> Self {
        let [Fact::Attempts(attempts), Fact::Lanes(live), Fact::Lanes(again), Fact::Lanes(replay)] =
            details
        else {
            panic!("the store said {details:?} of {}", event.seq)
        };
        let heads = [live, again, replay].into_iter().filter_map(|lanes| lanes.first());
        let mut heads = heads.filter(|lane| lane.head == event.seq).peekable();
        let is_head = heads.peek().is_some();
        let lane = heads.find(|lane| lane.number > 0);
        let is_owed = is_head || reader.owes(event, reader.read_to, live.first());
        let state = state(webhook, reader, event, attempts, (is_owed, lane));
        let last = attempts.last();
        let reason = match state {
            DeliveryState::Pending => Some(reader.holds_back(webhook, now).unwrap_or(Reason::Turn)),
            DeliveryState::Sending | DeliveryState::Skipped | DeliveryState::Expired => None,
            DeliveryState::Waiting => lane.map(|lane| lane.why),
            // A resend that came to nothing takes nothing back.
            DeliveryState::Delivered => Some(Reason::Delivered),
            DeliveryState::Abandoned => last.map(|last| last.reason),
        };
        Self {
            event,
            state,
            attempts: last.map_or(0, |last| last.key.number),
            next_attempt_at: lane.map(|lane| lane.due),
            reason,
        }
    }
}

/// Where an event stands, by what was tried, by whether it is yet to be sent, and by the lane that it
/// waits in as its head once it was tried.
fn state(
    webhook: &Webhook,
    reader: &Reader,
    event: &Event,
    attempts: &[Attempt],
    (is_owed, waiting): (bool, Option<&Lane>),
) -> DeliveryState {
    let ended_by = |reason| attempts.iter().any(|attempt| attempt.reason == reason);
    let is_sent = reader.sending.iter().any(|slot| slot.seq == event.seq);
    let is_read = event.seq <= reader.read_to;
    if is_sent {
        DeliveryState::Sending
    } else if waiting.is_some() {
        DeliveryState::Waiting
    } else if ended_by(Reason::Delivered) {
        DeliveryState::Delivered
    } else if ended_by(Reason::RetriesUsedUp) {
        DeliveryState::Abandoned
    } else if is_owed && (is_read || webhook.hears(event)) {
        DeliveryState::Pending
    } else {
        DeliveryState::Skipped
    }
}
