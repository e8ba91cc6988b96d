//! Replay of a recording: each input is decided again, over the recorded results of the store.

mod recorded_store;
mod step;

use std::panic::{self, AssertUnwindSafe};

use crate::engine::desk::Desk;
use crate::engine::outcome::Changes;
use crate::incident::record::{Batch, Begin, Input, Key};
use crate::incident::redact::{Redactor, mac};
use crate::incident::{Bad, BadIncident, Header, Line, MAX_LINE, chain, damage};
use crate::model::digest::Digest;
use recorded_store::RecordedStore;
pub use step::{Difference, ReplayStep, Sent, StepDecision};
use step::{Written, decision};

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
    let Batch { commands, results } = batch;
    desk.store_mut().begin_batch(results);
    let ended = desk.run(&commands);
    let store = desk.store_mut();
    step.commits.clone_from(&store.fates);
    step.changes = std::mem::take(&mut store.stored);
    step.difference =
        match (store.unrecorded.take(), store.results.is_empty(), step.written.witness) {
            (Some(instead), _, _) => Some(Difference::Asked { instead }),
            (None, false, _) => Some(Difference::Unasked),
            (None, true, Some(witness)) if chain::outcome(&store.raw, &ended) != witness => {
                Some(Difference::Decisions)
            }
            (None, true, _) => None,
        };
    match &ended {
        Ok(all) => {
            let each = commands.iter().zip(all);
            step.decisions = each.map(|((command, _), one)| decision(command, one)).collect();
        }
        Err(error) => step.failure = Some(chain::failure_name(error)),
    }
    let redactor = store.redactor;
    let ended = ended.map(|all| all.iter().map(|one| redactor.decided(one)).collect());
    chain::outcome(&store.redacted, &ended)
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
