//! Partners, who have no table: they are who has webhooks or API keys.

use super::Value;
use super::column::Column as _;
use super::row::{BadRow, Row};
use crate::model::partner::PartnerCounts;

/// A query for at most so many (2) partners after one (1), with their webhooks and keys counted.
pub const COUNTS: &str = "SELECT partner, sum(webhooks), sum(keys) FROM ( \
     SELECT partner, 1 AS webhooks, 0 AS keys FROM webhooks WHERE partner > ?1 \
     UNION ALL SELECT partner, 0, 1 FROM api_keys WHERE partner > ?1 AND kind = 'bearer' \
 ) AS owned GROUP BY partner ORDER BY partner LIMIT ?2";

/// A row of [`COUNTS`].
pub fn values(counts: &PartnerCounts) -> Vec<Value<'_>> {
    let PartnerCounts { partner, webhooks, keys } = counts;
    vec![partner.to_value(), webhooks.to_value(), keys.to_value()]
}

/// Reads a row of [`COUNTS`].
pub fn read(row: &mut Row<'_>) -> Result<PartnerCounts, BadRow> {
    Ok(PartnerCounts {
        partner: row.cell("webhooks.partner")?.read()?,
        webhooks: row.cell("webhooks.id")?.read()?,
        keys: row.cell("api_keys.id")?.read()?,
    })
}
