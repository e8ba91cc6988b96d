//! Sessions: the loop of every host, without its threads. Queued commands become a batch, the batch
//! is decided and committed, and its effects are returned.
//!
//! A session owns the state between two batches: reports whose batch was not committed, when the
//! next batch is due, whether the store failed last, how many requests are in flight. The native
//! server, the WebAssembly module and the simulated worlds all drive it.
//!
//! A host queues [calls](Session::call) and [reports](Session::report), takes them as a
//! [batch](Session::batch) with the moments of its own clock and source of chance, and
//! [runs](Session::run) it. Only the replies and requests that this returns may be sent.

use std::sync::Arc;

use crate::delivery::request::Request;
use crate::engine::command::{Command, Report};
use crate::engine::desk::{Committed, Desk, RunError};
use crate::engine::outcome::Reply;
use crate::engine::store::Store;
use crate::model::event::Event;
use crate::model::millis::Millis;
use crate::model::moment::Moment;
use crate::model::refusal::Refusal;

/// A desk and the loop state of one host.
#[derive(Debug)]
pub struct Session<S> {
    desk: Desk<S>,
    /// Commands of waiting callers.
    calls: Vec<Command>,
    /// Reports that are not committed. None is ever dropped.
    reports: Vec<Report>,
    next_wake: Option<Millis>,
    /// Requests that were returned to the host and are not reported.
    in_flight: usize,
    draining: bool,
    faulty: bool,
}

/// Commands that are decided and committed together: callers' commands, then reports, then a wake,
/// as any of them may have freed a slot or appended an event.
#[derive(Debug)]
pub struct Batch {
    commands: Vec<(Command, Moment)>,
    calls: usize,
    reports: usize,
}

impl Batch {
    #[must_use]
    pub fn commands(&self) -> &[(Command, Moment)] {
        &self.commands
    }
}

/// The effects that a host has to carry out after a commit: reply to callers, in the order of their
/// calls, send requests, and stream events.
#[derive(Debug)]
pub struct Effects {
    pub replies: Vec<Result<Reply, Refusal>>,
    pub requests: Vec<Request>,
    /// Appended events, in log order.
    pub events: Vec<Arc<Event>>,
}

impl Effects {
    /// The effects of a batch that began with `calls` calls.
    #[must_use]
    pub fn of(committed: Vec<Committed>, calls: usize) -> Self {
        let mut effects =
            Self { replies: Vec::with_capacity(calls), requests: vec![], events: vec![] };
        for (index, one) in committed.into_iter().enumerate() {
            if index < calls {
                effects.replies.push(one.reply);
            }
            effects.requests.extend(one.requests);
            effects.events.extend(one.events);
        }
        effects
    }
}

impl<S> Session<S> {
    /// Commands of one batch, at most, so that the first of them does not wait for ever.
    pub const MAX_BATCH: usize = 1_024;
    /// Milliseconds that a host pauses after its store failed: short enough that callers do not
    /// wait long once it is back, and long enough not to make a failing store busier.
    pub const FAULT_PAUSE_MS: u64 = 500;

    /// A session whose first batch is due at `now`.
    #[must_use]
    pub fn new(desk: Desk<S>, now: Millis) -> Self {
        Self {
            desk,
            calls: Vec::new(),
            reports: Vec::new(),
            next_wake: Some(now),
            in_flight: 0,
            draining: false,
            faulty: false,
        }
    }

    pub fn desk(&self) -> &Desk<S> {
        &self.desk
    }

    pub fn desk_mut(&mut self) -> &mut Desk<S> {
        &mut self.desk
    }

    /// Queues a caller's command.
    pub fn call(&mut self, command: Command) {
        self.calls.push(command);
    }

    /// Queues the end of a request.
    pub fn report(&mut self, report: Report) {
        self.reports.push(report);
    }

    /// Whether a full batch is queued.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.calls.len() + self.reports.len() >= Self::MAX_BATCH
    }

    /// Reports that are not committed yet.
    #[must_use]
    pub fn reports(&self) -> &[Report] {
        &self.reports
    }

    /// When the next batch is due, if anything is due by time alone. Queued commands are due at
    /// once.
    #[must_use]
    pub fn next_wake(&self) -> Option<Millis> {
        self.next_wake
    }

    /// Whether the last batch failed.
    #[must_use]
    pub fn is_faulty(&self) -> bool {
        self.faulty
    }

    /// Stops sending, and goes on deciding.
    pub fn stop_sending(&mut self) {
        self.desk.limits_mut().in_flight = 0;
    }

    /// Stops sending; the session is [drained](Session::is_drained) when nothing is in flight.
    pub fn drain(&mut self) {
        self.stop_sending();
        self.draining = true;
    }

    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.draining && self.in_flight == 0 && self.reports.is_empty()
    }

    /// Takes the queued commands, each with a moment of its own.
    pub fn batch(&mut self, mut moment: impl FnMut() -> Moment) -> Batch {
        let (calls, reports) = (self.calls.len(), self.reports.len());
        let queued = self.calls.drain(..).chain(self.reports.drain(..).map(Command::Report));
        let commands = queued.chain([Command::Wake]).map(|command| (command, moment())).collect();
        Batch { commands, calls, reports }
    }
}

impl<S: Store> Session<S> {
    /// Decides and commits a batch by `run`, which is [`Desk::run`] or records it as well. After a
    /// failure, `clock` is read for the pause, as a store may take long to fail.
    ///
    /// # Errors
    /// When nothing was committed, or when it is unknown whether it was. Then no reply or request
    /// may be sent; reports are kept for the next batch.
    pub fn run(
        &mut self,
        batch: Batch,
        clock: impl FnOnce() -> Millis,
        run: impl FnOnce(
            &mut Desk<S>,
            &[(Command, Moment)],
        ) -> Result<Vec<Committed>, RunError<S::Fault>>,
    ) -> Result<Vec<Committed>, RunError<S::Fault>> {
        match run(&mut self.desk, &batch.commands) {
            Ok(committed) => {
                let sent: usize = committed.iter().map(|one| one.requests.len()).sum();
                // A host may report an end twice, or that of a request of the previous process.
                self.in_flight = self.in_flight.saturating_sub(batch.reports) + sent;
                self.next_wake = committed.last().and_then(|wake| wake.next_wake);
                self.faulty = false;
                Ok(committed)
            }
            Err(fault) => {
                let reports = batch.commands.into_iter().skip(batch.calls).filter_map(report_of);
                self.reports.splice(..0, reports);
                self.next_wake = Some(clock().plus(Self::FAULT_PAUSE_MS));
                self.faulty = true;
                Err(fault)
            }
        }
    }
}

fn report_of((command, _): (Command, Moment)) -> Option<Report> {
    if let Command::Report(report) = command { Some(report) } else { None }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::engine::limits::Memory;
    use crate::memory::MemoryStore;
    use crate::model::id::{HolderId, Stamp, WebhookId};
    use crate::model::seq::Seq;
    use crate::model::service::Availability;
    use crate::{Answer, RequestKey};

    const START: Millis = Millis(1_700_000_000_000);

    type Ended = Result<Vec<Committed>, RunError<Infallible>>;

    fn session() -> Session<MemoryStore> {
        Session::new(Desk::new(MemoryStore::default(), Memory::Kept), START)
    }

    fn moment() -> Moment {
        Moment { now: START, chance: [1; 16], holder: HolderId::new(START, &[2; 16]) }
    }

    fn report(number: u32) -> Report {
        let webhook = WebhookId::new(Stamp::default(), &[1; 16]);
        let answer = Answer::Status { status: 200, retry_after: None, excerpt: String::new() };
        let key = RequestKey { webhook, seq: Seq(1), number, sent_at: START };
        Report { key, duration_ms: 1, answer }
    }

    fn fails(_: &mut Desk<MemoryStore>, _: &[(Command, Moment)]) -> Ended {
        Err(RunError::Contended)
    }

    #[test]
    fn a_batch_is_calls_then_reports_then_a_wake() {
        let mut session = session();
        session.report(report(1));
        session.call(Command::Announce(Availability::Unavailable));
        let batch = session.batch(moment);
        let names: Vec<&str> = batch.commands().iter().map(|(command, _)| command.name()).collect();
        assert_eq!(names, ["announce", "report", "wake"]);
        let committed = session.run(batch, || START, Desk::run).unwrap();
        let effects = Effects::of(committed, 1);
        assert_eq!((effects.replies.len(), effects.events.len()), (1, 1));
    }

    #[test]
    fn reports_of_a_batch_that_failed_come_again_and_calls_do_not() {
        let mut session = session();
        session.call(Command::Ping);
        session.report(report(1));
        session.report(report(2));
        let batch = session.batch(moment);
        session.run(batch, || START.plus(7), fails).unwrap_err();
        session.report(report(3));
        assert_eq!(session.reports(), [report(1), report(2), report(3)]);
        assert!(session.is_faulty());
        assert_eq!(session.next_wake(), Some(START.plus(507)));
        let batch = session.batch(moment);
        assert_eq!(batch.commands().len(), 4);
        session.run(batch, || START, Desk::run).unwrap();
        assert!(!session.is_faulty() && session.reports().is_empty());
    }

    #[test]
    fn a_session_is_drained_when_it_was_told_to_and_no_report_is_owed() {
        let mut session = session();
        assert!(!session.is_drained());
        session.report(report(1));
        session.drain();
        assert!(!session.is_drained());
        let batch = session.batch(moment);
        session.run(batch, || START, Desk::run).unwrap();
        assert!(session.is_drained());
    }
}
