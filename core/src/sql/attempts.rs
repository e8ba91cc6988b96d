//! The table `attempts`: one row for each HTTP request that was made for an event to a webhook.

use super::column::{Column as _, Kind};
use super::dialect::{Dialect, text};
use super::row::{BadRow, Cell, Row};
use super::table::{Columns, Record as _, record};
use super::{Statement, Value};
use crate::delivery::answer::{Answer, Failure};
use crate::delivery::attempt::{Attempt, AttemptKey, AttemptSummary};
use crate::model::seq::Seq;

record! {
    Attempt in attempts, key [seq, webhook, number], revision [] {
        key: [seq, webhook, number],
        at,
        duration_ms,
        answer: [status, failure, excerpt],
        reason,
        next_attempt_at,
    }
}

impl Columns<3> for AttemptKey {
    const KINDS: [Kind; 3] = [Kind::Integer, Kind::Text, Kind::Integer];

    fn to_values(&self) -> [Value<'_>; 3] {
        [self.seq.to_value(), self.webhook.to_value(), self.number.to_value()]
    }

    fn from_cells([seq, webhook, number]: [Cell<'_>; 3]) -> Result<Self, BadRow> {
        Ok(Self { seq: seq.read()?, webhook: webhook.read()?, number: number.read()? })
    }
}

impl Columns<3> for Answer {
    const KINDS: [Kind; 3] = [Kind::Integer, Kind::Text, Kind::Text];

    fn to_values(&self) -> [Value<'_>; 3] {
        match self {
            Self::Status { status, retry_after: _, excerpt } => {
                [status.to_value(), Value::Null, excerpt.to_value()]
            }
            Self::Failure(failure) => [Value::Null, failure.to_value(), Value::Null],
        }
    }

    fn from_cells([status, failure, excerpt]: [Cell<'_>; 3]) -> Result<Self, BadRow> {
        let bad = status.bad();
        let (status, failure) = (status.read()?, failure.read::<Option<Failure>>()?);
        let excerpt = excerpt.read::<Option<String>>()?.unwrap_or_default();
        match (status, failure) {
            (Some(status), None) => Ok(Self::Status { status, retry_after: None, excerpt }),
            (None, Some(failure)) => Ok(Self::Failure(failure)),
            (Some(_), Some(_)) | (None, None) => Err(bad),
        }
    }
}

/// Inserts an attempt, or adds the result of one that was considered lost: a result is never
/// replaced.
pub fn put(dialect: Dialect, attempt: &Attempt) -> Statement<'_> {
    let upsert = || Attempt::table().upsert_text(dialect, &["at"]);
    let sql = text!(dialect, upsert() + " WHERE attempts.duration_ms IS NULL");
    Statement::row(sql, attempt.values())
}

pub fn delete_to(dialect: Dialect, floor: Seq) -> Statement<'static> {
    let sql =
        text!(dialect, format!("DELETE FROM attempts WHERE seq <= ?1{}", dialect.and_in_batch(2)));
    Statement::any(sql, vec![floor.0.into()])
}

/// A row of [`Dialect::tried`].
pub fn tried((seq, tried): &(Seq, AttemptSummary)) -> Vec<Value<'_>> {
    let AttemptSummary { number, delivered, abandoned } = tried;
    vec![seq.to_value(), number.to_value(), delivered.to_value(), abandoned.to_value()]
}

/// Reads a row of [`Dialect::tried`].
pub fn read_tried(row: &mut Row<'_>) -> Result<(Seq, AttemptSummary), BadRow> {
    let seq = row.cell("events.seq")?.read()?;
    let number = row.cell("attempts.number")?.read()?;
    let delivered = row.cell("attempts.reason")?.read()?;
    let abandoned = row.cell("attempts.reason")?.read()?;
    Ok((seq, AttemptSummary { number, delivered, abandoned }))
}
