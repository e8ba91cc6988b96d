//! The table `events`: one row for each event of the log. Rows do not change; the oldest are
//! deleted.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::dialect::{Dialect, text};
use super::row::BadRow;
use super::table::{Record as _, list, record};
use super::{Statement, Value};
use crate::model::event::Event;
use crate::model::seq::Seq;

record! {
    Event in events, key [seq], revision [] {
        seq,
        id,
        kind: event,
        created,
        topic,
        version,
        only_for,
        body,
    }
}

const BODY: &str = "body";

/// The columns of a row, with an empty text instead of the body.
pub fn outline_columns() -> String {
    list(Event::table().columns().map(|column| if column == BODY { "''" } else { column }))
}

/// The values of a row, with an empty text instead of the body.
pub fn outline(event: &Event) -> Vec<Value<'_>> {
    let mut values = event.values();
    for (value, column) in values.iter_mut().zip(Event::table().columns()) {
        if column == BODY {
            *value = "".into();
        }
    }
    values
}

/// Checks that a body is JSON with `data`, as views of the event show it. Nothing is allocated for
/// it, and it costs a fraction of the body's signature.
pub fn check_body(event: &Event) -> Result<(), BadRow> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(rename = "data")]
        _data: IgnoredAny,
    }
    let read = serde_json::from_str::<Body>(&event.body);
    read.map(drop).map_err(|_| BadRow { column: "events.body" })
}

pub fn insert(dialect: Dialect, event: &Event) -> Statement<'_> {
    Statement::one(Event::table().insert(dialect), event.values())
}

pub fn delete_to(dialect: Dialect, floor: Seq) -> Statement<'static> {
    let sql =
        text!(dialect, format!("DELETE FROM events WHERE seq <= ?1{}", dialect.and_in_batch(2)));
    Statement::any(sql, vec![floor.0.into()])
}
