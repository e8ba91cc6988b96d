//! Accepts the connections of other hosts, each of which must prove a key that the database has.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use salvo::conn::tcp::TcpCoupler;
use salvo::conn::{Accepted, Acceptor, ConnCtrl, Holding};
use salvo::fuse::ArcFusePolicy;
use salvo::http::Version;
use salvo::http::uri::Scheme;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::cluster::GREETING;
use crate::store::postgres::Roster;
use crate::trouble_log::TroubleLog;

/// How long a host may take to prove itself: hosts of a desk are near each other.
const HANDSHAKE: Duration = Duration::from_secs(2);
/// Connections that may be about to prove themselves: strangers take no more files than that.
const MAX_UNPROVEN: usize = 256;
/// From a failed accept to the next trial.
const BACK_OFF: Duration = Duration::from_millis(10);
/// Connections whose hosts proved themselves, and that are not served yet.
const MAX_PROVEN: usize = 64;

type Proven = (TlsStream<TcpStream>, SocketAddr);

/// Accepts other hosts.
pub struct HostAcceptor {
    holdings: Vec<Holding>,
    proven: mpsc::Receiver<Proven>,
}

impl HostAcceptor {
    /// Accepts the hosts of a roster.
    ///
    /// # Errors
    /// When the listener has no address.
    pub fn start(
        listener: TcpListener,
        config: ServerConfig,
        roster: Arc<Roster>,
    ) -> io::Result<Self> {
        let local_addr = listener.local_addr()?.into();
        let http_versions = vec![Version::HTTP_11];
        let holdings = vec![Holding { local_addr, http_versions, http_scheme: Scheme::HTTPS }];
        let (sender, proven) = mpsc::channel(MAX_PROVEN);
        tokio::spawn(accept(listener, TlsAcceptor::from(Arc::new(config)), roster, sender));
        Ok(Self { holdings, proven })
    }
}

async fn accept(
    listener: TcpListener,
    tls: TlsAcceptor,
    roster: Arc<Roster>,
    proven: mpsc::Sender<Proven>,
) {
    let troubles = Arc::new(TroubleLog::default());
    let unproven = Arc::new(Semaphore::new(MAX_UNPROVEN));
    while !proven.is_closed() {
        let Ok(permit) = Arc::clone(&unproven).acquire_owned().await else { return };
        let Ok((stream, address)) = listener.accept().await else {
            sleep(BACK_OFF).await;
            continue;
        };
        let (tls, roster, proven) = (tls.clone(), Arc::clone(&roster), proven.clone());
        let troubles = Arc::clone(&troubles);
        tokio::spawn(async move {
            match timeout(HANDSHAKE, prove(tls, stream, roster)).await {
                Ok(Ok(Some(stream))) => {
                    drop(permit);
                    // Nobody serves when the server stops.
                    let _ = proven.send((stream, address)).await;
                }
                Ok(Ok(None)) => {
                    let ip = address.ip();
                    troubles.note(format_args!("{ip} is no host of this desk, and was refused"));
                }
                Ok(Err(error)) => tracing::debug!("{address} proved no key: {error}"),
                Err(_) => tracing::debug!("{address} proved no key in time"),
            }
        });
    }
}

/// The connection of a host that the database has.
async fn prove(
    tls: TlsAcceptor,
    stream: TcpStream,
    roster: Arc<Roster>,
) -> io::Result<Option<TlsStream<TcpStream>>> {
    stream.set_nodelay(true)?;
    let mut stream = tls.accept(stream).await?;
    let (_, session) = stream.get_ref();
    let key = session.peer_certificates().and_then(<[_]>::first);
    let key = key.ok_or(io::ErrorKind::PermissionDenied)?.to_vec();
    if roster.of_key(&key).is_none() {
        let is_known = tokio::task::spawn_blocking(move || {
            roster.read_again().map(|()| roster.of_key(&key).is_some())
        });
        if !is_known.await.map_err(io::Error::other)?.map_err(io::Error::other)? {
            return Ok(None);
        }
    }
    stream.write_all(GREETING).await?;
    stream.flush().await?;
    Ok(Some(stream))
}

impl Acceptor for HostAcceptor {
    type Coupler = TcpCoupler<TlsStream<TcpStream>>;
    type Stream = TlsStream<TcpStream>;

    fn holdings(&self) -> &[Holding] {
        &self.holdings
    }

    async fn accept(
        &mut self,
        _fuse_policy: Option<ArcFusePolicy>,
    ) -> io::Result<Accepted<Self::Coupler, Self::Stream>> {
        let ended = || io::Error::from(io::ErrorKind::BrokenPipe);
        let (stream, address) = self.proven.recv().await.ok_or_else(ended)?;
        let local_addr = stream.get_ref().0.local_addr()?;
        Ok(Accepted {
            coupler: TcpCoupler::new(),
            stream,
            fuse_config: None,
            conn_ctrl: ConnCtrl::new(),
            remote_addr: address.into(),
            local_addr: local_addr.into(),
            http_scheme: Scheme::HTTPS,
        })
    }
}
