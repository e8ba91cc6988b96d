//! A list in pages, so that a list of any length takes little memory.

use std::fmt;

use serde::Serialize;

use crate::api::log_cursor::LogPage;
use crate::api::view::{EventView, TicketView, WebhookView};
use crate::api::{LogCursor, Problem, authorization, headers};
use crate::delivery::reader::Reader;
use crate::engine::store::Rows;
use crate::model::caller::Authorization;
use crate::model::id::{EventId, TicketId, WebhookId};
use crate::model::millis::Millis;
use crate::model::partner::Partner;
use crate::model::reach::Reach;
use crate::model::ticket::{Ticket, TicketFilter};
use crate::webhook::Webhook;

/// A list that is being written, [page](Listing::page) by page, until it is
/// [complete](Listing::is_complete).
#[derive(Clone, Debug)]
pub struct Listing {
    of: ListKind,
    after: Option<ItemId>,
    /// Items that the caller asked for; all of them if `None`.
    limit: Option<u32>,
    shown: u32,
    /// Expired events that its cursor has not seen.
    expired: u64,
    /// The `next` of a list that has no item, for a caller that has no cursor to go on with.
    position: Option<EventId>,
    complete: bool,
    authorization: Option<Authorization>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum ListKind {
    Tickets { only: Option<TicketFilter>, order: Order },
    Webhooks { partner: Option<Partner> },
    Events(LogCursor),
}

/// The order of a list of tickets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Oldest,
    Newest,
}

/// An item's id, as a cursor.
#[derive(Clone, Copy, Debug)]
pub(super) enum ItemId {
    Ticket(TicketId),
    Webhook(WebhookId),
    Event(EventId),
}

impl ListKind {
    /// Parses a cursor.
    pub fn place(self, cursor: &str) -> Option<ItemId> {
        match self {
            Self::Tickets { .. } => TicketId::parse(cursor).map(ItemId::Ticket),
            Self::Webhooks { .. } => WebhookId::parse(cursor).map(ItemId::Webhook),
            Self::Events(_) => EventId::parse(cursor).map(ItemId::Event),
        }
    }
}

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ticket(id) => id.fmt(f),
            Self::Webhook(id) => id.fmt(f),
            Self::Event(id) => id.fmt(f),
        }
    }
}

impl Listing {
    /// Items that are loaded at once: with the longest messages, each byte of which may be six in
    /// JSON, some 10 MB, so that several lists at once fit into a Worker's memory.
    const PAGE: u32 = 25;
    /// Items that may be asked for at once.
    pub const MAX: u32 = 1_000;

    pub(super) fn new(of: ListKind, after: Option<ItemId>, limit: Option<u32>) -> Self {
        let (position, complete, authorization) = (None, false, None);
        Self { of, after, limit, shown: 0, expired: 0, position, complete, authorization }
    }

    pub(super) fn by(self, authorization: Option<Authorization>) -> Self {
        Self { authorization, ..self }
    }

    pub(super) fn resuming_at(self, position: Option<EventId>) -> Self {
        Self { position, ..self }
    }

    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    #[must_use]
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        headers("application/json")
    }

    /// One item more than is shown, which says whether there is a next page.
    fn page_limit(&self) -> u32 {
        let page = match self.of {
            ListKind::Tickets { .. } | ListKind::Webhooks { .. } => Self::PAGE,
            ListKind::Events(_) => LogCursor::PAGE,
        };
        self.limit.map_or(page, |limit| page.min(limit - self.shown + 1))
    }

    /// The next part of the body, from rows as of one moment; nothing once it is complete, and a
    /// [`Problem`] when the caller may not read it, or may no more.
    ///
    /// # Errors
    /// When the store cannot be read: then nothing was written, and the call can be repeated.
    pub fn page<R: Rows + ?Sized>(
        &mut self,
        rows: &mut R,
        now: Millis,
    ) -> Result<Result<String, Problem>, R::Fault> {
        if self.complete {
            return Ok(Ok(String::new()));
        }
        match authorization::judge_over(self.authorization, rows, now)? {
            Ok(reach) => self.read_page(rows, &reach).map(Ok),
            Err(refusal) => Ok(Err(refusal.into())),
        }
    }

    fn read_page<R: Rows + ?Sized>(
        &mut self,
        rows: &mut R,
        reach: &Reach,
    ) -> Result<String, R::Fault> {
        let limit = self.page_limit();
        let mut text = String::new();
        let begin = if self.shown == 0 { "{\"data\":[" } else { "" };
        text.push_str(begin);
        let count = match self.of {
            ListKind::Tickets { only, order } => {
                let tickets = self.tickets(rows, only, order, limit)?;
                for ticket in &tickets {
                    self.item(&mut text, ItemId::Ticket(ticket.id), TicketView::from(ticket));
                }
                tickets.len()
            }
            ListKind::Webhooks { partner } => {
                let webhooks = self.webhooks(rows, (reach, partner), limit)?;
                for (webhook, _) in &webhooks {
                    let view = WebhookView::shown_to(reach, webhook);
                    self.item(&mut text, ItemId::Webhook(webhook.id), view);
                }
                webhooks.len()
            }
            ListKind::Events(cursor) => {
                let page = cursor.page(rows, limit)?;
                self.events(&mut text, &page)
            }
        };
        if count < limit as usize {
            let position = self.position.filter(|_| self.shown == 0);
            self.close(&mut text, position.map(ItemId::Event));
        }
        Ok(text)
    }

    fn tickets<R: Rows + ?Sized>(
        &self,
        rows: &mut R,
        only: Option<TicketFilter>,
        order: Order,
        limit: u32,
    ) -> Result<Vec<Ticket>, R::Fault> {
        let last = if let Some(ItemId::Ticket(id)) = self.after { Some(id) } else { None };
        match order {
            Order::Oldest => rows.tickets(only, last, limit),
            Order::Newest => rows.tickets_before(only, last, limit),
        }
    }

    /// Those of the caller's partner, or of the one that it asks for.
    fn webhooks<R: Rows + ?Sized>(
        &self,
        rows: &mut R,
        (reach, asked): (&Reach, Option<Partner>),
        limit: u32,
    ) -> Result<Vec<(Webhook, Reader)>, R::Fault> {
        let after = if let Some(ItemId::Webhook(id)) = self.after { Some(id) } else { None };
        match reach.partner().or(asked) {
            Some(partner) if asked.is_none_or(|asked| asked == partner) => {
                rows.partner_webhooks(partner, after, limit)
            }
            Some(_) => Ok(Vec::new()),
            None => rows.webhooks(after, limit),
        }
    }

    /// Writes the next events, and returns their number.
    fn events(&mut self, text: &mut String, page: &LogPage) -> usize {
        if page.expired > 0 && self.shown > 0 {
            // The log's floor rose past this list: the next one, which begins here, reports it.
            self.close(text, self.after);
            return 0;
        }
        self.expired += page.expired;
        for event in &page.events {
            self.item(text, ItemId::Event(event.id), EventView::from(event));
        }
        if let Some(last) = page.events.last() {
            self.of = ListKind::Events(LogCursor { at: last.seq });
        } else if page.expired > 0 {
            // No kept event could be the next cursor. Without one the caller would repeat its old
            // cursor, and get the same response forever.
            let floor = EventId::new(page.log.stamp, page.log.floor);
            self.close(text, Some(ItemId::Event(floor)));
        }
        page.events.len()
    }

    fn item(&mut self, text: &mut String, place: ItemId, view: impl Serialize) {
        if self.limit == Some(self.shown) {
            self.close(text, self.after);
            return;
        }
        if self.shown > 0 {
            text.push(',');
        }
        text.push_str(&serde_json::to_string(&view).expect("views always have a JSON form"));
        self.shown += 1;
        self.after = Some(place);
    }

    fn close(&mut self, text: &mut String, next: Option<ItemId>) {
        if self.complete {
            return;
        }
        text.push_str("],\"next\":");
        match next {
            Some(place) => {
                text.push('"');
                text.push_str(&place.to_string());
                text.push('"');
            }
            None => text.push_str("null"),
        }
        if self.expired > 0 {
            text.push_str(",\"expired\":{\"count\":");
            text.push_str(&self.expired.to_string());
            text.push('}');
        }
        text.push('}');
        self.complete = true;
    }
}
