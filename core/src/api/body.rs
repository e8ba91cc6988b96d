//! Validation of a call's JSON body, field by field: all mistakes are reported at once.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::Utf8Error;

use serde_json::{Map, Value};

use crate::api::nearest::unknown;
use crate::api::{Call, Code, FieldError, Problem, json_object};

/// What Windows editors and shells put before a text in UTF-8. RFC 8259 §8.1 lets a reader skip it.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Refuses a body that is not declared as JSON, or that is compressed. The head alone decides it.
pub(super) fn check_head(call: &Call<'_>) -> Result<(), Problem> {
    let mut types = call.all("content-type").flat_map(|types| types.split(',')).peekable();
    if types.peek().is_none() || !types.all(is_json) {
        let detail = "Send the body as JSON, with the header Content-Type: application/json.";
        return Err(Problem::new(Code::UnsupportedMediaType, detail));
    }
    let mut codings = call.all("content-encoding").flat_map(|codings| codings.split(','));
    if codings.all(|coding| matches!(&*coding.trim().to_ascii_lowercase(), "" | "identity")) {
        return Ok(());
    }
    let detail = "Send the body as it is: no Content-Encoding is taken.";
    let header = Some(("accept-encoding", "identity".to_owned()));
    Err(Problem { header, ..Problem::new(Code::UnsupportedMediaType, detail) })
}

/// The fields of a call's JSON object.
pub(super) struct Fields {
    object: Map<String, Value>,
    errors: Vec<FieldError>,
}

impl Fields {
    /// Mistakes that are reported at once: several of each field. A list of invalid items alone
    /// would make the response a hundred times as long as the body.
    const MAX_ERRORS: usize = 64;

    /// Fields of other names than `known` are mistakes: their sender means something by them.
    pub fn of(call: &Call<'_>, known: &[&str]) -> Result<Self, Problem> {
        let (mut fields, others) = Self::read(call, known)?;
        for name in others {
            let (name, detail) = unknown(&name, known, "field");
            fields.fail(&escaped(&name), detail);
        }
        Ok(fields)
    }

    /// As [`Self::of`]; fields of other names are ignored.
    pub fn lenient(call: &Call<'_>, known: &[&str]) -> Result<Self, Problem> {
        Self::read(call, known).map(|(fields, _)| fields)
    }

    /// As [`Self::of`], for a call whose body may be empty.
    pub fn of_any(call: &Call<'_>, known: &[&str]) -> Result<Self, Problem> {
        if call.body.is_empty() {
            return Ok(Self { object: Map::new(), errors: Vec::new() });
        }
        Self::of(call, known)
    }

    /// The known fields, and the names of others.
    fn read(call: &Call<'_>, known: &[&str]) -> Result<(Self, Vec<String>), Problem> {
        check_head(call)?;
        let body = str::from_utf8(call.body).map_err(|error| not_utf8(call.body, &error))?;
        let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
        match json_object::read(body, known) {
            Ok((Value::Object(object), others)) => {
                Ok((Self { object, errors: Vec::new() }, others))
            }
            Ok(_) => {
                let detail = "must be an object".to_owned();
                let error = FieldError { pointer: "#".to_owned(), detail };
                Err(Problem::fields(Code::BadField, vec![error]))
            }
            Err(error) => Err(bad_json(error.line(), error.column())),
        }
    }

    /// Adds a mistake, up to [`Self::MAX_ERRORS`].
    pub fn fail(&mut self, name: &str, detail: impl Into<String>) {
        if self.errors.len() == Self::MAX_ERRORS {
            return;
        }
        let pointer = format!("#/{name}");
        self.errors.push(FieldError { pointer, detail: detail.into() });
    }

    /// A required string.
    fn text(&mut self, name: &str) -> Option<String> {
        match self.object.remove(name) {
            Some(Value::String(text)) => return Some(text),
            Some(_) => self.fail(name, "must be a string"),
            None => self.fail(name, "is missing"),
        }
        None
    }

    /// A required string that `parse` accepts.
    pub fn parsed<T, E: Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(String) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(name)?;
        parse(text).map_err(|bad| self.fail(name, bad.to_string())).ok()
    }

    /// An optional string that `parse` accepts: `None` if it stays as it is, `Some(None)` for null.
    #[expect(clippy::option_option, reason = "it may stay, go, or be another")]
    pub fn optional<T, E: Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(String) -> Result<T, E>,
    ) -> Option<Option<T>> {
        if self.is_null(name) {
            self.take(name);
            return Some(None);
        }
        if self.is_given(name) { self.parsed(name, parse).map(Some) } else { None }
    }

    pub fn is_given(&self, name: &str) -> bool {
        self.object.contains_key(name)
    }

    pub fn is_null(&self, name: &str) -> bool {
        self.object.get(name).is_some_and(Value::is_null)
    }

    /// An optional field.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.object.remove(name)
    }

    /// A whole number within `range`, or `default` when it is null.
    pub fn whole(&mut self, name: &str, range: &RangeInclusive<u32>, default: u32) -> Option<u32> {
        let value = self.take(name)?;
        if value.is_null() {
            return Some(default);
        }
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let (least, most) = (range.start(), range.end());
            self.fail(name, format!("must be a whole number from {least} to {most}"));
        }
        number
    }

    /// An optional flag; null is as good as absent.
    pub fn flag(&mut self, name: &str) -> Option<bool> {
        let value = self.take(name).filter(|value| !value.is_null())?;
        if value.as_bool().is_none() {
            self.fail(name, "must be true or false");
        }
        value.as_bool()
    }

    /// The parsed value; the problem, if there were mistakes.
    pub fn finish<T>(self, made: Option<T>) -> Result<T, Problem> {
        match made {
            Some(made) if self.errors.is_empty() => Ok(made),
            Some(_) | None => Err(Problem::fields(Code::BadField, self.errors)),
        }
    }
}

/// A name in a pointer, with the escapes of RFC 6901 §3.
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn bad_json(line: usize, column: usize) -> Problem {
    let detail = format!("The body is not JSON in UTF-8: line {line}, column {column}.");
    Problem::new(Code::BadJson, detail)
}

fn not_utf8(body: &[u8], error: &Utf8Error) -> Problem {
    if body.starts_with(b"\xff\xfe") || body.starts_with(b"\xfe\xff") {
        let detail = "The body begins with the byte order mark of UTF-16. Send JSON in UTF-8.";
        return Problem::new(Code::BadJson, detail);
    }
    let (before, _) = body.split_at(error.valid_up_to());
    let line = before.split(|byte| *byte == b'\n');
    let column = line.clone().next_back().map_or(0, <[u8]>::len);
    bad_json(line.count(), column + 1)
}

/// `application/json`, with or without parameters.
fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}
