//! The state and attempts of a webhook's deliveries.

use std::collections::BTreeMap;

use crate::api::Response;
use crate::api::authorization::reached;
use crate::api::problem::Problem;
use crate::api::view::{AttemptView, DeliveryView};
use crate::delivery::attempt::AttemptSummary;
use crate::delivery::ordering_key::OrderingKey;
use crate::delivery::reader::Reader;
use crate::delivery::state::{Delivery, DeliveryRows, DeliveryState};
use crate::engine::need::Need;
use crate::engine::store::Rows;
use crate::model::event::Event;
use crate::model::id::{EventId, Stamp, WebhookId};
use crate::model::millis::Millis;
use crate::model::reach::Reach;
use crate::model::refusal::Refusal;
use crate::model::seq::Seq;
use crate::webhook::Webhook;

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
    /// Events that are read for one page when it is filtered, by state or by what a partner is
    /// granted: matches may be rare, and the next page continues from there.
    const LOOKED_AT: u32 = 1_000;

    /// Events that are read.
    fn most(self, reach: &Reach) -> u32 {
        let is_filtered = self.only.is_some() || reach.partner().is_some();
        if is_filtered { Self::LOOKED_AT } else { self.limit }
    }

    pub(super) fn answer<R: Rows + ?Sized>(
        self,
        reach: &Reach,
        rows: &mut R,
        now: Millis,
    ) -> Result<Response, R::Fault> {
        let Some((webhook, reader)) = reached(rows, reach, self.webhook)? else {
            return Ok(Problem::from(Refusal::UnknownWebhook).into());
        };
        let before = self.after.map(|event| event.seq());
        let most = self.most(reach);
        let events = rows.events_before(before, most)?;
        // Older events precede the webhook's registration.
        let is_later = |event: &&Event| self.webhook.is_older_than(event.id);
        let later = events.iter().take_while(is_later).count();
        let details = details(rows, &reader, events.get(..later).unwrap_or_default())?;
        let (mut shown, mut last, mut looked_at) = (Vec::new(), None, 0_usize);
        for (event, details) in events.iter().zip(&details) {
            let delivery = Delivery::of(&webhook, &reader, event, details, now);
            let is_told = concerns(event, self.webhook, reach);
            last = Some(if is_told { event.id } else { position(&webhook, event.seq) });
            looked_at += 1;
            let is_asked = self.only.is_none_or(|state| state == delivery.state);
            if is_asked && is_told {
                shown.push(DeliveryView::from(&delivery));
            }
            if shown.len() == self.limit as usize {
                break;
            }
        }
        let is_full = shown.len() == self.limit as usize;
        let goes_on = looked_at == events.len() && events.len() == most as usize;
        let next = last.filter(|event| (is_full || goes_on) && event.seq() > Seq(1));
        Ok(Response::page(shown, next))
    }
}

/// A cursor at an event that the caller is not told of: the event's own id would tell its time.
fn position(webhook: &Webhook, seq: Seq) -> EventId {
    EventId::new(Stamp { at: webhook.created_at, count: 0 }, seq)
}

/// A page of the attempts of one delivery, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptsQuery {
    pub webhook: WebhookId,
    pub event: EventId,
    /// Only attempts after the one of this number.
    pub after: Option<u32>,
    pub limit: u32,
}

impl AttemptsQuery {
    pub(super) fn answer<R: Rows + ?Sized>(
        self,
        reach: &Reach,
        rows: &mut R,
        now: Millis,
    ) -> Result<Response, R::Fault> {
        let Some((webhook, reader)) = reached(rows, reach, self.webhook)? else {
            return Ok(Problem::from(Refusal::UnknownWebhook).into());
        };
        let seq = self.event.seq();
        let events = rows.events(seq, 1)?;
        let is_it = |event: &&Event| event.id == self.event && concerns(event, self.webhook, reach);
        let known = events.first().filter(is_it);
        let Some(event) = known.filter(|_| self.webhook.is_older_than(self.event)) else {
            return Ok(Problem::from(Refusal::UnknownDelivery).into());
        };
        let page = (self.after.unwrap_or(0), self.limit);
        let mut attempts = rows.attempts(self.webhook, seq, page)?;
        if let [details] = &*details(rows, &reader, std::slice::from_ref(event))? {
            let delivery = Delivery::of(&webhook, &reader, event, details, now);
            let last = attempts.last_mut();
            // What was planned after the last attempt may have changed since.
            if let Some(last) = last.filter(|last| last.key.number == delivery.attempts) {
                last.next_attempt_at = delivery.next_attempt_at;
            }
        }
        let is_full = attempts.len() == self.limit as usize;
        let next = attempts.last().map(|last| last.key.number).filter(|_| is_full);
        Ok(Response::page(
            attempts.iter().map(|of| AttemptView::shown_to(reach, of)).collect(),
            next,
        ))
    }
}

/// Whether the event is for the webhook or for all, and of a type that the caller may be told of.
fn concerns(event: &Event, webhook: WebhookId, reach: &Reach) -> bool {
    event.only_for.is_none_or(|of| of == webhook) && reach.grants(event.kind)
}

/// Each event's rows for the webhook of `reader`, newest first like `events`: a summary of its
/// attempts, and the lanes that it may wait in. They are loaded at once.
fn details<R: Rows + ?Sized>(
    rows: &mut R,
    reader: &Reader,
    events: &[Event],
) -> Result<Vec<DeliveryRows>, R::Fault> {
    let (Some(newest), Some(oldest)) = (events.first(), events.last()) else {
        return Ok(Vec::new());
    };
    let tried = rows.attempt_summaries(reader.webhook, oldest.seq, newest.seq)?;
    let tried: BTreeMap<Seq, AttemptSummary> = tried.into_iter().collect();
    let mut details: Vec<DeliveryRows> = (events.iter())
        .map(|event| DeliveryRows {
            attempts: tried.get(&event.seq).copied().unwrap_or_default(),
            ..DeliveryRows::default()
        })
        .collect();
    if reader.waiting > 0 {
        add_lanes(rows, reader, events, &mut details)?;
    }
    Ok(details)
}

fn add_lanes<R: Rows + ?Sized>(
    rows: &mut R,
    reader: &Reader,
    events: &[Event],
    details: &mut [DeliveryRows],
) -> Result<(), R::Fault> {
    let needs = events.iter().flat_map(|event| {
        let keys = [
            OrderingKey::of(event, reader.ordering),
            OrderingKey::Resend(event.seq),
            OrderingKey::replayed(event, reader.ordering),
        ];
        keys.map(|key| Need::Lane(reader.webhook, key))
    });
    let mut facts = rows.load_all(&needs.collect::<Vec<_>>())?.into_iter();
    for rows in details {
        let mut lane = || facts.next().and_then(|fact| fact.into_lanes().into_iter().next());
        (rows.live, rows.resend, rows.replay) = (lane(), lane(), lane());
    }
    Ok(())
}
