//! A list as pages, so that a list of any length takes little memory.

use std::fmt;

use serde::Serialize;

use crate::api::view::{EventView, TicketView, WebhookView};
use crate::api::{LogCursor, headers};
use crate::engine::need::{Fact, Need};
use crate::model::id::{EventId, TicketId, WebhookId};
use crate::model::ticket::TicketFilter;

/// A list that is being written: load what it [needs](Listing::needs), write the
/// [page](Listing::page) that comes of it, until it needs nothing more.
#[derive(Clone, Debug)]
pub struct Listing {
    of: ListKind,
    after: Option<ItemId>,
    /// Items that were asked for; all of them without.
    limit: Option<u32>,
    shown: u32,
    /// Events that its cursor has not seen and that are no longer kept.
    expired: u64,
    complete: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum ListKind {
    Tickets { only: Option<TicketFilter>, order: Order },
    Webhooks,
    Events(LogCursor),
}

/// Which tickets of a list come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Oldest,
    Newest,
}

/// An item of a list, as the cursor that names it.
#[derive(Clone, Copy, Debug)]
pub(super) enum ItemId {
    Ticket(TicketId),
    Webhook(WebhookId),
    Event(EventId),
}

impl ListKind {
    /// The place that a cursor names.
    pub fn place(self, cursor: &str) -> Option<ItemId> {
        match self {
            Self::Tickets { .. } => TicketId::parse(cursor).map(ItemId::Ticket),
            Self::Webhooks => WebhookId::parse(cursor).map(ItemId::Webhook),
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
    /// Items that are loaded at once: of the longest messages, each byte of which may be six in
    /// JSON, some 10 MB, so that several lists at once fit into what a Worker has.
    const PAGE: u32 = 25;
    /// Items that may be asked for at once.
    pub const MAX: u32 = 1_000;

    pub(super) fn new(of: ListKind, after: Option<ItemId>, limit: Option<u32>) -> Self {
        Self { of, after, limit, shown: 0, expired: 0, complete: false }
    }

    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// What the next page is made of beyond what is known, all of it as of one moment; nothing when
    /// all is known, or all is written.
    #[must_use]
    pub fn needs(&self, known: &[Fact]) -> Vec<Need> {
        let most = self.most();
        match (self.of, self.after) {
            _ if self.complete => Vec::new(),
            (ListKind::Events(cursor), _) => cursor.needs(known, most),
            _ if !known.is_empty() => Vec::new(),
            (ListKind::Tickets { only, order }, last) => {
                let id = if let Some(ItemId::Ticket(id)) = last { Some(id) } else { None };
                vec![match order {
                    Order::Oldest => Need::Tickets { only, after: id, most },
                    Order::Newest => Need::TicketsBefore { only, before: id, most },
                }]
            }
            (ListKind::Webhooks, Some(ItemId::Webhook(id))) => {
                vec![Need::WebhooksAfter { after: Some(id), most }]
            }
            (ListKind::Webhooks, _) => vec![Need::WebhooksAfter { after: None, most }],
        }
    }

    #[must_use]
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        headers("application/json")
    }

    /// One item more than is shown tells whether there is anything for the caller to go on with.
    fn most(&self) -> u32 {
        let page = match self.of {
            ListKind::Tickets { .. } | ListKind::Webhooks => Self::PAGE,
            ListKind::Events(_) => LogCursor::PAGE,
        };
        self.limit.map_or(page, |limit| page.min(limit - self.shown + 1))
    }

    /// The next piece of the body.
    ///
    /// # Panics
    /// When the facts are not those that were needed: the store is broken.
    pub fn page(&mut self, facts: &[Fact]) -> String {
        let most = self.most() as usize;
        let mut text = String::new();
        if self.shown == 0 {
            text.push_str("{\"data\":[");
        }
        let count = match (self.of, facts) {
            (ListKind::Tickets { .. }, [Fact::Tickets(tickets)]) => {
                for ticket in tickets {
                    self.item(&mut text, ItemId::Ticket(ticket.id), TicketView::from(ticket));
                }
                tickets.len()
            }
            (ListKind::Webhooks, [Fact::Webhooks(webhooks)]) => {
                for (webhook, _) in webhooks {
                    self.item(&mut text, ItemId::Webhook(webhook.id), WebhookView::from(webhook));
                }
                webhooks.len()
            }
            (ListKind::Events(cursor), facts) => self.events(&mut text, cursor, facts),
            (_, facts) => panic!("the store said {facts:?} to {self:?}"),
        };
        if count < most {
            self.close(&mut text, None);
        }
        text
    }

    /// Writes what comes next on the way, and gives how many events that were.
    fn events(&mut self, text: &mut String, cursor: LogCursor, facts: &[Fact]) -> usize {
        let log_page = cursor.log_page(facts);
        if log_page.expired > 0 && self.shown > 0 {
            // The log's floor rose past this list: the next one, from where it ends, says so.
            self.close(text, self.after);
            return 0;
        }
        self.expired += log_page.expired;
        for event in log_page.events {
            self.item(text, ItemId::Event(event.id), EventView::from(event));
        }
        if let Some(last) = log_page.events.last() {
            self.of = ListKind::Events(LogCursor { at: last.seq });
        } else if log_page.expired > 0 {
            // Nothing is kept that could be the next cursor, and a caller who came back with its
            // old one would be told the same at once, for ever.
            let floor = EventId::new(log_page.log.stamp, log_page.log.floor);
            self.close(text, Some(ItemId::Event(floor)));
        }
        log_page.events.len()
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
