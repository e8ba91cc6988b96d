//! Bounded parsing of a caller's JSON object.
//!
//! A body of two bytes a value would be sixteen times as large in memory, and one that nests a
//! hundred times so. So whatever no field can hold is checked to be JSON and dropped: fields of
//! other names, values nested deeper than a list of texts, and the items of a list beyond
//! [`MAX_ITEMS`].

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Items of a list or object that are kept: far more than any field may have. One invalid item
/// stands for all further ones.
const MAX_ITEMS: usize = 1_024;

/// Names of unknown fields that are kept: a caller is shown so many at once.
const MAX_UNKNOWN: usize = 8;

/// Parses `body`: an object keeps its `known` fields, any other value is returned as it is; and the
/// names of the first unknown fields. Of several fields of one name the last counts.
///
/// # Errors
/// When it is not JSON.
pub(super) fn read(body: &str, known: &[&str]) -> serde_json::Result<(Value, Vec<String>)> {
    let mut deserializer = serde_json::Deserializer::from_str(body);
    let names = Names { known, unknown: RefCell::default() };
    let value = Within::Call(&names).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok((value, names.unknown.into_inner()))
}

/// The names that a call's fields may have, and others that it has.
struct Names<'a> {
    known: &'a [&'a str],
    unknown: RefCell<Vec<String>>,
}

impl Names<'_> {
    fn know(&self, name: &str) -> bool {
        let known = self.known.contains(&name);
        let mut unknown = self.unknown.borrow_mut();
        if !known && unknown.len() < MAX_UNKNOWN && !unknown.iter().any(|of| of == name) {
            unknown.push(name.to_owned());
        }
        known
    }
}

/// The depth of a value.
#[derive(Clone, Copy)]
enum Within<'a> {
    Call(&'a Names<'a>),
    Field,
    /// A list or object here is invalid whatever it holds: it is read as an empty list.
    Items,
}

impl<'de> DeserializeSeed<'de> for Within<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Within<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        if let Self::Field = self {
            while items.len() < MAX_ITEMS {
                let Some(item) = from.next_element_seed(Self::Items)? else {
                    return Ok(Value::Array(items));
                };
                items.push(item);
            }
        }
        while from.next_element::<IgnoredAny>()?.is_some() {
            if items.len() == MAX_ITEMS {
                items.push(Value::Null);
            }
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = from.next_key::<String>()? {
            let within = match self {
                Self::Call(names) if names.know(&name) => Some(Self::Field),
                Self::Field if object.len() <= MAX_ITEMS => Some(Self::Items),
                Self::Call(_) | Self::Field | Self::Items => None,
            };
            match within {
                Some(within) => {
                    object.insert(name, from.next_value_seed(within)?);
                }
                None => {
                    from.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(if let Self::Items = self { Value::Array(Vec::new()) } else { Value::Object(object) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::{hash_map, vec};
    use proptest::prelude::*;
    use proptest::sample::select;
    use serde_json::json;

    use super::*;

    const KNOWN: [&str; 7] =
        ["dry_run", "events", "headers", "rate_limit", "status", "ticket_message", "timeout_ms"];

    fn read(body: &str) -> serde_json::Result<Value> {
        super::read(body, &KNOWN).map(|(value, _)| value)
    }

    /// Any value, with fields that calls have and others.
    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 64, 6, |inner| {
            let name = prop_oneof![select(&KNOWN[..]).prop_map(str::to_owned), any::<String>()];
            prop_oneof![
                vec(inner.clone(), 0..6).prop_map(Value::from),
                hash_map(name, inner, 0..6)
                    .prop_map(|all| Value::Object(all.into_iter().collect())),
            ]
        })
    }

    /// The part that is kept of a value that was parsed whole.
    fn kept(value: Value) -> Value {
        match value {
            Value::Array(_) => json!([]),
            Value::Object(fields) => {
                let known = fields.into_iter().filter(|(name, _)| KNOWN.contains(&&**name));
                Value::Object(known.map(|(name, field)| (name, kept_of_field(field))).collect())
            }
            plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
        }
    }

    fn kept_of_field(field: Value) -> Value {
        let item = |item: Value| if item.is_array() || item.is_object() { json!([]) } else { item };
        match field {
            Value::Array(items) => items.into_iter().map(item).collect(),
            Value::Object(all) => {
                Value::Object(all.into_iter().map(|(name, value)| (name, item(value))).collect())
            }
            plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
        }
    }

    proptest! {
        #[test]
        fn as_much_is_kept_as_if_it_had_been_read_whole(value in values(), pretty: bool) {
            let write = if pretty { serde_json::to_string_pretty } else { serde_json::to_string };
            let body = write(&value).unwrap();
            prop_assert_eq!(read(&body).unwrap(), kept(value));
        }

        /// One letter replaces some others.
        #[test]
        fn what_is_damaged_is_taken_by_none_or_by_both(
            value in values(),
            (at, length, letter) in (any::<usize>(), 0_usize..4, select(&b"{}[]\",:0-+.tn\\ \n\x01"[..])),
        ) {
            let mut body = value.to_string().into_bytes();
            let at = at % (body.len() + 1);
            body.splice(at..(at + length).min(body.len()), [letter]);
            // A dropped value is not checked for half characters or numbers that are too large.
            if let Ok(body) = str::from_utf8(&body) && !body.contains("\\u") {
                let whole = serde_json::from_str::<Value>(body);
                match (read(body), whole) {
                    (Ok(read), Ok(whole)) => prop_assert_eq!(read, kept(whole)),
                    (read, whole) => prop_assert_eq!(read.is_ok(), whole.is_ok(), "{}", body),
                }
            }
        }
    }

    #[test]
    fn a_field_is_kept_as_deep_as_any_may_be() {
        let body = r#"{"status":null,"colour":[{"a":"\ud800"}],"events":["ping",7,[1],{"a":2}],
            "headers":{"a":"b","c":{"d":1}},"timeout_ms":-1,"rate_limit":1.5,"dry_run":true,
            "status":"paused"}"#;
        let kept = json!({
            "events": ["ping", 7, [], []],
            "headers": { "a": "b", "c": [] },
            "timeout_ms": -1,
            "rate_limit": 1.5,
            "dry_run": true,
            "status": "paused",
        });
        assert_eq!(read(body).unwrap(), kept);
    }

    #[test]
    fn what_is_too_long_stays_too_long_and_is_not_kept() {
        let long = read(&json!({ "events": vec!["ping"; 5_000] }).to_string()).unwrap();
        let events = long["events"].as_array().unwrap();
        assert_eq!((events.len(), events.last()), (MAX_ITEMS + 1, Some(&Value::Null)));
        let just = read(&json!({ "events": vec!["ping"; MAX_ITEMS] }).to_string()).unwrap();
        assert_eq!(just["events"].as_array().map(Vec::len), Some(MAX_ITEMS));
        let names: Map<_, _> = (0..5_000).map(|n| (format!("x-{n}"), "x".into())).collect();
        let long = read(&json!({ "headers": names }).to_string()).unwrap();
        assert_eq!(long["headers"].as_object().map(Map::len), Some(MAX_ITEMS + 1));
    }

    #[test]
    fn the_first_unknown_names_are_kept_once() {
        let unknown = |body: &str| super::read(body, &KNOWN).unwrap().1;
        assert_eq!(unknown(r#"{"events":{"a":1},"status":1}"#), [""; 0]);
        assert_eq!(unknown(r#"{"event":[{"b":1}],"Status":1,"event":2}"#), ["event", "Status"]);
        let many: Map<_, _> = (0..5_000).map(|n| (format!("x-{n}"), Value::Null)).collect();
        assert_eq!(unknown(&Value::from(many).to_string()).len(), MAX_UNKNOWN);
    }

    #[test]
    fn what_is_not_an_object_is_told_from_what_is_not_json() {
        for body in ["[]", "[{\"events\":[1]}]", "1", "null", "\"a\""] {
            assert!(!read(body).unwrap().is_object(), "{body}");
        }
        for body in ["", "{", "{}x", "{\"a\":}", "{\"a\":[}", "{\"events\":[1,]}", "[1", "{'a':1}"]
        {
            assert!(read(body).is_err(), "{body}");
        }
    }
}
