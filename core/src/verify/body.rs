//! Changes of a body between the socket and the check, and how to undo them.

use super::encoding::{
    base64_loose, composed, decomposed, from_html, from_latin1, from_percent, from_utf16, hex,
    to_latin1,
};
use super::flaw::BodyFlaw;
use super::json::{Json, changes};
use super::keys::Keys;
use super::message::Message;
use super::mistake::Mistake;
use super::trial::Trial;

/// The longest body that is diagnosed: the desk's have a message of 64 KiB, which JSON's escapes
/// can make six times as long.
const MAX_BODY: usize = 512 * 1_024;

/// Undoes one kind of change to a body: all candidates for the original.
type Undo = fn(&[u8]) -> Vec<Vec<u8>>;

/// The same for a text inside it.
type Rewrite = fn(&str) -> String;

/// In the order in which they are tried: the smallest changes come first.
const UNDO: [(BodyFlaw, Undo); 15] = [
    (BodyFlaw::Bom, bom),
    (BodyFlaw::Ends, ends),
    (BodyFlaw::LineEnds, line_ends),
    (BodyFlaw::CutShort, closed),
    (BodyFlaw::Repeated, once),
    (BodyFlaw::Mojibake, mojibake),
    (BodyFlaw::Latin1, latin1),
    (BodyFlaw::Utf16, utf16),
    (BodyFlaw::Base64, base64),
    (BodyFlaw::Hex, of_hex),
    (BodyFlaw::Percent, percent),
    (BodyFlaw::Html, html),
    (BodyFlaw::Quoted, quoted),
    (BodyFlaw::Printed, printed),
    (BodyFlaw::Surrounded, surrounded),
];

/// Finds the change of the body, if all other parts are right.
pub(super) fn prove(message: &Message<'_>, keys: &Keys, trial: &mut Trial) -> Option<Mistake> {
    let body = message.body;
    if body.len() > MAX_BODY || !trial.has_any() {
        return None;
    }
    let mut is_signed =
        |body: &[u8]| trial.matches(keys.best(), &message.content_of(body)).then(|| body.to_vec());
    let undone =
        || UNDO.iter().flat_map(|(flaw, undo)| undo(body).into_iter().map(|one| (*flaw, one)));
    for (flaw, one) in undone() {
        if let Some(signed) = is_signed(&one) {
            return Some(mistake(flaw, body, &signed));
        }
    }
    for (flaw, one) in forms(body) {
        if let Some(signed) = is_signed(&one) {
            return Some(mistake(
                flaw.unwrap_or_else(|| reserialised(body, &signed)),
                body,
                &signed,
            ));
        }
    }
    for (flaw, one) in undone() {
        let forms = forms(&one).into_iter().filter(|(_, form)| *form != one);
        for (_, form) in forms {
            if let Some(signed) = is_signed(&form) {
                return Some(mistake(flaw, body, &signed));
            }
        }
    }
    None
}

fn mistake(flaw: BodyFlaw, body: &[u8], signed: &[u8]) -> Mistake {
    let same = body.iter().zip(signed).take_while(|(one, other)| one == other).count();
    Mistake::Body { flaw, offset: Some(same), proven: true }
}

fn reserialised(body: &[u8], signed: &[u8]) -> BodyFlaw {
    let parsed = Json::parse(body).unwrap_or(Json::Null);
    BodyFlaw::Reserialised(changes(body, &parsed, signed))
}

/// The forms in which the desk would write the JSON of `body`; each with its flaw, if that is more
/// than another serialization.
fn forms(body: &[u8]) -> Vec<(Option<BodyFlaw>, Vec<u8>)> {
    let Ok(json) = Json::parse(body) else { return Vec::new() };
    let ours = json.ours();
    let plain = [json.write(), json.ordered().write(), ours.write()];
    let mut all: Vec<_> = plain.into_iter().map(|form| (None, form)).collect();
    let texts: [(BodyFlaw, Rewrite); 7] = [
        (BodyFlaw::Mojibake, read_as_utf8),
        (BodyFlaw::Html, from_html),
        (BodyFlaw::LineEnds, unix),
        (BodyFlaw::LineEnds, |text| unix(text).replace('\n', "\r\n")),
        (BodyFlaw::LineEnds, |text| unix(text).replace('\n', "\r")),
        (BodyFlaw::Normalised, composed),
        (BodyFlaw::Normalised, decomposed),
    ];
    all.extend(texts.map(|(flaw, change)| (Some(flaw), ours.map(&change).write())));
    let mut seen: Vec<Vec<u8>> = vec![body.to_vec()];
    all.retain(|(_, form)| {
        let new = !seen.contains(form);
        if new {
            seen.push(form.clone());
        }
        new
    });
    all
}

/// Undoes decoding as Latin-1.
fn read_as_utf8(text: &str) -> String {
    let bytes = to_latin1(text).and_then(|bytes| String::from_utf8(bytes).ok());
    bytes.unwrap_or_else(|| text.to_owned())
}

fn unix(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

fn bom(body: &[u8]) -> Vec<Vec<u8>> {
    body.strip_prefix(b"\xef\xbb\xbf").map(<[u8]>::to_vec).into_iter().collect()
}

fn ends(body: &[u8]) -> Vec<Vec<u8>> {
    let is_around = |byte: &&u8| byte.is_ascii_whitespace() || **byte == 0;
    let before = body.iter().take_while(is_around).count();
    let after = body.iter().rev().take_while(is_around).count();
    let inner = body.get(before..body.len().saturating_sub(after)).unwrap_or_default();
    let mut all = Vec::new();
    if inner.len() < body.len() && !inner.is_empty() {
        all.push(inner.to_vec());
    }
    all.extend([&b"\n"[..], b"\r\n", b" "].map(|end| [body, end].concat()));
    all
}

fn line_ends(body: &[u8]) -> Vec<Vec<u8>> {
    let Ok(text) = std::str::from_utf8(body) else { return Vec::new() };
    if !text.contains(['\n', '\r']) {
        return Vec::new();
    }
    let unix = text.replace("\r\n", "\n");
    vec![unix.replace('\n', "\r\n").into_bytes(), unix.into_bytes()]
}

/// Appends the end of the desk's bodies, as much of it as may be missing.
fn closed(body: &[u8]) -> Vec<Vec<u8>> {
    if body.is_empty() {
        return Vec::new();
    }
    [&b"}"[..], b"}}", b"\"}}"].map(|end| [body, end].concat()).into()
}

fn once(body: &[u8]) -> Vec<Vec<u8>> {
    let first = |times: usize| {
        let part = body.get(..body.len() / times).filter(|part| !part.is_empty())?;
        body.chunks(part.len()).all(|chunk| chunk == part).then(|| part.to_vec())
    };
    [2, 3].into_iter().filter_map(first).collect()
}

fn mojibake(body: &[u8]) -> Vec<Vec<u8>> {
    let undo = |bytes: &[u8]| {
        let text = std::str::from_utf8(bytes).ok().filter(|text| !text.is_ascii())?;
        to_latin1(text)
    };
    let Some(one) = undo(body) else { return Vec::new() };
    let two = undo(&one);
    std::iter::once(one).chain(two).collect()
}

fn latin1(body: &[u8]) -> Vec<Vec<u8>> {
    let is_utf8 = std::str::from_utf8(body).is_ok();
    if is_utf8 { Vec::new() } else { vec![from_latin1(body).into_bytes()] }
}

fn utf16(body: &[u8]) -> Vec<Vec<u8>> {
    from_utf16(body).map(String::into_bytes).into_iter().collect()
}

fn trimmed(body: &[u8]) -> &str {
    std::str::from_utf8(body)
        .unwrap_or_default()
        .trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\''))
}

fn base64(body: &[u8]) -> Vec<Vec<u8>> {
    base64_loose(trimmed(body)).into_iter().collect()
}

fn of_hex(body: &[u8]) -> Vec<Vec<u8>> {
    hex(trimmed(body)).into_iter().collect()
}

fn percent(body: &[u8]) -> Vec<Vec<u8>> {
    if !body.contains(&b'%') {
        return Vec::new();
    }
    let mut all: Vec<_> = [true, false].map(|form| from_percent(body, form)).into();
    let inner: Vec<_> = all.iter().flat_map(|one| surrounded(one)).collect();
    all.extend(inner);
    all
}

fn html(body: &[u8]) -> Vec<Vec<u8>> {
    let Ok(text) = std::str::from_utf8(body) else { return Vec::new() };
    let plain = from_html(text);
    if plain == text { Vec::new() } else { vec![plain.into_bytes()] }
}

fn quoted(body: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    match Json::parse(body) {
        Ok(Json::Text(text)) => all.push(text.into_bytes()),
        // A parsed form whose only field has the whole body as its name.
        Ok(Json::Object(members)) => {
            if let [(name, Json::Text(value))] = members.as_slice() {
                all.extend([name.clone().into_bytes(), format!("{name}={value}").into_bytes()]);
            }
        }
        Ok(Json::Null | Json::Bool(_) | Json::Number(_) | Json::List(_)) => {}
        Err(_) => {
            let text = std::str::from_utf8(body).unwrap_or_default();
            let bare = text.trim();
            let inner = bare.strip_prefix('\'').and_then(|bare| bare.strip_suffix('\''));
            all.extend(inner.map(|inner| inner.as_bytes().to_vec()));
            if text.contains("\\\"") {
                all.extend(serde_json::from_str(&format!("\"{text}\"")).map(String::into_bytes));
                all.push(without_slashes(body));
            }
        }
    }
    all
}

/// Removes the backslash before each escaped byte.
fn without_slashes(body: &[u8]) -> Vec<u8> {
    let mut escaped = false;
    let keep = |byte: &u8| {
        escaped = *byte == b'\\' && !escaped;
        !escaped
    };
    let mut keep = keep;
    body.iter().copied().filter(|byte| keep(byte)).collect()
}

fn printed(body: &[u8]) -> Vec<Vec<u8>> {
    let text = std::str::from_utf8(body).unwrap_or_default().trim();
    let mut all = Vec::new();
    let python = ['\'', '"']
        .iter()
        .find_map(|quote| text.strip_prefix('b')?.strip_prefix(*quote)?.strip_suffix(*quote));
    all.extend(python.map(python_bytes));
    let node = text.strip_prefix("<Buffer ").and_then(|rest| rest.strip_suffix('>'));
    all.extend(node.and_then(|digits| hex(&digits.replace(' ', ""))));
    let list = match Json::parse(body) {
        Ok(Json::List(all)) => Some(all),
        Ok(json) => match json.get("data") {
            Some(Json::List(all)) if json.get("type").is_some() => Some(all.clone()),
            _ => None,
        },
        Err(_) => None,
    };
    let byte = |one: &Json| {
        let Json::Number(number) = one else { return None };
        // Java's bytes are signed.
        let number = number.as_i64()?;
        u8::try_from(if number < 0 { number + 256 } else { number }).ok()
    };
    all.extend(list.and_then(|list| list.iter().map(byte).collect::<Option<Vec<u8>>>()));
    let numbers = text.split(',').map(|number| number.trim().parse::<u8>().ok());
    all.extend(numbers.collect::<Option<Vec<u8>>>());
    all
}

/// The bytes that Python prints as the text between `b'` and `'`.
fn python_bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let (byte, used) = match (first, after.first()) {
            (b'\\', Some(b'n')) => (b'\n', 1),
            (b'\\', Some(b'r')) => (b'\r', 1),
            (b'\\', Some(b't')) => (b'\t', 1),
            (b'\\', Some(b'x')) => {
                let digits = after.get(1..3).and_then(|digits| std::str::from_utf8(digits).ok());
                let byte = digits.and_then(hex).and_then(|bytes| bytes.first().copied());
                byte.map_or((b'\\', 0), |byte| (byte, 3))
            }
            (b'\\', Some(other)) => (*other, 1),
            (other, _) => (*other, 0),
        };
        bytes.push(byte);
        rest = after.get(used..).unwrap_or_default();
    }
    bytes
}

/// The text between the first and the last brace, and the first JSON value there.
fn surrounded(body: &[u8]) -> Vec<Vec<u8>> {
    let first = body.iter().position(|byte| *byte == b'{');
    let last = body.iter().rposition(|byte| *byte == b'}');
    let (Some(first), Some(last)) = (first, last) else { return Vec::new() };
    let Some(inner) = body.get(first..=last) else { return Vec::new() };
    let mut all = Vec::new();
    if inner.len() < body.len() {
        all.push(inner.to_vec());
    }
    let mut values = serde_json::Deserializer::from_slice(inner).into_iter::<Json>();
    if let Some(Ok(_)) = values.next() {
        let one = inner.get(..values.byte_offset()).unwrap_or_default();
        all.extend((one.len() < inner.len()).then(|| one.to_vec()));
    }
    all
}
