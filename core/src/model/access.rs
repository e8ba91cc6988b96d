//! Access rules: what a call needs of its caller. Each route has one.

use serde::{Deserialize, Serialize};

use crate::model::scope::{Scope, Scopes};

/// What a route needs of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Nothing: no key is asked for.
    Open,
    /// A key, whatever its scopes.
    AnyKey,
    ReadTickets,
    ChangeTickets,
    ReadWebhooks,
    ChangeWebhooks,
    /// To ping all webhooks at once.
    PingAll,
    /// To read which partners there are.
    ReadPartners,
    /// To read the log of all events.
    ReadLog,
    Admin,
}

impl Access {
    pub const ALL: [Self; 10] = [
        Self::Open,
        Self::AnyKey,
        Self::ReadTickets,
        Self::ChangeTickets,
        Self::ReadWebhooks,
        Self::ChangeWebhooks,
        Self::PingAll,
        Self::ReadPartners,
        Self::ReadLog,
        Self::Admin,
    ];

    /// The scopes of which a key must have one.
    #[must_use]
    pub fn scopes(self) -> Scopes {
        match self {
            Self::Open | Self::AnyKey => Scopes::of(Scope::ALL),
            Self::ReadTickets => Scopes::of([Scope::Read, Scope::Tickets, Scope::Admin]),
            Self::ChangeTickets => Scopes::of([Scope::Tickets, Scope::Admin]),
            Self::ReadWebhooks => Scopes::of([Scope::Read, Scope::Webhooks, Scope::Admin]),
            Self::ChangeWebhooks | Self::PingAll => Scopes::of([Scope::Webhooks, Scope::Admin]),
            Self::ReadLog | Self::ReadPartners => Scopes::of([Scope::Read, Scope::Admin]),
            Self::Admin => Scopes::of([Scope::Admin]),
        }
    }

    /// Whether a partner may call such a route at all: one that is about single webhooks, or about
    /// the caller.
    #[must_use]
    pub fn is_for_partners(self) -> bool {
        match self {
            Self::Open | Self::AnyKey | Self::ReadWebhooks | Self::ChangeWebhooks => true,
            Self::ReadTickets
            | Self::ChangeTickets
            | Self::PingAll
            | Self::ReadPartners
            | Self::ReadLog
            | Self::Admin => false,
        }
    }

    /// Whether a key with these scopes is enough.
    #[must_use]
    pub fn is_granted_by(self, scopes: Scopes) -> bool {
        scopes.iter().any(|scope| self.scopes().contains(scope))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scope_grants_what_it_is_for() {
        let granted = |scope| {
            let scopes = Scopes::of([scope]);
            let granted = Access::ALL.into_iter().filter(|access| access.is_granted_by(scopes));
            granted.skip(2).collect::<Vec<_>>()
        };
        let reads =
            [Access::ReadTickets, Access::ReadWebhooks, Access::ReadPartners, Access::ReadLog];
        assert_eq!(granted(Scope::Read), reads);
        assert_eq!(granted(Scope::Tickets), [Access::ReadTickets, Access::ChangeTickets]);
        let webhooks = [Access::ReadWebhooks, Access::ChangeWebhooks, Access::PingAll];
        assert_eq!(granted(Scope::Webhooks), webhooks);
        assert_eq!(granted(Scope::Admin), Access::ALL[2..]);
        assert!(!Access::AnyKey.is_granted_by(Scopes::default()));
    }
}
