//! Rows as data: what is needed as a query, what is stored as statements, rows as facts.
//!
//! Hosts only run the statements that they are handed. The tables and the words of the dialect are
//! in [`sqlite`]; a host with another database has a module of the same face.

pub mod sqlite;

mod row;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub use row::BadRow;

/// A value on its way to or from a database. In JSON it is what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value<'a> {
    Null,
    Integer(i64),
    Text(Cow<'a, str>),
}

impl Value<'_> {
    /// The greatest whole number of the desk, 2⁵³ − 1: every runtime holds it exactly, those among
    /// them whose only numbers are doubles.
    pub const MAX_INTEGER: i64 = (1 << 53) - 1;
}

/// One statement, its parameters in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement<'a> {
    pub sql: &'static str,
    pub values: Vec<Value<'a>>,
    /// Rows that it must change; another number means that somebody else was quicker, and the whole
    /// commit is to be undone.
    pub changes: Option<usize>,
}

impl From<u64> for Value<'_> {
    /// A number that is too great is stored as the greatest.
    fn from(number: u64) -> Self {
        Self::Integer(i64::try_from(number).unwrap_or(i64::MAX).min(Self::MAX_INTEGER))
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, T::into)
    }
}
