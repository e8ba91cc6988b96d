//! The recorder of a desk's inputs.

use std::fmt;

use crate::engine::command::Command;
use crate::engine::desk::{Committed, Desk, RunError};
use crate::engine::limits::Limits;
use crate::engine::need::{Fact, Need};
use crate::engine::outcome::Changes;
use crate::engine::store::{Commit, Rows, Store};
use crate::incident::record::{self, Begin, Fate, Input, Key};
use crate::incident::{Header, MAX_LINE, chain};
use crate::model::digest::Digest;
use crate::model::millis::Millis;
use crate::model::moment::Moment;

/// A store that records the desk's loads and commits. Until a recording begins it only passes them
/// on.
pub struct Recorder<S> {
    store: S,
    recording: Option<Recording>,
}

/// The state of a recording from one batch to the next.
struct Recording {
    limits: Limits,
    batch: Option<StoreResults>,
}

/// The store's results during the running batch.
#[derive(Default)]
struct StoreResults {
    /// The entries of a list in JSON.
    entries: String,
    commits: Vec<Digest>,
    too_long: bool,
}

impl<S> Recorder<S> {
    #[must_use]
    pub fn new(store: S) -> Self {
        Self { store, recording: None }
    }

    #[must_use]
    pub fn store(&self) -> &S {
        &self.store
    }

    pub fn store_mut(&mut self) -> &mut S {
        &mut self.store
    }

    fn note(&mut self, result: impl FnOnce() -> String) {
        let batch = self.recording.as_mut().and_then(|recording| recording.batch.as_mut());
        let Some(results) = batch.filter(|results| !results.too_long) else { return };
        if !results.entries.is_empty() {
            results.entries.push(',');
        }
        results.entries.push_str(&result());
        if results.entries.len() > MAX_LINE {
            *results = StoreResults { too_long: true, ..StoreResults::default() };
        }
    }
}

impl<S> fmt::Debug for Recorder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("records", &self.recording.is_some())
            .finish_non_exhaustive()
    }
}

impl<S: Rows> Rows for Recorder<S> {
    type Fault = S::Fault;

    fn load(&mut self, need: &Need) -> Result<Fact, S::Fault> {
        let result = self.store.load(need);
        self.note(|| match &result {
            Ok(fact) => record::fact(need, fact),
            Err(_) => record::failed(need),
        });
        result
    }

    /// A failure is recorded at the first need: in a replay, nothing is loaded after it.
    fn load_all(&mut self, needs: &[Need]) -> Result<Vec<Fact>, S::Fault> {
        let result = self.store.load_all(needs);
        match &result {
            Ok(facts) => {
                for (need, fact) in needs.iter().zip(facts) {
                    self.note(|| record::fact(need, fact));
                }
            }
            Err(_) => {
                if let Some(need) = needs.first() {
                    self.note(|| record::failed(need));
                }
            }
        }
        result
    }
}

impl<S: Store> Store for Recorder<S> {
    fn commit(&mut self, changes: &Changes) -> Result<Commit, S::Fault> {
        let commit = self.store.commit(changes);
        self.note(|| {
            record::fate(match &commit {
                Ok(Commit::Done) => Fate::Done,
                Ok(Commit::Conflict) => Fate::Conflict,
                Err(_) => Fate::Unknown,
            })
        });
        if let Some(results) = self.recording.as_mut().and_then(|of| of.batch.as_mut()) {
            results.commits.push(chain::changes(changes));
        }
        commit
    }

    /// One that fails is recorded as a commit that does.
    fn attest(&mut self) -> Result<(), S::Fault> {
        let attested = self.store.attest();
        if attested.is_err() {
            self.note(|| record::fate(Fate::Unknown));
        }
        attested
    }

    /// It is no input of the desk, and is not recorded.
    fn probe(&mut self) -> Result<(), S::Fault> {
        self.store.probe()
    }
}

/// The result of a batch, and its lines for the file.
#[derive(Debug)]
pub struct Recorded<F> {
    pub ended: Result<Vec<Committed>, RunError<F>>,
    /// `None` when nothing is recorded, or when the batch was too long for a line: then the file
    /// must end here, and another begin.
    pub lines: Option<String>,
}

/// Recording a desk.
impl<S: Store> Desk<Recorder<S>> {
    /// Begins a recording, and returns its first line. All cached facts are dropped, so that those
    /// which later decisions need are loaded again, and thereby recorded.
    ///
    /// `key` is 32 random bytes, under which private texts are hashed when the recording is
    /// redacted; `lost` counts the batches that were decided since the last recording's end.
    pub fn begin_recording(&mut self, at: Millis, key: [u8; 32], lost: u64) -> String {
        self.forget();
        let (limits, memory) = (*self.limits(), self.memory());
        self.store_mut().recording = Some(Recording { limits, batch: None });
        let key = Some(Key(Digest::from_bytes(key)));
        line(None, &Input::Begin(Begin { at, key, memory, limits, lost }).to_json())
    }

    /// Ends the recording.
    pub fn end_recording(&mut self) {
        self.store_mut().recording = None;
    }

    /// [`Desk::run`], recorded if a recording has begun.
    pub fn run_recorded(&mut self, batch: &[(Command, Moment)]) -> Recorded<S::Fault> {
        let limits = *self.limits();
        let Some(recording) = &mut self.store_mut().recording else {
            return Recorded { ended: self.run(batch), lines: None };
        };
        let mut lines = String::new();
        if recording.limits != limits {
            recording.limits = limits;
            lines = line(None, &Input::Limits(limits).to_json());
        }
        recording.batch = Some(StoreResults::default());
        let ended = self.run(batch);
        let recording = self.store_mut().recording.as_mut();
        let results = recording.and_then(|recording| recording.batch.take()).unwrap_or_default();
        let commands = record::commands(batch);
        let input =
            format!("{{\"batch\":{{\"commands\":{commands},\"said\":[{}]}}}}", results.entries);
        if results.too_long || input.len() > MAX_LINE - Header::ROOM {
            self.end_recording();
            return Recorded { ended, lines: None };
        }
        let witness = chain::outcome(&results.commits, &ended);
        lines.push_str(&line(Some(witness), &input));
        Recorded { ended, lines: Some(lines) }
    }
}

/// A line of a recording: an input, and the digest of the desk's decisions on it.
fn line(witness: Option<Digest>, input: &str) -> String {
    match witness {
        Some(witness) => format!("{{\"witness\":\"{witness}\",\"input\":{input}}}\n"),
        None => format!("{{\"input\":{input}}}\n"),
    }
}
