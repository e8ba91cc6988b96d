//! The desk: it decides batches of commands over a store, and commits them.

use std::fmt;
use std::sync::Arc;

use crate::delivery::request::Request;
use crate::engine::command::{Command, Idempotent};
use crate::engine::decide::{Evaluation, decide_visiting};
use crate::engine::decision::Visits;
use crate::engine::facts::Facts;
use crate::engine::limits::{Limits, Memory};
use crate::engine::need::{Fact, Need};
use crate::engine::outcome::{Changes, Outcome, Put, Reply};
use crate::engine::store::{Commit, Store};
use crate::model::api_key::ApiKeys;
use crate::model::event::Event;
use crate::model::id::WebhookId;
use crate::model::idempotency_record::IdempotencyRecord;
use crate::model::millis::Millis;
use crate::model::moment::Moment;
use crate::model::refusal::Refusal;
use crate::model::retention::Retention;

/// Attempts to commit a batch before it fails because another process changes the same rows: with each
/// conflict, one of them made progress.
const MAX_TRIES: usize = 16;

/// The reason why a batch was not committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunError<F> {
    Store(F),
    /// Write conflicts with another process persisted.
    Contended,
    /// A decision needs a row that was just loaded: the store's answers are inconsistent.
    Unanswered(Need),
}

impl<F: fmt::Debug + fmt::Display> std::error::Error for RunError<F> {}

impl<F: fmt::Display> fmt::Display for RunError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(fault) => fault.fmt(f),
            Self::Contended => f.write_str("another process keeps changing the same rows"),
            Self::Unanswered(need) => write!(f, "its rows do not fit together: no {need:?}"),
        }
    }
}

/// The effects of a committed decision.
#[derive(Clone, Debug)]
pub struct Committed {
    pub reply: Result<Reply, Refusal>,
    pub requests: Vec<Request>,
    /// Unregistered webhooks: their requests in flight are to be cut off, and not to be reported.
    pub cancels: Vec<WebhookId>,
    /// Whether later requests need new connections.
    pub renews_connections: bool,
    /// Appended events, in log order.
    pub events: Vec<Arc<Event>>,
    pub next_wake: Option<Millis>,
}

/// Renders the reply to an idempotent command as the record that is kept for repetitions. The
/// engine does not know responses.
pub(crate) type Render = fn(&Idempotent, Millis, &Result<Reply, Refusal>) -> IdempotencyRecord;

/// A desk over a store.
#[derive(Debug)]
pub struct Desk<S> {
    facts: Facts,
    store: S,
    render: Render,
    /// Whether each wake is compared with one that visits all webhooks.
    compares: bool,
}

impl<S> Desk<S> {
    pub(crate) fn rendering(store: S, memory: Memory, render: Render) -> Self {
        Self { facts: Facts::new(memory), store, render, compares: false }
    }

    /// The same desk under other limits than the defaults.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.facts.limits = limits;
        self
    }

    /// The same desk, each wake of which is compared with one that visits all webhooks, each position
    /// that was skipped to with the events, and what is due with the rows: a tool for simulated worlds.
    ///
    /// # Panics
    /// Where they differ, the desk panics.
    #[must_use]
    pub fn comparing(mut self) -> Self {
        self.compares = true;
        self
    }

    pub fn limits(&self) -> &Limits {
        &self.facts.limits
    }

    /// The limits; a change takes effect with the next decision.
    pub fn limits_mut(&mut self) -> &mut Limits {
        &mut self.facts.limits
    }

    /// Whether a webhook is known to be unregistered.
    pub(crate) fn is_gone(&self, webhook: WebhookId) -> bool {
        self.facts.webhook_rows().is_ok_and(|rows| !rows.contains_key(&webhook))
    }

    /// The API keys, where they are cached.
    pub fn api_keys(&self) -> Option<&Arc<ApiKeys>> {
        self.facts.api_keys().ok()
    }

    pub(crate) fn memory(&self) -> Memory {
        self.facts.memory()
    }

    /// Drops all facts, so that later decisions load the rows that they need anew.
    pub(crate) fn forget(&mut self) {
        self.facts.forget_all();
    }

    #[cfg(test)]
    pub(crate) fn facts(&self) -> &Facts {
        &self.facts
    }

    pub fn store(&self) -> &S {
        &self.store
    }

    pub fn store_mut(&mut self) -> &mut S {
        &mut self.store
    }

    #[must_use]
    pub fn into_store(self) -> S {
        self.store
    }
}

impl<S: Store> Desk<S> {
    /// Decides a batch of commands, each over the changes of those before it, and commits them
    /// together. The replies and requests that it returns may be sent.
    ///
    /// # Errors
    /// When the store fails, or when write conflicts persist. Then no reply or request of the batch
    /// may be sent; facts are dropped and loaded anew, so the same commands can be run again.
    pub fn run(
        &mut self,
        batch: &[(Command, Moment)],
    ) -> Result<Vec<Committed>, RunError<S::Fault>> {
        for _ in 0..MAX_TRIES {
            match self.try_run(batch) {
                Ok(Some(decided)) => {
                    self.facts.settle();
                    return Ok(decided);
                }
                Ok(None) => self.facts.forget(),
                Err(error) => {
                    self.facts.forget();
                    return Err(error);
                }
            }
        }
        Err(RunError::Contended)
    }

    /// `None` after a write conflict: the batch is to be decided again over the changed rows.
    fn try_run(
        &mut self,
        batch: &[(Command, Moment)],
    ) -> Result<Option<Vec<Committed>>, RunError<S::Fault>> {
        let mut changes = None;
        let mut decided = Vec::with_capacity(batch.len());
        // Events appended by retention precede the batch's own.
        let mut appended_before = Vec::new();
        if let Some((_, moment)) = batch.first()
            && self.facts.retains_at().is_some_and(|at| is_reached(at, moment.now))
        {
            self.facts.begin(moment);
            let outcome = self.decide(&Command::Retain, moment)?;
            self.facts.apply(&outcome);
            appended_before.clone_from(&outcome.changes.events);
            merge(&mut changes, outcome.changes);
        }
        for (command, moment) in batch {
            self.facts.begin(moment);
            let outcome = self.decide(command, moment)?;
            self.facts.apply(&outcome);
            let mut events = std::mem::take(&mut appended_before);
            events.extend_from_slice(&outcome.changes.events);
            let cancels = outcome.changes.cleared.iter().copied().collect();
            let due = self.facts.next_due().filter(|_| *command == Command::Wake);
            let next_wake = outcome.next_wake.into_iter().chain(due).min();
            merge(&mut changes, outcome.changes);
            decided.push(Committed {
                reply: outcome.reply,
                requests: outcome.requests,
                cancels,
                renews_connections: outcome.renews_connections,
                events,
                next_wake,
            });
        }
        let changes = changes.unwrap_or_default();
        if !changes.is_empty() {
            match self.store.commit(&changes).map_err(RunError::Store)? {
                Commit::Done => {}
                Commit::Conflict => return Ok(None),
            }
        } else if batch.iter().any(|(command, _)| command.is_of_caller()) {
            self.store.attest().map_err(RunError::Store)?;
        }
        // An unregister also cancels requests that were decided before it in the same batch.
        for decided in &mut decided {
            decided.requests.retain(|request| !changes.cleared.contains(&request.key.webhook));
        }
        Ok(Some(decided))
    }

    /// Decides one command, and renders its reply if it is kept as an idempotency record.
    fn decide(
        &mut self,
        command: &Command,
        moment: &Moment,
    ) -> Result<Outcome, RunError<S::Fault>> {
        let mut outcome = self.evaluate(command, moment)?;
        if let (Command::Idempotent(call), Some(expect)) = (command, outcome.reply_replaces) {
            let record = (self.render)(call, moment.now, &outcome.reply);
            let put = Put { row: Some(Arc::new(record)), expect };
            outcome.changes.idempotency_records.insert(call.key, put);
        }
        Ok(outcome)
    }

    /// Decides one command over the facts, loading the rows that it needs until none is missing.
    fn evaluate(
        &mut self,
        command: &Command,
        moment: &Moment,
    ) -> Result<Outcome, RunError<S::Fault>> {
        let outcome = self.evaluate_visiting(command, moment, Visits::Scheduled)?;
        if self.compares && matches!(command, Command::Wake) {
            let mut reference = self.evaluate_visiting(command, moment, Visits::All)?;
            reference.stops.clone_from(&outcome.stops);
            let differs = outcome.differs_from(&reference);
            assert_eq!(differs, None, "of a wake, from one that visits all webhooks");
            self.check_skipped();
            assert_eq!(self.facts.wrongly_due(), None, "is due at another time than its rows say");
        }
        Ok(outcome)
    }

    /// Checks what webhooks skipped with the head of the log, as far as the store can be read.
    fn check_skipped(&mut self) {
        for (webhook, seq, need) in self.facts.wrongly_skipped() {
            let waits = need.is_none_or(|need| {
                let lanes = self.store.load(&need).map(Fact::into_lanes);
                lanes.is_ok_and(|lanes| !lanes.is_empty())
            });
            assert!(!waits, "{webhook} skipped event {seq:?} with the head of the log");
        }
    }

    fn evaluate_visiting(
        &mut self,
        command: &Command,
        moment: &Moment,
        visits: Visits,
    ) -> Result<Outcome, RunError<S::Fault>> {
        let mut loaded = Vec::new();
        loop {
            match decide_visiting(command, moment, &self.facts, visits) {
                Evaluation::Done(outcome) => return Ok(outcome),
                Evaluation::Need(mut needs) => {
                    needs.sort_unstable();
                    needs.dedup();
                    if let Some(need) = needs.first().filter(|_| needs == loaded) {
                        return Err(RunError::Unanswered(*need));
                    }
                    let facts = self.store.load_all(&needs).map_err(RunError::Store)?;
                    for (need, fact) in needs.iter().zip(facts) {
                        self.facts.learn(*need, fact);
                    }
                    loaded = needs;
                }
            }
        }
    }
}

/// Puts the changes of one decision behind those of the batch so far.
fn merge(batch: &mut Option<Changes>, later: Changes) {
    match batch {
        Some(earlier) => earlier.merge(later),
        None => *batch = Some(later),
    }
}

/// Whether `at` is reached. A time further away than any that is set was set by a clock that was
/// wrong, and counts as reached.
fn is_reached(at: Millis, now: Millis) -> bool {
    at <= now || at > now.plus(Retention::FURTHEST_MS)
}

#[cfg(test)]
mod tests;
