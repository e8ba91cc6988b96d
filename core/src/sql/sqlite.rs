//! The tables in SQLite's dialect, for the native file and for an edge worker's storage.
//!
//! Keys are the log's whole numbers, or ids, which grow with time: all that is appended lands at
//! the end of its table and index. Callers' own keys are digests, and land anywhere.

mod columns;
mod keys;

use std::sync::Arc;

use crate::delivery::attempt::Attempt;
use crate::delivery::lane::Lane;
use crate::delivery::ordering_key::OrderingKey;
use crate::delivery::reader::Reader;
use crate::engine::need::{Fact, Need};
use crate::engine::outcome::{Changes, Expect, LogPut, Put};
use crate::model::event::Event;
use crate::model::id::WebhookId;
use crate::model::seq::Seq;
use crate::model::service::Service;
use crate::model::ticket::{Ticket, TicketFilter};
use crate::sql::row::{BadRow, Row};
use crate::sql::{Statement, Value};
use crate::webhook::Webhook;

/// The steps that make the tables: step n turns a database of version n into one of version n + 1.
/// A step that landed never changes; `tests/schemas` has a file of every version.
pub const MIGRATIONS: [&str; 3] =
    [include_str!("sqlite/1.sql"), include_str!("sqlite/2.sql"), include_str!("sqlite/3.sql")];

/// The `application_id` of our files ("Hook" in ASCII), by which `file` and we know them.
pub const APPLICATION_ID: i64 = 0x486f_6f6b;

macro_rules! ticket_columns {
    () => {
        "SELECT id, message, opened_at, updated_at, closed_at, version FROM tickets "
    };
}

macro_rules! partner_columns {
    () => {
        "SELECT id, callback_url, secrets, events, webhooks.ordering, description, headers, \
         retry_schedule, timeout_ms, max_in_flight, rate_limit, paused, disabled_for, \
         disabled_at, created_at, webhooks.rev, \
         read_to, tallies, aimed, readers.ordering, sending, holder, window, steep_to, answers, \
         trouble, failed, failing_subjects, failing_since, probes, next_probe, not_before, \
         rate_from_us, pending, waiting, replay, owed, expired, readers.rev \
         FROM webhooks JOIN readers ON readers.webhook = webhooks.id "
    };
}

macro_rules! lane_columns {
    () => {
        "SELECT webhook, subject, head, number, step, due, behind, why FROM lanes "
    };
}

/// From the events, as attempts are found by event and webhook.
const TRIED: &str = "SELECT events.seq, max(number), max(reason = 'delivered') \
    FROM events JOIN attempts ON attempts.seq = events.seq AND webhook = ?1 \
    WHERE events.seq BETWEEN ?2 AND ?3 GROUP BY events.seq ORDER BY events.seq";

/// Pages that are free are used again.
const SIZE: &str = "SELECT (page_count - freelist_count) * page_size \
    FROM pragma_page_count, pragma_freelist_count, pragma_page_size";

/// Events are sorted by age: half of what is left is left out at each step.
const CREATED_FROM: &str = "WITH RECURSIVE step (low, high) AS ( \
        SELECT floor + 1, head + 1 FROM log \
        UNION ALL \
        SELECT iif(created < ?1, seq + 1, low), iif(created < ?1, high, seq) \
        FROM step JOIN events ON seq = (low + high) / 2 WHERE low < high \
    ) SELECT low FROM step JOIN log WHERE low = high AND low <= head";

fn tickets(only: Option<TicketFilter>) -> &'static str {
    match only {
        None => concat!(ticket_columns!(), "WHERE id > ?1 ORDER BY id LIMIT ?2"),
        Some(TicketFilter::Open) => {
            concat!(ticket_columns!(), "WHERE id > ?1 AND closed_at IS NULL ORDER BY id LIMIT ?2")
        }
        Some(TicketFilter::Closed) => concat!(
            ticket_columns!(),
            "WHERE id > ?1 AND closed_at IS NOT NULL ORDER BY id LIMIT ?2"
        ),
    }
}

/// Every id begins with `tkt_` and so is less than `u`: who names none begins with the newest.
fn tickets_before(only: Option<TicketFilter>) -> &'static str {
    match only {
        None => concat!(ticket_columns!(), "WHERE id < ?1 ORDER BY id DESC LIMIT ?2"),
        Some(TicketFilter::Open) => concat!(
            ticket_columns!(),
            "WHERE id < ?1 AND closed_at IS NULL ORDER BY id DESC LIMIT ?2"
        ),
        Some(TicketFilter::Closed) => concat!(
            ticket_columns!(),
            "WHERE id < ?1 AND closed_at IS NOT NULL ORDER BY id DESC LIMIT ?2"
        ),
    }
}

/// The query that answers a need.
#[must_use]
pub fn query(need: &Need) -> Statement<'static> {
    let (sql, values): (&'static str, Vec<Value<'static>>) = match *need {
        Need::Log => ("SELECT head, floor, stamp_at, stamp_count, tallies FROM log", vec![]),
        Need::Service => ("SELECT available, since FROM service", vec![]),
        Need::Ticket(id) => {
            (concat!(ticket_columns!(), "WHERE id = ?1"), vec![id.to_string().into()])
        }
        Need::Tickets { only, after, most } => (
            tickets(only),
            vec![after.map(|id| id.to_string()).unwrap_or_default().into(), most.into()],
        ),
        Need::TicketsBefore { only, before, most } => (
            tickets_before(only),
            vec![before.map_or_else(|| "u".to_owned(), |id| id.to_string()).into(), most.into()],
        ),
        Need::Webhooks => (concat!(partner_columns!(), "ORDER BY id"), vec![]),
        Need::Webhook(id) => {
            (concat!(partner_columns!(), "WHERE id = ?1"), vec![id.to_string().into()])
        }
        Need::WebhooksAfter { after, most } => (
            concat!(partner_columns!(), "WHERE id > ?1 ORDER BY id LIMIT ?2"),
            vec![after.map(|id| id.to_string()).unwrap_or_default().into(), most.into()],
        ),
        Need::Events { from, most } => (
            "SELECT seq, id, event, created, topic, version, only_for, body FROM events \
             WHERE seq >= ?1 ORDER BY seq LIMIT ?2",
            vec![from.0.into(), most.into()],
        ),
        Need::EventsBefore { before, most } => (
            "SELECT seq, id, event, created, topic, version, only_for, '' FROM events \
             WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2",
            vec![before.unwrap_or(Seq::LAST).0.into(), most.into()],
        ),
        Need::Attempts { webhook, seq } => (
            "SELECT seq, webhook, number, at, duration_ms, status, failure, excerpt, reason, \
             next_attempt_at FROM attempts WHERE seq = ?1 AND webhook = ?2 ORDER BY number",
            vec![seq.0.into(), webhook.to_string().into()],
        ),
        Need::AttemptSummaries { webhook, from, to } => {
            (TRIED, vec![webhook.to_string().into(), from.0.into(), to.0.into()])
        }
        Need::LanesTo { to, most } => (
            concat!(lane_columns!(), "WHERE head <= ?1 ORDER BY head, webhook LIMIT ?2"),
            vec![to.0.into(), most.into()],
        ),
        Need::OldestIdempotencyRecord => ("SELECT min(at) FROM keys", vec![]),
        Need::Size => (SIZE, vec![]),
        Need::CreatedFrom(at) => (CREATED_FROM, vec![at.0.into()]),
        Need::NextAbout { topic, after, to } => (
            "SELECT seq FROM events WHERE topic = ?1 AND seq > ?2 AND seq <= ?3 \
             ORDER BY seq LIMIT 1",
            vec![topic.to_string().into(), after.0.into(), to.0.into()],
        ),
        Need::IdempotencyRecord(key) => (keys::QUERY, vec![key.to_string().into()]),
        Need::Lane(webhook, ordering_key) => (
            concat!(lane_columns!(), "WHERE webhook = ?1 AND subject = ?2"),
            vec![webhook.to_string().into(), ordering_key.to_string().into()],
        ),
        Need::Lanes { webhook, after: None, most } => (
            concat!(lane_columns!(), "WHERE webhook = ?1 ORDER BY due, head LIMIT ?2"),
            vec![webhook.to_string().into(), most.into()],
        ),
        Need::Lanes { webhook, after: Some((due, head)), most } => (
            concat!(
                lane_columns!(),
                "WHERE webhook = ?1 AND (due, head) > (?2, ?3) ORDER BY due, head LIMIT ?4"
            ),
            vec![webhook.to_string().into(), due.0.into(), head.0.into(), most.into()],
        ),
    };
    Statement { sql, values, changes: None }
}

/// What the rows of a [`query`] say.
///
/// # Errors
/// [`BadRow`] when one of them is not as we would have written it.
pub fn fact(need: &Need, rows: Vec<Vec<Value<'_>>>) -> Result<Fact, BadRow> {
    let mut rows = rows.into_iter().map(Row::new);
    Ok(match need {
        Need::Log => Fact::Log(rows.next().ok_or(BadRow { column: "log" })?.log()?),
        Need::Service => Fact::Service(rows.next().ok_or(BadRow { column: "service" })?.service()?),
        Need::Ticket(_) | Need::Tickets { .. } | Need::TicketsBefore { .. } => {
            Fact::Tickets(rows.map(|mut row| row.ticket()).collect::<Result<_, _>>()?)
        }
        Need::Webhooks | Need::Webhook(_) | Need::WebhooksAfter { .. } => {
            Fact::Webhooks(rows.map(|mut row| row.row()).collect::<Result<_, _>>()?)
        }
        Need::Attempts { .. } => {
            Fact::Attempts(rows.map(|mut row| row.attempt()).collect::<Result<_, _>>()?)
        }
        Need::Events { .. } | Need::EventsBefore { .. } => {
            Fact::Events(rows.map(|mut row| row.event()).collect::<Result<_, _>>()?)
        }
        Need::AttemptSummaries { .. } => {
            Fact::AttemptSummaries(rows.map(|mut row| row.tried()).collect::<Result<_, _>>()?)
        }
        Need::IdempotencyRecord(_) => Fact::IdempotencyRecord(
            rows.next().map(|mut row| row.idempotency_record()).transpose()?,
        ),
        Need::NextAbout { .. } | Need::CreatedFrom(_) => {
            Fact::Place(rows.next().map(|mut row| row.place()).transpose()?)
        }
        Need::OldestIdempotencyRecord => Fact::Time(
            rows.next().ok_or(BadRow { column: "keys.at" })?.oldest_idempotency_record()?,
        ),
        Need::Size => Fact::Size(rows.next().ok_or(BadRow { column: "page_count" })?.size()?),
        Need::Lane(..) | Need::Lanes { .. } | Need::LanesTo { .. } => {
            Fact::Lanes(rows.map(|mut row| row.lane()).collect::<Result<_, _>>()?)
        }
    })
}

/// The rows in which a [`query`] for `need` would find what a fact says: [`fact`] reads them back.
#[must_use]
pub fn rows<'a>(need: &Need, fact: &'a Fact) -> Vec<Vec<Value<'a>>> {
    let outlines = matches!(need, Need::EventsBefore { .. });
    match fact {
        Fact::Log(log) => vec![columns::log(log)],
        Fact::Service(service) => vec![columns::service(service)],
        Fact::Tickets(tickets) => tickets.iter().map(columns::ticket).collect(),
        Fact::Webhooks(webhook_rows) => webhook_rows.iter().map(columns::row).collect(),
        Fact::Events(events) => {
            let body = |event: &'a Event| if outlines { "" } else { &*event.body };
            events.iter().map(|event| columns::event(event, body(event))).collect()
        }
        Fact::Lanes(lanes) => lanes.iter().map(columns::lane).collect(),
        Fact::Attempts(attempts) => attempts.iter().map(columns::attempt).collect(),
        Fact::AttemptSummaries(tried) => tried.iter().map(columns::tried).collect(),
        Fact::Place(place) => place.iter().map(|seq| vec![seq.0.into()]).collect(),
        Fact::Size(bytes) => vec![vec![(*bytes).into()]],
        Fact::Time(at) => vec![vec![at.map(|at| at.0).into()]],
        Fact::IdempotencyRecord(answer) => answer.iter().map(keys::columns).collect(),
    }
}

/// The statements that store changes, in the order in which they are to be run, in one transaction.
#[must_use]
pub fn statements(changes: &Changes) -> Vec<Statement<'_>> {
    let mut all = Vec::new();
    all.extend(changes.log.as_ref().map(log));
    all.extend(changes.service.as_ref().map(service));
    all.extend(changes.events.iter().map(|row| event(row)));
    for sql in ["DELETE FROM events WHERE seq <= ?1", "DELETE FROM attempts WHERE seq <= ?1"] {
        let delete = |floor: Seq| Statement { sql, values: vec![floor.0.into()], changes: None };
        all.extend(changes.floor.map(delete));
    }
    all.extend(changes.tickets.values().filter_map(ticket));
    for (id, put) in &changes.webhooks {
        all.extend(webhook(*id, put));
    }
    for (id, put) in &changes.readers {
        all.extend(reader(*id, put));
    }
    all.extend(changes.cleared.iter().map(|id| {
        let sql = "DELETE FROM lanes WHERE webhook = ?1";
        Statement { sql, values: vec![id.to_string().into()], changes: None }
    }));
    all.extend(changes.stopped.iter().map(|id| {
        let sql = "DELETE FROM lanes \
                   WHERE webhook = ?1 AND subject >= 'replay:' AND subject < 'replay;'";
        Statement { sql, values: vec![id.to_string().into()], changes: None }
    }));
    for ((webhook, ordering_key), row) in &changes.lanes {
        all.push(lane(*webhook, *ordering_key, row.as_ref()));
    }
    all.extend(changes.attempts.values().map(attempt));
    all.extend(changes.idempotency_records.values().filter_map(keys::put));
    all.extend(changes.forgotten.map(|(to, most)| keys::forget(to, most)));
    all
}

/// A statement that must change exactly one row.
fn one<'a>(sql: &'static str, values: Vec<Value<'a>>) -> Statement<'a> {
    Statement { sql, values, changes: Some(1) }
}

fn log(put: &LogPut) -> Statement<'static> {
    let LogPut { row: log, was } = put;
    let mut values = columns::log(log);
    values.extend([was.at.0.into(), u32::from(was.count).into()]);
    one(
        "UPDATE log SET head = ?1, floor = ?2, stamp_at = ?3, stamp_count = ?4, tallies = ?5 \
         WHERE stamp_at = ?6 AND stamp_count = ?7",
        values,
    )
}

fn service(service: &Service) -> Statement<'static> {
    one("UPDATE service SET available = ?1, since = ?2", columns::service(service))
}

fn event(event: &Event) -> Statement<'_> {
    one(
        "INSERT INTO events (seq, id, event, created, topic, version, only_for, body) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        columns::event(event, &event.body),
    )
}

fn ticket(put: &Put<Ticket>) -> Option<Statement<'_>> {
    let mut values = columns::ticket(put.row.as_ref()?);
    Some(match put.expect {
        Expect::Absent => one(
            "INSERT INTO tickets (id, message, opened_at, updated_at, closed_at, version) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            values,
        ),
        Expect::Rev(version) => {
            values.push(version.into());
            one(
                "UPDATE tickets SET message = ?2, opened_at = ?3, updated_at = ?4, \
                 closed_at = ?5, version = ?6 WHERE id = ?1 AND version = ?7",
                values,
            )
        }
    })
}

fn webhook(id: WebhookId, put: &Put<Arc<Webhook>>) -> Option<Statement<'_>> {
    let Some(webhook) = &put.row else {
        return delete("DELETE FROM webhooks WHERE id = ?1 AND rev = ?2", id, put.expect);
    };
    let mut values = columns::webhook(webhook);
    Some(match put.expect {
        Expect::Absent => one(
            "INSERT INTO webhooks (id, callback_url, secrets, events, ordering, description, \
             headers, retry_schedule, timeout_ms, max_in_flight, rate_limit, paused, \
             disabled_for, disabled_at, created_at, rev) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
            values,
        ),
        Expect::Rev(rev) => {
            values.push(rev.into());
            one(
                "UPDATE webhooks SET callback_url = ?2, secrets = ?3, events = ?4, \
                 ordering = ?5, description = ?6, headers = ?7, retry_schedule = ?8, timeout_ms = ?9, \
                 max_in_flight = ?10, rate_limit = ?11, paused = ?12, disabled_for = ?13, \
                 disabled_at = ?14, created_at = ?15, rev = ?16 WHERE id = ?1 AND rev = ?17",
                values,
            )
        }
    })
}

fn reader(id: WebhookId, put: &Put<Reader>) -> Option<Statement<'_>> {
    let Some(reader) = &put.row else {
        return delete("DELETE FROM readers WHERE webhook = ?1 AND rev = ?2", id, put.expect);
    };
    let mut values = vec![id.to_string().into()];
    values.extend(columns::reader(reader));
    Some(match put.expect {
        Expect::Absent => one(
            "INSERT INTO readers (webhook, read_to, tallies, aimed, ordering, sending, holder, \
             window, steep_to, answers, trouble, failed, failing_subjects, failing_since, probes, \
             next_probe, not_before, rate_from_us, pending, waiting, replay, owed, expired, rev) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, \
             ?18, ?19, ?20, ?21, ?22, ?23, ?24)",
            values,
        ),
        Expect::Rev(rev) => {
            values.push(rev.into());
            one(
                "UPDATE readers SET read_to = ?2, tallies = ?3, aimed = ?4, ordering = ?5, \
                 sending = ?6, holder = ?7, window = ?8, steep_to = ?9, answers = ?10, \
                 trouble = ?11, failed = ?12, failing_subjects = ?13, failing_since = ?14, \
                 probes = ?15, next_probe = ?16, not_before = ?17, rate_from_us = ?18, \
                 pending = ?19, waiting = ?20, replay = ?21, owed = ?22, expired = ?23, rev = ?24 \
                 WHERE webhook = ?1 AND rev = ?25",
                values,
            )
        }
    })
}

/// A row that came and went within one batch was never stored.
fn delete(sql: &'static str, id: WebhookId, expect: Expect) -> Option<Statement<'static>> {
    match expect {
        Expect::Absent => None,
        Expect::Rev(rev) => Some(one(sql, vec![id.to_string().into(), rev.into()])),
    }
}

fn lane(webhook: WebhookId, ordering_key: OrderingKey, lane: Option<&Lane>) -> Statement<'static> {
    let Some(lane) = lane else {
        let sql = "DELETE FROM lanes WHERE webhook = ?1 AND subject = ?2";
        let values = vec![webhook.to_string().into(), ordering_key.to_string().into()];
        return Statement { sql, values, changes: None };
    };
    one(
        "INSERT INTO lanes (webhook, subject, head, number, step, due, behind, why) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
         ON CONFLICT (webhook, subject) DO UPDATE SET head = excluded.head, \
         number = excluded.number, step = excluded.step, due = excluded.due, \
         behind = excluded.behind, why = excluded.why",
        columns::lane(lane),
    )
}

fn attempt(attempt: &Attempt) -> Statement<'_> {
    let sql = "INSERT INTO attempts (seq, webhook, number, at, duration_ms, status, failure, \
               excerpt, reason, next_attempt_at) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) \
               ON CONFLICT (seq, webhook, number) DO UPDATE SET duration_ms = excluded.duration_ms, \
               status = excluded.status, failure = excluded.failure, excerpt = excluded.excerpt, \
               reason = excluded.reason, next_attempt_at = excluded.next_attempt_at \
               WHERE attempts.duration_ms IS NULL";
    Statement { sql, values: columns::attempt(attempt), changes: None }
}
