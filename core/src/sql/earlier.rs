//! Rows of earlier schemas, which recordings still hold: columns that came later are filled in.

use super::Value;
use super::table::{Record as _, Table};
use crate::delivery::reader::Reader;
use crate::engine::need::Need;
use crate::model::api_key::ApiKey;
use crate::model::audit::AuditRow;
use crate::model::key_kind::KeyKind;
use crate::webhook::Webhook;

/// Makes the row of a query for `need` one of the current schema.
pub fn complete(need: &Need, row: &mut Vec<Value<'_>>) {
    match need {
        Need::Webhooks
        | Need::Webhook(_)
        | Need::WebhooksAfter { .. }
        | Need::PartnerWebhooks { .. } => {
            complete_webhook(row);
            complete_reader(row);
        }
        Need::ApiKeys | Need::ApiKey(_) => complete_api_key(row),
        Need::Audit { .. } => complete_audit(row),
        Need::AttemptSummaries { .. } if row.len() == 3 => row.push(Value::Integer(0)),
        Need::Log
        | Need::Service
        | Need::Ticket(_)
        | Need::Tickets { .. }
        | Need::TicketsBefore { .. }
        | Need::Events { .. }
        | Need::EventsBefore { .. }
        | Need::NextAbout { .. }
        | Need::CreatedFrom(_)
        | Need::Attempts { .. }
        | Need::AttemptSummaries { .. }
        | Need::Lane(..)
        | Need::LanesOf(_)
        | Need::Lanes { .. }
        | Need::LanesTo { .. }
        | Need::Partners { .. }
        | Need::OldestAudit
        | Need::Size
        | Need::OldestIdempotencyRecord
        | Need::IdempotencyRecord(_) => {}
    }
}

/// Schema 7 added the partner of a webhook. A row has the columns of a webhook and, but for its key,
/// those of its reader.
fn complete_webhook(row: &mut Vec<Value<'_>>) {
    let of_both = Webhook::table().columns().count() + Reader::table().columns().count() - 1;
    // Without the columns of schema 7, and perhaps the one of schema 4.
    if row.len() + 2 == of_both || row.len() + 3 == of_both {
        add(row, Webhook::table(), "partner", Value::Null);
        add(row, Webhook::table(), "partner_headers", Value::Integer(0));
    }
}

/// Schema 7 added what a key is granted, and how often it may be used; schema 8 its kind.
fn complete_api_key(row: &mut Vec<Value<'_>>) {
    let missing = ApiKey::table().columns().count().saturating_sub(row.len());
    if matches!(missing, 2 | 5) {
        add(row, ApiKey::table(), "kind", KeyKind::Bearer.name().into());
        add(row, ApiKey::table(), "parent", Value::Null);
    }
    if missing == 5 {
        for column in ["partner", "events", "rate_limit"] {
            add(row, ApiKey::table(), column, Value::Null);
        }
    }
}

/// Schema 8 added where calls come from.
fn complete_audit(row: &mut Vec<Value<'_>>) {
    if row.len() + 2 == AuditRow::table().columns().count() {
        add(row, AuditRow::table(), "peer", Value::Null);
        add(row, AuditRow::table(), "request", Value::Null);
    }
}

fn add<'a>(row: &mut Vec<Value<'a>>, table: &Table, column: &str, value: Value<'a>) {
    if let Some(at) = table.columns().position(|of| of == column) {
        row.insert(at, value);
    }
}

/// Schema 4 added `readers.failed_at`. A row has the columns of a webhook and, but for its key,
/// those of its reader.
fn complete_reader(row: &mut Vec<Value<'_>>) {
    let of_webhook = Webhook::table().columns().count();
    let of_reader: Vec<_> = Reader::table().columns().skip(1).collect();
    let failed_at = of_reader.iter().position(|column| *column == "failed_at");
    if let Some(at) = failed_at
        && row.len() + 1 == of_webhook + of_reader.len()
    {
        row.insert(of_webhook + at, Value::Null);
    }
}
