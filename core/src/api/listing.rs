//! A list as pages, so that a list of any length takes little memory.

use std::fmt;

use serde::Serialize;

use crate::api::headers;
use crate::api::view::{TicketView, WebhookView};
use crate::facts::{Fact, Need, TicketFilter};
use crate::id::{TicketId, WebhookId};

/// A list that is being written: load what it [needs](Listing::need), write the
/// [page](Listing::page) that comes of it, until it needs nothing more.
#[derive(Clone, Debug)]
pub struct Listing {
    of: Of,
    after: Option<Place>,
    /// Items that were asked for; all of them without.
    limit: Option<u32>,
    shown: u32,
    complete: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Of {
    Tickets(Option<TicketFilter>),
    Webhooks,
}

/// An item of a list, as the cursor that names it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    Ticket(TicketId),
    Webhook(WebhookId),
}

impl Of {
    /// The place that a cursor names.
    pub fn place(self, cursor: &str) -> Option<Place> {
        match self {
            Self::Tickets(_) => TicketId::parse(cursor).map(Place::Ticket),
            Self::Webhooks => WebhookId::parse(cursor).map(Place::Webhook),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ticket(id) => id.fmt(f),
            Self::Webhook(id) => id.fmt(f),
        }
    }
}

impl Listing {
    /// Items that are loaded at once: of the longest messages some 6 MiB.
    const PAGE: u32 = 100;
    /// Items that may be asked for at once.
    pub const MOST: u32 = 1_000;

    pub(super) fn new(of: Of, after: Option<Place>, limit: Option<u32>) -> Self {
        Self { of, after, limit, shown: 0, complete: false }
    }

    /// What the next page is made of; `None` when all is written.
    #[must_use]
    pub fn need(&self) -> Option<Need> {
        let most = self.most();
        match (self.of, self.after) {
            _ if self.complete => None,
            (Of::Tickets(only), Some(Place::Ticket(id))) => {
                Some(Need::Tickets { only, after: Some(id), most })
            }
            (Of::Tickets(only), _) => Some(Need::Tickets { only, after: None, most }),
            (Of::Webhooks, Some(Place::Webhook(id))) => {
                Some(Need::WebhooksAfter { after: Some(id), most })
            }
            (Of::Webhooks, _) => Some(Need::WebhooksAfter { after: None, most }),
        }
    }

    #[must_use]
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        headers("application/json")
    }

    /// One item more than is shown tells whether there is anything for the caller to go on with.
    fn most(&self) -> u32 {
        self.limit.map_or(Self::PAGE, |limit| Self::PAGE.min(limit - self.shown + 1))
    }

    /// The next piece of the body.
    ///
    /// # Panics
    /// When the fact is not what was needed: the store is broken.
    pub fn page(&mut self, fact: &Fact) -> String {
        let most = self.most() as usize;
        let mut text = String::new();
        if self.shown == 0 {
            text.push_str("{\"data\":[");
        }
        let count = match fact {
            Fact::Tickets(tickets) => {
                for ticket in tickets {
                    self.item(&mut text, Place::Ticket(ticket.id), TicketView::from(ticket));
                }
                tickets.len()
            }
            Fact::Webhooks(webhooks) => {
                for (webhook, _) in webhooks {
                    self.item(&mut text, Place::Webhook(webhook.id), WebhookView::from(webhook));
                }
                webhooks.len()
            }
            Fact::Log(_)
            | Fact::Service(_)
            | Fact::Events(_)
            | Fact::NextAbout(_)
            | Fact::Lanes(_)
            | Fact::Attempts(_)
            | Fact::FirstAnswer(_) => panic!("the store said {fact:?} to {self:?}"),
        };
        if count < most {
            self.close(&mut text, None);
        }
        text
    }

    fn item(&mut self, text: &mut String, place: Place, view: impl Serialize) {
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

    fn close(&mut self, text: &mut String, next: Option<Place>) {
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
        text.push('}');
        self.complete = true;
    }
}
