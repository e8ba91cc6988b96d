//! First answers by the keys of their calls.

use std::sync::Arc;

use crate::engine::outcome::{Expect, Put};
use crate::model::idempotency::IdempotencyRecord;
use crate::model::millis::Millis;
use crate::sql::sqlite::one;
use crate::sql::{Statement, Value};

pub(super) const QUERY: &str =
    "SELECT key, request, at, status, location, body, webhook, secret FROM keys WHERE key = ?1";

pub(super) fn columns(first: &IdempotencyRecord) -> Vec<Value<'_>> {
    let (webhook, secret) = first.shown.unzip();
    vec![
        first.key.to_string().into(),
        first.request.to_string().into(),
        first.at.0.into(),
        u32::from(first.status).into(),
        first.location.as_deref().into(),
        first.body.as_str().into(),
        webhook.map(|id| id.to_string()).into(),
        secret.map(|id| id.to_string()).into(),
    ]
}

/// Whoever answered first under the same key keeps its row.
pub(super) fn put(put: &Put<Arc<IdempotencyRecord>>) -> Option<Statement<'_>> {
    let first = put.row.as_ref()?;
    let mut values = columns(first);
    Some(match put.expect {
        Expect::Absent => one(
            "INSERT INTO keys (key, request, at, status, location, body, webhook, secret) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (key) DO NOTHING",
            values,
        ),
        Expect::Rev(at) => {
            values.push(at.into());
            one(
                "UPDATE keys SET request = ?2, at = ?3, status = ?4, location = ?5, body = ?6, \
                 webhook = ?7, secret = ?8 WHERE key = ?1 AND at = ?9",
                values,
            )
        }
    })
}

/// So many of the oldest rows go that were written up to a time.
pub(super) fn forget(to: Millis, most: u32) -> Statement<'static> {
    let sql = "DELETE FROM keys WHERE key IN \
               (SELECT key FROM keys WHERE at <= ?1 ORDER BY at, key LIMIT ?2)";
    Statement { sql, values: vec![to.0.into(), most.into()], changes: None }
}
