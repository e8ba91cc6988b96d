//! API keys, as a decision looks them up and changes them.

use std::sync::Arc;

use super::Decision;
use crate::engine::need::Need;
use crate::engine::outcome::{Expect, Put};
use crate::model::api_key::{ApiKey, ApiKeys};

impl<'a> Decision<'a> {
    /// All keys, as they were before this decision: it changes each at most once.
    pub fn api_keys(&self) -> Result<&'a ApiKeys, Need> {
        self.facts.api_keys().map(|keys| &**keys)
    }

    /// Adds a key, or changes the one that had this revision, and returns it.
    pub fn put_key(&mut self, key: ApiKey, was_rev: Option<u64>) -> Arc<ApiKey> {
        let key = Arc::new(key);
        let expect = was_rev.map_or(Expect::Absent, Expect::Rev);
        self.changes.api_keys.insert(key.id, Put { row: Some(Arc::clone(&key)), expect });
        key
    }

    pub fn delete_key(&mut self, key: &ApiKey) {
        self.changes.api_keys.insert(key.id, Put { row: None, expect: Expect::Rev(key.rev) });
    }
}
