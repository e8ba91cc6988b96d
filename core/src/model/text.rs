//! Validation of texts that callers send: a length, and no character that some stores cannot keep.

use std::fmt;

/// JSON strings for types with one text form, which their `parse` reads back.
macro_rules! spelled {
    ($($name:ident),*) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                let named = Self::parse(&text);
                named.ok_or_else(|| serde::de::Error::custom("not a name of ours"))
            }
        }
    )*};
}

pub(crate) use spelled;

/// JSON strings for types that are serialized as their name.
macro_rules! named {
    ($($name:ident),*) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }
    )*};
}

pub(crate) use named;

/// The reason why a text is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadText {
    Empty,
    TooLong {
        /// Bytes.
        longest: usize,
    },
    /// The character U+0000, at which some stores and receivers cut a text.
    Nul,
}

impl BadText {
    /// # Errors
    /// [`BadText`] unless `text` has 1 to `longest` bytes and no NUL.
    pub fn check(text: &str, longest: usize) -> Result<(), Self> {
        if text.is_empty() {
            Err(Self::Empty)
        } else if text.len() > longest {
            Err(Self::TooLong { longest })
        } else if text.contains('\0') {
            Err(Self::Nul)
        } else {
            Ok(())
        }
    }
}

impl fmt::Display for BadText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("must not be empty"),
            Self::TooLong { longest } => write!(f, "must be at most {longest} bytes"),
            Self::Nul => f.write_str("must not contain the character U+0000"),
        }
    }
}

impl std::error::Error for BadText {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_bounded_in_bytes() {
        assert_eq!(BadText::check("éé", 4), Ok(()));
        assert_eq!(BadText::check("éé", 3), Err(BadText::TooLong { longest: 3 }));
        assert_eq!(BadText::check("", 3), Err(BadText::Empty));
        assert_eq!(BadText::check("a\0", 3), Err(BadText::Nul));
    }
}
