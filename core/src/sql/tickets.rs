//! The table `tickets`: one row for each ticket, whose version is its revision. No row is deleted.

use super::Statement;
use super::dialect::Dialect;
use super::table::{Record as _, record};
use crate::engine::outcome::Put;
use crate::model::ticket::Ticket;

record! {
    Ticket in tickets, key [id], revision [version] {
        id,
        message,
        opened_at,
        updated_at,
        status: closed_at,
        version,
    }
}

pub fn put(dialect: Dialect, put: &Put<Ticket>) -> Option<Statement<'_>> {
    put.row.as_ref().map(|ticket| ticket.put(dialect, put.expect))
}
