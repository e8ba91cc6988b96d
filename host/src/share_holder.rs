//! Whom a share of what callers use is of.

use hookdesk_core::{ApiKeys, Authorization, KeyId, Partner};

/// A partner with all its keys and sessions, or else a key with its sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ShareHolder {
    Partner(Partner),
    Key(KeyId),
}

impl ShareHolder {
    /// The holder of a call's shares, unless it needs no key or has the host's own.
    #[must_use]
    pub fn of(authorization: Option<Authorization>, keys: &ApiKeys) -> Option<Self> {
        let id = authorization?.key()?;
        let key = keys.of_holder(id);
        let partner = key.and_then(|key| key.settings.partner());
        Some(partner.map_or_else(|| Self::Key(key.map_or(id, |key| key.id)), Self::Partner))
    }
}
