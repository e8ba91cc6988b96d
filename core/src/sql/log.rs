//! The table `log`: one row, with the ends of the log and the desk's clock. Each change takes a new
//! stamp, so the stamp is the row's revision.

use super::column::{Column as _, Kind};
use super::dialect::Dialect;
use super::row::{BadRow, Cell};
use super::table::{Columns, Record as _, record};
use super::{Statement, Value};
use crate::engine::outcome::LogPut;
use crate::model::id::Stamp;
use crate::model::log::Log;

record! {
    Log in log, key [], revision [stamp_at, stamp_count] {
        head,
        floor,
        stamp: [stamp_at, stamp_count],
        tallies,
    }
}

impl Columns<2> for Stamp {
    const KINDS: [Kind; 2] = [Kind::Integer; 2];

    fn to_values(&self) -> [Value<'_>; 2] {
        [self.at.to_value(), self.count.to_value()]
    }

    fn from_cells([at, count]: [Cell<'_>; 2]) -> Result<Self, BadRow> {
        Ok(Self { at: at.read()?, count: count.read()? })
    }
}

pub fn put(dialect: Dialect, put: &LogPut) -> Statement<'_> {
    let mut values = put.row.values();
    values.extend(put.was.to_values());
    Statement::one(Log::table().update(dialect), values)
}
