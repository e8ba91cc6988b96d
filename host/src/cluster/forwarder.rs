//! Forwards calls to the host that leads, over connections that are kept for the next.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::CONTENT_LENGTH;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::BoxError;
use crate::cluster::{GREETING, Identity};
use crate::store::postgres::HostRow;

/// Where a forwarded call came from, as its host saw it.
pub const CALLER_ADDRESS: &str = "hookdesk-caller-address";
/// The user whose command line calls, on a host of the desk.
pub const CALLER_UID: &str = "hookdesk-caller-uid";
/// Asks whether the head of a call is admitted, before its body is read.
pub const HEAD_ONLY: &str = "hookdesk-head-only";
/// Said of a response by which nothing was done, because the host that gave it does not lead.
pub const NOT_LEADING: &str = "hookdesk-not-leading";
/// How long a connection to the leader may take to be made.
const CONNECT: Duration = Duration::from_secs(2);
/// How long a connection is kept that nothing uses: less than the leader keeps it.
const IDLE: Duration = Duration::from_secs(15);
/// Connections that are kept.
const MAX_IDLE: usize = 256;

type Message = hyper::Request<Full<Bytes>>;

/// Why a forwarded call has no response.
#[derive(Debug)]
pub enum Unanswered {
    /// Nothing of it was sent, so it may be sent again.
    Unsent,
    /// It was sent, and what came of it is not known.
    Lost,
}

/// The connections to the leader.
pub struct Forwarder {
    identity: Identity,
    idle: Mutex<VecDeque<Kept>>,
}

struct Kept {
    leader: Arc<HostRow>,
    sender: SendRequest<Full<Bytes>>,
    since: Instant,
}

impl Forwarder {
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        Self { identity, idle: Mutex::default() }
    }

    /// Sends a call to the leader, once.
    ///
    /// # Errors
    /// [`Unanswered`] when there is no response.
    pub async fn send(
        &self,
        leader: &Arc<HostRow>,
        mut message: Message,
    ) -> Result<hyper::Response<Incoming>, Unanswered> {
        loop {
            let (mut sender, was_idle) = match self.take(leader) {
                Some(sender) => (sender, true),
                None => (self.connect(leader).await?, false),
            };
            match sender.try_send_request(message).await {
                Ok(response) => {
                    // One whose response has no end is not waited for.
                    if response.headers().contains_key(CONTENT_LENGTH) {
                        self.keep(Arc::clone(leader), sender);
                    }
                    return Ok(response);
                }
                Err(mut unsent) => match unsent.take_message() {
                    // It had ended while it was idle.
                    Some(again) if was_idle => message = again,
                    Some(_) => return Err(Unanswered::Unsent),
                    None => return Err(Unanswered::Lost),
                },
            }
        }
    }

    async fn connect(&self, leader: &HostRow) -> Result<SendRequest<Full<Bytes>>, Unanswered> {
        let connected = timeout(CONNECT, self.open(leader.address, &leader.key)).await;
        connected.unwrap_or_else(|late| Err(late.into())).map_err(|error| {
            tracing::debug!("the leader cannot be reached at {}: {error}", leader.address);
            Unanswered::Unsent
        })
    }

    async fn open(
        &self,
        address: SocketAddr,
        key: &[u8],
    ) -> Result<SendRequest<Full<Bytes>>, BoxError> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let tls = TlsConnector::from(Arc::new(self.identity.client(key)?));
        let mut stream = tls.connect(ServerName::from(address.ip()), stream).await?;
        let mut greeting = [0; GREETING.len()];
        stream.read_exact(&mut greeting).await?;
        if greeting != GREETING {
            return Err("it greets otherwise".into());
        }
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // How it ends is told to who uses it.
        tokio::spawn(connection);
        Ok(sender)
    }

    fn take(&self, leader: &HostRow) -> Option<SendRequest<Full<Bytes>>> {
        let mut idle = self.idle();
        idle.retain(|kept| {
            kept.leader.id == leader.id && kept.since.elapsed() < IDLE && !kept.sender.is_closed()
        });
        let ready = idle.iter().rposition(|kept| kept.sender.is_ready())?;
        idle.remove(ready).map(|kept| kept.sender)
    }

    fn keep(&self, leader: Arc<HostRow>, sender: SendRequest<Full<Bytes>>) {
        let mut idle = self.idle();
        if idle.len() < MAX_IDLE {
            idle.push_back(Kept { leader, sender, since: Instant::now() });
        }
    }

    fn idle(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
