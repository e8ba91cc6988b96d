//! Kinds of API keys: what a key is used for, and how long.

/// What a key is used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyKind {
    /// Programs send it with each call, as a bearer token (RFC 6750).
    #[default]
    Bearer,
    /// A browser that is signed in sends it, as a cookie.
    Session,
    /// It stands in a link, and signs a browser in once.
    Link,
}

impl KeyKind {
    pub const ALL: [Self; 3] = [Self::Bearer, Self::Session, Self::Link];
    /// Milliseconds that a browser stays signed in: a working day, so that people sign in once a day.
    pub const SESSION_MS: u64 = 12 * 60 * 60 * 1_000;
    /// Milliseconds in which a link can be used: it is sent by mail or chat, and read the next day.
    pub const LINK_MS: u64 = 24 * 60 * 60 * 1_000;

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::Session => "session",
            Self::Link => "link",
        }
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What the text of such a key begins with.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Bearer => "hdk_",
            Self::Session => "hds_",
            Self::Link => "hdl_",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_back_by_its_name_and_has_a_prefix_of_its_own() {
        for kind in KeyKind::ALL {
            assert_eq!(KeyKind::parse(kind.name()), Some(kind));
            let alike = KeyKind::ALL.into_iter().filter(|other| other.prefix() == kind.prefix());
            assert_eq!(alike.count(), 1, "{kind:?}");
        }
        assert_eq!(KeyKind::parse("cookie"), None);
    }
}
