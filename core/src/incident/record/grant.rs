//! Grants to partners in JSON.

use serde::{Deserialize, Serialize};

use super::Read;
use super::names::TypesForm;
use crate::model::partner::{Grant, Partner};

/// A partner with what is granted to it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GrantForm<'a> {
    partner: Partner,
    events: TypesForm<'a>,
}

impl GrantForm<'_> {
    pub fn of(Grant { partner, events }: &Grant) -> Self {
        Self { partner: *partner, events: TypesForm::of(events) }
    }

    pub fn read(self) -> Read<Grant> {
        Ok(Grant { partner: self.partner, events: self.events.read()? })
    }
}
