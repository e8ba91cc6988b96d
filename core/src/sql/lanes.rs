//! The table `lanes`: one row for each waiting lane. Rows change only together with their webhook's
//! row of [`readers`](super::readers), whose revision guards them.

use super::Statement;
use super::dialect::{Dialect, text};
use super::table::{Record as _, record};
use crate::delivery::lane::Lane;
use crate::delivery::ordering_key::OrderingKey;
use crate::model::id::WebhookId;

record! {
    Lane in lanes, key [webhook, subject], revision [] {
        webhook,
        ordering_key: subject,
        head,
        number,
        step,
        due,
        last_queued: behind,
        why,
    }
}

pub fn put(
    dialect: Dialect,
    webhook: WebhookId,
    ordering_key: OrderingKey,
    lane: Option<&Lane>,
) -> Statement<'_> {
    if let Some(lane) = lane {
        let sql = text!(dialect, Lane::table().upsert_text(dialect, &[]));
        Statement::one(sql, lane.values())
    } else {
        let key = vec![webhook.to_string().into(), ordering_key.to_string().into()];
        Statement::row(Lane::table().delete(dialect), key)
    }
}

pub fn delete_all(dialect: Dialect, webhook: WebhookId) -> Statement<'static> {
    let sql =
        text!(dialect, format!("DELETE FROM lanes WHERE webhook = ?1{}", dialect.and_in_batch(2)));
    Statement::any(sql, vec![webhook.to_string().into()])
}

pub fn delete_replay(dialect: Dialect, webhook: WebhookId) -> Statement<'static> {
    let sql = text!(
        dialect,
        format!(
            "DELETE FROM lanes \
             WHERE webhook = ?1 AND subject >= 'replay:' AND subject < 'replay;'{}",
            dialect.and_in_batch(2)
        )
    );
    Statement::any(sql, vec![webhook.to_string().into()])
}
