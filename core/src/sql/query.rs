//! Needs as queries, and the rows of their results as facts.

use super::dialect::{Dialect, text};
use super::row::{BadRow, Row};
use super::table::{Record, list};
use super::{Statement, Value, attempts, audit, events, partners, webhooks};
use crate::delivery::attempt::Attempt;
use crate::delivery::lane::Lane;
use crate::engine::need::{Fact, Need};
use crate::model::api_key::ApiKey;
use crate::model::audit::{AuditFilter, AuditRow};
use crate::model::event::Event;
use crate::model::id::{AuditId, WebhookId};
use crate::model::idempotency_record::IdempotencyRecord;
use crate::model::log::Log;
use crate::model::partner::Partner;
use crate::model::seq::Seq;
use crate::model::service::Service;
use crate::model::ticket::{Ticket, TicketFilter};

/// A query for the rows of a record's table.
macro_rules! select {
    ($dialect:expr, $record:ident $(, $clauses:literal)?) => {
        text!($dialect, select::<$record>() $(+ " " + $clauses)?)
    };
}

fn select<R: Record>() -> String {
    format!("SELECT {} FROM {}", list(R::table().columns()), R::table().name)
}

/// The query for a need.
pub fn query(dialect: Dialect, need: &Need) -> Statement<'static> {
    let (sql, values): (&'static str, Vec<Value<'static>>) = match *need {
        Need::Log => (select!(dialect, Log), vec![]),
        Need::Service => (select!(dialect, Service), vec![]),
        Need::Ticket(id) => {
            (select!(dialect, Ticket, "WHERE id = ?1"), vec![id.to_string().into()])
        }
        Need::Tickets { only, after, most } => {
            let after = after.map(|id| id.to_string()).unwrap_or_default();
            (tickets_after(dialect, only), vec![after.into(), most.into()])
        }
        // Every id begins with `tkt_` and so is less than `u`: without an id the newest come first.
        Need::TicketsBefore { only, before, most } => {
            let before = before.map_or_else(|| "u".to_owned(), |id| id.to_string());
            (tickets_before(dialect, only), vec![before.into(), most.into()])
        }
        Need::Webhooks => (text!(dialect, webhooks::with_readers("ORDER BY id")), vec![]),
        Need::Webhook(id) => {
            (text!(dialect, webhooks::with_readers("WHERE id = ?1")), vec![id.to_string().into()])
        }
        Need::WebhooksAfter { after, most } => (
            text!(dialect, webhooks::with_readers("WHERE id > ?1 ORDER BY id LIMIT ?2")),
            vec![after.map(|id| id.to_string()).unwrap_or_default().into(), most.into()],
        ),
        Need::PartnerWebhooks { partner, after, most } => {
            partner_webhooks(dialect, partner, after, most)
        }
        Need::Partners { after, most } => (
            text!(dialect, partners::COUNTS),
            vec![after.map(|name| name.to_string()).unwrap_or_default().into(), most.into()],
        ),
        Need::Events { from, most } => (
            select!(dialect, Event, "WHERE seq >= ?1 ORDER BY seq LIMIT ?2"),
            vec![from.0.into(), most.into()],
        ),
        Need::EventsBefore { before, most } => (
            text!(
                dialect,
                format!(
                    "SELECT {} FROM events WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2",
                    events::outline_columns()
                )
            ),
            vec![before.unwrap_or(Seq::LAST).0.into(), most.into()],
        ),
        Need::NextAbout { topic, after, to } => (
            text!(
                dialect,
                "SELECT seq FROM events WHERE topic = ?1 AND seq > ?2 AND seq <= ?3 \
                 ORDER BY seq LIMIT 1"
            ),
            vec![topic.to_string().into(), after.0.into(), to.0.into()],
        ),
        Need::CreatedFrom(at) => (text!(dialect, dialect.created_from()), vec![at.0.into()]),
        Need::Attempts { webhook, seq, after, most } => (
            select!(
                dialect,
                Attempt,
                "WHERE seq = ?1 AND webhook = ?2 AND number > ?3 ORDER BY number LIMIT ?4"
            ),
            vec![seq.0.into(), webhook.to_string().into(), after.into(), most.into()],
        ),
        Need::AttemptSummaries { webhook, from, to } => (
            text!(dialect, dialect.tried()),
            vec![webhook.to_string().into(), from.0.into(), to.0.into()],
        ),
        Need::Lane(webhook, ordering_key) => (
            select!(dialect, Lane, "WHERE webhook = ?1 AND subject = ?2"),
            vec![webhook.to_string().into(), ordering_key.to_string().into()],
        ),
        Need::LanesOf(ordering_key) => {
            (select!(dialect, Lane, "WHERE subject = ?1"), vec![ordering_key.to_string().into()])
        }
        Need::Lanes { webhook, after: None, most } => (
            select!(dialect, Lane, "WHERE webhook = ?1 ORDER BY due, head LIMIT ?2"),
            vec![webhook.to_string().into(), most.into()],
        ),
        Need::Lanes { webhook, after: Some((due, head)), most } => (
            select!(
                dialect,
                Lane,
                "WHERE webhook = ?1 AND (due, head) > (?2, ?3) ORDER BY due, head LIMIT ?4"
            ),
            vec![webhook.to_string().into(), due.0.into(), head.0.into(), most.into()],
        ),
        Need::LanesTo { to, most } => (
            select!(dialect, Lane, "WHERE head <= ?1 ORDER BY head, webhook LIMIT ?2"),
            vec![to.0.into(), most.into()],
        ),
        Need::IdempotencyRecord(key) => {
            (select!(dialect, IdempotencyRecord, "WHERE key = ?1"), vec![key.to_string().into()])
        }
        Need::OldestIdempotencyRecord => (text!(dialect, "SELECT min(at) FROM keys"), vec![]),
        Need::Audit { only, before, most } => audit_before(dialect, only, before, most),
        Need::OldestAudit => (text!(dialect, audit::OLDEST), vec![]),
        Need::ApiKeys => (select!(dialect, ApiKey, "ORDER BY id"), vec![]),
        Need::ApiKey(id) => {
            (select!(dialect, ApiKey, "WHERE id = ?1"), vec![id.to_string().into()])
        }
        Need::Size => (text!(dialect, dialect.size()), vec![]),
    };
    Statement::any(sql, values)
}

fn partner_webhooks(
    dialect: Dialect,
    partner: Partner,
    after: Option<WebhookId>,
    most: u32,
) -> (&'static str, Vec<Value<'static>>) {
    const CLAUSES: &str = "WHERE partner = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    let values = vec![partner.to_string().into(), after.into(), most.into()];
    (text!(dialect, webhooks::with_readers(CLAUSES)), values)
}

fn tickets_after(dialect: Dialect, only: Option<TicketFilter>) -> &'static str {
    match only {
        None => select!(dialect, Ticket, "WHERE id > ?1 ORDER BY id LIMIT ?2"),
        Some(TicketFilter::Open) => {
            select!(dialect, Ticket, "WHERE id > ?1 AND closed_at IS NULL ORDER BY id LIMIT ?2")
        }
        Some(TicketFilter::Closed) => {
            select!(dialect, Ticket, "WHERE id > ?1 AND closed_at IS NOT NULL ORDER BY id LIMIT ?2")
        }
    }
}

fn tickets_before(dialect: Dialect, only: Option<TicketFilter>) -> &'static str {
    match only {
        None => select!(dialect, Ticket, "WHERE id < ?1 ORDER BY id DESC LIMIT ?2"),
        Some(TicketFilter::Open) => select!(
            dialect,
            Ticket,
            "WHERE id < ?1 AND closed_at IS NULL ORDER BY id DESC LIMIT ?2"
        ),
        Some(TicketFilter::Closed) => select!(
            dialect,
            Ticket,
            "WHERE id < ?1 AND closed_at IS NOT NULL ORDER BY id DESC LIMIT ?2"
        ),
    }
}

/// Every id begins with `aud_` and so is less than `b`: without an id the newest come first.
fn audit_before(
    dialect: Dialect,
    only: Option<AuditFilter>,
    before: Option<AuditId>,
    most: u32,
) -> (&'static str, Vec<Value<'static>>) {
    let before = before.map_or_else(|| "b".to_owned(), |id| id.to_string());
    let page = [before.into(), most.into()];
    match only {
        None => {
            (select!(dialect, AuditRow, "WHERE id < ?1 ORDER BY id DESC LIMIT ?2"), page.into())
        }
        Some(AuditFilter::Webhook(id)) => (
            select!(dialect, AuditRow, "WHERE webhook = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3"),
            [id.to_string().into()].into_iter().chain(page).collect(),
        ),
        Some(AuditFilter::Key(id)) => (
            select!(
                dialect,
                AuditRow,
                "WHERE caller_key = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3"
            ),
            [id.to_string().into()].into_iter().chain(page).collect(),
        ),
    }
}

/// The fact in the rows of a [`query`].
pub fn fact(need: &Need, rows: Vec<Vec<Value<'_>>>) -> Result<Fact, BadRow> {
    Ok(match need {
        Need::Log => Fact::Log(one(rows, "log", Log::from_row)?),
        Need::Service => Fact::Service(one(rows, "service", Service::from_row)?),
        Need::Ticket(_) | Need::Tickets { .. } | Need::TicketsBefore { .. } => {
            Fact::Tickets(all(rows, Record::from_row)?)
        }
        Need::Webhooks
        | Need::Webhook(_)
        | Need::WebhooksAfter { .. }
        | Need::PartnerWebhooks { .. } => {
            Fact::Webhooks(rows.into_iter().map(webhooks::read).collect::<Result<_, _>>()?)
        }
        Need::Partners { .. } => Fact::Partners(all(rows, partners::read)?),
        Need::Events { .. } | Need::EventsBefore { .. } => {
            Fact::Events(all(rows, Record::from_row)?)
        }
        Need::NextAbout { .. } | Need::CreatedFrom(_) => {
            Fact::Place(first(rows, |row| row.cell("events.seq")?.read())?)
        }
        Need::Attempts { .. } => Fact::Attempts(all(rows, Record::from_row)?),
        Need::AttemptSummaries { .. } => Fact::AttemptSummaries(all(rows, attempts::read_tried)?),
        Need::Lane(..) | Need::LanesOf(_) | Need::Lanes { .. } | Need::LanesTo { .. } => {
            Fact::Lanes(all(rows, Record::from_row)?)
        }
        Need::IdempotencyRecord(_) => Fact::IdempotencyRecord(first(rows, Record::from_row)?),
        Need::ApiKeys | Need::ApiKey(_) => Fact::ApiKeys(all(rows, Record::from_row)?),
        Need::Audit { .. } => Fact::Audit(all(rows, Record::from_row)?),
        Need::OldestAudit => Fact::Time(one(rows, "audit.at", |row| row.cell("audit.at")?.read())?),
        Need::OldestIdempotencyRecord => {
            Fact::Time(one(rows, "keys.at", |row| row.cell("keys.at")?.read())?)
        }
        Need::Size => Fact::Size(one(rows, "page_count", |row| row.cell("page_count")?.read())?),
    })
}

fn all<'a, T>(
    rows: Vec<Vec<Value<'a>>>,
    read: fn(&mut Row<'a>) -> Result<T, BadRow>,
) -> Result<Vec<T>, BadRow> {
    rows.into_iter().map(|values| read(&mut Row::new(values))).collect()
}

fn first<'a, T>(
    rows: Vec<Vec<Value<'a>>>,
    read: fn(&mut Row<'a>) -> Result<T, BadRow>,
) -> Result<Option<T>, BadRow> {
    rows.into_iter().next().map(|values| read(&mut Row::new(values))).transpose()
}

/// A row that always exists.
fn one<'a, T>(
    rows: Vec<Vec<Value<'a>>>,
    column: &'static str,
    read: fn(&mut Row<'a>) -> Result<T, BadRow>,
) -> Result<T, BadRow> {
    first(rows, read)?.ok_or(BadRow { column })
}

/// The rows that a [`query`] for `need` would return for a fact: the inverse of [`fact`].
pub fn rows<'a>(need: &Need, fact: &'a Fact) -> Vec<Vec<Value<'a>>> {
    match fact {
        Fact::Log(log) => vec![log.values()],
        Fact::Service(service) => vec![service.values()],
        Fact::Tickets(tickets) => tickets.iter().map(Record::values).collect(),
        Fact::Webhooks(webhook_rows) => webhook_rows.iter().map(webhooks::values).collect(),
        Fact::Events(events) if matches!(need, Need::EventsBefore { .. }) => {
            events.iter().map(events::outline).collect()
        }
        Fact::Events(events) => events.iter().map(Record::values).collect(),
        Fact::Lanes(lanes) => lanes.iter().map(Record::values).collect(),
        Fact::Attempts(attempts) => attempts.iter().map(Record::values).collect(),
        Fact::AttemptSummaries(tried) => tried.iter().map(attempts::tried).collect(),
        Fact::Place(place) => place.iter().map(|seq| vec![seq.0.into()]).collect(),
        Fact::Size(bytes) => vec![vec![(*bytes).into()]],
        Fact::Time(at) => vec![vec![at.map(|at| at.0).into()]],
        Fact::IdempotencyRecord(first) => first.iter().map(Record::values).collect(),
        Fact::ApiKeys(keys) => keys.iter().map(Record::values).collect(),
        Fact::Audit(audit) => audit.iter().map(Record::values).collect(),
        Fact::Partners(partners) => partners.iter().map(partners::values).collect(),
    }
}
