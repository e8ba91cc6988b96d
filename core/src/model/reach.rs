//! Reach: the part of the desk that a caller sees and changes.

use crate::model::event::EventType;
use crate::model::partner::{Grant, Partner};
use crate::model::scope::{Scope, Scopes};

/// The part of the desk that a caller reaches: all of it, or one partner's webhooks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    scopes: Scopes,
    /// Of a partner's key.
    grant: Option<Grant>,
}

impl Reach {
    /// That of a caller that has no key: the desk's own command, an open desk's caller, the holder
    /// of the host's key, or a user of its machine.
    #[must_use]
    pub fn everything() -> Self {
        Self { scopes: Scopes::of([Scope::Admin]), grant: None }
    }

    #[must_use]
    pub fn of_key(scopes: Scopes, grant: Option<Grant>) -> Self {
        Self { scopes, grant }
    }

    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.scopes.contains(Scope::Admin)
    }

    /// The partner whose webhooks alone are reached.
    #[must_use]
    pub fn partner(&self) -> Option<Partner> {
        self.grant.as_ref().map(|grant| grant.partner)
    }

    #[must_use]
    pub fn grant(&self) -> Option<&Grant> {
        self.grant.as_ref()
    }

    /// Whether a webhook is reached that belongs to `owner`.
    #[must_use]
    pub fn includes(&self, owner: Option<Partner>) -> bool {
        self.partner().is_none_or(|partner| owner == Some(partner))
    }

    /// Whether the caller may be told of events of this type.
    #[must_use]
    pub fn grants(&self, kind: EventType) -> bool {
        self.grant.as_ref().is_none_or(|grant| kind.is_for_all() || grant.events.names(kind))
    }

    /// Whether the values of a webhook's headers are shown: to those who may change them, and to a
    /// partner if it set them itself.
    #[must_use]
    pub fn shows_headers(&self, set_by_partner: bool) -> bool {
        let may_change = self.is_admin() || self.scopes.contains(Scope::Webhooks);
        may_change && (self.grant.is_none() || set_by_partner)
    }
}
