//! Scopes of API keys: what the holder of a key may do.

use std::fmt;

use serde::Serialize;

/// A part of the API that a key opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub enum Scope {
    /// All that is read with GET, but for keys.
    Read,
    /// Tickets and the service, and reading them.
    Tickets,
    /// Webhooks and all below them, and reading them.
    Webhooks,
    /// Everything.
    Admin,
}

impl Scope {
    pub const ALL: [Self; 4] = [Self::Read, Self::Tickets, Self::Webhooks, Self::Admin];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Tickets => "tickets",
            Self::Webhooks => "webhooks",
            Self::Admin => "admin",
        }
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }

    fn bit(self) -> u8 {
        match self {
            Self::Read => 1,
            Self::Tickets => 2,
            Self::Webhooks => 4,
            Self::Admin => 8,
        }
    }
}

/// A set of scopes.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    #[must_use]
    pub fn of(scopes: impl IntoIterator<Item = Scope>) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }

    /// The scopes in the order of [`Scope::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.contains(*scope))
    }

    /// Whether a partner's key may have them: it reads its webhooks and changes them.
    #[must_use]
    pub fn are_for_partners(self) -> bool {
        self.iter().all(|scope| matches!(scope, Scope::Read | Scope::Webhooks))
    }

    #[must_use]
    pub fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_each_scope_once_and_in_order() {
        let scopes = Scopes::of([Scope::Admin, Scope::Read, Scope::Read]);
        assert_eq!(scopes.iter().collect::<Vec<_>>(), [Scope::Read, Scope::Admin]);
        assert!(!scopes.contains(Scope::Tickets) && !scopes.is_empty());
        assert!(Scopes::default().is_empty());
        for scope in Scope::ALL {
            assert_eq!(Scope::parse(scope.name()), Some(scope));
        }
        assert_eq!(Scope::parse("Admin"), None);
    }
}
