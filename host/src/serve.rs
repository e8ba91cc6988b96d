//! `hookdesk serve`: starts the server's parts, and stops them in order on SIGTERM.

use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hookdesk_core::api::{Api, Callers, SessionCookie};
use hookdesk_core::incident::Recorder;
use hookdesk_core::{
    Access, ApiKey, ApiKeys, Authorization, CallSource, Caller, Command, Desk, HolderId, KeyKind,
    Limits, Memory, Moment, Rows as _, Seq, WebhookId,
};
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use salvo::Server;
use salvo::conn::tcp::TcpAcceptor;
use salvo::fuse::FuseConfig;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use crate::BoxError;
use crate::acceptor::CallerAcceptor;
use crate::admin_key;
use crate::call_limits::CallLimits;
use crate::config::Settings;
use crate::connections::ConnectionTable;
use crate::control::{self, ControlDesk, ControlSocket};
use crate::courier::{Courier, Names, System};
use crate::desk_thread::{self, DeskQueue, Dispatch};
use crate::event_feed::EventFeed;
use crate::key_ring::KeyRing;
use crate::moment::{chance, clock};
use crate::recording::RecordingWriter;
use crate::server::{CALLER, HttpHandler, Lookup, Services};
use crate::store::DeskStore;

/// How long stopping may take, before requests that are in flight are left to the next start.
const DRAIN: Duration = Duration::from_secs(20);
/// The part of it that slow callers have.
const CALLERS_DRAIN: Duration = Duration::from_secs(5);
/// Connections at once, if the limit of open files allows them: the desk holds at most a few
/// hundred MiB for them.
const MAX_CONNECTIONS: u64 = 10_000;
/// Files that are left for everything else: deliveries in flight, as many idle connections to
/// receivers, and the database with its readers.
const OTHER_FILES: u64 = 600;
/// Connections that are accepted even if the limit of open files is lower.
const MIN_CONNECTIONS: u64 = 64;
/// Bytes of a request's head, and of what is read ahead of it: the desk may hold that much for each
/// connection. Browsers send some KiB; a larger head is refused with a response.
const MAX_HEAD: usize = 16 << 10;
/// Connections that wait to be accepted.
const BACKLOG: u32 = 1_024;

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// When it cannot start: the text is for the operator.
pub fn serve(settings: Settings) -> Result<(), BoxError> {
    serve_with(settings, Arc::new(System))
}

/// As [`serve`], with receivers whose addresses are resolved by `names`.
///
/// # Errors
/// As [`serve`].
pub fn serve_with(settings: Settings, names: Arc<dyn Names>) -> Result<(), BoxError> {
    let store = settings.database.open(settings.lease)?;
    let lookup = Lookup::new(settings.database.readers());
    let (health, retention, audit) = (settings.health, settings.retention, settings.audit);
    let in_flight = if settings.paused { 0 } else { Limits::default().in_flight };
    let webhooks_per_partner = settings.webhooks_per_partner;
    let limits =
        Limits { in_flight, health, retention, audit, webhooks_per_partner, ..Limits::default() };
    let mut desk = Desk::new(Recorder::new(store), Memory::Kept).with_limits(limits);
    let (keys, head) = (api_keys(&settings, &mut desk)?, desk.store_mut().log()?.head);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(run(settings, names, (desk, keys, head), lookup));
    // A name that is still being resolved must not delay the exit.
    runtime.shutdown_background();
    done
}

async fn run(
    settings: Settings,
    names: Arc<dyn Names>,
    (desk, keys, head): (Desk<Recorder<DeskStore>>, ApiKeys, Seq),
    lookup: Lookup,
) -> Result<(), BoxError> {
    // From here on a signal stops the server in order.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // A file that may not grow is a fault of the store, and not the end of the process.
    let _file_size = signal(SignalKind::from_raw(Signal::XFSZ.as_raw()))?;
    let targets = settings.api.targets.clone();
    let max_in_flight = Limits::default().in_flight;
    let courier = Courier::new(targets, &names, max_in_flight, settings.connection_age);
    let courier = courier.map_err(|error| {
        let causes = causes(&error);
        format!(
            "no TLS without trusted certificates (on Debian the package ca-certificates): {causes}"
        )
    })?;
    let listener = listen(settings.listen)
        .map_err(|error| format!("cannot listen on {}: {error}", settings.listen))?;
    let (dispatches, incoming) = mpsc::unbounded_channel();
    let feed = Arc::new(EventFeed::new(head));
    let recorded = settings.record.zip(settings.database.file());
    let recording = recorded.map(|(bytes, file)| RecordingWriter::new(file, bytes));
    let ring = Arc::new(KeyRing::new(keys));
    let (queue, thread) = desk_thread::start(desk, recording, Arc::clone(&ring), dispatches)?;
    tokio::spawn(dispatch(incoming, queue.clone(), courier, Arc::clone(&feed)));
    let (thread_ended, mut ended) = oneshot::channel();
    tokio::task::spawn_blocking(move || thread_ended.send(thread.join()));

    let address = listener.local_addr()?;
    let limits =
        FuseConfig::default().with_http1_header_timeout(CALLER).with_write_stall_timeout(CALLER);
    let max_connections = most_connections();
    let connections = ConnectionTable::new(max_connections, limits);
    let call_limits = Arc::new(CallLimits::new(settings.rate_per_peer));
    tokio::spawn(note_key_uses(queue.clone(), Arc::clone(&ring), Arc::clone(&call_limits)));
    let control = ControlDesk {
        targets: settings.api.targets.clone(),
        desk: queue.clone(),
        lookup: lookup.clone(),
    };
    // Its file is removed when the server stops.
    let control = settings.database.file().and_then(|file| listen_for_commands(file, control));
    let cookie = SessionCookie::of(&settings.api.names, address.port());
    let front = HttpHandler {
        api: Api { cookie, ..settings.api },
        services: Services {
            ring: Arc::clone(&ring),
            desk: queue.clone(),
            lookup,
            feed: Arc::clone(&feed),
        },
        connections: connections.clone(),
        limits: Arc::clone(&call_limits),
        paused: settings.paused,
    };
    let mut server = Server::new(CallerAcceptor::new(TcpAcceptor::try_from(listener)?))
        .fuse_policy(connections)
        .max_connections(max_connections);
    server.http1_mut().max_buf_size(MAX_HEAD);
    let handle = server.handle();
    let serving = tokio::spawn(server.try_serve(front.router()));
    tracing::info!("listening on http://{address}, with the data in {}", settings.database);

    if settings.paused {
        tracing::warn!("paused: nothing is sent until the server is started without --paused");
    }

    tokio::select! {
        _ = terminate.recv() => tracing::info!("stopping on SIGTERM"),
        _ = interrupt.recv() => tracing::info!("stopping on SIGINT"),
        ended = &mut ended => return Err(match ended {
            Ok(Ok(Err(fault))) => fault.to_string().into(),
            _ => "the desk's thread ended: this is a bug".into(),
        }),
    }
    let deadline = Instant::now() + DRAIN;
    // No further request is started. Callers come first, as they may still need decisions, then the
    // requests in flight. Callers that wait for events are ended at once: they would use up the
    // time of all others.
    queue.stop_sending();
    if let Some(control) = control {
        control.abort();
    }
    note_key_use(&queue, &ring, &call_limits).await;
    feed.end();
    handle.stop_graceful(CALLERS_DRAIN);
    let _ = tokio::time::timeout_at(deadline, serving).await;
    queue.drain();
    if tokio::time::timeout_at(deadline, &mut ended).await.is_err() {
        tracing::warn!("not all requests ended in {} s: they are sent again", DRAIN.as_secs());
        queue.end();
        let _ = ended.await;
    }
    tracing::info!("stopped");
    Ok(())
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

/// Carries out the effects of each commit: publishes events, answers callers, cuts off and sends
/// requests.
async fn dispatch(
    mut incoming: mpsc::UnboundedReceiver<Dispatch>,
    queue: DeskQueue,
    courier: Courier,
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
            courier.renew_connections();
        }
        for request in dispatch.answer() {
            let (courier, queue) = (courier.clone(), queue.clone());
            let of_webhook = in_flight.entry(request.key.webhook).or_default();
            while of_webhook.try_join_next().is_some() {}
            of_webhook.spawn(async move { queue.report(courier.carry(request).await) });
        }
    }
}

/// An error and its sources, in one line.
pub(crate) fn causes(error: &dyn Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", causes(cause)),
        None => error.to_string(),
    }
}

/// The number of connections that the limit of open files allows, once it is raised to its maximum.
fn most_connections() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok();
    let files = if raised { maximum } else { current };
    let room = files.map_or(MAX_CONNECTIONS, |files| files.saturating_sub(OTHER_FILES));
    let most = room.clamp(MIN_CONNECTIONS, MAX_CONNECTIONS);
    if most < MAX_CONNECTIONS {
        tracing::warn!(
            "{most} callers at once: for {MAX_CONNECTIONS}, let the desk open {} files \
             (ulimit -Hn, LimitNOFILE=)",
            MAX_CONNECTIONS + OTHER_FILES
        );
    }
    usize::try_from(most).unwrap_or(usize::MAX)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    // Inherited by accepted sockets: a response in two writes does not wait for an acknowledgement.
    socket.set_nodelay(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
