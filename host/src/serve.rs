//! `hookdesk serve`: starts the server's parts, and stops them in order on SIGTERM.

use std::error::Error;
use std::io;
use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use hookdesk_core::api::SessionCookie;
use hookdesk_core::term::Candidate;
use hookdesk_core::{Limits, RunError};
use rustix::process::Signal;
use salvo::Server;
use salvo::conn::tcp::TcpAcceptor;
use salvo::fuse::FuseConfig;
use salvo::server::ServerHandle;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::BoxError;
use crate::acceptor::CallerAcceptor;
use crate::call_limits::CallLimits;
use crate::cluster::{Forwarder, HostAcceptor, Membership, Place};
use crate::config::Settings;
use crate::connections::ConnectionTable;
use crate::courier::{Courier, Names, System};
use crate::listener::{MAX_CONNECTIONS, listen, most_connections};
use crate::moment::clock;
use crate::server::{CALLER, CallersOf, HttpHandler, Lookup, Role, RoleBoard};
use crate::store::postgres::{PostgresDatabase, Roster};
use crate::store::{Database, DeskStore, StoreFault};
use crate::term::{Led, Parts, Term};

/// How long stopping may take, before requests that are in flight are left to the next start.
const DRAIN: Duration = Duration::from_secs(20);
/// The same where another host takes over, which sends again what was cut off.
const HAND_OVER: Duration = Duration::from_secs(2);
/// The part of it that slow callers have.
const CALLERS_DRAIN: Duration = Duration::from_secs(5);
/// How long a host that is alive may take to accept a connection.
const REACH: Duration = Duration::from_millis(500);
/// Bytes of a request's head, and of what is read ahead of it: the desk may hold that much for each
/// connection. Browsers send some KiB; a larger head is refused with a response.
const MAX_HEAD: usize = 16 << 10;

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// When it cannot start: the text is for the operator.
pub fn serve(settings: Settings) -> Result<(), BoxError> {
    let names: Arc<dyn Names> = Arc::new(System);
    serve_with(settings, &names)
}

/// As [`serve`], with receivers whose addresses are resolved by `names`.
///
/// # Errors
/// As [`serve`].
pub fn serve_with(settings: Settings, names: &Arc<dyn Names>) -> Result<(), BoxError> {
    let (place, hosts) = match &settings.database {
        Database::File(path) => (Place::Lead(DeskStore::open(path)?), None),
        Database::Postgres(url) => {
            let (membership, listener, place) =
                Membership::join(url, settings.lease, settings.host_listen)?;
            (place, Some((Arc::new(membership), listener)))
        }
    };
    let mut leader = None;
    if let (Place::Follow(candidate), Some((membership, _))) = (&place, &hosts) {
        leader = membership.leader(candidate);
    }
    let board = RoleBoard::new(Role::Follows { leader, since: clock() });
    let place = match place {
        Place::Lead(store) => Start::Lead(Box::new(Led::begin(&settings, store)?)),
        Place::Follow(candidate) => Start::Follow(candidate),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(run(settings, names, board, (place, hosts)));
    // A name that is still being resolved must not delay the exit.
    runtime.shutdown_background();
    done
}

/// What a process begins as.
enum Start {
    Lead(Box<Led>),
    Follow(Box<Candidate<PostgresDatabase>>),
}

/// What is there for as long as the process serves.
struct Serving {
    settings: Settings,
    parts: Parts,
    board: RoleBoard,
    membership: Option<Arc<Membership>>,
    callers: Option<Served>,
    hosts: Option<Served>,
    terminate: Signals,
}

/// A server of calls that runs.
struct Served {
    handle: ServerHandle,
    ended: JoinHandle<io::Result<()>>,
}

impl Served {
    /// Accepts no further call, and waits for those that came, until a deadline.
    async fn stop(self, deadline: Instant) {
        self.handle.stop_graceful(CALLERS_DRAIN);
        let _ = timeout_at(deadline, self.ended).await;
    }
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { terminate, interrupt })
    }

    async fn come(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => tracing::info!("stopping on SIGTERM"),
            _ = self.interrupt.recv() => tracing::info!("stopping on SIGINT"),
        }
    }
}

async fn run(
    settings: Settings,
    names: &Arc<dyn Names>,
    board: RoleBoard,
    (start, hosts): (Start, Option<(Arc<Membership>, StdListener)>),
) -> Result<(), BoxError> {
    // From here on a signal stops the server in order.
    let terminate = Signals::listen()?;
    // A file that may not grow is a fault of the store, and not the end of the process.
    let _file_size = signal(SignalKind::from_raw(Signal::XFSZ.as_raw()))?;
    let max_in_flight = Limits::default().in_flight;
    let targets = settings.api.targets.clone();
    let courier = Courier::new(targets, names, max_in_flight, settings.connection_age);
    let courier = courier.map_err(|error| {
        let causes = causes(&error);
        format!(
            "no TLS without trusted certificates (on Debian the package ca-certificates): {causes}"
        )
    })?;
    let listener = listen(settings.listen)
        .map_err(|error| format!("cannot listen on {}: {error}", settings.listen))?;
    let lookup = Lookup::new(settings.database.readers());
    let limits = Arc::new(CallLimits::new(settings.rate_per_peer));
    let own = hosts.as_ref().map(|(membership, _)| membership.roster.own().id.clone());
    let parts = Parts { courier, lookup, limits, own };
    let (membership, host_listener) = hosts.unzip();
    let mut serving =
        Serving { settings, parts, board, membership, callers: None, hosts: None, terminate };
    // A process that leads does so before anybody can call it.
    let mut stage = match start {
        Start::Lead(led) => Stage::Lead(serving.begin(*led)?),
        Start::Follow(candidate) => Stage::Follow(candidate),
    };
    serving.serve_callers(listener)?;
    if let Some(listener) = host_listener {
        serving.serve_hosts(listener)?;
    }
    loop {
        stage = match stage {
            Stage::Lead(term) => serving.lead(term).await?,
            Stage::Follow(candidate) => serving.follow(*candidate).await?,
            Stage::Stop => break,
        };
    }
    tracing::info!("stopped");
    Ok(())
}

/// What a process does at the moment.
enum Stage {
    Lead(Term),
    Follow(Box<Candidate<PostgresDatabase>>),
    Stop,
}

impl Serving {
    fn handler(&self, most: usize, limits: FuseConfig, callers: CallersOf) -> HttpHandler {
        HttpHandler {
            api: self.settings.api.clone(),
            role: self.board.clone(),
            connections: ConnectionTable::new(most, limits),
            limits: Arc::clone(&self.parts.limits),
            paused: self.settings.paused,
            callers,
        }
    }

    /// Answers callers from here on.
    fn serve_callers(&mut self, listener: TcpListener) -> Result<(), BoxError> {
        let address = listener.local_addr()?;
        let limits = FuseConfig::default()
            .with_http1_header_timeout(CALLER)
            .with_write_stall_timeout(CALLER);
        let most = most_connections();
        let callers = match &self.membership {
            Some(membership) => CallersOf::Host {
                own: membership.roster.own().id.clone(),
                forwarder: Forwarder::new(membership.identity.clone()),
            },
            None => CallersOf::Desk,
        };
        let cookie = SessionCookie::of(&self.settings.api.names, address.port());
        self.settings.api.cookie = cookie;
        let handler = self.handler(most, limits, callers);
        let mut server = Server::new(CallerAcceptor::new(TcpAcceptor::try_from(listener)?))
            .fuse_policy(handler.connections.clone())
            .max_connections(most);
        server.http1_mut().max_buf_size(MAX_HEAD);
        let handle = server.handle();
        let ended = tokio::spawn(server.try_serve(handler.router()));
        self.callers = Some(Served { handle, ended });
        tracing::info!(
            "listening on http://{address}, with the data in {}",
            self.settings.database
        );
        if self.settings.paused {
            tracing::warn!("paused: nothing is sent until the server is started without --paused");
        }
        Ok(())
    }

    /// Answers the calls that other hosts forward.
    fn serve_hosts(&mut self, listener: StdListener) -> Result<(), BoxError> {
        let Some(membership) = &self.membership else { return Ok(()) };
        let listener = TcpListener::from_std(listener)?;
        let address = listener.local_addr()?;
        let roster = Arc::clone(&membership.roster);
        let config = membership.identity.server()?;
        let acceptor = HostAcceptor::start(listener, config, Arc::clone(&roster))?;
        // Each of them is of a connection that its own host admitted.
        let most = usize::try_from(MAX_CONNECTIONS).unwrap_or(usize::MAX);
        let handler = self.handler(most, FuseConfig::default(), CallersOf::Hosts);
        let mut server = Server::new(acceptor);
        server.http1_mut().max_buf_size(2 * MAX_HEAD);
        let handle = server.handle();
        let ended = tokio::spawn(server.try_serve(handler.router()));
        self.hosts = Some(Served { handle, ended });
        let (id, told) = (&roster.own().id, roster.own().address);
        tracing::info!("host {id} listens for others on {address}, and is told to them as {told}");
        tokio::spawn(stay_entered(roster));
        Ok(())
    }

    /// Begins a term.
    fn begin(&self, led: Led) -> Result<Term, BoxError> {
        let term = Term::begin(&self.settings, &self.parts, led)?;
        self.board.lead(Arc::clone(&term.services));
        Ok(term)
    }

    /// Leads until the process is to stop, and then lets another lead, or until another does.
    async fn lead(&mut self, mut term: Term) -> Result<Stage, BoxError> {
        tokio::select! {
            () = self.terminate.come() => {}
            ended = term.ended() => return match ended {
                Err(fault) if fault.is_deposed() && self.membership.is_some() => {
                    tracing::warn!("{fault}");
                    self.board.follow(None, clock());
                    term.end_streams();
                    drop(term);
                    Ok(self.stand_again().await)
                }
                Err(fault) => Err(fault.to_string().into()),
                Ok(()) => Err("the desk's thread ended: this is a bug".into()),
            },
        }
        let drain = if self.has_others().await { HAND_OVER } else { DRAIN };
        let deadline = Instant::now() + drain;
        // No further request is started. Callers come first, as they may still need decisions, then
        // the requests in flight. Callers that wait for events are ended at once: they would use up
        // the time of all others. What other hosts forward is decided until another leads.
        term.stop_sending().await;
        self.stop_answering(deadline).await;
        if !term.drain(deadline).await {
            let drain = drain.as_secs();
            tracing::warn!("not all requests ended in {drain} s: they are sent again");
        }
        self.leave(Instant::now() + HAND_OVER).await;
        Ok(Stage::Stop)
    }

    /// Forwards calls until it is this process's turn to lead, or it is to stop.
    async fn follow(&mut self, candidate: Candidate<PostgresDatabase>) -> Result<Stage, BoxError> {
        let Some(membership) = self.membership.clone() else { return Ok(Stage::Stop) };
        tracing::info!("another host leads: calls are forwarded to it");
        let (board, settings) = (self.board.clone(), self.settings.clone());
        let mut turn = spawn_blocking(move || {
            let store = membership.follow(candidate, |leader| board.follow(leader, clock()));
            store.map(|store| Led::begin(&settings, store)).transpose()
        });
        tokio::select! {
            () = self.terminate.come() => {}
            led = &mut turn => return match led? {
                Ok(Some(led)) => Ok(Stage::Lead(self.begin(led)?)),
                Ok(None) => Ok(Stage::Stop),
                // The next turn may find it better.
                Err(error) if is_of_store(&error) => {
                    tracing::error!("the desk could not be led: {error}");
                    Ok(self.stand_again().await)
                }
                Err(error) => Err(error),
            },
        }
        // It may have been its turn just now: then another may lead while callers here are slow.
        let let_go = async {
            if let Ok(Ok(Some(led))) = turn.await {
                let _ = spawn_blocking(move || led.release()).await;
            }
        };
        tokio::join!(self.stop_following(), let_go);
        Ok(Stage::Stop)
    }

    /// Waits for another turn to lead.
    async fn stand_again(&mut self) -> Stage {
        let Some(membership) = self.membership.clone() else { return Stage::Stop };
        let candidate = spawn_blocking(move || membership.stand_again());
        tokio::select! {
            () = self.terminate.come() => {}
            candidate = candidate => if let Ok(Some(candidate)) = candidate {
                return Stage::Follow(Box::new(candidate));
            },
        }
        self.stop_following().await;
        Stage::Stop
    }

    async fn stop_following(&mut self) {
        let deadline = Instant::now() + CALLERS_DRAIN;
        self.stop_answering(deadline).await;
        self.leave(deadline).await;
    }

    /// Whether other hosts are there to take over.
    async fn has_others(&self) -> bool {
        let Some(membership) = self.membership.clone() else { return false };
        let read = spawn_blocking(move || {
            // What cannot be read is as it was.
            let _ = membership.roster.read_again();
            membership.roster.others()
        });
        let others = read.await.unwrap_or_default();
        let answers = |address| async move {
            timeout(REACH, TcpStream::connect(address)).await.is_ok_and(|reached| reached.is_ok())
        };
        join_all(others.into_iter().map(answers)).await.contains(&true)
    }

    /// Answers no further caller, and does not lead again.
    async fn stop_answering(&mut self, deadline: Instant) {
        if let Some(membership) = &self.membership {
            membership.end();
        }
        if let Some(callers) = self.callers.take() {
            callers.stop(deadline).await;
        }
    }

    /// Answers no other host any more, and is none from here on.
    async fn leave(&mut self, deadline: Instant) {
        if let Some(hosts) = self.hosts.take() {
            hosts.stop(deadline).await;
        }
        if let Some(membership) = self.membership.clone() {
            let _ = spawn_blocking(move || membership.roster.leave()).await;
        }
    }
}

/// Says every while that this host is still there.
async fn stay_entered(roster: Arc<Roster>) {
    loop {
        sleep(Roster::ENTER).await;
        let roster = Arc::clone(&roster);
        if let Ok(Err(fault)) = spawn_blocking(move || roster.renew()).await {
            tracing::debug!("the host's row cannot be renewed: {fault}");
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

/// Whether the store failed.
fn is_of_store(error: &BoxError) -> bool {
    error.is::<StoreFault>() || error.is::<RunError<StoreFault>>()
}
