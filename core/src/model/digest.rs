//! SHA-256 digests.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::model::text::spelled;

/// A SHA-256 digest over a list of byte strings.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Hashes each part after its length, so that no two lists of parts have the same input.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Parses 64 lower-case hex digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digit = |byte: u8| char::from(byte).to_digit(16).filter(|_| !byte.is_ascii_uppercase());
        let digits: Vec<u32> = text.bytes().map(digit).collect::<Option<_>>()?;
        let (pairs, []) = digits.as_chunks::<2>() else { return None };
        let bytes = pairs.iter().map(|[high, low]| u8::try_from(high * 16 + low));
        let bytes: Vec<u8> = bytes.collect::<Result<_, _>>().ok()?;
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

spelled!(Digest);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_tells_parts_apart_and_is_read_back() {
        let digest = Digest::of(&[b"ab", b"c"]);
        assert_ne!(digest, Digest::of(&[b"a", b"bc"]));
        assert_ne!(digest, Digest::of(&[b"abc"]));
        assert_eq!(Digest::parse(&digest.to_string()), Some(digest));
        let text = digest.to_string();
        for bad in ["", &text[1..], &text[2..], &text.to_uppercase(), &text.replace('0', "é")] {
            assert_eq!(Digest::parse(bad), None, "{bad}");
        }
    }
}
