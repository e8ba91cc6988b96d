//! The table `audit`: one row for each change by a caller.

use super::column::{Column as _, Kind};
use super::dialect::{Dialect, text};
use super::row::{BadRow, Cell};
use super::table::{Columns, Record as _, record};
use super::{Statement, Value};
use crate::engine::outcome::Expect;
use crate::model::audit::{Actor, AuditAction, AuditChange, AuditObject, AuditRow};
use crate::model::call_source::CallSource;
use crate::model::millis::Millis;

record! {
    AuditRow in audit, key [id], revision [] {
        id,
        at,
        actor: [caller, caller_key, caller_name, caller_uid],
        source: [peer, request],
        change: [action, webhook, key, partner, event, before, after],
    }
}

/// A query for the time of the oldest row, in one row.
pub const OLDEST: &str = "SELECT (SELECT at FROM audit ORDER BY id LIMIT 1)";

impl Columns<4> for Actor {
    const KINDS: [Kind; 4] = [Kind::Text, Kind::Text, Kind::Text, Kind::Integer];

    fn to_values(&self) -> [Value<'_>; 4] {
        let (key, name, uid) = match self {
            Self::Key { id, name } => (id.to_value(), name.to_value(), Value::Null),
            Self::Session { key, name } => (key.to_value(), name.to_value(), Value::Null),
            Self::CommandLine { uid } => (Value::Null, Value::Null, uid.to_value()),
            Self::Binding | Self::Anyone => (Value::Null, Value::Null, Value::Null),
        };
        [self.kind().into(), key, name, uid]
    }

    fn from_cells([kind, key, name, uid]: [Cell<'_>; 4]) -> Result<Self, BadRow> {
        let bad = kind.bad();
        match (kind.read::<String>()?.as_str(), key.read()?, uid.read()?) {
            ("key", Some(id), None) => Ok(Self::Key { id, name: name.read()? }),
            ("session", key, None) => Ok(Self::Session { key, name: name.read()? }),
            ("command_line", None, Some(uid)) => Ok(Self::CommandLine { uid }),
            ("binding", None, None) => Ok(Self::Binding),
            ("anyone", None, None) => Ok(Self::Anyone),
            _ => Err(bad),
        }
    }
}

impl Columns<2> for CallSource {
    const KINDS: [Kind; 2] = [Kind::Text; 2];

    fn to_values(&self) -> [Value<'_>; 2] {
        [self.peer.to_value(), self.request.to_value()]
    }

    fn from_cells([peer, request]: [Cell<'_>; 2]) -> Result<Self, BadRow> {
        Ok(Self { peer: peer.read()?, request: request.read()? })
    }
}

impl Columns<7> for AuditChange {
    const KINDS: [Kind; 7] = [Kind::Text; 7];

    fn to_values(&self) -> [Value<'_>; 7] {
        let Self { action, object, before, after } = self;
        let [webhook, key, partner, event] = places(object);
        [action.to_value(), webhook, key, partner, event, before.to_value(), after.to_value()]
    }

    fn from_cells(
        [action, webhook, key, partner, event, before, after]: [Cell<'_>; 7],
    ) -> Result<Self, BadRow> {
        let bad = webhook.bad();
        let action = action.read()?;
        let object = match (webhook.read()?, key.read()?, partner.read()?, event.read()?) {
            (Some(webhook), None, None, None) => AuditObject::Webhook(webhook),
            (Some(webhook), None, None, Some(event)) => AuditObject::Delivery(webhook, event),
            (None, Some(key), None, None) => AuditObject::Key(key),
            (None, None, Some(partner), None) => AuditObject::Partner(partner),
            (None, None, None, None) if action == AuditAction::KeysRefused => AuditObject::Peer,
            (None, None, None, None) => AuditObject::Service,
            _ => return Err(bad),
        };
        let (before, after) = (before.read()?, after.read()?);
        Ok(Self { action, object, before, after })
    }
}

/// The values of the columns that name an object: webhook, key, partner and event.
fn places(object: &AuditObject) -> [Value<'_>; 4] {
    const NONE: Value<'static> = Value::Null;
    match object {
        AuditObject::Webhook(id) => [id.to_value(), NONE, NONE, NONE],
        AuditObject::Delivery(id, event) => [id.to_value(), NONE, NONE, event.to_value()],
        AuditObject::Key(id) => [NONE, id.to_value(), NONE, NONE],
        AuditObject::Partner(partner) => [NONE, NONE, partner.to_value(), NONE],
        AuditObject::Service | AuditObject::Peer => [NONE, NONE, NONE, NONE],
    }
}

pub fn insert(dialect: Dialect, row: &AuditRow) -> Statement<'_> {
    row.put(dialect, Expect::Absent)
}

/// Deletes at most `most` of the oldest rows that were written up to a time.
pub fn delete_oldest(dialect: Dialect, to: Millis, most: u32) -> Statement<'static> {
    let sql = text!(
        dialect,
        format!(
            "DELETE FROM audit WHERE id IN \
             (SELECT id FROM audit WHERE at <= ?1 ORDER BY id LIMIT ?2){}",
            dialect.and_in_batch(3)
        )
    );
    Statement::any(sql, vec![to.0.into(), most.into()])
}
