//! The table `readers`: one row for each webhook's position in the log, with its requests in flight
//! and the host that sends them.
//!
//! A host claims a webhook, and changes anything of its reader or lanes, by an UPDATE of this row
//! that expects the revision which the host has read: of two hosts that try, one changes no row,
//! and nothing of its commit is stored. The texts are made in [`table`](super::table), and stand in
//! full in `tests/statements.txt`. Rows are read with those of [`webhooks`](super::webhooks).

use super::column::{Column as _, Kind};
use super::dialect::Dialect;
use super::row::{BadRow, Cell};
use super::table::{Columns, Record as _, record};
use super::{Statement, Value};
use crate::delivery::health::{Down, Health};
use crate::delivery::reader::Reader;
use crate::delivery::window::Window;
use crate::engine::outcome::Put;
use crate::model::id::WebhookId;

record! {
    Reader in readers, key [webhook], revision [rev] {
        webhook,
        read_to,
        tallies,
        targeted: aimed,
        ordering,
        sending,
        holder,
        window: [window, steep_to, answers, trouble],
        health: [failed, failing_subjects, failing_since, failed_at, probes, next_probe],
        not_before,
        rate_from_us,
        pending,
        waiting,
        replay,
        owed,
        expired,
        rev,
    }
}

impl Columns<4> for Window {
    const KINDS: [Kind; 4] = [Kind::Integer; 4];

    fn to_values(&self) -> [Value<'_>; 4] {
        let Self { size, steep_to, answers, trouble } = self;
        [size.to_value(), steep_to.to_value(), answers.to_value(), trouble.to_value()]
    }

    fn from_cells([size, steep_to, answers, trouble]: [Cell<'_>; 4]) -> Result<Self, BadRow> {
        Ok(Self {
            size: size.read()?,
            steep_to: steep_to.read()?,
            answers: answers.read()?,
            trouble: trouble.read()?,
        })
    }
}

impl Columns<6> for Health {
    const KINDS: [Kind; 6] =
        [Kind::Integer, Kind::Text, Kind::Integer, Kind::Integer, Kind::Integer, Kind::Integer];

    fn to_values(&self) -> [Value<'_>; 6] {
        let Self { failed, ordering_keys, failing_since, failed_at, down } = self;
        let [probes, next_probe] = match down {
            Some(Down { probes, next_probe }) => [probes.to_value(), next_probe.to_value()],
            None => [Value::Null, Value::Null],
        };
        let [failed, ordering_keys] = [failed.to_value(), ordering_keys.to_value()];
        let [failing_since, failed_at] = [failing_since.to_value(), failed_at.to_value()];
        [failed, ordering_keys, failing_since, failed_at, probes, next_probe]
    }

    fn from_cells(cells: [Cell<'_>; 6]) -> Result<Self, BadRow> {
        let [failed, ordering_keys, failing_since, failed_at, probes, next_probe] = cells;
        let bad = probes.bad();
        Ok(Self {
            failed: failed.read()?,
            ordering_keys: ordering_keys.read()?,
            failing_since: failing_since.read()?,
            failed_at: failed_at.read()?,
            down: match (probes.read()?, next_probe.read()?) {
                (Some(probes), Some(next_probe)) => Some(Down { probes, next_probe }),
                (None, None) => None,
                (Some(_), None) | (None, Some(_)) => return Err(bad),
            },
        })
    }
}

pub fn put(dialect: Dialect, webhook: WebhookId, put: &Put<Reader>) -> Option<Statement<'_>> {
    match &put.row {
        Some(reader) => Some(reader.put(dialect, put.expect)),
        None => Reader::delete(dialect, webhook.to_string(), put.expect),
    }
}
