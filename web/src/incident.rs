//! Replay of an incident file, step by step.

use std::cell::RefCell;

use hookdesk_core::incident::{self as core, Player};
use serde::Serialize;
use tsify::Tsify;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::js::{bad, ensure_usable, text, to_js, watch_panics};
use crate::row_changes::RowChanges;

/// The result of one line of an incident file.
#[derive(Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct IncidentStep {
    /// Number of the step, from 1.
    pub number: u64,
    #[tsify(type = "\"begin\" | \"limits\" | \"batch\"")]
    pub input: &'static str,
    /// When the input came, in milliseconds of unix time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now_ms: Option<u64>,
    /// Batches that were not recorded before this one.
    pub lost: u64,
    pub decisions: Vec<IncidentDecision>,
    /// Events and attempts that were stored.
    #[serde(rename = "told")]
    #[tsify(type = "Told")]
    pub row_changes: RowChanges,
    /// The result of each commit.
    #[tsify(type = "(\"done\" | \"conflict\" | \"unknown\")[]")]
    pub commits: Vec<&'static str>,
    /// Why nothing was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[tsify(type = "\"store_failed\" | \"contended\" | \"unanswered\"")]
    pub failure: Option<&'static str>,
    /// The chain up to here, in 64 hex digits: equal chains mean equal histories.
    pub chain: String,
    /// How the replay differs from the file, as a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<String>,
}

/// The decision on one command.
#[derive(Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct IncidentDecision {
    /// The command's name.
    #[tsify(type = "string")]
    pub command: &'static str,
    /// Whether it had an idempotency key.
    pub keyed: bool,
    /// The reply's or the refusal's name.
    #[tsify(type = "string")]
    pub reply: &'static str,
    /// The id in the reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// The HTTP status of the response to the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Positions of the events that were appended to the log.
    pub events: Vec<u64>,
    #[tsify(type = "IncidentRequest[]")]
    pub requests: Vec<core::Sent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_wake_ms: Option<u64>,
}

impl From<core::ReplayStep> for IncidentStep {
    fn from(step: core::ReplayStep) -> Self {
        Self {
            number: step.number,
            input: step.input,
            now_ms: step.now_ms.map(|at| at.0),
            lost: step.lost,
            row_changes: RowChanges::of(&step.changes),
            decisions: step.decisions.into_iter().map(IncidentDecision::from).collect(),
            commits: step.commits,
            failure: step.failure,
            chain: step.chain.to_string(),
            difference: step.difference.map(|difference| difference.to_string()),
        }
    }
}

impl From<core::StepDecision> for IncidentDecision {
    fn from(decision: core::StepDecision) -> Self {
        Self {
            command: decision.command,
            keyed: decision.keyed,
            reply: decision.reply,
            about: decision.about,
            status: decision.status,
            events: decision.events.into_iter().map(|seq| seq.0).collect(),
            requests: decision.requests,
            next_wake_ms: decision.next_wake_ms.map(|at| at.0),
        }
    }
}

/// Replays an incident file, as `hookdesk export` writes it, by deciding all of it again.
#[wasm_bindgen]
#[derive(Debug)]
pub struct IncidentPlayer {
    player: RefCell<Player>,
}

#[wasm_bindgen]
impl IncidentPlayer {
    /// A player of the file with this first line.
    ///
    /// # Errors
    /// A `TypeError` when it is not an incident file, or one of a newer version.
    #[wasm_bindgen(constructor)]
    pub fn new(
        #[wasm_bindgen(unchecked_param_type = "string")] header: &JsValue,
    ) -> Result<Self, JsValue> {
        watch_panics();
        ensure_usable()?;
        let player = Player::open(&text("header", header)?)
            .map_err(|why| bad("header", &why.to_string()))?;
        Ok(Self { player: RefCell::new(player) })
    }

    /// Plays the next line of the file.
    ///
    /// # Errors
    /// A `TypeError` when the line is damaged. An error of the name `Broken` when it is damaged in
    /// such a way that the desk panics: then `reset` the module.
    #[wasm_bindgen(unchecked_return_type = "IncidentStep")]
    pub fn play(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string")] line: &JsValue,
    ) -> Result<JsValue, JsValue> {
        ensure_usable()?;
        let line = text("line", line)?;
        let mut player =
            self.player.try_borrow_mut().map_err(|_| bad("line", "the player is busy"))?;
        let step = player.play(&line).map_err(|why| bad("line", &why.to_string()))?;
        to_js(&IncidentStep::from(step))
    }
}
