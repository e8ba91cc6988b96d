//! A store of recorded results: it returns to a desk what the store returned to the desk that was
//! recorded, and notes the first call that differs.

use std::collections::VecDeque;

use crate::engine::need::{Fact, Need};
use crate::engine::outcome::Changes;
use crate::engine::store::{Commit, Rows, Store};
use crate::incident::chain;
use crate::incident::record::{Fate, StoreResult};
use crate::incident::redact::Redactor;
use crate::model::digest::Digest;

/// A store that returns the results of a recording.
#[derive(Debug, Default)]
pub(super) struct RecordedStore {
    /// Results that are still to be returned.
    pub results: VecDeque<StoreResult>,
    /// The first load or commit that is not the recorded one.
    pub unrecorded: Option<String>,
    pub redactor: Redactor,
    /// Digests of this batch's commits, as they are and redacted.
    pub raw: Vec<Digest>,
    pub redacted: Vec<Digest>,
    pub fates: Vec<&'static str>,
    pub stored: Changes,
}

impl RecordedStore {
    /// Begins a batch, during which these results are returned.
    pub fn begin_batch(&mut self, results: Vec<StoreResult>) {
        *self = Self { results: results.into(), redactor: self.redactor, ..Self::default() };
    }

    fn note_unrecorded(&mut self, call: String) -> RecordedFault {
        self.unrecorded.get_or_insert(call);
        RecordedFault
    }
}

/// The store failed when it was recorded, or the recording has no result for this call.
#[derive(Debug)]
pub(super) struct RecordedFault;

impl Rows for RecordedStore {
    type Fault = RecordedFault;

    fn load(&mut self, need: &Need) -> Result<Fact, RecordedFault> {
        match self.results.pop_front() {
            Some(StoreResult::Fact(of, fact)) if of == *need => Ok(fact),
            Some(StoreResult::Failed(of)) if of == *need => Err(RecordedFault),
            Some(StoreResult::Fact(..) | StoreResult::Failed(_) | StoreResult::Commit(_))
            | None => Err(self.note_unrecorded(format!("{need:?}"))),
        }
    }
}

impl Store for RecordedStore {
    fn commit(&mut self, changes: &Changes) -> Result<Commit, RecordedFault> {
        self.raw.push(chain::changes(changes));
        self.redacted.push(chain::changes(&self.redactor.changes(changes)));
        let (fate, commit) = match self.results.pop_front() {
            Some(StoreResult::Commit(Fate::Done)) => {
                self.stored.merge(changes.clone());
                ("done", Ok(Commit::Done))
            }
            Some(StoreResult::Commit(Fate::Conflict)) => ("conflict", Ok(Commit::Conflict)),
            Some(StoreResult::Commit(Fate::Unknown)) => ("unknown", Err(RecordedFault)),
            Some(StoreResult::Fact(..) | StoreResult::Failed(_)) | None => {
                return Err(self.note_unrecorded("to store something".to_owned()));
            }
        };
        self.fates.push(fate);
        commit
    }

    fn attest(&mut self) -> Result<(), RecordedFault> {
        match self.results.front() {
            Some(StoreResult::Commit(Fate::Unknown)) => {
                self.results.pop_front();
                self.fates.push("unknown");
                Err(RecordedFault)
            }
            Some(StoreResult::Commit(_) | StoreResult::Fact(..) | StoreResult::Failed(_))
            | None => Ok(()),
        }
    }
}
