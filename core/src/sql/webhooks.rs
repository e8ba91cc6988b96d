//! The table `webhooks`: one row for each registered callback URL with its settings. It is read
//! together with the webhook's row of [`readers`](super::readers).

use std::sync::Arc;

use super::column::{Column as _, Kind};
use super::dialect::Dialect;
use super::row::{BadRow, Cell, Row};
use super::table::{Columns, Record as _, list, record};
use super::{Statement, Value};
use crate::delivery::reader::Reader;
use crate::engine::outcome::Put;
use crate::model::id::WebhookId;
use crate::webhook::{Webhook, WebhookStatus};

record! {
    Webhook in webhooks, key [id], revision [rev] {
        id,
        partner,
        callback_url,
        secrets,
        events,
        ordering,
        description,
        headers,
        partner_headers,
        retry_schedule,
        timeout_ms,
        max_in_flight,
        rate_limit,
        status: [paused, disabled_for, disabled_at],
        created_at,
        rev,
    }
}

impl Columns<3> for WebhookStatus {
    const KINDS: [Kind; 3] = [Kind::Integer, Kind::Text, Kind::Integer];

    fn to_values(&self) -> [Value<'_>; 3] {
        match self {
            Self::Active => [0_u32.into(), Value::Null, Value::Null],
            Self::Paused => [1_u32.into(), Value::Null, Value::Null],
            Self::Disabled { reason, at } => [0_u32.into(), reason.to_value(), at.to_value()],
        }
    }

    fn from_cells([paused, reason, at]: [Cell<'_>; 3]) -> Result<Self, BadRow> {
        let bad = at.bad();
        match (paused.read()?, reason.read()?, at.read()?) {
            (false, None, None) => Ok(Self::Active),
            (true, None, None) => Ok(Self::Paused),
            (_, Some(reason), Some(at)) => Ok(Self::Disabled { reason, at }),
            (_, Some(_), None) | (_, None, Some(_)) => Err(bad),
        }
    }
}

pub fn put(dialect: Dialect, id: WebhookId, put: &Put<Arc<Webhook>>) -> Option<Statement<'_>> {
    match &put.row {
        Some(webhook) => Some(webhook.put(dialect, put.expect)),
        None => Webhook::delete(dialect, id.to_string(), put.expect),
    }
}

/// A query for webhooks, each with its reader, whose key is left out as it is the webhook's.
pub fn with_readers(clauses: &str) -> String {
    let columns = Webhook::table().columns().map(|column| format!("webhooks.{column}"));
    let of_reader = Reader::table().columns().map(|column| format!("readers.{column}")).skip(1);
    let columns = list(columns.chain(of_reader));
    format!(
        "SELECT {columns} FROM webhooks JOIN readers ON readers.webhook = webhooks.id {clauses}"
    )
}

/// A row of [`with_readers`].
pub fn values((webhook, reader): &(Webhook, Reader)) -> Vec<Value<'_>> {
    let [key, of_reader] = [Webhook::table(), Reader::table()].map(|table| table.columns().count());
    let mut values = Vec::with_capacity(key + of_reader);
    webhook.write(&mut values);
    reader.write(&mut values);
    values.remove(key);
    values
}

/// Reads a row of [`with_readers`].
pub fn read(mut values: Vec<Value<'_>>) -> Result<(Webhook, Reader), BadRow> {
    let key = Webhook::table().columns().count();
    if let (Some(id), true) = (values.first().cloned(), values.len() >= key) {
        values.insert(key, id);
    }
    let mut row = Row::new(values);
    Ok((Webhook::from_row(&mut row)?, Reader::from_row(&mut row)?))
}
