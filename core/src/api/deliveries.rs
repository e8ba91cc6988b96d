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
}

impl DeliveryState {
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Sending,
        Self::Waiting,
        Self::Delivered,
        Self::Abandoned,
        Self::Skipped,
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
        let owed = events.iter().zip(details.chunks_exact(2)).take_while(|(event, _)| {
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
        let known = events.iter().any(|event| event.id == self.event);
        if !(known && self.webhook.is_older_than(self.event)) {
            return Problem::from(Refusal::UnknownDelivery).into();
        }
        Response::page(attempts.iter().map(AttemptView::from).collect(), None::<EventId>)
    }
}

/// What is to be known of one event: its attempts, and the lane that it may wait in.
fn details(webhook: WebhookId, reader: &Reader, event: &Event) -> [Need; 2] {
    let subject = Subject::of(event, reader.ordering);
    [Need::Attempts { webhook, seq: event.seq }, Need::Lane(webhook, subject)]
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
        let [Fact::Attempts(attempts), Fact::Lanes(lanes)] = details else {
            panic!("the store said {details:?} of {}", event.seq)
        };
        let state = state(webhook, reader, event, attempts, lanes.first());
        let last = attempts.last();
        let lane = lanes.first().filter(|lane| lane.head == event.seq);
        let reason = match state {
            DeliveryState::Pending => Some(reader.holds_back(webhook, now).unwrap_or(Reason::Turn)),
            DeliveryState::Sending | DeliveryState::Skipped => None,
            DeliveryState::Waiting => lane.map(|lane| lane.why),
            DeliveryState::Delivered | DeliveryState::Abandoned => last.map(|last| last.reason),
        };
        Self {
            event,
            state,
            attempts: last.map_or(0, |last| last.key.number),
            next_attempt_at: lane.filter(|lane| lane.number > 0).map(|lane| lane.due),
            reason,
        }
    }
}

fn state(
    webhook: &Webhook,
    reader: &Reader,
    event: &Event,
    attempts: &[Attempt],
    lane: Option<&Lane>,
) -> DeliveryState {
    let seq = event.seq;
    let behind = |head: Seq, last: Option<Seq>| seq > head && last.is_some_and(|last| seq <= last);
    let subject = Subject::of(event, reader.ordering);
    let slot = reader.sending.iter().find(|slot| slot.subject == subject);
    let ended_by = |reason| attempts.iter().any(|attempt| attempt.reason == reason);
    if ended_by(Reason::Delivered) {
        return DeliveryState::Delivered;
    }
    if ended_by(Reason::RetriesUsedUp) {
        return DeliveryState::Abandoned;
    }
    match (slot, lane) {
        (Some(slot), _) if slot.seq == seq => DeliveryState::Sending,
        (Some(slot), _) if behind(slot.seq, slot.behind) => DeliveryState::Pending,
        (_, Some(lane)) if lane.head == seq && lane.number > 0 => DeliveryState::Waiting,
        (_, Some(lane)) if lane.head == seq || behind(lane.head, lane.behind) => {
            DeliveryState::Pending
        }
        (Some(_) | None, Some(_) | None) if seq > reader.read_to && webhook.hears(event) => {
            DeliveryState::Pending
        }
        (Some(_) | None, Some(_) | None) => DeliveryState::Skipped,
    }
}
