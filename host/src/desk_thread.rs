//! The desk's thread: it drains the queue, has the core decide the whole batch, commits once, and
//! hands responses and requests to the runtime as one message.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};

use hookdesk_core::api::{self, Code, Problem, Response, Shown};
use hookdesk_core::incident::Recorder;
use hookdesk_core::{
    ApiKeys, Authorization, CallSource, Command, Desk, Effects, Event, HolderId, Moment, Refusal,
    Reply, Report, Request, Rows as _, RunError, Session, WebhookId,
};
use tokio::sync::{mpsc as runtime, oneshot};

use crate::fair_gate::{FairGate, Place};
use crate::key_ring::KeyRing;
use crate::leave::Leave;
use crate::moment::{MAX_SLEEP, chance, clock, sleep_towards};
use crate::recording::RecordingWriter;
use crate::share_holder::ShareHolder;
use crate::shares::{SharePermit, Shares};
use crate::size_watch::SizeWatch;
use crate::store::{DeskStore, StoreFault};

/// Calls that may wait for a decision: with a commit a millisecond and a hundred calls in each, the
/// last of them waits some 40 ms.
const MAX_CALLS: usize = 4_096;
/// Calls with keys of a batch; further ones take turns for the next. A call waits for the batch that
/// is being decided, and for its own: with more in each, whoever calls a lot would have others wait.
/// With 64 callers of one key it costs them a twelfth of their rate.
const MAX_KEYED_CALLS: usize = 16;
const _: () = assert!(MAX_KEYED_CALLS <= Session::<()>::MAX_BATCH);
// A batch can never hold more calls than may wait.
const _: () = assert!(Session::<()>::MAX_BATCH <= MAX_CALLS);

/// What came of a call's command.
#[derive(Debug)]
pub enum CallResult {
    /// It was decided and committed: its reply, or its refusal.
    Decided(Result<Reply, Refusal>),
    /// Nothing was done.
    Undone(Problem),
    /// Nothing was done, as the desk has ended here.
    Ended,
}

impl CallResult {
    /// The response to the call, with what it had to show.
    #[must_use]
    pub fn response(self, shown: Option<Shown>) -> Response {
        match self {
            Self::Decided(decided) => api::answer(decided, shown),
            Self::Undone(problem) => problem.into(),
            Self::Ended => stopping().into(),
        }
    }
}

/// The answer to a call that a desk did not come to.
#[must_use]
pub fn stopping() -> Problem {
    let detail = "The desk is stopping. Call again in a few seconds.";
    Problem::new(Code::StoreUnavailable, detail)
}

#[expect(clippy::large_enum_variant, reason = "most messages are calls")]
enum Message {
    Ask {
        command: Command,
        authorization: Option<Authorization>,
        source: CallSource,
        call: PendingCall,
        /// That of a call with a key, held until its batch is complete.
        turn: Option<Place>,
    },
    Report(Report),
    /// Start no further requests.
    StopSending,
    /// Start no further requests, and end when none is in flight.
    Drain,
    /// End, whatever is in flight.
    End,
}

/// A call that waits for its decision. Its permit is held until then, also if the caller hung up.
struct PendingCall {
    answer: oneshot::Sender<CallResult>,
    _permit: SharePermit,
}

/// Work for the runtime after a commit.
#[derive(Default)]
pub struct Dispatch {
    answers: Vec<(PendingCall, CallResult)>,
    /// Webhooks whose requests in flight are to be cut off, before others are sent.
    pub cancels: Vec<WebhookId>,
    /// Whether no connection that exists may carry a further request.
    pub renews_connections: bool,
    pub requests: Vec<Request>,
    /// Events appended to the log by the commit.
    pub events: Vec<Arc<Event>>,
}

impl Dispatch {
    fn is_empty(&self) -> bool {
        let Self { answers, cancels, renews_connections, requests, events } = self;
        let nothing_else = answers.is_empty() && requests.is_empty() && events.is_empty();
        nothing_else && cancels.is_empty() && !renews_connections
    }

    /// Sends all callers their results, and returns the requests that are to be sent.
    pub fn answer(self) -> Vec<Request> {
        for (call, answered) in self.answers {
            // The receiving half is gone if the caller hung up.
            let _ = call.answer.send(answered);
        }
        self.requests
    }
}

/// The queue into the desk's thread; cheap to clone.
#[derive(Clone)]
pub struct DeskQueue {
    queue: Sender<Message>,
    calls: Shares,
    turns: FairGate,
    faulty: Arc<AtomicBool>,
}

impl DeskQueue {
    /// Has a call's command decided and committed. Nothing is done when too many calls wait, or when
    /// the store fails.
    pub async fn ask(
        &self,
        authorization: Option<Authorization>,
        holder: Option<ShareHolder>,
        source: CallSource,
        command: Command,
    ) -> CallResult {
        let Some(permit) = self.calls.take(holder) else {
            let detail = "More calls wait than the desk can keep. Call again in a second.";
            return CallResult::Undone(Problem::new(Code::Overloaded, detail));
        };
        let (answer, answered) = oneshot::channel();
        let call = PendingCall { answer, _permit: permit };
        let turn = match holder {
            Some(_) => Some(self.turns.take(holder).await),
            None => None,
        };
        let queued = self.queue.send(Message::Ask { command, authorization, source, call, turn });
        match (queued, answered.await) {
            (Ok(()), Ok(answered)) => answered,
            (Err(_), _) | (_, Err(_)) => CallResult::Ended,
        }
    }

    /// Whether the last commit failed, and the store was not seen to be writable since.
    pub fn is_faulty(&self) -> bool {
        self.faulty.load(Ordering::Relaxed)
    }

    /// Reports how a request ended.
    pub fn report(&self, report: Report) {
        // A desk that has ended sends the event again when it starts.
        let _ = self.queue.send(Message::Report(report));
    }

    /// Starts no further requests, and goes on deciding.
    pub fn stop_sending(&self) {
        let _ = self.queue.send(Message::StopSending);
    }

    pub fn drain(&self) {
        let _ = self.queue.send(Message::Drain);
    }

    pub fn end(&self) {
        let _ = self.queue.send(Message::End);
    }
}

/// Starts the desk's thread over `desk`, recorded on `recording` if there is one. It ends after
/// [`DeskQueue::drain`] or [`DeskQueue::end`].
///
/// # Errors
/// When the operating system cannot start a thread.
pub fn start(
    desk: Desk<Recorder<DeskStore>>,
    recording: Option<RecordingWriter>,
    ring: Arc<KeyRing>,
    leave: Leave,
    runtime: runtime::UnboundedSender<Dispatch>,
) -> std::io::Result<(DeskQueue, JoinHandle<Result<(), StoreFault>>)> {
    let (queue, messages) = mpsc::channel();
    let now = clock();
    let holder = HolderId::new(now, &chance());
    let session = Session::new(desk, now);
    let faulty = Arc::new(AtomicBool::new(false));
    let shown = Arc::clone(&faulty);
    let desk_loop = DeskLoop {
        session,
        recording,
        holder,
        messages,
        runtime,
        ring,
        leave,
        knows_keys: true,
        faulty: shown,
        size: SizeWatch::default(),
    };
    let thread = thread::Builder::new().name("desk".to_owned()).spawn(move || desk_loop.run())?;
    let (calls, turns) = (Shares::new(MAX_CALLS), FairGate::new(MAX_KEYED_CALLS));
    Ok((DeskQueue { queue, calls, turns, faulty }, thread))
}

struct DeskLoop {
    session: Session<Recorder<DeskStore>>,
    /// Records the desk's inputs, if they are to be recorded.
    recording: Option<RecordingWriter>,
    holder: HolderId,
    messages: Receiver<Message>,
    runtime: runtime::UnboundedSender<Dispatch>,
    ring: Arc<KeyRing>,
    /// Until when what it has sent may be in flight.
    leave: Leave,
    /// Whether the ring has all keys that are committed, as far as it is known.
    knows_keys: bool,
    /// Whether the store fails, for those who ask.
    faulty: Arc<AtomicBool>,
    size: SizeWatch,
}

impl DeskLoop {
    /// Decides until it is to end, or until another process leads.
    fn run(mut self) -> Result<(), StoreFault> {
        let mut ended = false;
        while !ended && !self.session.is_drained() {
            let mut calls = Vec::new();
            ended = self.collect(&mut calls);
            if let Some(deposed) = self.decide(calls) {
                return Err(deposed);
            }
            let desk = self.session.desk_mut();
            let retention = desk.limits().retention;
            self.size.look(desk.store_mut().store_mut(), retention, clock());
        }
        self.store().release();
        Ok(())
    }

    fn store(&mut self) -> &mut DeskStore {
        self.session.desk_mut().store_mut().store_mut()
    }

    /// Waits until there is something to do, and queues it. Returns whether the desk is to end.
    fn collect(&mut self, calls: &mut Vec<PendingCall>) -> bool {
        let (mut ended, mut turns) = (false, Vec::new());
        let mut next = self.wait();
        while let Some(message) = next {
            match message {
                Message::Ask { command, authorization, source, call, turn } => {
                    self.session.call_by(authorization, source, command);
                    calls.push(call);
                    // Were it free now, the next call would be in this batch too.
                    turns.push(turn);
                }
                Message::Report(report) => self.session.report(report),
                Message::StopSending => self.session.stop_sending(),
                Message::Drain => self.session.drain(),
                Message::End => ended = true,
            }
            next = if self.session.is_full() { None } else { self.messages.try_recv().ok() };
        }
        ended
    }

    fn wait(&mut self) -> Option<Message> {
        let left = self.session.next_wake().map_or(MAX_SLEEP, sleep_towards);
        // A store that failed is tried again after the session's pause, and no sooner.
        let renewal = if self.session.is_faulty() { None } else { self.store().renewal() };
        let left = renewal.map_or(left, |renewal| renewal.min(left));
        match self.messages.recv_timeout(left) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Message::End),
        }
    }

    /// Before anything is sent.
    fn extend_leave(&mut self) {
        if let Some(end) = self.store().lease_end() {
            self.leave.set(end);
        }
    }

    /// Before any caller has its response: a key that was made opens at once, and one that was
    /// revoked does not.
    fn publish_keys(&mut self) {
        let desk = self.session.desk_mut();
        if let Some(keys) = desk.api_keys() {
            self.ring.publish(keys);
            self.knows_keys = true;
        } else if !self.knows_keys
            && let Ok(keys) = desk.store_mut().store_mut().api_keys()
        {
            self.ring.publish(&Arc::new(ApiKeys::of(keys)));
            self.knows_keys = true;
        }
    }

    /// Decides and commits the queued commands. Returns the fault of a process that leads no more.
    fn decide(&mut self, calls: Vec<PendingCall>) -> Option<StoreFault> {
        let Self { session, recording, holder, .. } = self;
        let was_faulty = session.is_faulty();
        let batch = session.batch(|| Moment::new(clock(), chance(), *holder));
        let committed = session.run(batch, clock, |desk, commands| match recording {
            Some(recording) => recording.run(desk, commands),
            None => desk.run(commands),
        });
        self.faulty.store(session.is_faulty(), Ordering::Relaxed);
        self.extend_leave();
        // What a failed commit did is not known.
        self.knows_keys &= committed.is_ok();
        self.publish_keys();
        let mut ends = None;
        let dispatch = match committed {
            Ok(committed) => {
                if was_faulty {
                    tracing::info!("the store works again");
                }
                let effects = Effects::of(committed, calls.len());
                let Effects { replies, cancels, renews_connections, requests, events } = effects;
                let replies = calls.into_iter().zip(replies);
                let answers =
                    replies.map(|(call, reply)| (call, CallResult::Decided(reply))).collect();
                Dispatch { answers, cancels, renews_connections, requests, events }
            }
            Err(fault) => {
                if !was_faulty {
                    log_fault(&fault);
                }
                let fault = match fault {
                    RunError::Store(fault) => Some(fault),
                    RunError::Contended | RunError::Unanswered(_) => None,
                };
                let is_unknown = fault.as_ref().is_some_and(StoreFault::leaves_fate_unknown);
                let problem = if is_unknown { Problem::unknown } else { Problem::undone };
                let undone = |call| (call, CallResult::Undone(problem()));
                let answers = calls.into_iter().map(undone).collect();
                ends = fault.filter(StoreFault::is_deposed);
                Dispatch { answers, ..Dispatch::default() }
            }
        };
        if !dispatch.is_empty() {
            // Without a runtime the process is ending; the next one sends what was not sent.
            let _ = self.runtime.send(dispatch);
        }
        if ends.is_none()
            && !self.session.is_faulty()
            && let Err(fault) = self.store().renew()
        {
            self.session.fail(clock());
            self.faulty.store(true, Ordering::Relaxed);
            log_fault(&fault);
            ends = Some(fault).filter(StoreFault::is_deposed);
        }
        self.extend_leave();
        ends
    }
}

fn log_fault(fault: &impl fmt::Display) {
    tracing::error!("the store failed, and is tried again every half second: {fault}");
}
