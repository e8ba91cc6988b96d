//! The table `keys`: idempotency records. One row for each idempotency key, with the response to
//! the first call under it; the time of that response is its revision.

use std::sync::Arc;

use super::column::{Column as _, Kind};
use super::dialect::{Dialect, text};
use super::row::{BadRow, Cell};
use super::table::{Columns, Record as _, record};
use super::{Statement, Value};
use crate::engine::outcome::{Expect, Put};
use crate::model::id::{SecretId, WebhookId};
use crate::model::idempotency_record::IdempotencyRecord;
use crate::model::millis::Millis;

record! {
    IdempotencyRecord in keys, key [key], revision [at] {
        key,
        request,
        at,
        status,
        location,
        body,
        shown: [webhook, secret],
    }
}

impl Columns<2> for Option<(WebhookId, SecretId)> {
    const KINDS: [Kind; 2] = [Kind::Text; 2];

    fn to_values(&self) -> [Value<'_>; 2] {
        match self {
            Some((webhook, secret)) => [webhook.to_value(), secret.to_value()],
            None => [Value::Null, Value::Null],
        }
    }

    fn from_cells([webhook, secret]: [Cell<'_>; 2]) -> Result<Self, BadRow> {
        Ok(webhook.read::<Option<_>>()?.zip(secret.read()?))
    }
}

/// The first committed record of a key keeps its row. Rows are deleted by age alone.
pub fn put(dialect: Dialect, put: &Put<Arc<IdempotencyRecord>>) -> Option<Statement<'_>> {
    let first = put.row.as_ref()?;
    Some(match put.expect {
        Expect::Absent => {
            let insert = || {
                let insert = IdempotencyRecord::table().insert_text(dialect);
                dialect.counted("keys", Kind::Text, insert + " ON CONFLICT (key) DO NOTHING")
            };
            let sql = text!(dialect, insert());
            Statement::one(sql, first.values())
        }
        Expect::Rev(_) => first.put(dialect, put.expect),
    })
}

/// Deletes at most `most` of the oldest rows that were written up to a time.
pub fn delete_oldest(dialect: Dialect, to: Millis, most: u32) -> Statement<'static> {
    let sql = text!(
        dialect,
        format!(
            "DELETE FROM keys WHERE key IN \
             (SELECT key FROM keys WHERE at <= ?1 ORDER BY at, key LIMIT ?2){}",
            dialect.and_in_batch(3)
        )
    );
    Statement::any(sql, vec![to.0.into(), most.into()])
}
