//! Partners: the names under which webhooks and API keys belong to others than the operator.

use std::fmt;

use crate::model::subscription::Subscription;
use crate::model::text::spelled;

/// A partner's name: a letter or digit, then letters, digits, dots, hyphens and underscores. Names
/// are compared as bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify), tsify(type = "string"))]
pub struct Partner {
    /// The name, filled up with zeros, which no name has.
    bytes: [u8; Self::MAX_LENGTH],
    length: u8,
}

impl Partner {
    pub const MAX_LENGTH: usize = 64;
    /// What a text that is no name must be.
    pub const RULE: &str = "must be 1 to 64 letters, digits, dots, hyphens and underscores of ASCII, \
                            and begin with a letter or digit";

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let goes_on = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        if !(begins && name.bytes().all(goes_on)) {
            return None;
        }
        let mut bytes = [0; Self::MAX_LENGTH];
        bytes.get_mut(..name.len())?.copy_from_slice(name.as_bytes());
        Some(Self { bytes, length: u8::try_from(name.len()).ok()? })
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        let name = self.bytes.get(..self.length.into()).unwrap_or_default();
        std::str::from_utf8(name).unwrap_or_default()
    }
}

impl fmt::Display for Partner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Partner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Partner({self})")
    }
}

spelled!(Partner);

/// What the operator grants to a partner with an API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub partner: Partner,
    /// The event types that the partner may be told of. None is operational.
    pub events: Subscription,
}

/// A partner, and how much of the desk is its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartnerCounts {
    pub partner: Partner,
    pub webhooks: u64,
    pub keys: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_others_refused() {
        let long = "p".repeat(64);
        for name in ["a", "Acme", "7-eleven", "a.b_c-d", &long] {
            let partner = Partner::parse(name).unwrap();
            assert_eq!((partner.as_str(), partner.to_string()), (name, name.to_owned()));
        }
        let longer = "p".repeat(65);
        let other = "p".repeat(300);
        for name in ["", ".", "-a", "_a", "a b", "a/b", "a\0", "\u{e9}", "a\n", &longer, &other] {
            assert_eq!(Partner::parse(name), None, "{name:?}");
        }
    }

    #[test]
    fn names_are_ordered_as_texts() {
        let mut names = ["b", "a", "aa", "A", "a.", "a-"];
        let mut partners = names.map(|name| Partner::parse(name).unwrap());
        names.sort_unstable();
        partners.sort_unstable();
        assert_eq!(partners.map(|partner| partner.to_string()), names);
    }
}
