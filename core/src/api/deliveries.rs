//! The state and attempts of a webhook's deliveries.

use crate::api::Response;
use crate::api::problem::Problem;
use crate::api::view::{AttemptView, DeliveryView};
use crate::delivery::ordering_key::OrderingKey;
use crate::delivery::reader::Reader;
use crate::delivery::state::{Delivery, DeliveryRows, DeliveryState};
use crate::engine::need::Need;
use crate::engine::store::Rows;
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
    /// Only events older than this one.
    pub after: Option<EventId>,
    pub limit: u32,
}

impl DeliveriesQuery {
    /// Deliveries of a page if the caller names no limit.
    pub const LIMIT: u32 = 100;
    /// Events that are read for one page when it is filtered by state: matches may be rare, and the
    /// next page continues from there.
    const LOOKED_AT: u32 = 1_000;

    /// Events that are read.
    fn most(self) -> u32 {
        if self.only.is_some() { Self::LOOKED_AT } else { self.limit }
    }

    pub(super) fn answer<R: Rows + ?Sized>(
        self,
        rows: &mut R,
        now: Millis,
    ) -> Result<Response, R::Fault> {
        let Some((webhook, reader)) = rows.webhook(self.webhook)? else {
            return Ok(Problem::from(Refusal::UnknownWebhook).into());
        };
        let before = self.after.map(|event| event.seq());
        let events = rows.events_before(before, self.most())?;
        // Older events precede the webhook's registration.
        let is_later = |event: &&Event| self.webhook.is_older_than(event.id);
        let later = events.iter().take_while(is_later).count();
        let details = details(rows, &reader, events.get(..later).unwrap_or_default())?;
        let (mut shown, mut last, mut looked_at) = (Vec::new(), None, 0_usize);
        for (event, details) in events.iter().zip(&details) {
            let delivery = Delivery::of(&webhook, &reader, event, details, now);
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
        Ok(Response::page(shown, next))
    }
}

/// The attempts of one delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptsQuery {
    pub webhook: WebhookId,
    pub event: EventId,
}

impl AttemptsQuery {
    pub(super) fn answer<R: Rows + ?Sized>(self, rows: &mut R) -> Result<Response, R::Fault> {
        if rows.webhook(self.webhook)?.is_none() {
            return Ok(Problem::from(Refusal::UnknownWebhook).into());
        }
        let seq = self.event.seq();
        let events = rows.events(seq, 1)?;
        let is_it = |event: &Event| {
            event.id == self.event && event.only_for.is_none_or(|of| of == self.webhook)
        };
        let known = events.iter().any(is_it);
        if !(known && self.webhook.is_older_than(self.event)) {
            return Ok(Problem::from(Refusal::UnknownDelivery).into());
        }
        let attempts = rows.attempts(self.webhook, seq)?;
        Ok(Response::page(attempts.iter().map(AttemptView::from).collect(), None::<EventId>))
    }
}

/// Each event's rows for the webhook of `reader`: its attempts, and the lanes that it may wait in.
/// They are loaded at once.
fn details<R: Rows + ?Sized>(
    rows: &mut R,
    reader: &Reader,
    events: &[Event],
) -> Result<Vec<DeliveryRows>, R::Fault> {
    let webhook = reader.webhook;
    let needs = events.iter().flat_map(|event| {
        [
            Need::Attempts { webhook, seq: event.seq },
            Need::Lane(webhook, OrderingKey::of(event, reader.ordering)),
            Need::Lane(webhook, OrderingKey::Resend(event.seq)),
            Need::Lane(webhook, OrderingKey::replayed(event, reader.ordering)),
        ]
    });
    let mut facts = rows.load_all(&needs.collect::<Vec<_>>())?.into_iter();
    let mut details = Vec::with_capacity(events.len());
    while let Some(attempts) = facts.next() {
        let mut lane = || facts.next().and_then(|fact| fact.into_lanes().into_iter().next());
        let (live, resend, replay) = (lane(), lane(), lane());
        details.push(DeliveryRows { attempts: attempts.into_attempts(), live, resend, replay });
    }
    Ok(details)
}
