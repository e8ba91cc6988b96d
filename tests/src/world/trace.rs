//! The trace of a world: a line for each batch, for people and for comparing runs.

use std::borrow::Cow;
use std::sync::Arc;

use hookdesk_core::guard::CallbackUrl;
use hookdesk_core::{
    Amendment, Answer, AttemptKey, Command, Committed, Event, EventType, Millis, Moment, Refusal,
    Reply, Report, RequestKey,
};
use sha2::{Digest, Sha256};

use crate::stores::Fate;

/// A batch and its result. The digest at its end covers all decisions.
pub fn batch(
    name: char,
    batch: &[(Command, Moment)],
    fate: Fate,
    decided: Option<&[Committed]>,
) -> String {
    let digested = decided.map_or_else(|| "None".to_owned(), digested);
    let digest = hex(&Sha256::digest(digested)[..8]);
    let commands = batch.iter().map(|(command, _)| brief(command)).collect::<Vec<_>>().join(", ");
    let requests = decided.unwrap_or_default().iter().flat_map(|decided| &decided.requests);
    let sent = requests.map(|request| {
        let key = request.key;
        format!("{}#{}→{}", key.seq, key.number, tail(&key.webhook.to_string()))
    });
    let sent = sent.collect::<Vec<_>>().join(" ");
    let end = match (decided, fate) {
        (Some(_), _) => "done".to_owned(),
        (None, fate) => format!("failed ({fate:?})"),
    };
    format!("{name} [{commands}] {end}; sends [{sent}] {digest}")
}

/// A batch's result, in the debug form that is digested. It is that of the types as they were when
/// the first digests were taken: the names of types, and the grouping of fields, must not matter.
fn digested(committed: &[Committed]) -> String {
    let decided: Vec<Decided<'_>> = committed.iter().map(Decided::of).collect();
    as_digested(&format!("{:?}", Some(decided)))
}

#[derive(Debug)]
#[expect(dead_code, reason = "its debug form is all that is used")]
struct Decided<'a> {
    reply: &'a Result<Reply, Refusal>,
    requests: Vec<Request<'a>>,
    events: &'a [Arc<Event>],
    next_wake: Option<Millis>,
}

#[derive(Debug)]
#[expect(dead_code, reason = "its debug form is all that is used")]
struct Request<'a> {
    key: AttemptKey,
    sent_at: Millis,
    url: &'a CallbackUrl,
    headers: &'a [(Cow<'static, str>, String)],
    body: &'a Arc<str>,
    timeout_ms: u32,
}

impl<'a> Decided<'a> {
    fn of(committed: &'a Committed) -> Self {
        let Committed { reply, requests, events, next_wake, cancels: _, renews_connections: _ } =
            committed;
        let requests = requests.iter().map(Request::of).collect();
        Self { reply, requests, events, next_wake: *next_wake }
    }
}

impl<'a> Request<'a> {
    fn of(request: &'a hookdesk_core::Request) -> Self {
        let hookdesk_core::Request { key, url, headers, body, timeout_ms, public_only: _ } =
            request;
        let RequestKey { webhook, seq, number, sent_at } = *key;
        let key = AttemptKey { seq, webhook, number };
        Self { key, sent_at, url, headers, body, timeout_ms: *timeout_ms }
    }
}

/// Types whose names have changed since, and fields that came later and say nothing in worlds.
const FIRST_NAMES: [(&str, &str); 6] = [
    ("kind: Bearer, parent: None, ", ""),
    ("Repeated {", "Again {"),
    ("IdempotencyRecord {", "FirstAnswer {"),
    ("ReplayRun {", "Run {"),
    ("ReplayRange {", "Range {"),
    ("ReplayCount {", "Count {"),
];

/// A debug text with the names that types had when the first digests were taken.
pub fn as_digested(debug: &str) -> String {
    let first = |text: String, (now, first): &(&str, &str)| text.replace(now, first);
    FIRST_NAMES.iter().fold(debug.to_owned(), first)
}

/// Bytes in hex, for comparison by people.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// A command in a few words.
fn brief(command: &Command) -> String {
    match command {
        Command::OpenTicket { .. } => "open".to_owned(),
        Command::UpdateTicket { id, .. } => format!("update {}", tail(&id.to_string())),
        Command::CloseTicket { id } => format!("close {}", tail(&id.to_string())),
        Command::Announce(availability) => format!("{availability:?}"),
        Command::Register(_) => "register".to_owned(),
        Command::Unregister { id } => format!("unregister {}", tail(&id.to_string())),
        Command::Amend { id, settings } => {
            format!("amend {} {}", tail(&id.to_string()), changes(settings))
        }
        Command::HandOver { id, to, .. } => {
            format!("hand {} over to {}", tail(&id.to_string()), to.partner)
        }
        Command::RemovePartner { partner } => format!("remove partner {partner}"),
        Command::Enable { id } => format!("enable {}", tail(&id.to_string())),
        Command::Rotate(rotation) => {
            let seconds = rotation.overlap_ms / 1_000;
            format!("rotate {} over {seconds} s", tail(&rotation.webhook.to_string()))
        }
        Command::EndSecret { webhook, secret } => {
            format!("end {} of {}", tail(&secret.to_string()), tail(&webhook.to_string()))
        }
        Command::PingOne { id } => format!("ping {}", tail(&id.to_string())),
        Command::Ping => "ping all".to_owned(),
        Command::Resend { id, event } => {
            format!("resend {}→{}", event.seq(), tail(&id.to_string()))
        }
        Command::Replay { id, range, .. } => {
            let (from, to, only) = (range.after.next(), range.to, range.only.name());
            format!("replay {from}..{to} {only}→{}", tail(&id.to_string()))
        }
        Command::StopReplay { id } => format!("stop replay {}", tail(&id.to_string())),
        Command::CreateKey(key) => format!("create key {}", key.prefix),
        Command::AmendKey { id, .. } => format!("amend key {}", tail(&id.to_string())),
        Command::RevokeKey { id } => format!("revoke key {}", tail(&id.to_string())),
        Command::CreateLink(link) => format!("create link {}", link.prefix),
        Command::SignIn(sign_in) => format!("sign in {}", sign_in.prefix),
        Command::SignOut { session } => format!("sign out {}", tail(&session.to_string())),
        Command::EndSessions { partner } => format!("end sessions of {partner}"),
        Command::NoteRefusedKeys { refused } => format!("note refusals of {} peers", refused.len()),
        Command::NoteKeyUse { used } => format!("note use of {} keys", used.len()),
        Command::Idempotent(once) => {
            format!("{} under {}", brief(&once.command), tail(&once.key.to_string()))
        }
        Command::Report(Report { key, answer, .. }) => {
            let answer = match answer {
                Answer::Status { status, .. } => status.to_string(),
                Answer::Failure(failure) => failure.name().to_owned(),
            };
            format!("{}#{}←{} {answer}", key.seq, key.number, tail(&key.webhook.to_string()))
        }
        Command::Wake => "wake".to_owned(),
        Command::Retain => "retain".to_owned(),
    }
}

fn changes(settings: &Amendment) -> String {
    let Amendment { events, ordering, rate_limit, max_in_flight, paused, .. } = settings;
    let mut changes = Vec::new();
    if let Some(events) = events {
        let names: Vec<&str> = events.types().map(EventType::name).collect();
        changes.push(format!("events {names:?}"));
    }
    changes.extend(ordering.map(|ordering| format!("ordering {}", ordering.name())));
    changes.extend(rate_limit.map(|rate| format!("rate {rate:?}")));
    changes.extend(max_in_flight.map(|most| format!("window {most}")));
    changes.extend(paused.map(|paused| format!("paused {paused}")));
    changes.join(" ")
}

/// The end of an id: enough to distinguish it from others.
fn tail(id: &str) -> &str {
    &id[id.len() - 4..]
}
