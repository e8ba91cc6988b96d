//! The desk's thread: it drains what is queued, has the core decide all of it, commits once, and
//! hands answers and requests to the runtime as one message.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hookdesk_core::api::{Code, Problem};
use hookdesk_core::incident::Recorder;
use hookdesk_core::{
    Command, Committed, Desk, Event, FAULT_PAUSE_MS, HolderId, Millis, Moment, Refusal, Reply,
    Report, Request, RunError, Store,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc as runtime, oneshot};

use crate::record::RecordingWriter;

/// Calls that may wait for their decision: with a commit a millisecond and a hundred calls in each,
/// the last of them waits some 40 ms.
const MAX_CALLS: usize = 4_096;
/// Commands that are committed together, so that the first of them is not kept waiting for ever.
const MAX_BATCH: usize = 1_024;
/// The longest that the thread sleeps, lest a clock that is set forward goes unnoticed.
const MAX_SLEEP: Duration = Duration::from_secs(30);

type Answered = Result<Result<Reply, Refusal>, Problem>;

enum Message {
    Ask {
        command: Command,
        caller: Caller,
    },
    Report(Report),
    /// Send nothing more.
    StopSending,
    /// Send nothing more; end when nothing is in flight.
    Drain,
    /// End, whatever is in flight.
    End,
}

/// Who waits for a decision. Its place is taken until there is one, also if it has hung up.
struct Caller {
    answer: oneshot::Sender<Answered>,
    _place: OwnedSemaphorePermit,
}

/// What the runtime is to do after a commit.
#[derive(Default)]
pub struct Dispatch {
    answers: Vec<(Caller, Answered)>,
    pub requests: Vec<Request>,
    /// What the log gained.
    pub events: Vec<Arc<Event>>,
}

impl Dispatch {
    fn is_empty(&self) -> bool {
        self.answers.is_empty() && self.requests.is_empty() && self.events.is_empty()
    }

    /// Lets all callers know, and gives the requests that are to be sent.
    pub fn answer(self) -> Vec<Request> {
        for (caller, answered) in self.answers {
            // A caller that hung up does not want to know.
            let _ = caller.answer.send(answered);
        }
        self.requests
    }
}

/// The way to the desk's thread.
#[derive(Clone)]
pub struct DeskQueue {
    queue: Sender<Message>,
    calls: Arc<Semaphore>,
}

impl DeskQueue {
    /// Has a call's command decided and committed.
    ///
    /// # Errors
    /// [`Problem`] when too many calls wait, or the store fails: then nothing was done.
    pub async fn ask(&self, command: Command) -> Answered {
        let Ok(place) = Arc::clone(&self.calls).try_acquire_owned() else {
            let detail = "More calls wait than the desk can keep. Call again in a second.";
            return Err(Problem::new(Code::Overloaded, detail));
        };
        let (answer, answered) = oneshot::channel();
        let caller = Caller { answer, _place: place };
        let queued = self.queue.send(Message::Ask { command, caller });
        match (queued, answered.await) {
            (Ok(()), Ok(answered)) => answered,
            (Err(_), _) | (_, Err(_)) => {
                let detail = "The desk is stopping. Call again in a few seconds.";
                Err(Problem::new(Code::StoreUnavailable, detail))
            }
        }
    }

    /// Tells how a request ended.
    pub fn report(&self, report: Report) {
        // A desk that has ended sends the event again when it starts.
        let _ = self.queue.send(Message::Report(report));
    }

    /// Sends nothing more, and goes on deciding.
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

/// Starts the desk's thread over `desk`, recorded on `recording` if there is one. It ends after [`DeskQueue::drain`] or [`DeskQueue::end`].
///
/// # Errors
/// When the operating system has no thread to give.
pub fn start<S>(
    desk: Desk<Recorder<S>>,
    recording: Option<RecordingWriter>,
    runtime: runtime::UnboundedSender<Dispatch>,
) -> std::io::Result<(DeskQueue, JoinHandle<()>)>
where
    S: Store + Send + 'static,
    S::Fault: std::fmt::Display,
{
    let (queue, messages) = mpsc::channel();
    let now = clock();
    let desk_loop = DeskLoop {
        desk,
        recording,
        holder: HolderId::new(now, &chance()),
        messages,
        runtime,
        uncommitted_reports: Vec::new(),
        next_wake: Some(now),
        in_flight: 0,
        draining: false,
        faulty: false,
    };
    let thread = thread::Builder::new().name("desk".to_owned()).spawn(move || desk_loop.run())?;
    let calls = Arc::new(Semaphore::new(MAX_CALLS));
    Ok((DeskQueue { queue, calls }, thread))
}

struct DeskLoop<S> {
    desk: Desk<Recorder<S>>,
    /// Where what it is told is recorded, if it is.
    recording: Option<RecordingWriter>,
    holder: HolderId,
    messages: Receiver<Message>,
    runtime: runtime::UnboundedSender<Dispatch>,
    /// Reports whose batch was not committed. They are decided again: a report is never given up.
    uncommitted_reports: Vec<Report>,
    next_wake: Option<Millis>,
    in_flight: usize,
    draining: bool,
    /// Whether the last batch failed, so that a lasting fault is logged once.
    faulty: bool,
}

/// What came in since the last batch.
#[derive(Default)]
struct Batch {
    commands: Vec<(Command, Moment)>,
    /// The callers, as many as there are commands before the reports.
    callers: Vec<Caller>,
    reports: usize,
    end: bool,
}

impl<S: Store> DeskLoop<S>
where
    S::Fault: std::fmt::Display,
{
    fn run(mut self) {
        loop {
            let batch = self.collect();
            let end = batch.end;
            self.decide(batch);
            let drained =
                self.draining && self.in_flight == 0 && self.uncommitted_reports.is_empty();
            if end || drained {
                return;
            }
        }
    }

    /// Waits until there is something to do, and takes what there is.
    fn collect(&mut self) -> Batch {
        let mut asked = Vec::new();
        let mut batch = Batch::default();
        let mut next = self.wait();
        while let Some(message) = next {
            match message {
                Message::Ask { command, caller } => {
                    asked.push((command, self.moment()));
                    batch.callers.push(caller);
                }
                Message::Report(report) => self.uncommitted_reports.push(report),
                Message::StopSending => self.desk.limit_in_flight(0),
                Message::Drain => {
                    self.draining = true;
                    self.desk.limit_in_flight(0);
                }
                Message::End => batch.end = true,
            }
            let full = asked.len() + self.uncommitted_reports.len() >= MAX_BATCH;
            next = if full { None } else { self.messages.try_recv().ok() };
        }
        batch.commands = asked;
        batch.reports = self.uncommitted_reports.len();
        for report in std::mem::take(&mut self.uncommitted_reports) {
            batch.commands.push((Command::Report(report), self.moment()));
        }
        // Whatever happened may have made room, or made something to send.
        batch.commands.push((Command::Wake, self.moment()));
        batch
    }

    fn wait(&self) -> Option<Message> {
        let due = self
            .next_wake
            .map_or(MAX_SLEEP, |at| Duration::from_millis(at.since(clock())).min(MAX_SLEEP));
        let sleep = if self.faulty { Duration::from_millis(FAULT_PAUSE_MS) } else { due };
        match self.messages.recv_timeout(sleep) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Message::End),
        }
    }

    fn decide(&mut self, batch: Batch) {
        let ended = match &mut self.recording {
            Some(recording) => recording.run(&mut self.desk, &batch.commands),
            None => self.desk.run(&batch.commands),
        };
        match ended {
            Ok(decided) => self.dispatch(batch, decided),
            Err(fault) => self.fail(batch, &fault),
        }
    }

    fn dispatch(&mut self, batch: Batch, decided: Vec<Committed>) {
        if self.faulty {
            tracing::info!("the store works again");
            self.faulty = false;
        }
        self.in_flight -= batch.reports;
        self.next_wake = decided.last().and_then(|wake| wake.next_wake);
        let mut callers = batch.callers.into_iter();
        let mut dispatch = Dispatch::default();
        for Committed { reply, requests, events, next_wake: _ } in decided {
            if let Some(caller) = callers.next() {
                dispatch.answers.push((caller, Ok(reply)));
            }
            dispatch.requests.extend(requests);
            dispatch.events.extend(events);
        }
        self.in_flight += dispatch.requests.len();
        if !dispatch.is_empty() {
            // Without a runtime the process is ending; the next one sends what was not sent.
            let _ = self.runtime.send(dispatch);
        }
    }

    fn fail(&mut self, batch: Batch, fault: &RunError<S::Fault>) {
        if !self.faulty {
            tracing::error!("the store failed, and is tried again every half second: {fault}");
            self.faulty = true;
        }
        let callers = batch.callers.into_iter();
        let answers = callers.map(|caller| (caller, Err(Problem::undone()))).collect();
        let _ = self.runtime.send(Dispatch { answers, ..Dispatch::default() });
        self.uncommitted_reports = batch.commands.into_iter().filter_map(report_of).collect();
    }

    fn moment(&self) -> Moment {
        Moment { now: clock(), chance: chance(), holder: self.holder }
    }
}

/// What must not be lost of a batch that was not committed.
fn report_of((command, _): (Command, Moment)) -> Option<Report> {
    match command {
        Command::Report(report) => Some(report),
        Command::OpenTicket { .. }
        | Command::UpdateTicket { .. }
        | Command::CloseTicket { .. }
        | Command::Announce(_)
        | Command::Register(_)
        | Command::Unregister { .. }
        | Command::Amend { .. }
        | Command::Enable { .. }
        | Command::Rotate(_)
        | Command::EndSecret { .. }
        | Command::PingOne { .. }
        | Command::Ping
        | Command::Resend { .. }
        | Command::Replay { .. }
        | Command::StopReplay { .. }
        | Command::Idempotent(_)
        | Command::Wake
        | Command::Retain => None,
    }
}

/// The only clock of the desk.
pub fn clock() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The only chance of the desk.
///
/// # Panics
/// When the operating system has none to give: ids and secrets without chance would be worse.
pub fn chance<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives chance");
    bytes
}
