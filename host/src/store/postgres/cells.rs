//! Values as PostgreSQL stores them.
//!
//! Its texts cannot hold the character U+0000, which tickets and answers of receivers may have. It is
//! stored as U+0001 and `0`, and U+0001 itself as U+0001 and `1`.

use std::borrow::Cow;
use std::error::Error;

use bytes::BytesMut;
use hookdesk_core::sql::Value;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

const ESCAPE: char = '\u{1}';

/// The type of a parameter; the server finds that of nothing by itself.
pub fn type_of(value: &Value<'_>) -> Type {
    match value {
        Value::Null => Type::UNKNOWN,
        Value::Integer(_) => Type::INT8,
        Value::Text(_) => Type::TEXT,
    }
}

/// The type of an array of values. The statements cast each array to the type that they mean, so an
/// array of nothing else may be one of texts.
pub fn type_of_all(values: &[Value<'_>]) -> Type {
    match values.iter().find(|value| **value != Value::Null) {
        Some(Value::Integer(_)) => Type::INT8_ARRAY,
        Some(Value::Text(_) | Value::Null) | None => Type::TEXT_ARRAY,
    }
}

/// A value as a parameter.
#[derive(Debug)]
pub struct Cell<'a>(pub &'a Value<'a>);

impl ToSql for Cell<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self.0 {
            Value::Null => Ok(IsNull::Yes),
            Value::Integer(number) => number.to_sql(ty, out),
            Value::Text(text) => escaped(text).to_sql(ty, out),
        }
    }

    fn accepts(ty: &Type) -> bool {
        [Type::INT8, Type::TEXT, Type::UNKNOWN].contains(ty)
    }

    to_sql_checked!();
}

/// A value of a row.
struct Found(Value<'static>);

impl<'a> FromSql<'a> for Found {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(match *ty {
            Type::INT8 => Value::Integer(i64::from_sql(ty, raw)?),
            _ => Value::Text(Cow::Owned(unescaped(<&str>::from_sql(ty, raw)?))),
        }))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::INT8 || *ty == Type::TEXT
    }
}

/// The values of a row.
pub fn values(row: &Row) -> Result<Vec<Value<'static>>, tokio_postgres::Error> {
    let value = |place| Ok(row.try_get::<_, Option<Found>>(place)?.map_or(Value::Null, |of| of.0));
    (0..row.len()).map(value).collect()
}

fn escaped(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| byte <= 1) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 1);
    for character in text.chars() {
        match character {
            '\0' => escaped.extend([ESCAPE, '0']),
            ESCAPE => escaped.extend([ESCAPE, '1']),
            other => escaped.push(other),
        }
    }
    Cow::Owned(escaped)
}

fn unescaped(text: &str) -> String {
    if !text.contains(ESCAPE) {
        return text.to_owned();
    }
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.push(match character {
            ESCAPE if characters.next() == Some('0') => '\0',
            other => other,
        });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_read_back() {
        for text in ["", "plain", "\0", "\u{1}", "\u{1}0", "a\0b\u{1}1c\u{1}\0", "\u{e9}\0"] {
            let stored = escaped(text);
            assert!(!stored.contains('\0'));
            assert_eq!(unescaped(&stored), text);
        }
    }
}
