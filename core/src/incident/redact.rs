//! Redaction of inputs and decisions: all private texts are removed.
//!
//! A private text is replaced by one that leads to the same decisions: as long, in bytes as well as
//! in JSON, but no longer distinct from others. The replacement of a replacement is itself, and
//! decisions on replaced texts are the replacements of the original decisions: so a redacted file
//! replays like its original.

mod decision;
mod private_text;
mod rows;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::engine::command::{
    Command, Handover, Idempotent, KeyAmendment, NewKey, NewLink, Registration, Report, Rotation,
    SignIn,
};
use crate::engine::need::{Fact, Need};
use crate::incident::record::{Batch, Begin, Input, Key, StoreResult};
use crate::model::digest::Digest;
use crate::model::partner::{Partner, PartnerCounts};
use crate::webhook::Amendment;
use private_text::{headers, message, moment, text, url};
use rows::{answer, attempt, event, ticket};

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
            Input::Batch(Batch { commands, results }) => {
                let commands = commands.iter();
                Input::Batch(Batch {
                    commands: commands
                        .map(|(what, when)| (self.command(what), moment(when)))
                        .collect(),
                    results: results.iter().map(|result| self.result(result)).collect(),
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
            Command::CreateLink(NewLink { digest, prefix, grant }) => {
                Command::CreateLink(NewLink {
                    digest: self.digest(digest),
                    prefix: text(prefix),
                    grant: self.grant(grant),
                })
            }
            Command::SignIn(SignIn { shown, digest, prefix, replaced }) => {
                Command::SignIn(SignIn {
                    shown: *shown,
                    digest: self.digest(digest),
                    prefix: text(prefix),
                    replaced: *replaced,
                })
            }
            Command::NoteRefusedKeys { refused } => Command::NoteRefusedKeys {
                refused: refused.iter().map(|(_, calls)| (None, *calls)).collect(),
            },
            Command::EndSessions { partner } => {
                Command::EndSessions { partner: self.partner(*partner) }
            }
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
            | Command::SignOut { .. }
            | Command::NoteKeyUse { .. }
            | Command::Wake
            | Command::Retain => command.clone(),
        }
    }

    fn result(&self, result: &StoreResult) -> StoreResult {
        match result {
            StoreResult::Fact(need, fact) => StoreResult::Fact(self.need(*need), self.fact(fact)),
            StoreResult::Failed(need) => StoreResult::Failed(self.need(*need)),
            StoreResult::Commit(fate) => StoreResult::Commit(*fate),
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

    /// Another name of the same length. Two partners never get the same one: each character is
    /// shifted by an amount that the key and the characters before it give.
    fn partner(&self, of: Partner) -> Partner {
        let Some(key) = self.key else { return of };
        let mut shifted_name = String::new();
        for (place, character) in of.as_str().char_indices() {
            let before = of.as_str().get(..place).unwrap_or_default();
            let [by, ..] = *mac(key, before.as_bytes()).as_bytes();
            shifted_name.push(shifted(character, by));
        }
        Partner::parse(&shifted_name).unwrap_or(of)
    }

    fn digest(&self, digest: &Digest) -> Digest {
        self.key.map_or(*digest, |key| mac(key, digest.as_bytes()))
    }
}

/// A letter or digit of ASCII, shifted among all of them; others stay.
fn shifted(of: char, by: u8) -> char {
    const ALL: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let place = ALL.iter().position(|one| char::from(*one) == of);
    let shifted = place.and_then(|place| ALL.get((place + usize::from(by)) % ALL.len()));
    shifted.map_or(of, |one| char::from(*one))
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
