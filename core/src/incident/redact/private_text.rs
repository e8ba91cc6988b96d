//! Replacement of private texts and secrets by others of the same length, in bytes as well as in
//! JSON. The replacement of a replacement is itself.

use serde::Deserialize;

use crate::delivery::retry_after;
use crate::guard::CallbackUrl;
use crate::model::call_source::CallSource;
use crate::model::event::EventType;
use crate::model::id::{EventId, WebhookId};
use crate::model::millis::Millis;
use crate::model::moment::Moment;
use crate::model::ticket::TicketMessage;
use crate::webhook::extra_headers::ExtraHeaders;
use crate::webhook::secrets::Secrets;
use crate::webhook::sign::Secret;

/// A character of as many bytes, in UTF-8 as in JSON: a character that JSON escapes stays.
fn character(of: char) -> char {
    match of {
        '"' | '\\' | '\0'..='\u{1f}' => of,
        _ => match of.len_utf8() {
            1 => 'x',
            2 => '\u{e9}',
            3 => '\u{20ac}',
            _ => '\u{10000}',
        },
    }
}

pub(super) fn text(of: &str) -> String {
    of.chars().map(character).collect()
}

pub(super) fn message(of: &TicketMessage) -> TicketMessage {
    TicketMessage::stored(text(of.as_str()))
}

/// Scheme, host and port stay, and the slashes of the path.
pub(super) fn url(of: &CallbackUrl) -> CallbackUrl {
    let of = of.as_str();
    let host = of.find("://").map_or(0, |scheme| scheme + "://".len());
    let path = of.get(host..).and_then(|rest| rest.find(['/', '?', '#']));
    let (kept, rest) =
        of.split_at_checked(path.map_or(of.len(), |path| host + path)).unwrap_or(("", of));
    let hidden = rest.chars().map(|c| if matches!(c, '/' | '?') { c } else { character(c) });
    let mut url = kept.to_owned();
    url.extend(hidden);
    CallbackUrl::stored(url)
}

pub(super) fn headers(of: &ExtraHeaders) -> ExtraHeaders {
    let headers = of.as_slice().iter();
    ExtraHeaders::stored(headers.map(|(name, value)| (name.clone(), text(value))).collect())
}

/// A valid value of `Retry-After` stays, as it is a number or a date; comments in a date are
/// replaced.
pub(super) fn retry_after_value(of: &str) -> String {
    if retry_after::parse(of, Millis(0)).is_none() {
        return text(of);
    }
    let (mut depth, mut escaped) = (0_u32, false);
    let hide = |c| {
        let was_escaped = escaped;
        escaped = c == '\\' && !was_escaped && depth > 0;
        match c {
            '(' | ')' if was_escaped => {}
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth > 0 => return character(c),
            _ => {}
        }
        c
    };
    of.chars().map(hide).collect()
}

/// The message inside is replaced, as in the body of the message's own replacement.
pub(super) fn body(of: &str) -> String {
    const MESSAGE: &str = "\"data\":{\"ticket_message\":\"";
    if of.is_empty() || is_plain(of) {
        return of.to_owned();
    }
    let ours = of.starts_with("{\"event\":\"") && of.ends_with("\"}}");
    let place = of.find(MESSAGE).filter(|_| ours).map(|place| place + MESSAGE.len());
    let parts = place.and_then(|place| of.split_at_checked(place));
    let Some((head, tail)) = parts else { return text(of) };
    let Some(inner) = tail.strip_suffix("\"}}") else { return text(of) };
    format!("{head}{}\"}}}}", escaped(inner))
}

/// Whether a body holds only data that the desk itself creates.
fn is_plain(body: &str) -> bool {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Plain<'a> {
        event: &'a str,
        created: &'a str,
        data: Data<'a>,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "what matters is whether they parse")]
    struct Data<'a> {
        webhook_id: Option<WebhookId>,
        event_id: Option<EventId>,
        reason: Option<&'a str>,
    }
    let plain: Option<Plain<'_>> = serde_json::from_str(body).ok();
    let short = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    plain.is_some_and(|plain| {
        let reason = plain.data.reason.unwrap_or_default();
        EventType::parse(plain.event).is_some()
            && plain.created.bytes().all(|byte| byte.is_ascii_digit() || b"-:TZ+".contains(&byte))
            && short(reason)
    })
}

/// The replacement of a text that JSON has escaped: escapes stay.
fn escaped(of: &str) -> String {
    let mut hidden = String::with_capacity(of.len());
    let mut rest = of.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            hidden.push(character(c));
            continue;
        }
        hidden.push(c);
        let kind = rest.next();
        hidden.extend(kind);
        if kind == Some('u') {
            hidden.extend(rest.by_ref().take(4));
        }
    }
    hidden
}

impl Secret {
    /// A secret of as many bytes, all of them 0.
    pub(super) fn blank(&self) -> Self {
        Self::zeros(self.length())
    }
}

impl Secrets {
    pub(super) fn blank(&self) -> Self {
        self.with_each(Secret::blank)
    }
}

/// The moment without the address of whoever called.
pub(in crate::incident) fn moment(of: &Moment) -> Moment {
    Moment { source: source(of.source), ..*of }
}

pub(in crate::incident) fn source(of: CallSource) -> CallSource {
    CallSource { peer: None, ..of }
}
