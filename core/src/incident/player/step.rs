//! A step of a replay: what was decided on one line of a file, and how it differs from the file.

use std::fmt;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::api;
use crate::delivery::request::Request;
use crate::engine::command::Command;
use crate::engine::desk::Committed;
use crate::engine::outcome::{Changes, Reply};
use crate::incident::{Line, chain};
use crate::model::digest::Digest;
use crate::model::id::WebhookId;
use crate::model::millis::Millis;
use crate::model::seq::Seq;

/// The result of replaying one input.
#[derive(Clone, Debug, Serialize)]
pub struct ReplayStep {
    /// From 1.
    pub number: u64,
    /// `begin`, `limits` or `batch`.
    pub input: &'static str,
    /// The time of the input.
    pub now_ms: Option<Millis>,
    /// Batches that were not recorded before this one.
    pub lost: u64,
    pub decisions: Vec<StepDecision>,
    /// The result of each commit that was tried: `done`, `conflict` or `unknown`.
    pub commits: Vec<&'static str>,
    /// Why nothing was decided: `store_failed`, `contended` or `unanswered`.
    pub failure: Option<&'static str>,
    /// The chain up to here.
    pub chain: Digest,
    /// The difference from the decisions in the file.
    pub difference: Option<Difference>,
    /// The stored changes.
    #[serde(skip)]
    pub changes: Changes,
    #[serde(skip)]
    pub(super) written: Written,
}

/// A step's line as it was, and redacted.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub witness: Option<Digest>,
    pub mac: Digest,
    /// `None` if the file is redacted already.
    pub raw: Option<String>,
    pub redacted: String,
}

/// The decision on one command.
#[derive(Clone, Debug, Serialize)]
pub struct StepDecision {
    /// The command's name.
    pub command: &'static str,
    /// Whether it had an idempotency key.
    pub keyed: bool,
    /// The reply's or refusal's name.
    pub reply: &'static str,
    /// The id that the reply names.
    pub about: Option<String>,
    /// The status of the response to the caller, if there is one.
    pub status: Option<u16>,
    /// Positions of the events that were appended to the log.
    pub events: Vec<Seq>,
    pub requests: Vec<Sent>,
    pub next_wake_ms: Option<Millis>,
}

/// A request that was decided upon.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify), tsify(rename = "IncidentRequest"))]
pub struct Sent {
    pub webhook: WebhookId,
    /// The value of `webhook-id`.
    pub event: String,
    pub seq: Seq,
    pub attempt: u32,
    pub url: String,
}

/// How a step differs from the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// The inputs or the decisions are not those of the chain in the file.
    Chain { recorded: Digest },
    /// The desk that was recorded decided differently.
    Decisions,
    /// The desk loads something else from its store than when it was recorded.
    Asked { instead: String },
    /// It loads less.
    Unasked,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chain { recorded } => write!(f, "the file has the chain {recorded}"),
            Self::Decisions => f.write_str("the desk that was recorded decided otherwise"),
            Self::Asked { instead } => {
                write!(f, "the desk asks for what was not recorded: {instead}")
            }
            Self::Unasked => f.write_str("the desk asks for less than was recorded"),
        }
    }
}

impl ReplayStep {
    /// The step as a line of a file, with its line break.
    ///
    /// # Panics
    /// Never: what was read from JSON has a JSON form.
    #[must_use]
    pub fn line(&self, redacted: bool) -> String {
        let Written { witness, mac, raw, redacted: replaced } = &self.written;
        let (witness, mac, input) = match raw {
            Some(raw) if !redacted => (*witness, None, raw),
            Some(_) | None => (None, Some(*mac), replaced),
        };
        let input: &RawValue = serde_json::from_str(input).expect("it was read from JSON");
        let line = Line { chain: Some(self.chain), witness, mac, input };
        serde_json::to_string(&line).expect("JSON and texts always have a JSON form") + "\n"
    }
}

pub(super) fn decision(command: &Command, decided: &Committed) -> StepDecision {
    let Committed { reply, requests, events, next_wake, cancels: _, renews_connections: _ } =
        decided;
    let (reply_name, about) = chain::reply_name(reply);
    let asked = (*reply != Ok(Reply::Noted)).then_some(reply);
    let once = if let Command::Idempotent(once) = command { Some(&*once.command) } else { None };
    StepDecision {
        command: once.unwrap_or(command).name(),
        keyed: once.is_some(),
        reply: reply_name,
        about,
        status: asked.map(api::status),
        events: events.iter().map(|event| event.seq).collect(),
        requests: requests.iter().map(sent).collect(),
        next_wake_ms: *next_wake,
    }
}

fn sent(request: &Request) -> Sent {
    let event = request.headers.iter().find(|(name, _)| name == "webhook-id");
    Sent {
        webhook: request.key.webhook,
        event: event.map(|(_, id)| id.clone()).unwrap_or_default(),
        seq: request.key.seq,
        attempt: request.key.number,
        url: request.url.to_string(),
    }
}
