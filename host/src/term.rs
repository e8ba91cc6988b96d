//! A term: what runs for as long as this process leads its desk.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hookdesk_core::api::{Callers, Standing};
use hookdesk_core::incident::Recorder;
use hookdesk_core::{
    Access, Answer, ApiKey, ApiKeys, Authorization, CallSource, Caller, Command, Desk, Failure,
    HolderId, KeyKind, Limits, Memory, Moment, Report, Request, Rows as _, Seq, WebhookId,
};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, timeout_at};

use crate::BoxError;
use crate::admin_key;
use crate::call_limits::CallLimits;
use crate::config::Settings;
use crate::control::{self, ControlDesk, ControlSocket};
use crate::courier::Courier;
use crate::desk_thread::{self, DeskQueue, Dispatch};
use crate::event_feed::EventFeed;
use crate::key_ring::KeyRing;
use crate::leave::Leave;
use crate::moment::{chance, clock};
use crate::recording::RecordingWriter;
use crate::server::{Lookup, Services};
use crate::store::{DeskStore, StoreFault};

/// What all terms of a process use.
pub struct Parts {
    pub courier: Courier,
    pub lookup: Lookup,
    pub limits: Arc<CallLimits>,
    /// The host's id, where several may share the desk.
    pub own: Option<String>,
}

/// A desk that this process leads, before anything runs.
pub struct Led {
    desk: Desk<Recorder<DeskStore>>,
    keys: ApiKeys,
    head: Seq,
}

impl Led {
    /// The desk over a store, with the keys that it must have.
    ///
    /// # Errors
    /// When the store fails, or callers need a key and there is none: the text is for the operator.
    pub fn begin(settings: &Settings, store: DeskStore) -> Result<Self, BoxError> {
        let (health, retention, audit) = (settings.health, settings.retention, settings.audit);
        let in_flight = if settings.paused { 0 } else { Limits::default().in_flight };
        let webhooks_per_partner = settings.webhooks_per_partner;
        let limits = Limits {
            in_flight,
            health,
            retention,
            audit,
            webhooks_per_partner,
            ..Limits::default()
        };
        let mut desk = Desk::new(Recorder::new(store), Memory::Kept).with_limits(limits);
        let keys = api_keys(settings, &mut desk)?;
        let head = desk.store_mut().log()?.head;
        Ok(Self { desk, keys, head })
    }

    /// Lets another process lead.
    pub fn release(mut self) {
        self.desk.store_mut().store_mut().release();
    }
}

/// What runs while this process leads.
pub struct Term {
    pub services: Arc<Services>,
    limits: Arc<CallLimits>,
    ended: oneshot::Receiver<std::thread::Result<Result<(), StoreFault>>>,
    notes: AbortHandle,
    control: Option<AbortHandle>,
}

impl Term {
    /// Begins to decide and to send.
    ///
    /// # Errors
    /// When the operating system cannot start a thread.
    pub fn begin(settings: &Settings, parts: &Parts, led: Led) -> Result<Self, BoxError> {
        let Led { desk, keys, head } = led;
        let (dispatches, incoming) = mpsc::unbounded_channel();
        let feed = Arc::new(EventFeed::new(head));
        let recorded = settings.record.zip(settings.database.file());
        let recording = recorded.map(|(bytes, file)| RecordingWriter::new(file, bytes));
        let ring = Arc::new(KeyRing::new(keys));
        let leave = Leave::new();
        let (queue, thread) =
            desk_thread::start(desk, recording, Arc::clone(&ring), leave.clone(), dispatches)?;
        let (courier, its_leave) = (parts.courier.clone(), leave.clone());
        let sender = Sender { courier, queue: queue.clone(), leave: its_leave };
        tokio::spawn(dispatch(incoming, sender, Arc::clone(&feed)));
        let (thread_ended, ended) = oneshot::channel();
        tokio::task::spawn_blocking(move || thread_ended.send(thread.join()));
        let limits = Arc::clone(&parts.limits);
        let notes = note_key_uses(queue.clone(), Arc::clone(&ring), Arc::clone(&limits));
        let notes = tokio::spawn(notes).abort_handle();
        let (lookup, own) = (parts.lookup.clone(), parts.own.clone());
        let (targets, desk) = (settings.api.targets.clone(), queue.clone());
        let control = ControlDesk { targets, desk, lookup: lookup.clone() };
        // Its file is removed when the server stops.
        let control = settings.database.file().and_then(|file| listen_for_commands(file, control));
        let standing = own.map(|host| Standing { leader: host.clone(), host, since: clock() });
        let services = Arc::new(Services { ring, desk: queue, lookup, feed, leave, standing });
        Ok(Self { services, limits, ended, notes, control })
    }

    /// Waits until the desk has ended.
    ///
    /// # Errors
    /// The fault of one that may not lead any more.
    pub async fn ended(&mut self) -> Result<(), StoreFault> {
        match (&mut self.ended).await {
            Ok(Ok(ended)) => ended,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(_) => Ok(()),
        }
    }

    /// Ends the calls that wait for events.
    pub fn end_streams(&self) {
        self.services.feed.end();
    }

    /// Starts no further request, takes no further command of this machine, and ends streams.
    pub async fn stop_sending(&self) {
        self.services.desk.stop_sending();
        if let Some(control) = &self.control {
            control.abort();
        }
        note_key_use(&self.services.desk, &self.services.ring, &self.limits).await;
        self.end_streams();
    }

    /// Waits for the requests in flight until a deadline, and ends the desk. Returns whether all of
    /// them ended.
    pub async fn drain(&mut self, deadline: Instant) -> bool {
        self.services.desk.drain();
        let is_drained = timeout_at(deadline, &mut self.ended).await.is_ok();
        if !is_drained {
            self.services.desk.end();
            let _ = (&mut self.ended).await;
        }
        is_drained
    }
}

impl Drop for Term {
    fn drop(&mut self) {
        self.notes.abort();
    }
}

/// The desk's API keys, the one of the admin key file among them.
fn api_keys(
    settings: &Settings,
    desk: &mut Desk<Recorder<DeskStore>>,
) -> Result<ApiKeys, BoxError> {
    if let Some(file) = &settings.admin_key_file {
        let key = admin_key::read_or_make(file)?;
        let now = clock();
        let uid = rustix::process::geteuid().as_raw();
        let caller = Caller::CommandLine { uid };
        let authorization = Some(Authorization { caller, access: Access::Admin });
        let moment =
            Moment { authorization, ..Moment::new(now, chance(), HolderId::new(now, &chance())) };
        for made in desk.run(&[(admin_key::command(&key), moment)])? {
            made.reply.map_err(|refusal| {
                format!("the key of {} cannot be added: {refusal:?}", file.display())
            })?;
        }
    }
    let keys = ApiKeys::of(desk.store_mut().api_keys()?);
    let is_keyless = keys.of_kind(KeyKind::Bearer).next().is_none();
    if is_keyless && matches!(settings.api.callers, Callers::Keys { binding: None }) {
        let scheme = settings.database.file().map(|_| "sqlite://").unwrap_or_default();
        let database = &settings.database;
        return Err(format!(
            "callers need an API key, and there is none yet. Make one:\n\n    hookdesk key create \
             --scope admin --database {scheme}{database}\n\nOr give --admin-key-file; or \
             --no-auth where something in front of the desk checks who calls; or listen on \
             127.0.0.1."
        )
        .into());
    }
    Ok(keys)
}

/// Answers the command line on this machine while the desk runs.
fn listen_for_commands(database: &Path, desk: ControlDesk) -> Option<AbortHandle> {
    match ControlSocket::bind(database) {
        Ok(socket) => Some(tokio::spawn(socket.serve(desk)).abort_handle()),
        Err(error) => {
            let socket = control::path(database);
            tracing::warn!(
                "{} cannot be bound, so hookdesk key cannot reach the running desk: {error}",
                socket.display()
            );
            None
        }
    }
}

/// Notes once a minute which API keys were used.
async fn note_key_uses(queue: DeskQueue, ring: Arc<KeyRing>, limits: Arc<CallLimits>) {
    loop {
        tokio::time::sleep(Duration::from_millis(ApiKey::USE_MS)).await;
        note_key_use(&queue, &ring, &limits).await;
    }
}

async fn note_key_use(queue: &DeskQueue, ring: &KeyRing, limits: &CallLimits) {
    let used = ring.take_uses();
    if !used.is_empty() {
        // What could not be written is a minute that is not told.
        let command = Command::NoteKeyUse { used };
        let _ = queue.ask(None, None, CallSource::default(), command).await;
    }
    let refused = limits.take_refused();
    if !refused.is_empty() {
        let command = Command::NoteRefusedKeys { refused };
        let _ = queue.ask(None, None, CallSource::default(), command).await;
    }
}

/// Sends requests, for as long as the desk has leave to.
#[derive(Clone)]
struct Sender {
    courier: Courier,
    queue: DeskQueue,
    leave: Leave,
}

impl Sender {
    async fn send(&self, request: Request) {
        let (key, start) = (request.key, Instant::now());
        let carried = self.leave.hold(self.courier.carry(request)).await;
        // One that was cut off is the desk's own failure, and is sent again.
        let report = carried.unwrap_or_else(|| {
            let duration_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
            Report { key, duration_ms, answer: Answer::Failure(Failure::Ours) }
        });
        self.queue.report(report);
    }
}

/// Carries out the effects of each commit: publishes events, answers callers, cuts off and sends
/// requests.
async fn dispatch(
    mut incoming: mpsc::UnboundedReceiver<Dispatch>,
    sender: Sender,
    feed: Arc<EventFeed>,
) {
    // A set that is dropped cuts its requests off.
    let mut in_flight: HashMap<WebhookId, JoinSet<()>> = HashMap::new();
    while let Some(dispatch) = incoming.recv().await {
        // Before the caller has its response: if it then asks for later events, it has missed none.
        feed.publish(&dispatch.events);
        for webhook in &dispatch.cancels {
            in_flight.remove(webhook);
        }
        if dispatch.renews_connections {
            sender.courier.renew_connections();
        }
        for request in dispatch.answer() {
            let sender = sender.clone();
            let of_webhook = in_flight.entry(request.key.webhook).or_default();
            while of_webhook.try_join_next().is_some() {}
            of_webhook.spawn(async move { sender.send(request).await });
        }
    }
}
