//! Callers: on whose behalf a command is decided or rows are read.

use serde::{Deserialize, Serialize};

use crate::model::access::Access;
use crate::model::api_key::KeySettings;
use crate::model::id::KeyId;
use crate::model::reach::Reach;
use crate::model::refusal::Refusal;

/// A caller that has shown who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Caller {
    /// The holder of an API key.
    Key(KeyId),
    /// The holder of the key that the host is configured with.
    Binding,
    /// A user of the desk's own machine, on the command line.
    CommandLine { uid: u32 },
}

/// A caller, and the rule of the route that it calls. A host may judge it early, to shed load; what
/// counts is the judgement over the rows that a decision or a reading sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authorization {
    pub caller: Caller,
    pub access: Access,
}

impl Authorization {
    /// The key that it is judged by.
    #[must_use]
    pub fn key(&self) -> Option<KeyId> {
        match self.caller {
            Caller::Key(id) => Some(id),
            Caller::Binding | Caller::CommandLine { .. } => None,
        }
    }

    /// Judges it by what its [key](Self::key) grants now, and gives what of the desk it reaches.
    ///
    /// # Errors
    /// The refusal of a caller whose key is revoked, has expired, or does not grant access.
    pub fn judge(&self, granted: Option<&KeySettings>) -> Result<Reach, Refusal> {
        if self.key().is_none() {
            return Ok(Reach::everything());
        }
        let KeySettings { scopes, grant, .. } = granted.ok_or(Refusal::Unauthorized)?;
        if grant.is_some() && !self.access.is_for_partners() {
            Err(Refusal::NotForPartners)
        } else if self.access.is_granted_by(*scopes) {
            Ok(Reach::of_key(*scopes, grant.clone()))
        } else {
            Err(Refusal::Forbidden(self.access))
        }
    }
}
