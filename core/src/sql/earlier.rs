//! Rows of earlier schemas, which recordings still hold: columns that came later are filled in.

use super::Value;
use super::table::Record as _;
use crate::delivery::reader::Reader;
use crate::engine::need::Need;
use crate::webhook::Webhook;

/// Makes the row of a query for `need` one of the current schema.
pub fn complete(need: &Need, row: &mut Vec<Value<'_>>) {
    match need {
        Need::Webhooks | Need::Webhook(_) | Need::WebhooksAfter { .. } => complete_reader(row),
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
        | Need::ApiKeys
        | Need::ApiKey(_)
        | Need::Size
        | Need::OldestIdempotencyRecord
        | Need::IdempotencyRecord(_) => {}
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
