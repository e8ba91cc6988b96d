//! The likeliest mistake if none can be proven: by shape, and by the times that a message carries.

use super::flaw::{BodyFlaw, Part, SignatureFlaw};
use super::json::{Json, changes};
use super::keys::Keys;
use super::message::Message;
use super::mistake::Mistake;
use super::signature;
use crate::model::id::EventId;
use crate::model::millis::Millis;

/// Seconds from an event to its first attempt, on a desk without a backlog.
const SOON_S: u64 = 60;

/// Printed forms of a parsed or consumed body, in several languages.
const NOTHING: [&str; 8] = ["", "{}", "[]", "null", "undefined", "None", "nil", "\"\""];
const PRINTED: [&str; 12] = [
    "[object",
    "{\"event\"=>",
    "{\"event\" =>",
    "Array",
    "map[",
    "<Buffer",
    "b'",
    "b\"",
    "ReadableStream",
    "OrderedDict",
    "[B@",
    "(object)",
];

/// The times at which a message's parts were made, in whole seconds.
pub(super) struct Times {
    /// The time in the id, if it is a HookDesk's.
    pub id_s: Option<u64>,
    /// The body's `created`.
    pub created_s: Option<u64>,
}

impl Times {
    pub fn of(message: &Message<'_>) -> Self {
        let body = Json::parse(message.body).ok();
        Self::with(message, body.as_ref())
    }

    fn with(message: &Message<'_>, body: Option<&Json>) -> Self {
        let created = body.and_then(|body| body.get("created")?.text().and_then(Millis::parse));
        let id_s = EventId::parse(message.id).map(|id| id.made_at().unix_seconds());
        Self { id_s, created_s: created.map(Millis::unix_seconds) }
    }

    /// The part that cannot belong to the others. An event's id and its body are made in the same
    /// second, and it is sent no earlier.
    fn foreign(&self, sent_s: u64) -> Option<Part> {
        let (Some(id), Some(created)) = (self.id_s, self.created_s) else {
            let made = self.id_s.or(self.created_s)?;
            return (sent_s < made).then_some(Part::Timestamp);
        };
        if id == created {
            return (sent_s < id).then_some(Part::Timestamp);
        }
        let fits = |made: u64| sent_s >= made && sent_s - made <= SOON_S;
        let body = sent_s < created || (fits(id) && !fits(created));
        Some(if body && sent_s >= id { Part::Body } else { Part::Id })
    }
}

pub(super) fn guess(message: &Message<'_>, keys: &Keys) -> Mistake {
    let json = Json::parse(message.body);
    let body = |flaw, offset| Mistake::Body { flaw, offset, proven: false };
    if let Some(flaw) = shape(message.body) {
        return body(flaw, None);
    }
    if let Some((index, flaw)) = keys.flawed() {
        return Mistake::Secret { index, flaw, proven: false };
    }
    if message.is_in_milliseconds() {
        return Mistake::TimestampMilliseconds;
    }
    if signature::is_lower_case(&message.signatures) {
        let flaw = SignatureFlaw::CaseChanged;
        return Mistake::Signature { flaw, offset: 0, proven: false };
    }
    match &json {
        Ok(json) => parsed(message, json),
        Err(error) => {
            let (flaw, offset) = unparsed(message.body, error);
            body(flaw, offset)
        }
    }
}

/// The flaw of a body whose first characters reveal it.
fn shape(body: &[u8]) -> Option<BodyFlaw> {
    if body.starts_with(b"\x1f\x8b") || body.starts_with(b"\x28\xb5\x2f\xfd") {
        return Some(BodyFlaw::Compressed);
    }
    let text = std::str::from_utf8(body).ok()?.trim();
    if NOTHING.contains(&text) {
        return Some(BodyFlaw::Empty);
    }
    // `{event: …}`, `{'event': …}`, `{event=…}`: keys without JSON's quotes.
    let inner = text.strip_prefix('{').map(str::trim_start);
    let bare = inner.is_some_and(|inner| !inner.starts_with(['"', '}', '\\', '&', '%', '{']));
    let printed = bare || PRINTED.iter().any(|start| text.starts_with(start));
    (printed && Json::parse(body).is_err()).then_some(BodyFlaw::Printed)
}

/// The flaw of a body that is no JSON, and its offset.
fn unparsed(body: &[u8], error: &serde_json::Error) -> (BodyFlaw, Option<usize>) {
    let trimmed = body.trim_ascii();
    let text = match std::str::from_utf8(body) {
        Ok(text) => text,
        Err(error) => {
            let within = error.error_len().is_some();
            let flaw = if within { BodyFlaw::NotUtf8 } else { BodyFlaw::CutShort };
            return (flaw, Some(error.valid_up_to()));
        }
    };
    if error.is_eof() && trimmed.starts_with(b"{") {
        (BodyFlaw::CutShort, Some(body.len()))
    } else if let Some(at) = text.find('\u{fffd}') {
        (BodyFlaw::Replaced, Some(at))
    } else if !trimmed.starts_with(b"{\"event\"") && trimmed.ends_with(b"}}") {
        (BodyFlaw::CutShort, Some(0))
    } else {
        (BodyFlaw::NotJson, Some(place(body, error)))
    }
}

/// The offset of serde's line and column.
fn place(body: &[u8], error: &serde_json::Error) -> usize {
    let lines = body.split_inclusive(|byte| *byte == b'\n');
    let before: usize = lines.take(error.line().saturating_sub(1)).map(<[u8]>::len).sum();
    (before + error.column().saturating_sub(1)).min(body.len())
}

/// The mistake in a message whose body is JSON.
fn parsed(message: &Message<'_>, json: &Json) -> Mistake {
    let body = |flaw, offset| Mistake::Body { flaw, offset, proven: false };
    let text = std::str::from_utf8(message.body).unwrap_or_default();
    if let Some(at) = text.find('\u{fffd}') {
        return body(BodyFlaw::Replaced, Some(at));
    }
    if !json.is_ours() {
        return body(BodyFlaw::NotOurs, None);
    }
    let ours = json.ours().write();
    if ours != message.body {
        let same = message.body.iter().zip(&ours).take_while(|(one, other)| one == other).count();
        let changes = changes(message.body, json, &ours);
        return body(BodyFlaw::Reserialised(changes), Some(same));
    }
    match Times::with(message, Some(json)).foreign(message.seconds) {
        Some(part) => Mistake::Foreign { part, proven: false },
        None if EventId::parse(message.id).is_none() => Mistake::IdMalformed,
        None => match question_mark(text) {
            Some(at) => body(BodyFlaw::Replaced, Some(at)),
            None => Mistake::NoSecretMatches,
        },
    }
}

/// The offset of a question mark that ends no question: within a word, or four in a row, in a text
/// that is all ASCII and has no URL.
fn question_mark(text: &str) -> Option<usize> {
    let is_letter = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphabetic);
    let within =
        |all: &[u8]| is_letter(all.first()) && all.get(1) == Some(&b'?') && is_letter(all.get(2));
    if !text.is_ascii() || text.contains("://") {
        return None;
    }
    let word = text.as_bytes().windows(3).position(within).map(|at| at + 1);
    word.or_else(|| text.find("????"))
}
