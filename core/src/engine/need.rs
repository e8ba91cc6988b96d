//! Needs and facts: the queries of a decision or a reading to a store, and their results.

use serde::{Deserialize, Serialize};

use crate::delivery::attempt::{Attempt, AttemptSummary};
use crate::delivery::lane::Lane;
use crate::delivery::ordering_key::OrderingKey;
use crate::delivery::reader::Reader;
use crate::model::api_key::ApiKey;
use crate::model::audit::{AuditFilter, AuditRow};
use crate::model::digest::Digest;
use crate::model::event::{Event, Topic};
use crate::model::id::{AuditId, KeyId, TicketId, WebhookId};
use crate::model::idempotency_record::IdempotencyRecord;
use crate::model::log::Log;
use crate::model::millis::Millis;
use crate::model::partner::{Partner, PartnerCounts};
use crate::model::seq::Seq;
use crate::model::service::Service;
use crate::model::ticket::{Ticket, TicketFilter};
use crate::webhook::Webhook;

/// A query of a decision or a reading for rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    Log,
    Service,
    Ticket(TicketId),
    /// Tickets younger than `after`, oldest first.
    Tickets {
        only: Option<TicketFilter>,
        after: Option<TicketId>,
        most: u32,
    },
    /// Tickets older than `before`, newest first.
    TicketsBefore {
        only: Option<TicketFilter>,
        before: Option<TicketId>,
        most: u32,
    },
    /// All webhooks with their readers: at most [`Webhook::MAX`].
    Webhooks,
    /// One webhook with its reader.
    Webhook(WebhookId),
    /// Webhooks younger than `after` with their readers, oldest first.
    WebhooksAfter {
        after: Option<WebhookId>,
        most: u32,
    },
    /// Those of a partner, likewise.
    PartnerWebhooks {
        partner: Partner,
        after: Option<WebhookId>,
        most: u32,
    },
    /// Partners after one, by name, with what each has.
    Partners {
        after: Option<Partner>,
        most: u32,
    },
    /// Events from `from` on, in order.
    Events {
        from: Seq,
        most: u32,
    },
    /// Events before `before`, newest first, without their bodies.
    EventsBefore {
        before: Option<Seq>,
        most: u32,
    },
    /// Attempts of one event for one webhook after the one numbered `after`, in order.
    Attempts {
        webhook: WebhookId,
        seq: Seq,
        after: u32,
        most: u32,
    },
    /// Summaries of the attempts of the events from `from` to `to` for one webhook.
    #[serde(rename = "tried")]
    AttemptSummaries {
        webhook: WebhookId,
        from: Seq,
        to: Seq,
    },
    /// Audit rows older than `before`, newest first.
    Audit {
        only: Option<AuditFilter>,
        before: Option<AuditId>,
        most: u32,
    },
    /// The time of the oldest audit row.
    OldestAudit,
    /// Lanes whose heads are at `to` or before it, by head.
    LanesTo {
        to: Seq,
        most: u32,
    },
    /// Bytes that the store uses.
    Size,
    /// The time of the oldest idempotency record.
    #[serde(rename = "oldest_answer")]
    OldestIdempotencyRecord,
    /// The position of the first event that was created at a time or later.
    CreatedFrom(Millis),
    /// The position of the next event about `topic` after `after` and up to `to`.
    NextAbout {
        topic: Topic,
        after: Seq,
        to: Seq,
    },
    /// The idempotency record of a key.
    #[serde(rename = "first_answer")]
    IdempotencyRecord(Digest),
    /// All API keys: at most [`ApiKey::MAX`].
    ApiKeys,
    ApiKey(KeyId),
    Lane(WebhookId, OrderingKey),
    /// The lanes of one ordering key, of all webhooks.
    LanesOf(OrderingKey),
    /// A webhook's lanes in the order in which they are sent, after a position in it.
    Lanes {
        webhook: WebhookId,
        after: Option<(Millis, Seq)>,
        most: u32,
    },
}

/// The result of a [`Need`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    Log(Log),
    Service(Service),
    Tickets(Vec<Ticket>),
    Webhooks(Vec<(Webhook, Reader)>),
    Events(Vec<Event>),
    Lanes(Vec<Lane>),
    Attempts(Vec<Attempt>),
    /// Of those events that have attempts.
    AttemptSummaries(Vec<(Seq, AttemptSummary)>),
    /// `None` where there is no such event.
    Place(Option<Seq>),
    Size(u64),
    Time(Option<Millis>),
    IdempotencyRecord(Option<IdempotencyRecord>),
    ApiKeys(Vec<ApiKey>),
    Partners(Vec<PartnerCounts>),
    Audit(Vec<AuditRow>),
}

/// Conversions of a fact into the rows of one kind. They panic on another kind, as only a broken
/// store returns one.
macro_rules! kinds {
    ($($name:ident: $kind:ident($row:ty)),* $(,)?) => {
        impl Fact {$(
            pub(crate) fn $name(self) -> $row {
                match self {
                    Self::$kind(row) => row,
                    other => panic!("the store answered {other:?} where it was asked for another kind"),
                }
            }
        )*}
    };
}

kinds! {
    into_log: Log(Log),
    into_service: Service(Service),
    into_tickets: Tickets(Vec<Ticket>),
    into_webhooks: Webhooks(Vec<(Webhook, Reader)>),
    into_events: Events(Vec<Event>),
    into_lanes: Lanes(Vec<Lane>),
    into_attempts: Attempts(Vec<Attempt>),
    into_attempt_summaries: AttemptSummaries(Vec<(Seq, AttemptSummary)>),
    into_place: Place(Option<Seq>),
    into_size: Size(u64),
    into_time: Time(Option<Millis>),
    into_idempotency_record: IdempotencyRecord(Option<IdempotencyRecord>),
    into_api_keys: ApiKeys(Vec<ApiKey>),
    into_partners: Partners(Vec<PartnerCounts>),
    into_audit: Audit(Vec<AuditRow>),
}
