//! The table `api_keys`: one row for each key that can be used, those of browsers too, without its
//! text.

use std::sync::Arc;

use super::Statement;
use super::Value;
use super::column::{Column as _, Kind};
use super::dialect::Dialect;
use super::row::{BadRow, Cell};
use super::table::{Columns, Record as _, record};
use crate::engine::outcome::Put;
use crate::model::api_key::{ApiKey, KeySettings};
use crate::model::id::KeyId;
use crate::model::partner::Grant;

record! {
    ApiKey in api_keys, key [id], revision [rev] {
        id,
        kind,
        parent,
        digest,
        prefix,
        settings: [name, scopes, partner, events, rate_limit, expires_at],
        created_at,
        last_used_at,
        rev,
    }
}

impl Columns<6> for KeySettings {
    const KINDS: [Kind; 6] =
        [Kind::Text, Kind::Text, Kind::Text, Kind::Text, Kind::Integer, Kind::Integer];

    fn to_values(&self) -> [Value<'_>; 6] {
        let Self { name, scopes, grant, rate_limit, expires_at } = self;
        let grant = grant.as_ref();
        [
            name.to_value(),
            scopes.to_value(),
            grant.map_or(Value::Null, |grant| grant.partner.to_value()),
            grant.map_or(Value::Null, |grant| grant.events.to_value()),
            rate_limit.to_value(),
            expires_at.to_value(),
        ]
    }

    fn from_cells(
        [name, scopes, partner, events, rate_limit, expires_at]: [Cell<'_>; 6],
    ) -> Result<Self, BadRow> {
        let bad = events.bad();
        let grant = match (partner.read()?, events.read()?) {
            (None, None) => None,
            (Some(partner), Some(events)) => Some(Grant { partner, events }),
            (Some(_), None) | (None, Some(_)) => return Err(bad),
        };
        Ok(Self {
            name: name.read()?,
            scopes: scopes.read()?,
            grant,
            rate_limit: rate_limit.read()?,
            expires_at: expires_at.read()?,
        })
    }
}

pub fn put(dialect: Dialect, id: KeyId, put: &Put<Arc<ApiKey>>) -> Option<Statement<'_>> {
    match &put.row {
        Some(key) => Some(key.put(dialect, put.expect)),
        None => ApiKey::delete(dialect, id.to_string(), put.expect),
    }
}
