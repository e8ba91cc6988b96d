//! Delivery over HTTP: sends finished requests to receivers, and reports the results.
//!
//! Whatever a receiver does costs bounded memory and time: one total timeout, a response that is
//! read up to a cap, and a slot for each request that is in flight. A request is cut off by dropping
//! its future, which closes its connection.

mod connection;
mod connector;
mod failure;
mod head;
mod names;
mod pool;
mod resolver;

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hookdesk_core::guard::Targets;
use hookdesk_core::{Answer, Failure, Report, Request};
use http_body_util::Full;
use hyper::StatusCode;
use hyper::header::{ACCEPT, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Builder;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};
use url::Position;

use connection::{Connection, Exchanged};
use connector::Connector;
use pool::Pool;

pub use names::{Names, System};

/// How long a request waits for a permit. The core keeps to their number, so only requests that are
/// just being cut off can hold one.
const PERMIT_WAIT: Duration = Duration::from_secs(10);

/// Seconds for which a connection may carry requests: at most an hour, as its address was vetted
/// when it was made. A minute is what most names of moving services are cached for.
pub const CONNECTION_AGE_S: RangeInclusive<u64> = 1..=3_600;
pub const DEFAULT_CONNECTION_AGE: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub struct Courier {
    own: Egress,
    partners: Egress,
    permits: Arc<Semaphore>,
}

/// The connections to one class of targets. No other class uses them, so that none was vetted by
/// laxer rules.
#[derive(Clone)]
struct Egress {
    connector: Connector,
    pool: Arc<Pool>,
    targets: Arc<Targets>,
}

impl Egress {
    fn new(
        targets: Targets,
        names: &Arc<dyn Names>,
        max_idle: usize,
        max_age: Duration,
    ) -> Result<Self, rustls::Error> {
        let targets = Arc::new(targets);
        let connector = Connector::new(names, &targets)?;
        Ok(Self { connector, pool: Pool::start(max_idle, max_age), targets })
    }
}

impl Courier {
    /// A courier for at most `max_in_flight` requests at once, to receivers resolved by `names`, on
    /// connections that are at most `max_age` old when a request begins. Webhooks of partners reach
    /// public addresses alone.
    ///
    /// # Errors
    /// When TLS cannot be set up, for example without trusted root certificates.
    pub fn new(
        targets: Targets,
        names: &Arc<dyn Names>,
        max_in_flight: u32,
        max_age: Duration,
    ) -> Result<Self, rustls::Error> {
        let max_in_flight = max_in_flight as usize;
        let partners = Egress::new(targets.public_only(), names, max_in_flight, max_age)?;
        let own = Egress::new(targets, names, max_in_flight, max_age)?;
        Ok(Self { own, partners, permits: Arc::new(Semaphore::new(max_in_flight)) })
    }

    /// From here on each request has a connection that was made after this call.
    pub fn renew_connections(&self) {
        self.own.pool.renew();
        self.partners.pool.renew();
    }

    /// Sends a request, and reports how it ended.
    pub async fn carry(&self, request: Request) -> Report {
        let key = request.key;
        let start = Instant::now();
        let answer = match timeout(PERMIT_WAIT, self.permits.acquire()).await {
            Ok(Ok(_permit)) => {
                let egress = if request.public_only { &self.partners } else { &self.own };
                egress.send(&request).await.unwrap_or_else(Answer::Failure)
            }
            Ok(Err(_)) | Err(_) => Answer::Failure(Failure::Ours),
        };
        let duration_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        Report { key, duration_ms, answer }
    }
}

impl Egress {
    async fn send(&self, request: &Request) -> Result<Answer, Failure> {
        // A stored URL that does not parse is the desk's fault, not the receiver's.
        let url = request.url.url().ok_or(Failure::Ours)?;
        // The resolver is not asked about an address literal, so it is vetted here.
        request.url.check(&self.targets).map_err(|_| Failure::Blocked)?;
        let deadline = Instant::now() + Duration::from_millis(request.timeout_ms.into());
        let origin = &url[..Position::BeforePath];
        if let Some(mut reused) = self.pool.take(origin) {
            let exchanged = reused.exchange(message(request)?, deadline).await?;
            // The receiver may have closed an idle connection, with a word of farewell or without,
            // at the very moment of its reuse. That is no sign of its health; a new connection is.
            if let Exchanged::Answered(answer) = exchanged
                && !is_farewell(&answer)
            {
                self.pool.put(reused).await;
                return Ok(answer);
            }
        }
        let connecting = Connection::open(&self.connector, self.pool.generation(), origin);
        let connected = timeout_at(deadline, connecting).await;
        let mut connection = connected.map_err(|_| Failure::Timeout)??;
        match connection.exchange(message(request)?, deadline).await? {
            Exchanged::Answered(answer) => {
                self.pool.put(connection).await;
                Ok(answer)
            }
            Exchanged::Unheard(failure) => Err(failure),
        }
    }
}

/// Whether an answer on a connection that was idle may be meant for the time before the request: RFC
/// 9110 §15.5.9 lets the client repeat the request on another connection.
fn is_farewell(answer: &Answer) -> bool {
    const STATUS: u16 = StatusCode::REQUEST_TIMEOUT.as_u16();
    matches!(answer, Answer::Status { status: STATUS, .. })
}

/// The request as hyper sends it: to the target as it is in the URL.
fn message(request: &Request) -> Result<hyper::Request<Full<Bytes>>, Failure> {
    let url = request.url.url().ok_or(Failure::Ours)?;
    let host = &url[Position::BeforeHost..Position::AfterPort];
    let host = HeaderValue::from_str(host).map_err(|_| Failure::Ours)?;
    let mut message = Builder::new().method("POST").uri(&url[Position::BeforePath..]);
    let headers = message.headers_mut().ok_or(Failure::Ours)?;
    *headers = headers_of(request)?;
    headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    headers.insert(HOST, host);
    let body = Full::new(Bytes::from_owner(Body(Arc::clone(&request.body))));
    message.body(body).map_err(|_| Failure::Ours)
}

fn headers_of(request: &Request) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::with_capacity(request.headers.len() + 2);
    for (name, value) in &request.headers {
        let value = HeaderValue::from_str(value).map_err(|_| Failure::Ours)?;
        let name = HeaderName::try_from(&**name).map_err(|_| Failure::Ours)?;
        headers.insert(name, value);
    }
    Ok(headers)
}

/// An event's body, shared by all requests that carry it.
struct Body(Arc<str>);

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}
