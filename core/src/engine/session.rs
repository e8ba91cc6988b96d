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

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use crate::delivery::request::Request;
use crate::engine::command::{Command, Report};
use crate::engine::desk::{Committed, Desk, RunError};
use crate::engine::outcome::Reply;
use crate::engine::store::Store;
use crate::model::call_source::CallSource;
use crate::model::caller::Authorization;
use crate::model::event::Event;
use crate::model::id::WebhookId;
use crate::model::millis::Millis;
use crate::model::moment::Moment;
use crate::model::refusal::Refusal;

/// A desk and the loop state of one host.
#[derive(Debug)]
pub struct Session<S> {
    desk: Desk<S>,
    /// Commands of waiting callers, and who they are.
    calls: Vec<(Command, Option<Authorization>, CallSource)>,
    /// Reports that are not committed. None is ever dropped.
    reports: Vec<Report>,
    next_wake: Option<Millis>,
    /// Requests that were returned to the host and are not reported, by webhook.
    in_flight: BTreeMap<WebhookId, usize>,
    draining: bool,
    faulty: bool,
}

/// Commands that are decided and committed together: callers' commands, then reports, then a wake,
/// as any of them may have freed a slot or appended an event.
#[derive(Debug)]
pub struct Batch {
    commands: Vec<(Command, Moment)>,
    calls: usize,
}

impl Batch {
    #[must_use]
    pub fn commands(&self) -> &[(Command, Moment)] {
        &self.commands
    }
}

/// The effects that a host has to carry out after a commit: reply to callers, in the order of their
/// calls, cut off and send requests, and stream events.
#[derive(Debug, Default)]
pub struct Effects {
    pub replies: Vec<Result<Reply, Refusal>>,
    /// Webhooks whose requests in flight are to be cut off, before others are sent. What comes of
    /// them is not to be reported; a report all the same changes nothing.
    pub cancels: Vec<WebhookId>,
    /// Whether no connection that exists may carry `requests` or later ones.
    pub renews_connections: bool,
    pub requests: Vec<Request>,
    /// Appended events, in log order.
    pub events: Vec<Arc<Event>>,
}

impl Effects {
    /// The effects of a batch that began with `calls` calls.
    #[must_use]
    pub fn of(committed: Vec<Committed>, calls: usize) -> Self {
        let mut effects = Self { replies: Vec::with_capacity(calls), ..Self::default() };
        for (index, one) in committed.into_iter().enumerate() {
            if index < calls {
                effects.replies.push(one.reply);
            }
            effects.cancels.extend(one.cancels);
            effects.renews_connections |= one.renews_connections;
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
            in_flight: BTreeMap::new(),
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

    /// Queues the command of a caller that nothing tells apart from others.
    pub fn call(&mut self, command: Command) {
        self.call_by(None, CallSource::default(), command);
    }

    /// Queues a caller's command.
    pub fn call_by(
        &mut self,
        authorization: Option<Authorization>,
        source: CallSource,
        command: Command,
    ) {
        self.calls.push((command, authorization, source));
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

    /// Whether the last batch failed, and the store was not seen to be writable since.
    #[must_use]
    pub fn is_faulty(&self) -> bool {
        self.faulty
    }

    /// Has the next batch wait for a pause and probe the store, which failed at `now`: in a batch, or
    /// in what the host asks of it between two.
    pub fn fail(&mut self, now: Millis) {
        self.next_wake = Some(now.plus(Self::FAULT_PAUSE_MS));
        self.faulty = true;
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
        self.draining && self.in_flight.is_empty() && self.reports.is_empty()
    }

    /// Takes the queued commands, each with a moment of its own.
    pub fn batch(&mut self, mut moment: impl FnMut() -> Moment) -> Batch {
        let calls = self.calls.len();
        let reports = self.reports.drain(..).map(Command::Report);
        let own = reports.chain([Command::Wake]);
        let own = own.map(|command| (command, None, CallSource::default()));
        let queued = self.calls.drain(..).chain(own);
        let at = |(command, authorization, source)| {
            (command, Moment { authorization, source, ..moment() })
        };
        Batch { commands: queued.map(at).collect(), calls }
    }
}

impl<S: Store> Session<S> {
    /// Decides and commits a batch by `run`, which is [`Desk::run`] or records it as well. After a
    /// failure, `clock` is read for the pause, as a store may take long to fail. A store that failed
    /// is [probed](Store::probe) first: a batch without changes would pass for a success.
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
        let probed = if self.faulty { self.desk.store_mut().probe() } else { Ok(()) };
        let ended = match probed {
            Ok(()) => run(&mut self.desk, &batch.commands),
            Err(fault) => Err(RunError::Store(fault)),
        };
        match ended {
            Ok(mut committed) => {
                for (command, _) in batch.commands.iter().skip(batch.calls) {
                    self.note_end(command);
                }
                self.note_requests(&committed);
                self.cancel(&mut committed);
                self.next_wake = committed.last().and_then(|wake| wake.next_wake);
                self.faulty = false;
                Ok(committed)
            }
            Err(fault) => {
                let reports = batch.commands.into_iter().skip(batch.calls).filter_map(report_of);
                self.reports.splice(..0, reports);
                self.fail(clock());
                Err(fault)
            }
        }
    }
}

impl<S> Session<S> {
    /// A host may report an end twice, or that of a request of the previous process.
    fn note_end(&mut self, command: &Command) {
        let Command::Report(report) = command else { return };
        if let Entry::Occupied(mut of_it) = self.in_flight.entry(report.key.webhook) {
            *of_it.get_mut() -= 1;
            if *of_it.get() == 0 {
                of_it.remove();
            }
        }
    }

    fn note_requests(&mut self, committed: &[Committed]) {
        for request in committed.iter().flat_map(|one| &one.requests) {
            *self.in_flight.entry(request.key.webhook).or_default() += 1;
        }
    }

    /// Cancels what is in flight to unregistered webhooks, also where the commit that unregistered
    /// one seemed to have failed.
    fn cancel(&mut self, committed: &mut [Committed]) {
        let Self { desk, in_flight, .. } = self;
        for id in committed.iter().flat_map(|one| &one.cancels) {
            in_flight.remove(id);
        }
        let gone = in_flight.extract_if(.., |id, _| desk.is_gone(*id)).map(|(id, _)| id);
        if let Some(wake) = committed.last_mut() {
            wake.cancels.extend(gone);
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
    use crate::engine::need::{Fact, Need};
    use crate::engine::outcome::Changes;
    use crate::engine::store::{Commit, Rows};
    use crate::guard::{CallbackUrl, Targets};
    use crate::memory::MemoryStore;
    use crate::model::id::{HolderId, Stamp};
    use crate::model::seq::Seq;
    use crate::model::service::Availability;
    use crate::{Amendment, Answer, Registration, RequestKey, Secret};

    const START: Millis = Millis(1_700_000_000_000);

    type Ended = Result<Vec<Committed>, RunError<Infallible>>;

    fn session() -> Session<MemoryStore> {
        Session::new(Desk::new(MemoryStore::default(), Memory::Kept), START)
    }

    fn moment() -> Moment {
        Moment::new(START, [1; 16], HolderId::new(START, &[2; 16]))
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
    fn a_store_that_fails_between_two_batches_is_probed_after_a_pause() {
        let mut session = session();
        session.fail(START);
        assert!(session.is_faulty());
        assert_eq!(session.next_wake(), Some(START.plus(Session::<()>::FAULT_PAUSE_MS)));
        let batch = session.batch(moment);
        session.run(batch, || START, Desk::run).unwrap();
        assert!(!session.is_faulty());
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

    /// A store that answers probes as it is told to, and counts them.
    #[derive(Debug, Default)]
    struct Probed {
        rows: MemoryStore,
        fails: bool,
        probes: u32,
    }

    impl Rows for Probed {
        type Fault = &'static str;

        fn load(&mut self, need: &Need) -> Result<Fact, &'static str> {
            Ok(self.rows.load(need).unwrap())
        }
    }

    impl Store for Probed {
        fn commit(&mut self, changes: &Changes) -> Result<Commit, &'static str> {
            if self.fails { Err("full") } else { Ok(self.rows.commit(changes).unwrap()) }
        }

        fn probe(&mut self) -> Result<(), &'static str> {
            self.probes += 1;
            if self.fails { Err("full") } else { Ok(()) }
        }
    }

    #[test]
    fn a_store_that_failed_works_again_when_a_probe_says_so_and_not_by_an_empty_batch() {
        let mut session = Session::new(Desk::new(Probed::default(), Memory::Kept), START);
        let mut run = |call: Option<Command>, fails: bool| {
            session.desk_mut().store_mut().fails = fails;
            if let Some(call) = call {
                session.call(call);
            }
            let batch = session.batch(moment);
            let ended = session.run(batch, || START, Desk::run).is_ok();
            (ended, session.is_faulty(), session.desk().store().probes)
        };
        assert_eq!(run(Some(Command::Ping), false), (true, false, 0));
        assert_eq!(run(Some(Command::Ping), true), (false, true, 0));
        assert_eq!(run(None, true), (false, true, 1), "there is nothing to commit");
        assert_eq!(run(None, false), (true, false, 2));
        assert_eq!(run(None, true), (true, false, 2), "it did not fail");
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

    /// A session with a request in flight to the webhook.
    fn sending() -> (Session<MemoryStore>, Request) {
        let mut session = session();
        let callback_url = CallbackUrl::parse("https://example.com/", &Targets::public()).unwrap();
        let (secret, settings) = (Secret::new([1; 32]), Amendment::default());
        session.call(Command::Register(Registration {
            callback_url,
            secret,
            settings,
            partner: None,
        }));
        session.call(Command::Ping);
        let mut effects = step(&mut session, 2, Desk::run);
        let request = effects.requests.pop().unwrap();
        assert!(effects.requests.is_empty() && effects.cancels.is_empty());
        (session, request)
    }

    fn step(
        session: &mut Session<MemoryStore>,
        calls: usize,
        run: impl FnOnce(&mut Desk<MemoryStore>, &[(Command, Moment)]) -> Ended,
    ) -> Effects {
        let batch = session.batch(moment);
        session
            .run(batch, || START, run)
            .map_or_else(|_| Effects::default(), |committed| Effects::of(committed, calls))
    }

    fn unregister(session: &mut Session<MemoryStore>, request: &Request) {
        session.call(Command::Unregister { id: request.key.webhook });
    }

    #[test]
    fn an_unregister_cancels_what_is_in_flight_and_nothing_is_waited_for() {
        let (mut session, request) = sending();
        session.drain();
        step(&mut session, 0, Desk::run);
        assert!(!session.is_drained());
        unregister(&mut session, &request);
        let effects = step(&mut session, 1, Desk::run);
        assert_eq!(effects.cancels, [request.key.webhook]);
        assert!(session.is_drained());
        let answer = Answer::of(200, None, b"");
        session.report(Report { key: request.key, duration_ms: 1, answer });
        let late = step(&mut session, 0, Desk::run);
        assert!(late.cancels.is_empty() && late.events.is_empty() && session.is_drained());
        let key = request.key;
        let attempts = Need::Attempts { webhook: key.webhook, seq: key.seq, after: 0, most: 1 };
        let attempts = session.desk_mut().store_mut().load(&attempts).unwrap();
        assert!(attempts.into_attempts().is_empty());
    }

    #[test]
    fn what_was_unregistered_by_a_commit_that_seemed_to_fail_is_cancelled_by_the_next() {
        let (mut session, request) = sending();
        unregister(&mut session, &request);
        let effects = step(&mut session, 1, |desk, commands| {
            desk.run(commands)?;
            Err(RunError::Contended)
        });
        assert!(effects.cancels.is_empty());
        assert_eq!(step(&mut session, 0, Desk::run).cancels, [request.key.webhook]);
        assert!(step(&mut session, 0, Desk::run).cancels.is_empty());
    }

    #[test]
    fn connections_are_renewed_when_an_operator_changes_where_requests_go() {
        let (mut session, request) = sending();
        let id = request.key.webhook;
        let url = CallbackUrl::parse("https://example.com/2", &Targets::public()).unwrap();
        let moved = Amendment { callback_url: Some(url), ..Amendment::default() };
        let resumed = Amendment { paused: Some(false), ..Amendment::default() };
        let paused = Amendment { paused: Some(true), ..Amendment::default() };
        for (settings, renews) in
            [(moved, true), (resumed, true), (paused, false), (Amendment::default(), false)]
        {
            session.call(Command::Amend { id, settings });
            assert_eq!(step(&mut session, 1, Desk::run).renews_connections, renews);
        }
        let answer = Answer::of(410, None, b"");
        session.report(Report { key: request.key, duration_ms: 1, answer });
        assert!(!step(&mut session, 0, Desk::run).renews_connections);
        session.call(Command::Enable { id });
        assert!(step(&mut session, 1, Desk::run).renews_connections);
    }
}
