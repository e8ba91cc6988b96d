//! What became of each event for one webhook, as the rows tell it.

use crate::api::Response;
use crate::api::problem::Problem;
use crate::api::view::{AttemptView, DeliveryView};
use crate::delivery::lane::Lane;
use crate::delivery::ordering_key::OrderingKey;
use crate::delivery::reader::Reader;
use crate::delivery::state::{Delivery, DeliveryRows, DeliveryState};
use crate::engine::need::{Fact, Need};
use crate::model::event::Event;
use crate::model::id::{EventId, WebhookId};
use crate::model::millis::Millis;
use crate::model::refusal::Refusal;
use crate::model::seq::Seq;

/// A page of a webhook's deliveries, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveriesQuery {
    pub webhook: WebhookId,
    pub only: Option<DeliveryState>,
    /// Older than this event.
    pub after: Option<EventId>,
    pub limit: u32,
}

impl DeliveriesQuery {
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
            let delivery = Delivery::of(webhook, reader, event, &rows(details), now);
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
pub struct AttemptsQuery {
    pub webhook: WebhookId,
    pub event: EventId,
}

impl AttemptsQuery {
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
        Need::Lane(webhook, OrderingKey::of(event, reader.ordering)),
        Need::Lane(webhook, OrderingKey::Resend(event.seq)),
        Need::Lane(webhook, OrderingKey::replayed(event, reader.ordering)),
    ]
}

/// The rows that the store has of one event.
fn rows(details: &[Fact]) -> DeliveryRows {
    let [Fact::Attempts(attempts), Fact::Lanes(live), Fact::Lanes(resend), Fact::Lanes(replay)] =
        details
    else {
        panic!("the store said {details:?}")
    };
    let first = |lanes: &Vec<Lane>| lanes.first().copied();
    DeliveryRows {
        attempts: attempts.clone(),
        live: first(live),
        resend: first(resend),
        replay: first(replay),
    }
}
