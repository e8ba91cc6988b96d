//! Replay of a recording: each input is decided again, over the recorded results of the store.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};

use serde::Serialize;
use serde_json::value::RawValue;

use crate::api;
use crate::delivery::request::Request;
use crate::engine::command::Command;
use crate::engine::desk::{Committed, Desk};
use crate::engine::need::{Fact, Need};
use crate::engine::outcome::{Changes, Reply};
use crate::engine::store::{Commit, Rows, Store};
use crate::incident::record::{Batch, Begin, Fate, Input, Key, Said};
use crate::incident::redact::{Redactor, mac};
use crate::incident::{Bad, BadIncident, Header, Line, MAX_LINE, chain, damage};
use crate::model::digest::Digest;
use crate::model::id::WebhookId;
use crate::model::millis::Millis;
use crate::model::moment::Moment;
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
    written: Written,
}

/// A step's line as it was, and redacted.
#[derive(Clone, Debug)]
struct Written {
    witness: Option<Digest>,
    mac: Digest,
    /// `None` if the file is redacted already.
    raw: Option<String>,
    redacted: String,
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

/// A desk that runs on the recorded inputs of another.
#[derive(Debug)]
pub struct Player {
    header: Header,
    desk: Option<Desk<RecordedStore>>,
    key: Option<Key>,
    line: u64,
    steps: u64,
    chain: Digest,
}

impl Player {
    /// A player of the file with this first line.
    ///
    /// # Errors
    /// [`BadIncident`] when it is no incident file, or one of a newer version.
    pub fn open(header: &str) -> Result<Self, BadIncident> {
        Header::parse(header).map(Self::new)
    }

    /// A player of the lines after a header.
    #[must_use]
    pub fn new(header: Header) -> Self {
        Self { header, desk: None, key: None, line: 1, steps: 0, chain: chain::start() }
    }

    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The chain up to here.
    #[must_use]
    pub fn chain(&self) -> Digest {
        self.chain
    }

    /// Decides the next line's input.
    ///
    /// # Errors
    /// [`BadIncident`] when the line is invalid. A valid line with another result than in the file
    /// is a step with a [`Difference`].
    pub fn play(&mut self, line: &str) -> Result<ReplayStep, BadIncident> {
        self.line += 1;
        let bad = |what| BadIncident { line: self.line, what };
        if line.len() > MAX_LINE {
            return Err(bad(Bad::TooLong));
        }
        let damaged = |error: serde_json::Error| bad(Bad::Input(damage(&error)));
        let line: Line<'_> = serde_json::from_str(line).map_err(damaged)?;
        let input =
            Input::parse(line.input.get()).map_err(|why| bad(Bad::Input(why.0.into_owned())))?;
        if let Input::Begin(begin) = &input {
            self.key = begin.key;
        }
        let written = self.written(&line, &input).ok_or_else(|| bad(Bad::NoMac))?;
        let (mut step, decided) = self.decide(input, written)?;
        self.steps += 1;
        self.chain = chain::link(&self.chain, &step.written.mac, &step.written.redacted, &decided);
        (step.number, step.chain) = (self.steps, self.chain);
        if let Some(recorded) = line.chain.filter(|chain| *chain != self.chain) {
            step.difference.get_or_insert(Difference::Chain { recorded });
        }
        Ok(step)
    }

    /// `None` if the keyed hash of the line, or the key for it, is missing.
    fn written(&self, line: &Line<'_>, input: &Input) -> Option<Written> {
        let bytes = line.input.get();
        let witness = line.witness;
        if self.header.redacted {
            let redacted = bytes.to_owned();
            return Some(Written { witness, mac: line.mac?, raw: None, redacted });
        }
        let mac = mac(self.key?, bytes.as_bytes());
        let redacted = Redactor { key: self.key }.input(input).to_json();
        Some(Written { witness, mac, raw: Some(bytes.to_owned()), redacted })
    }

    fn decide(
        &mut self,
        input: Input,
        written: Written,
    ) -> Result<(ReplayStep, Digest), BadIncident> {
        let mut step = ReplayStep {
            number: 0,
            input: "batch",
            now_ms: None,
            lost: 0,
            decisions: Vec::new(),
            commits: Vec::new(),
            failure: None,
            chain: self.chain,
            difference: None,
            changes: Changes::default(),
            written,
        };
        match input {
            Input::Begin(begin) => {
                let Begin { at, key, memory, limits, lost } = begin;
                (step.input, step.now_ms, step.lost) = ("begin", Some(at), lost);
                let store =
                    RecordedStore { redactor: Redactor { key }, ..RecordedStore::default() };
                let mut desk = Desk::new(store, memory);
                *desk.limits_mut() = limits;
                self.desk = Some(desk);
                Ok((step, chain::nothing()))
            }
            Input::Limits(limits) => {
                step.input = "limits";
                *self.desk()?.limits_mut() = limits;
                Ok((step, chain::nothing()))
            }
            Input::Batch(batch) => {
                step.now_ms = batch.commands.first().map(|(_, moment)| moment.now);
                let desk = self.desk()?;
                // A damaged file may hold results that no store gives, and that decisions rely on
                // not to occur.
                let run = AssertUnwindSafe(|| run(desk, batch, &mut step));
                if let Ok(decided) = panic::catch_unwind(run) {
                    return Ok((step, decided));
                }
                self.desk = None;
                Err(BadIncident { line: self.line, what: Bad::Undecidable })
            }
        }
    }

    fn desk(&mut self) -> Result<&mut Desk<RecordedStore>, BadIncident> {
        let bad = BadIncident { line: self.line, what: Bad::NoBeginning };
        self.desk.as_mut().ok_or(bad)
    }
}

/// Runs a batch over the recorded results of the store, and returns a digest of the decisions.
fn run(desk: &mut Desk<RecordedStore>, batch: Batch, step: &mut ReplayStep) -> Digest {
    let Batch { commands, said } = batch;
    desk.store_mut().answer_with(said);
    let ended = desk.run(&commands);
    let store = desk.store_mut();
    step.commits.clone_from(&store.fates);
    step.changes = std::mem::take(&mut store.stored);
    step.difference = match (store.strayed.take(), store.said.is_empty(), step.written.witness) {
        (Some(instead), _, _) => Some(Difference::Asked { instead }),
        (None, false, _) => Some(Difference::Unasked),
        (None, true, Some(witness)) if chain::outcome(&store.raw, &ended) != witness => {
            Some(Difference::Decisions)
        }
        (None, true, _) => None,
    };
    match &ended {
        Ok(all) => {
            step.decisions = commands.iter().zip(all).map(|(of, one)| decision(of, one)).collect();
        }
        Err(error) => step.failure = Some(chain::failure(error)),
    }
    let redactor = store.redactor;
    let ended = ended.map(|all| all.iter().map(|one| redactor.decided(one)).collect());
    chain::outcome(&store.redacted, &ended)
}

fn decision((command, _): &(Command, Moment), decided: &Committed) -> StepDecision {
    let Committed { reply, requests, events, next_wake, cancels: _, renews_connections: _ } =
        decided;
    let (reply_name, about) = chain::told(reply);
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

/// A store that returns the results of a recording.
#[derive(Debug, Default)]
struct RecordedStore {
    said: VecDeque<Said>,
    /// The first load or commit that is not the recorded one.
    strayed: Option<String>,
    redactor: Redactor,
    /// Digests of this batch's commits, as they are and redacted.
    raw: Vec<Digest>,
    redacted: Vec<Digest>,
    fates: Vec<&'static str>,
    stored: Changes,
}

impl RecordedStore {
    fn answer_with(&mut self, said: Vec<Said>) {
        *self = Self { said: said.into(), redactor: self.redactor, ..Self::default() };
    }

    fn stray(&mut self, asked: String) -> Failed {
        self.strayed.get_or_insert(asked);
        Failed
    }
}

/// The store failed when it was recorded, or the recording has no result for this call.
#[derive(Debug)]
struct Failed;

impl Rows for RecordedStore {
    type Fault = Failed;

    fn load(&mut self, need: &Need) -> Result<Fact, Failed> {
        match self.said.pop_front() {
            Some(Said::Fact(of, fact)) if of == *need => Ok(fact),
            Some(Said::Silent(of)) if of == *need => Err(Failed),
            Some(Said::Fact(..) | Said::Silent(_) | Said::Commit(_)) | None => {
                Err(self.stray(format!("{need:?}")))
            }
        }
    }
}

impl Store for RecordedStore {
    fn commit(&mut self, changes: &Changes) -> Result<Commit, Failed> {
        self.raw.push(chain::changes(changes));
        self.redacted.push(chain::changes(&self.redactor.changes(changes)));
        let (fate, commit) = match self.said.pop_front() {
            Some(Said::Commit(Fate::Done)) => {
                self.stored.merge(changes.clone());
                ("done", Ok(Commit::Done))
            }
            Some(Said::Commit(Fate::Conflict)) => ("conflict", Ok(Commit::Conflict)),
            Some(Said::Commit(Fate::Unknown)) => ("unknown", Err(Failed)),
            Some(Said::Fact(..) | Said::Silent(_)) | None => {
                return Err(self.stray("to store something".to_owned()));
            }
        };
        self.fates.push(fate);
        commit
    }
}

/// A whole file, and a player at some position in it.
#[derive(Debug)]
pub struct Incident {
    text: String,
    at: usize,
    cut: bool,
    player: Player,
}

impl Incident {
    /// Opens a file.
    ///
    /// # Errors
    /// [`BadIncident`] when it is no incident file, or one of a newer version.
    pub fn open(text: impl Into<String>) -> Result<Self, BadIncident> {
        let text = text.into();
        let header = text.split_inclusive('\n').next().unwrap_or_default();
        let (player, at) = (Player::open(header)?, header.len());
        Ok(Self { text, at, cut: false, player })
    }

    #[must_use]
    pub fn header(&self) -> &Header {
        self.player.header()
    }

    /// The chain up to here.
    #[must_use]
    pub fn chain(&self) -> Digest {
        self.player.chain()
    }

    /// Whether the file ends in the middle of a line, as it does when its writer was killed.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// The next step; `None` at the end.
    ///
    /// # Errors
    /// [`BadIncident`] when the file is damaged here. No step follows it.
    pub fn step(&mut self) -> Option<Result<ReplayStep, BadIncident>> {
        let line = self.text.get(self.at..)?.split_inclusive('\n').next()?;
        self.at += line.len();
        let is_whole = line.ends_with('\n');
        match self.player.play(line) {
            Err(_) if !is_whole => {
                self.cut = true;
                None
            }
            Err(bad) => {
                self.at = self.text.len();
                Some(Err(bad))
            }
            Ok(step) => Some(Ok(step)),
        }
    }

    /// The file with the chain at each step, redacted if asked for.
    ///
    /// # Errors
    /// [`BadIncident`] when it is damaged.
    pub fn export(text: &str, redacted: bool) -> Result<String, BadIncident> {
        let mut incident = Self::open(text)?;
        let mut header = incident.header().clone();
        header.redacted |= redacted;
        let mut exported = header.line();
        while let Some(step) = incident.step() {
            exported.push_str(&step?.line(redacted));
        }
        Ok(exported)
    }
}
