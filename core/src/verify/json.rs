//! JSON with its keys in their original order, and its form in the desk's bodies.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::flaw::Changes;
use crate::model::millis::Millis;

/// The keys of a body and of its `data`, in the desk's order.
const KEYS: [&str; 7] =
    ["event", "created", "data", "ticket_message", "webhook_id", "event_id", "reason"];

/// A JSON value as it was written, except for spaces, escapes and the spelling of numbers.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    pub fn parse(bytes: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(bytes)
    }

    /// Compact, with only the escapes that JSON requires, as the desk writes it.
    pub fn write(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers always have a JSON form")
    }

    pub fn get(&self, name: &str) -> Option<&Json> {
        let Self::Object(members) = self else { return None };
        members.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// Whether it has the keys that all the desk's bodies have.
    pub fn is_ours(&self) -> bool {
        KEYS.iter().take(3).all(|key| self.get(key).is_some())
    }

    /// With known keys in the desk's order, and the others after them.
    pub fn ordered(&self) -> Self {
        let place = |name: &str| KEYS.iter().position(|key| *key == name).unwrap_or(KEYS.len());
        let Self::Object(members) = self else { return self.clone() };
        let mut members: Vec<(String, Self)> =
            members.iter().map(|(name, value)| (name.clone(), value.ordered())).collect();
        members.sort_by_key(|(name, _)| place(name));
        Self::Object(members)
    }

    /// Undoes the conversion to a receiver's types: the desk's names and form of dates, numbers as
    /// the texts that they were, nothing in place of `null`, and an object for `data`.
    pub fn ours(&self) -> Self {
        let Self::Object(members) = self.ordered() else { return self.clone() };
        let members = members.into_iter().filter(|(_, value)| *value != Self::Null);
        let ours = |(name, value): (String, Self)| {
            let name = snake_case(&name);
            let value = match (name.as_str(), value) {
                ("created", value) => date(&value).unwrap_or(value),
                ("data", Self::List(all)) if all.is_empty() => Self::Object(Vec::new()),
                (_, Self::Number(number)) => Self::Text(number.to_string()),
                (_, value) => value.ours(),
            };
            (name, value)
        };
        Self::Object(members.map(ours).collect()).ordered()
    }

    /// Changes every text.
    pub fn map(&self, change: &impl Fn(&str) -> String) -> Self {
        match self {
            Self::Text(text) => Self::Text(change(text)),
            Self::List(all) => Self::List(all.iter().map(|one| one.map(change)).collect()),
            Self::Object(members) => {
                let members = members.iter().map(|(name, one)| (name.clone(), one.map(change)));
                Self::Object(members.collect())
            }
            Self::Null | Self::Bool(_) | Self::Number(_) => self.clone(),
        }
    }
}

/// How `body`, whose parsed form is `parsed`, differs from the signed body.
pub(super) fn changes(body: &[u8], parsed: &Json, signed: &[u8]) -> Changes {
    let tight = without_spaces(body);
    let compact = parsed.write();
    let ordered = parsed.ordered().write();
    Changes {
        spaces: tight != body,
        order: ordered != compact,
        escapes: tight != compact,
        values: ordered != signed,
    }
}

/// `body` without the white space between its values.
fn without_spaces(body: &[u8]) -> Vec<u8> {
    let (mut inside, mut escaped) = (false, false);
    let keep = |byte: &u8| {
        let kept = inside || !byte.is_ascii_whitespace();
        if *byte == b'"' && !escaped {
            inside = !inside;
        }
        escaped = inside && *byte == b'\\' && !escaped;
        kept
    };
    let mut keep = keep;
    body.iter().copied().filter(|byte| keep(byte)).collect()
}

fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 2);
    for c in name.chars() {
        if c.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

/// A date in the desk's form, from a text, or from unix time in seconds or milliseconds.
fn date(value: &Json) -> Option<Json> {
    let at = match value {
        Json::Text(text) => {
            // Without an offset, or with a blank for the T.
            let text = text.replacen(' ', "T", 1);
            Millis::parse(&text).or_else(|| Millis::parse(&format!("{text}Z")))?
        }
        Json::Number(number) => {
            let number = number.as_f64().filter(|number| *number >= 0.0)?;
            let is_seconds = number < 1e11;
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it is not negative, and what is too great for a time matches nothing"
            )]
            Millis((if is_seconds { number * 1_000.0 } else { number }) as u64)
        }
        Json::Null | Json::Bool(_) | Json::List(_) | Json::Object(_) => return None,
    };
    Some(Json::Text(at.rfc3339_seconds()))
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(is) => serializer.serialize_bool(*is),
            Self::Number(number) => number.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(all) => {
                let mut list = serializer.serialize_seq(Some(all.len()))?;
                all.iter().try_for_each(|one| list.serialize_element(one))?;
                list.end()
            }
            Self::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                members.iter().try_for_each(|(name, one)| map.serialize_entry(name, one))?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Json;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json::Null)
            }

            fn visit_bool<E>(self, is: bool) -> Result<Json, E> {
                Ok(Json::Bool(is))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
                Ok(Json::Number(number.into()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
                Ok(Json::Number(number.into()))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
                Ok(serde_json::Number::from_f64(number).map_or(Json::Null, Json::Number))
            }

            fn visit_str<E>(self, text: &str) -> Result<Json, E> {
                Ok(Json::Text(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<Json, E> {
                Ok(Json::Text(text))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
                let mut all = Vec::new();
                while let Some(one) = seq.next_element()? {
                    all.push(one);
                }
                Ok(Json::List(all))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Json::Object(members))
            }
        }
        deserializer.deserialize_any(Any)
    }
}
