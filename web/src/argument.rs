//! Arguments from JavaScript, read from their JSON text.
//!
//! An argument may be a secret that was put into the wrong place. So an error says where the mistake
//! is and which kind of value was expected and found, and contains no value.

use std::fmt;
use std::ops::Range;

use serde::de::value::StringDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, Expected, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

/// Unix time in seconds from 2001 to 2286, which in milliseconds are days of 1970.
const IN_SECONDS: Range<f64> = 1e9..1e10;
/// Seconds of the last time that RFC 3339 can write.
const LAST_SECOND: u64 = 253_402_300_799;
/// Letters of a name of a field that is quoted: our own have less, and a key is no word.
const MAX_NAME: usize = 24;

/// Why an argument is invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The place inside the argument, such as `[0].at.nowMs`; empty for the whole.
    place: String,
    why: String,
}

impl Invalid {
    fn new(why: impl Into<String>) -> Self {
        Self { place: String::new(), why: why.into() }
    }

    fn within(self, outer: &str) -> Self {
        Self { place: format!("{outer}{}", self.place), ..self }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.why)
    }
}

impl std::error::Error for Invalid {}

impl Error for Invalid {
    fn custom<T: fmt::Display>(why: T) -> Self {
        Self::new(why.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("it must be {}, and is {}", wanted(expected), kind(&found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::new(format!("it must be {}, and has {length} items", wanted(expected)))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("it must be one of {}", expected.join(", ")))
    }

    fn unknown_field(name: &str, expected: &'static [&'static str]) -> Self {
        let is_word = name.len() <= MAX_NAME && name.bytes().all(|byte| byte.is_ascii_alphabetic());
        let name = if is_word { format!("unknown field `{name}`") } else { "unknown field".into() };
        Self::new(format!("{name}; there are {}", expected.join(", ")))
    }

    fn missing_field(name: &'static str) -> Self {
        Self::new(format!("missing field `{name}`"))
    }
}

/// What was expected, in words of JavaScript.
fn wanted(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    match text.as_str() {
        "a sequence" => "a list".to_owned(),
        "u8" | "u16" | "u32" | "u64" => "a whole number from 0".to_owned(),
        "a boolean" => "true or false".to_owned(),
        structure if structure.starts_with("struct ") => "an object".to_owned(),
        _ => text,
    }
}

fn kind(found: &Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "true or false",
        Unexpected::Unsigned(_) => "a number",
        Unexpected::Signed(_) => "a negative number",
        Unexpected::Float(_) => "a fraction or out of range",
        Unexpected::Char(_) | Unexpected::Str(_) => "a string",
        // JSON has no other text for the last two.
        Unexpected::Unit | Unexpected::Option => "null, NaN or infinite",
        Unexpected::Seq => "a list",
        Unexpected::Map => "an object",
        Unexpected::Bytes(_)
        | Unexpected::NewtypeStruct
        | Unexpected::Enum
        | Unexpected::UnitVariant
        | Unexpected::NewtypeVariant
        | Unexpected::TupleVariant
        | Unexpected::StructVariant
        | Unexpected::Other(_) => "something else",
    }
}

/// Reads an argument.
///
/// # Errors
/// [`Invalid`], with the place inside it.
pub fn read<T: DeserializeOwned>(json: &str) -> Result<T, Invalid> {
    let value = serde_json::from_str(json).map_err(|_| Invalid::new("it is not JSON"))?;
    T::deserialize(Argument(value))
}

/// Whole milliseconds of unix time.
///
/// # Errors
/// What is wrong with the number.
pub fn unix_ms(number: f64) -> Result<u64, &'static str> {
    let wanted = "it must be whole milliseconds of unix time, as Date.now() has them";
    let wrong = if is_in_seconds(number) { SECONDS } else { wanted };
    whole(number, LAST_SECOND * 1_000 + 999).ok_or(wrong)
}

/// What is wrong with a number of seconds in place of milliseconds.
pub const SECONDS: &str = "it is in seconds, and must be in milliseconds, as Date.now() has them";

/// Whether a time is one of our days if it is in seconds.
#[must_use]
pub fn is_in_seconds(number: f64) -> bool {
    IN_SECONDS.contains(&number)
}

/// Whole seconds of unix time.
///
/// # Errors
/// What is wrong with the number, which is most often that it is in milliseconds.
pub fn unix_seconds(number: f64) -> Result<u64, &'static str> {
    let wanted = "it must be whole seconds of unix time, and may be in milliseconds";
    whole(number, LAST_SECOND).ok_or(wanted)
}

/// `number`, if it is a whole one from 0 to `most`, which is one that JavaScript holds exactly.
fn whole(number: f64, most: u64) -> Option<u64> {
    #[expect(clippy::cast_precision_loss, reason = "such numbers are held exactly")]
    let is_inside = number.fract() == 0.0 && (0.0..=most as f64).contains(&number);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is inside")]
    is_inside.then_some(number as u64)
}

/// A value inside an argument, with errors of ours.
struct Argument(Value);

impl Argument {
    fn unexpected(&self) -> Unexpected<'_> {
        match &self.0 {
            Value::Null => Unexpected::Unit,
            Value::Bool(is) => Unexpected::Bool(*is),
            Value::Number(_) => Unexpected::Unsigned(0),
            Value::String(text) => Unexpected::Str(text),
            Value::Array(_) => Unexpected::Seq,
            Value::Object(_) => Unexpected::Map,
        }
    }
}

impl<'de> Deserializer<'de> for Argument {
    type Error = Invalid;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Invalid> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(is) => visitor.visit_bool(is),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => visitor.visit_u64(number),
                (None, Some(number)) => visitor.visit_i64(number),
                (None, None) => visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => visitor.visit_string(text),
            Value::Array(items) => every_item(items, visitor),
            Value::Object(fields) => visitor.visit_map(Fields::new(fields)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Invalid> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Invalid> {
        visitor.visit_newtype_struct(self)
    }

    /// Enums are names here.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Invalid> {
        match self.0 {
            Value::String(name) => {
                let name: StringDeserializer<Invalid> = name.into_deserializer();
                visitor.visit_enum(name)
            }
            other @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_)) => {
                Err(Invalid::invalid_type(Self(other).unexpected(), &"a string"))
            }
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// Visits a list, all of which must be taken.
fn every_item<'de, V: Visitor<'de>>(items: Vec<Value>, visitor: V) -> Result<V::Value, Invalid> {
    let length = items.len();
    let mut items = Items { next: 0, rest: items.into_iter() };
    let value = visitor.visit_seq(&mut items)?;
    if items.rest.len() > 0 {
        return Err(Invalid::invalid_length(length, &"a shorter list"));
    }
    Ok(value)
}

struct Items {
    next: usize,
    rest: std::vec::IntoIter<Value>,
}

impl<'de> SeqAccess<'de> for &mut Items {
    type Error = Invalid;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Invalid> {
        let Some(item) = self.rest.next() else { return Ok(None) };
        let index = self.next;
        self.next += 1;
        let item = seed.deserialize(Argument(item));
        item.map(Some).map_err(|invalid| invalid.within(&format!("[{index}]")))
    }
}

struct Fields {
    rest: serde_json::map::IntoIter,
    current: Option<(String, Value)>,
}

impl Fields {
    fn new(fields: Map<String, Value>) -> Self {
        Self { rest: fields.into_iter(), current: None }
    }
}

impl<'de> MapAccess<'de> for Fields {
    type Error = Invalid;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Invalid> {
        self.current = self.rest.next();
        let Some((name, _)) = &self.current else { return Ok(None) };
        let name: StringDeserializer<Invalid> = name.clone().into_deserializer();
        seed.deserialize(name).map(Some)
    }

    /// The name in the place is one that the type knows: others have ended in an error before.
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Invalid> {
        let (name, value) = self.current.take().ok_or_else(|| Invalid::new("it has no value"))?;
        seed.deserialize(Argument(value)).map_err(|invalid| invalid.within(&format!(".{name}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{Input, JsMoment, Report};
    use crate::options::Options;
    use crate::signature::KnownSecrets;

    /// A text that must not come back, in every place that a caller may mistake for its own.
    const SECRET: &str = "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

    fn why<T: DeserializeOwned>(json: &str) -> String {
        match read::<T>(&json.replace("SECRET", SECRET)) {
            Ok(_) => String::new(),
            Err(invalid) => invalid.to_string(),
        }
    }

    #[test]
    fn an_error_names_the_place_and_the_kinds() {
        let at = format!(r#"{{"nowMs":1,"chance":"{}"}}"#, "00".repeat(48));
        let key = r#"{"webhook":"x","seq":1,"number":1,"sentAtMs":1}"#;
        for (json, words) in [
            ("5".to_owned(), ": it must be a list, and is a number"),
            (r#"[{"at":5}]"#.to_owned(), "[0].at: it must be an object, and is a number"),
            (
                r#"[{"at":{"nowMs":-1}}]"#.into(),
                "[0].at.nowMs: it must be a whole number from 0, and is a negative number",
            ),
            (
                r#"[{"at":{"nowMs":1.5}}]"#.into(),
                ".nowMs: it must be a whole number from 0, and is a fraction or out of range",
            ),
            (
                r#"[{"at":{"nowMs":null}}]"#.into(),
                ".nowMs: it must be a whole number from 0, and is null, NaN or infinite",
            ),
            (
                r#"[{"at":{"nowMs":1,"chance":"0"}}]"#.into(),
                ".chance: chance must be 96 hex digits",
            ),
            (
                format!(r#"[{{"at":{at},"cal":1}}]"#),
                "[0]: unknown field `cal`; there are at, call, report",
            ),
            (
                format!(r#"[{{"at":{at},"call":{{"method":"GET"}}}}]"#),
                "[0].call: missing field `path`",
            ),
            (
                format!(r#"[{{"at":{at},"report":{{"key":{key}}}}}]"#),
                "[0].report.key.webhook: not an id of ours",
            ),
        ] {
            let told = why::<Vec<Input>>(&json);
            assert!(told.contains(words), "{json}: {told}");
        }
    }

    #[test]
    fn no_error_repeats_a_value() {
        let key =
            r#"{"webhook":"whk_01856aa0c80070008000000000000001","seq":1,"number":1,"sentAtMs":1}"#;
        let report = |field: &str| format!(r#"{{"key":{key},"durationMs":1,{field}}}"#);
        let told = [
            why::<KnownSecrets>(r#"{"SECRET":true}"#),
            why::<KnownSecrets>(r#"{"text":"SECRET"}"#),
            why::<KnownSecrets>(r#"{"text":"SECRET","ended":"no"}"#),
            why::<KnownSecrets>(r#"[["SECRET"]]"#),
            why::<KnownSecrets>(r#"["SECRET", 5]"#),
            why::<(String, String)>(r#"["SECRET"]"#),
            why::<(String, String)>(r#"["a","b","SECRET"]"#),
            why::<Options>(r#""SECRET""#),
            why::<Options>(r#"["SECRET"]"#),
            why::<Options>(r#"{"SECRET":1}"#),
            why::<Options>(r#"{"open":"SECRET"}"#),
            why::<Options>(r#"{"downAfter":"SECRET"}"#),
            why::<Options>(r#"{"allowTarget":"SECRET"}"#),
            why::<JsMoment>(r#""SECRET""#),
            why::<JsMoment>(r#"{"nowMs":"SECRET"}"#),
            why::<JsMoment>(r#"{"nowMs":1,"chance":"SECRET"}"#),
            why::<Report>(r#""SECRET""#),
            why::<Report>(&report(r#""failure":"SECRET""#)),
            why::<Report>(&report(r#""status":"SECRET""#)),
            why::<Report>(r#"{"key":{"webhook":"SECRET"}}"#),
            why::<Vec<Input>>(r#""SECRET""#),
            why::<Vec<Input>>("SECRET"),
        ];
        for (index, told) in told.iter().enumerate() {
            assert!(!told.is_empty(), "{index} is taken");
            assert!(!told.contains("BwcH"), "{index}: {told}");
        }
    }

    #[test]
    fn a_lone_secret_is_as_good_as_a_list() {
        for json in [r#""SECRET""#, r#"["SECRET"]"#, r#"{"text":"SECRET","ended":true}"#, "[]"] {
            assert_eq!(why::<KnownSecrets>(json), "", "{json}");
        }
    }

    #[test]
    fn times_are_finite_whole_and_of_their_unit() {
        for number in [0.0, 99_999_999.0, 1_672_531_200_000.0, 253_402_300_799_999.0] {
            assert!(unix_ms(number).is_ok(), "{number}");
        }
        for (number, word) in [
            (1_672_531_200.5, "in seconds"),
            (1_672_531_200_000.5, "whole"),
            (-1.0, "whole"),
            (f64::NAN, "whole"),
            (f64::INFINITY, "whole"),
            (1_672_531_200_000_000.0, "milliseconds"),
        ] {
            assert!(unix_ms(number).unwrap_err().contains(word), "{number}");
        }
        assert_eq!(unix_seconds(1_672_531_200.0), Ok(1_672_531_200));
        for number in [1_672_531_200_000.0, -1.0, 0.5, f64::NAN, f64::NEG_INFINITY] {
            assert!(unix_seconds(number).is_err(), "{number}");
        }
    }
}
