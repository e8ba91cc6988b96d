//! Redaction of inputs: all private texts are removed.
//!
//! A private text is replaced by one that leads to the same decisions: as long, in bytes as well as
//! in JSON, but no longer distinct from others. The replacement of a replacement is itself, and
//! decisions on replaced texts are the replacements of the original decisions: so a redacted file
//! replays like its original.

use std::collections::BTreeMap;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;

use crate::delivery::answer::Answer;
use crate::delivery::attempt::Attempt;
use crate::delivery::request::Request;
use crate::delivery::retry_after;
use crate::engine::command::{
    Command, Handover, Idempotent, KeyAmendment, NewKey, Registration, Report, Rotation,
};
use crate::engine::desk::Committed;
use crate::engine::need::{Fact, Need};
use crate::engine::outcome::{Changes, Put, Reply};
use crate::guard::CallbackUrl;
use crate::incident::record::{Batch, Begin, Input, Key, Said};
use crate::model::api_key::{ApiKey, KeySettings};
use crate::model::audit::{
    Actor, AuditChange, AuditObject, AuditRow, AuditState, AuditedKey, AuditedUrl, AuditedWebhook,
};
use crate::model::digest::Digest;
use crate::model::event::{Event, EventType};
use crate::model::id::{EventId, WebhookId};
use crate::model::idempotency_record::IdempotencyRecord;
use crate::model::millis::Millis;
use crate::model::partner::{Grant, Partner, PartnerCounts};
use crate::model::ticket::{Ticket, TicketMessage};
use crate::webhook::extra_headers::ExtraHeaders;
use crate::webhook::secrets::Secrets;
use crate::webhook::sign::Secret;
use crate::webhook::{Amendment, Webhook};

/// HMAC-SHA256.
///
/// # Panics
/// Never: HMAC takes keys of any length (RFC 2104 §2).
pub(super) fn mac(key: Key, bytes: &[u8]) -> Digest {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key.0.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(bytes);
    Digest::from_bytes(mac.finalize().into_bytes().into())
}

/// Removes private data. Digests of callers' keys and bodies are replaced by hashes under its own
/// key, as a short message is easily guessed from its digest; without a key they are replaced
/// already.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Redactor {
    pub key: Option<Key>,
}

impl Redactor {
    pub fn input(&self, input: &Input) -> Input {
        match input {
            Input::Begin(begin) => Input::Begin(Begin { key: None, ..begin.clone() }),
            Input::Limits(limits) => Input::Limits(*limits),
            Input::Batch(Batch { commands, said }) => {
                let commands = commands.iter();
                let said = said.iter();
                Input::Batch(Batch {
                    commands: commands.map(|(what, when)| (self.command(what), *when)).collect(),
                    said: said.map(|said| self.said(said)).collect(),
                })
            }
        }
    }

    fn command(&self, command: &Command) -> Command {
        match command {
            Command::OpenTicket { message: text } => Command::OpenTicket { message: message(text) },
            Command::UpdateTicket { id, message: text } => {
                Command::UpdateTicket { id: *id, message: message(text) }
            }
            Command::Register(Registration { callback_url, secret, settings, partner }) => {
                Command::Register(Registration {
                    callback_url: url(callback_url),
                    secret: secret.blank(),
                    settings: amendment(settings),
                    partner: partner.map(|of| self.partner(of)),
                })
            }
            Command::Amend { id, settings } => {
                Command::Amend { id: *id, settings: amendment(settings) }
            }
            Command::HandOver { id, settings, to: Handover { partner, secret } } => {
                let to = Handover { partner: self.partner(*partner), secret: secret.blank() };
                Command::HandOver { id: *id, settings: amendment(settings), to }
            }
            Command::RemovePartner { partner } => {
                Command::RemovePartner { partner: self.partner(*partner) }
            }
            Command::Rotate(Rotation { webhook, secret, overlap_ms }) => {
                Command::Rotate(Rotation {
                    webhook: *webhook,
                    secret: secret.blank(),
                    overlap_ms: *overlap_ms,
                })
            }
            Command::CreateKey(NewKey { digest, prefix, settings }) => Command::CreateKey(NewKey {
                digest: self.digest(digest),
                prefix: text(prefix),
                settings: self.key_settings(settings),
            }),
            Command::AmendKey { id, amendment } => {
                let name = amendment.name.as_ref().map(|name| name.as_deref().map(text));
                Command::AmendKey { id: *id, amendment: KeyAmendment { name, ..amendment.clone() } }
            }
            Command::Idempotent(Idempotent { key, request, command }) => {
                Command::Idempotent(Idempotent {
                    key: self.digest(key),
                    request: self.digest(request),
                    command: Box::new(self.command(command)),
                })
            }
            Command::Report(Report { key, duration_ms, answer: of }) => {
                Command::Report(Report { key: *key, duration_ms: *duration_ms, answer: answer(of) })
            }
            Command::CloseTicket { .. }
            | Command::Announce(_)
            | Command::Unregister { .. }
            | Command::Enable { .. }
            | Command::EndSecret { .. }
            | Command::PingOne { .. }
            | Command::Ping
            | Command::Resend { .. }
            | Command::Replay { .. }
            | Command::StopReplay { .. }
            | Command::RevokeKey { .. }
            | Command::NoteKeyUse { .. }
            | Command::Wake
            | Command::Retain => command.clone(),
        }
    }

    fn said(&self, said: &Said) -> Said {
        match said {
            Said::Fact(need, fact) => Said::Fact(self.need(*need), self.fact(fact)),
            Said::Silent(need) => Said::Silent(self.need(*need)),
            Said::Commit(fate) => Said::Commit(*fate),
        }
    }

    fn need(&self, need: Need) -> Need {
        // Decisions ask for no single partner.
        if let Need::IdempotencyRecord(key) = need {
            Need::IdempotencyRecord(self.digest(&key))
        } else {
            need
        }
    }

    fn fact(&self, fact: &Fact) -> Fact {
        match fact {
            Fact::Tickets(tickets) => Fact::Tickets(tickets.iter().map(ticket).collect()),
            Fact::Webhooks(webhook_rows) => {
                let row = |(of, reader): &_| (self.webhook(of), Clone::clone(reader));
                Fact::Webhooks(webhook_rows.iter().map(row).collect())
            }
            Fact::Events(events) => Fact::Events(events.iter().map(event).collect()),
            Fact::Attempts(attempts) => Fact::Attempts(attempts.iter().map(attempt).collect()),
            Fact::IdempotencyRecord(first) => {
                Fact::IdempotencyRecord(first.as_ref().map(|first| self.idempotency_record(first)))
            }
            Fact::Partners(partners) => {
                let of =
                    |of: &PartnerCounts| PartnerCounts { partner: self.partner(of.partner), ..*of };
                Fact::Partners(partners.iter().map(of).collect())
            }
            Fact::Audit(rows) => Fact::Audit(rows.iter().map(|of| self.audit(of)).collect()),
            Fact::ApiKeys(keys) => Fact::ApiKeys(keys.iter().map(|of| self.api_key(of)).collect()),
            Fact::Log(_)
            | Fact::Service(_)
            | Fact::Lanes(_)
            | Fact::AttemptSummaries(_)
            | Fact::Place(_)
            | Fact::Size(_)
            | Fact::Time(_) => fact.clone(),
        }
    }

    /// Changes of a commit.
    pub fn changes(&self, changes: &Changes) -> Changes {
        let first_answers = changes.idempotency_records.iter();
        let first_answers = first_answers.map(|(key, of)| {
            (self.digest(key), put(of, |first| Arc::new(self.idempotency_record(first))))
        });
        Changes {
            tickets: puts(&changes.tickets, ticket),
            events: changes.events.iter().map(|of| Arc::new(event(of))).collect(),
            webhooks: puts(&changes.webhooks, |of| Arc::new(self.webhook(of))),
            attempts: changes.attempts.iter().map(|(key, of)| (*key, attempt(of))).collect(),
            idempotency_records: first_answers.collect(),
            api_keys: puts(&changes.api_keys, |of| Arc::new(self.api_key(of))),
            audit: changes.audit.iter().map(|of| self.audit(of)).collect(),
            forgotten_audit: changes.forgotten_audit,
            log: changes.log,
            service: changes.service,
            forgotten: changes.forgotten,
            floor: changes.floor,
            readers: changes.readers.clone(),
            cleared: changes.cleared.clone(),
            stopped: changes.stopped.clone(),
            lanes: changes.lanes.clone(),
        }
    }

    /// A decision.
    pub fn decided(&self, decided: &Committed) -> Committed {
        let reply = match &decided.reply {
            Ok(Reply::Repeated { first, secret }) => Ok(Reply::Repeated {
                first: Arc::new(self.idempotency_record(first)),
                secret: secret.as_ref().map(Secret::blank),
            }),
            Ok(Reply::Ticket(of)) => Ok(Reply::Ticket(ticket(of))),
            Ok(Reply::Registered(of)) => Ok(Reply::Registered(Arc::new(self.webhook(of)))),
            Ok(Reply::Webhook { webhook: of, shows_headers }) => Ok(Reply::Webhook {
                webhook: Arc::new(self.webhook(of)),
                shows_headers: *shows_headers,
            }),
            Ok(Reply::Rotated(of)) => Ok(Reply::Rotated(Arc::new(self.webhook(of)))),
            Ok(Reply::PartnerRemoved(of)) => {
                let partner = self.partner(of.partner);
                Ok(Reply::PartnerRemoved(PartnerCounts { partner, ..*of }))
            }
            Ok(Reply::KeyCreated(of)) => Ok(Reply::KeyCreated(Arc::new(self.api_key(of)))),
            Ok(Reply::Key(of)) => Ok(Reply::Key(Arc::new(self.api_key(of)))),
            Ok(
                Reply::Opened(_)
                | Reply::Announced(_)
                | Reply::Unregistered(_)
                | Reply::Replay { .. }
                | Reply::Stopped(_)
                | Reply::SecretEnded(_)
                | Reply::KeyRevoked(_)
                | Reply::Noted,
            )
            | Err(_) => decided.reply.clone(),
        };
        Committed {
            reply,
            requests: decided.requests.iter().map(request).collect(),
            cancels: decided.cancels.clone(),
            renews_connections: decided.renews_connections,
            events: decided.events.iter().map(|of| Arc::new(event(of))).collect(),
            next_wake: decided.next_wake,
        }
    }

    fn idempotency_record(&self, first: &IdempotencyRecord) -> IdempotencyRecord {
        IdempotencyRecord {
            key: self.digest(&first.key),
            request: self.digest(&first.request),
            at: first.at,
            status: first.status,
            location: first.location.clone(),
            body: text(&first.body),
            shown: first.shown,
        }
    }

    fn api_key(&self, key: &ApiKey) -> ApiKey {
        ApiKey {
            id: key.id,
            digest: self.digest(&key.digest),
            prefix: text(&key.prefix),
            settings: self.key_settings(&key.settings),
            created_at: key.created_at,
            last_used_at: key.last_used_at,
            rev: key.rev,
        }
    }

    fn key_settings(&self, of: &KeySettings) -> KeySettings {
        let grant = of.grant.as_ref();
        KeySettings {
            name: of.name.as_deref().map(text),
            grant: grant.map(|of| Grant { partner: self.partner(of.partner), ..of.clone() }),
            ..of.clone()
        }
    }

    fn audit(&self, row: &AuditRow) -> AuditRow {
        let AuditChange { action, object, before, after } = &row.change;
        let actor = match &row.actor {
            Actor::Key { id, name } => Actor::Key { id: *id, name: name.as_deref().map(text) },
            Actor::Binding | Actor::CommandLine { .. } | Actor::Anyone => row.actor.clone(),
        };
        let object = match object {
            AuditObject::Partner(of) => AuditObject::Partner(self.partner(*of)),
            AuditObject::Key(_)
            | AuditObject::Webhook(_)
            | AuditObject::Delivery(..)
            | AuditObject::Service => *object,
        };
        let (before, after) = (before.as_ref(), after.as_ref());
        let change = AuditChange {
            action: *action,
            object,
            before: before.map(|of| self.audit_state(of)),
            after: after.map(|of| self.audit_state(of)),
        };
        AuditRow { id: row.id, at: row.at, actor, change }
    }

    /// All digests of URLs become the same one: what is replayed has other URLs.
    fn audit_state(&self, of: &AuditState) -> AuditState {
        match of {
            AuditState::Webhook(of) => AuditState::Webhook(Box::new(AuditedWebhook {
                callback_url: AuditedUrl {
                    origin: of.callback_url.origin.clone(),
                    digest: Digest::of(&[]),
                },
                partner: of.partner.map(|of| self.partner(of)),
                description: of.description.as_deref().map(text),
                ..AuditedWebhook::clone(of)
            })),
            AuditState::Key(of) => AuditState::Key(AuditedKey {
                name: of.name.as_deref().map(text),
                partner: of.partner.map(|of| self.partner(of)),
                ..of.clone()
            }),
            AuditState::Partner(_) | AuditState::Service(_) => of.clone(),
        }
    }

    /// Another name of the same length. Two partners never get the same one: each character is
    /// turned by an amount that the key and the characters before it give.
    fn partner(&self, of: Partner) -> Partner {
        let Some(key) = self.key else { return of };
        let mut turned = String::new();
        for (place, character) in of.as_str().char_indices() {
            let before = of.as_str().get(..place).unwrap_or_default();
            let [by, ..] = *mac(key, before.as_bytes()).as_bytes();
            turned.push(turn(character, by));
        }
        Partner::parse(&turned).unwrap_or(of)
    }

    fn webhook(&self, of: &Webhook) -> Webhook {
        Webhook {
            id: of.id,
            partner: of.partner.map(|of| self.partner(of)),
            callback_url: url(&of.callback_url),
            secrets: of.secrets.blank(),
            events: of.events.clone(),
            ordering: of.ordering,
            description: of.description.as_deref().map(text),
            headers: headers(&of.headers),
            partner_headers: of.partner_headers,
            retry_schedule: of.retry_schedule.clone(),
            timeout_ms: of.timeout_ms,
            max_in_flight: of.max_in_flight,
            rate_limit: of.rate_limit,
            status: of.status,
            created_at: of.created_at,
            rev: of.rev,
        }
    }

    fn digest(&self, digest: &Digest) -> Digest {
        self.key.map_or(*digest, |key| mac(key, digest.as_bytes()))
    }
}

/// A letter or digit of ASCII, turned among all of them; others stay.
fn turn(of: char, by: u8) -> char {
    const ALL: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let place = ALL.iter().position(|one| char::from(*one) == of);
    let turned = place.and_then(|place| ALL.get((place + usize::from(by)) % ALL.len()));
    turned.map_or(of, |one| char::from(*one))
}

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

fn text(of: &str) -> String {
    of.chars().map(character).collect()
}

fn message(of: &TicketMessage) -> TicketMessage {
    TicketMessage::stored(text(of.as_str()))
}

fn ticket(of: &Ticket) -> Ticket {
    Ticket { message: message(&of.message), ..of.clone() }
}

/// Scheme, host and port stay, and the slashes of the path.
fn url(of: &CallbackUrl) -> CallbackUrl {
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

fn headers(of: &ExtraHeaders) -> ExtraHeaders {
    let headers = of.as_slice().iter();
    ExtraHeaders::stored(headers.map(|(name, value)| (name.clone(), text(value))).collect())
}

fn amendment(of: &Amendment) -> Amendment {
    Amendment {
        callback_url: of.callback_url.as_ref().map(url),
        description: of.description.as_ref().map(|description| description.as_deref().map(text)),
        headers: of.headers.as_ref().map(headers),
        events: of.events.clone(),
        ordering: of.ordering,
        retry_schedule: of.retry_schedule.clone(),
        timeout_ms: of.timeout_ms,
        max_in_flight: of.max_in_flight,
        rate_limit: of.rate_limit,
        paused: of.paused,
    }
}

/// A valid `Retry-After` stays: then it is a number or a date.
fn answer(of: &Answer) -> Answer {
    match of {
        Answer::Status { status, retry_after, excerpt } => {
            let retry_after = retry_after.as_deref().map(wait);
            Answer::Status { status: *status, retry_after, excerpt: text(excerpt) }
        }
        Answer::Failure(failure) => Answer::Failure(*failure),
    }
}

/// Comments in a date are replaced all the same.
fn wait(of: &str) -> String {
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

fn attempt(of: &Attempt) -> Attempt {
    Attempt { answer: answer(&of.answer), ..of.clone() }
}

fn event(of: &Event) -> Event {
    Event {
        seq: of.seq,
        id: of.id,
        kind: of.kind,
        created: of.created,
        topic: of.topic,
        version: of.version,
        only_for: of.only_for,
        body: body(&of.body).into(),
    }
}

/// The message inside is replaced, as in the body of the message's own replacement.
fn body(of: &str) -> String {
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
    #[expect(dead_code, reason = "it is only looked whether they are that")]
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

fn request(of: &Request) -> Request {
    let header = |(name, value): &(_, String)| {
        let name: &std::borrow::Cow<'static, str> = name;
        let value = if ExtraHeaders::is_ours(name) { value.clone() } else { text(value) };
        (name.clone(), value)
    };
    Request {
        key: of.key,
        url: url(&of.url),
        headers: of.headers.iter().map(header).collect(),
        body: body(&of.body).into(),
        timeout_ms: of.timeout_ms,
        public_only: of.public_only,
    }
}

fn puts<K: Ord + Copy, T>(of: &BTreeMap<K, Put<T>>, row: impl Fn(&T) -> T) -> BTreeMap<K, Put<T>> {
    of.iter().map(|(key, of)| (*key, put(of, &row))).collect()
}

fn put<T>(of: &Put<T>, row: impl Fn(&T) -> T) -> Put<T> {
    Put { row: of.row.as_ref().map(row), expect: of.expect }
}

impl Secret {
    /// A secret of as many bytes, all of them 0.
    fn blank(&self) -> Self {
        Self::zeros(self.length())
    }
}

impl Secrets {
    fn blank(&self) -> Self {
        self.with_each(Secret::blank)
    }
}
