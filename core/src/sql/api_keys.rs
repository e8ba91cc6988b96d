//! The table `api_keys`: one row for each key that can be used, without its text.

use std::sync::Arc;

use super::Statement;
use super::Value;
use super::column::Column as _;
use super::dialect::Dialect;
use super::row::{BadRow, Cell};
use super::table::{Columns, Record as _, record};
use crate::engine::outcome::Put;
use crate::model::api_key::{ApiKey, KeySettings};
use crate::model::id::KeyId;

record! {
    ApiKey in api_keys, key [id], revision [rev] {
        id,
        digest,
        prefix,
        settings: [name, scopes, expires_at],
        created_at,
        last_used_at,
        rev,
    }
}

impl Columns<3> for KeySettings {
    fn to_values(&self) -> [Value<'_>; 3] {
        let Self { name, scopes, expires_at } = self;
        [name.to_value(), scopes.to_value(), expires_at.to_value()]
    }

    fn from_cells([name, scopes, expires_at]: [Cell<'_>; 3]) -> Result<Self, BadRow> {
        Ok(Self { name: name.read()?, scopes: scopes.read()?, expires_at: expires_at.read()? })
    }
}

pub fn put(dialect: Dialect, id: KeyId, put: &Put<Arc<ApiKey>>) -> Option<Statement<'_>> {
    match &put.row {
        Some(key) => Some(key.put(dialect, put.expect)),
        None => ApiKey::delete(dialect, id.to_string(), put.expect),
    }
}
