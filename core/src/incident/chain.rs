//! The chain: a digest of inputs and decisions in 32 bytes, the same for the same decisions, in
//! every runtime, and for a redacted file as for its original.
//!
//! Texts are hashed after their lengths and numbers as eight bytes, in an order that depends on
//! nothing but the decisions. Signatures are only counted, and bodies are hashed as they are after
//! redaction.

use sha2::{Digest as _, Sha256};

use crate::delivery::request::Request;
use crate::engine::desk::{Committed, RunError};
use crate::engine::outcome::{Changes, Reply};
use crate::model::digest::Digest;
use crate::model::partner::PartnerCounts;
use crate::model::refusal::Refusal;
use crate::sql::{Statement, Value, sqlite};

/// The first link of every chain.
pub(super) fn start() -> Digest {
    Digest::of(&[b"hookdesk incident 1"])
}

/// The link after `previous`: the redacted input, the keyed hash of the original, and the
/// decisions.
pub(super) fn link(previous: &Digest, mac: &Digest, input: &str, decided: &Digest) -> Digest {
    Digest::of(&[previous.as_bytes(), mac.as_bytes(), input.as_bytes(), decided.as_bytes()])
}

/// Digest for an input without decisions.
pub(super) fn nothing() -> Digest {
    Digest::of(&[])
}

/// Digest of all changes of a commit.
pub(super) fn changes(changes: &Changes) -> Digest {
    let mut hash = Hash::default();
    let statements = sqlite::statements(changes);
    hash.count(statements.len());
    for Statement { sql, values, changes, of_row: _ } in &statements {
        hash.text(sql);
        hash.number(changes.map_or(0, |changes| changes as u64 + 1));
        hash.count(values.len());
        for value in values {
            match value {
                Value::Null => hash.number(0),
                Value::Integer(number) => {
                    hash.number(1);
                    hash.number(number.cast_unsigned());
                }
                Value::Text(text) => {
                    hash.number(2);
                    hash.text(text);
                }
            }
        }
    }
    hash.end()
}

/// Digest of a batch's result: the commits that were tried, and their outcome.
pub(super) fn outcome<F>(
    commits: &[Digest],
    ended: &Result<Vec<Committed>, RunError<F>>,
) -> Digest {
    let mut hash = Hash::default();
    hash.count(commits.len());
    for commit in commits {
        hash.bytes(commit.as_bytes());
    }
    match ended {
        Ok(decided) => {
            hash.text("decided");
            hash.count(decided.len());
            for one in decided {
                hash.decided(one);
            }
        }
        Err(error) => hash.text(failure_name(error)),
    }
    hash.end()
}

/// A failure's name.
pub(super) fn failure_name<F>(error: &RunError<F>) -> &'static str {
    match error {
        RunError::Store(_) => "store_failed",
        RunError::Contended => "contended",
        RunError::Unanswered(_) => "unanswered",
    }
}

/// The name of a reply or refusal, and the id that it is about.
pub(super) fn reply_name(reply: &Result<Reply, Refusal>) -> (&'static str, Option<String>) {
    match reply {
        Ok(Reply::Opened(id)) => ("opened", Some(id.to_string())),
        Ok(Reply::Ticket(ticket)) => ("ticket", Some(ticket.id.to_string())),
        Ok(Reply::Announced(id)) => ("announced", Some(id.to_string())),
        Ok(Reply::Registered(webhook)) => ("registered", Some(webhook.id.to_string())),
        Ok(Reply::Webhook { webhook, .. }) => ("webhook", Some(webhook.id.to_string())),
        Ok(Reply::Unregistered(id)) => ("unregistered", Some(id.to_string())),
        Ok(Reply::Replay { starts: true, .. }) => ("replay_started", None),
        Ok(Reply::Replay { starts: false, .. }) => ("replay_counted", None),
        Ok(Reply::Stopped(_)) => ("replay_stopped", None),
        Ok(Reply::Rotated(webhook)) => ("rotated", Some(webhook.id.to_string())),
        Ok(Reply::SecretEnded(id)) => ("secret_ended", Some(id.to_string())),
        Ok(Reply::KeyCreated(key)) => ("key_created", Some(key.id.to_string())),
        Ok(Reply::Key(key)) => ("key", Some(key.id.to_string())),
        Ok(Reply::KeyRevoked(id)) => ("key_revoked", Some(id.to_string())),
        Ok(Reply::LinkCreated(link)) => ("link_created", Some(link.id.to_string())),
        Ok(Reply::SignedIn { session, .. }) => ("signed_in", Some(session.id.to_string())),
        Ok(Reply::SignedOut(id)) => ("signed_out", Some(id.to_string())),
        Ok(Reply::SessionsEnded(..)) => ("sessions_ended", None),
        Ok(Reply::PartnerRemoved(_)) => ("partner_removed", None),
        Ok(Reply::Noted) => ("noted", None),
        Ok(Reply::Repeated { .. }) => ("again", None),
        Err(refusal) => (refusal_name(*refusal), None),
    }
}

fn refusal_name(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Unauthorized => "unauthorized",
        Refusal::Forbidden(_) => "forbidden",
        Refusal::NotForPartners => "not_for_partners",
        Refusal::NotForPartnerKeys => "not_for_partner_keys",
        Refusal::NotAPartnersKey => "not_a_partners_key",
        Refusal::PartnerIsTheCaller => "partner_is_the_caller",
        Refusal::AdminGivesPartners => "admin_gives_partners",
        Refusal::PartnerIsSet => "partner_is_set",
        Refusal::NotGranted(_) => "not_granted",
        Refusal::ReplayNotGranted(_) => "replay_not_granted",
        Refusal::NotForPartnerWebhooks(_) => "not_for_partner_webhooks",
        Refusal::NotPublic => "not_public",
        Refusal::UnknownPartner => "unknown_partner",
        Refusal::TooManyPartnerWebhooks { .. } => "too_many_partner_webhooks",
        Refusal::UnknownKey => "unknown_key",
        Refusal::TooManyKeys => "too_many_keys",
        Refusal::UnknownTicket => "unknown_ticket",
        Refusal::UnknownWebhook => "unknown_webhook",
        Refusal::UnknownDelivery => "unknown_delivery",
        Refusal::UnknownEvent => "unknown_event",
        Refusal::UnknownSecret => "unknown_secret",
        Refusal::TicketClosed => "ticket_closed",
        Refusal::TooManyWebhooks => "too_many_webhooks",
        Refusal::WebhookNotActive => "webhook_not_active",
        Refusal::NotItsTurn => "not_its_turn",
        Refusal::TooManyLanes => "too_many_lanes",
        Refusal::ReplayRunning => "replay_running",
        Refusal::NoReplay => "no_replay",
        Refusal::TooManySecrets { .. } => "too_many_secrets",
        Refusal::LastSecret => "last_secret",
        Refusal::KeyReused => "key_reused",
    }
}

#[derive(Default)]
struct Hash(Sha256);

impl Hash {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn number(&mut self, number: u64) {
        self.bytes(&number.to_be_bytes());
    }

    fn count(&mut self, count: usize) {
        self.number(count as u64);
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.bytes(text.as_bytes());
    }

    fn optional(&mut self, number: Option<u64>) {
        self.number(u64::from(number.is_some()));
        self.number(number.unwrap_or(0));
    }

    fn decided(&mut self, decided: &Committed) {
        let Committed { reply, requests, events, next_wake, cancels: _, renews_connections: _ } =
            decided;
        let (kind, id) = reply_name(reply);
        self.text(kind);
        self.text(&id.unwrap_or_default());
        self.reply(reply);
        self.count(requests.len());
        for request in requests {
            self.request(request);
        }
        self.count(events.len());
        for event in events {
            self.number(event.seq.0);
        }
        self.optional(next_wake.map(|at| at.0));
    }

    /// The content of a reply beside its kind and id.
    fn reply(&mut self, reply: &Result<Reply, Refusal>) {
        match reply {
            Ok(Reply::Ticket(ticket)) => self.number(ticket.version.into()),
            Ok(
                Reply::Registered(webhook)
                | Reply::Webhook { webhook, .. }
                | Reply::Rotated(webhook),
            ) => self.number(webhook.rev),
            Ok(Reply::PartnerRemoved(PartnerCounts { partner: _, webhooks, keys })) => {
                self.number(*webhooks);
                self.number(*keys);
            }
            Ok(Reply::KeyCreated(key) | Reply::Key(key) | Reply::LinkCreated(key)) => {
                self.number(key.rev);
            }
            Ok(Reply::SessionsEnded(_, ended)) => self.number(*ended),
            Ok(Reply::Replay { counted, starts: _ }) => {
                self.number(counted.count);
                self.number(counted.owed);
            }
            Ok(Reply::Stopped(run)) => {
                self.number(run.read_to.0);
                self.number(run.sent);
            }
            Ok(Reply::Repeated { first, secret }) => {
                self.bytes(first.key.as_bytes());
                self.bytes(first.request.as_bytes());
                self.number(first.at.0);
                self.number(first.status.into());
                self.text(&first.body);
                self.number(u64::from(secret.is_some()));
            }
            Err(Refusal::TooManySecrets { next_ends_at }) => self.number(next_ends_at.0),
            Ok(
                Reply::Opened(_)
                | Reply::Announced(_)
                | Reply::Unregistered(_)
                | Reply::SecretEnded(_)
                | Reply::KeyRevoked(_)
                | Reply::SignedIn { .. }
                | Reply::SignedOut(_)
                | Reply::Noted,
            )
            | Err(_) => {}
        }
    }

    fn request(&mut self, request: &Request) {
        // Whether the address must be public follows from the webhook's row.
        let Request { key, url, headers, body, timeout_ms, public_only: _ } = request;
        self.number(key.seq.0);
        self.bytes(key.webhook.as_bytes());
        self.number(key.number.into());
        self.number(key.sent_at.0);
        self.number((*timeout_ms).into());
        self.text(url.as_str());
        self.count(headers.len());
        for (name, value) in headers {
            self.text(name);
            match &**name {
                "webhook-signature" => self.count(value.split(' ').count()),
                // It names the version, and another version makes the same decisions.
                "user-agent" => {}
                _ => self.text(value),
            }
        }
        self.text(body);
    }

    fn end(self) -> Digest {
        Digest::from_bytes(self.0.finalize().into())
    }
}
