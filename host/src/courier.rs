//! Delivery over HTTP: sends finished requests to receivers, and reports the results.
//!
//! Whatever a receiver does costs bounded memory and time: one total timeout, a response that is
//! read up to a cap, and a slot for each request that is in flight.

mod names;
mod peer;
mod resolver;

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hookdesk_core::guard::{BadHost, Targets};
use hookdesk_core::{Answer, Failure, Report, Request, excerpt};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use tokio::sync::Semaphore;
use tower::util::AndThenLayer;

pub use names::{Names, System};
use peer::proven;
use resolver::{Refused, Resolver};

/// Idle connections are closed before the receiver's keep-alive ends: common servers keep one for 5
/// s at the shortest (Node.js), and a request on a connection that was just closed fails
/// needlessly.
const IDLE: Duration = Duration::from_secs(4);
/// How long a request waits for a slot. The core keeps to the number of slots, so only requests of
/// webhooks that were unregistered meanwhile can take one, and those end by their timeout.
const PLACE_WAIT: Duration = Duration::from_secs(10);

#[derive(Clone)]
pub struct Courier {
    client: reqwest::Client,
    /// Makes a new connection for each request.
    unpooled: reqwest::Client,
    targets: Arc<Targets>,
    places: Arc<Semaphore>,
}

impl Courier {
    /// A courier with slots for `places` requests at once, to receivers resolved by `names`.
    ///
    /// # Errors
    /// When TLS cannot be set up, for example without trusted root certificates.
    pub fn new(
        targets: Targets,
        names: &Arc<dyn Names>,
        places: u32,
    ) -> Result<Self, reqwest::Error> {
        let targets = Arc::new(targets);
        let places = places as usize;
        let builder = || {
            let vetted = Arc::clone(&targets);
            reqwest::Client::builder()
                .redirect(Policy::none())
                .retry(reqwest::retry::never())
                .no_proxy()
                .referer(false)
                .http1_only()
                .dns_resolver(Resolver::new(Arc::clone(names), Arc::clone(&targets)))
                .connector_layer(AndThenLayer::new(move |connection| proven(connection, &vetted)))
        };
        // The limit is per host name, and many webhooks may share one host.
        let pooled = builder().pool_idle_timeout(IDLE).pool_max_idle_per_host(places);
        let client = pooled.build()?;
        let unpooled = builder().pool_max_idle_per_host(0).build()?;
        Ok(Self { client, unpooled, targets, places: Arc::new(Semaphore::new(places)) })
    }

    /// Sends a request, and reports how it ended.
    pub async fn carry(&self, request: Request) -> Report {
        let key = request.key;
        let start = Instant::now();
        let answer = match tokio::time::timeout(PLACE_WAIT, self.places.acquire()).await {
            Ok(Ok(_place)) => self.send(request).await.unwrap_or_else(Answer::Failure),
            Ok(Err(_)) | Err(_) => Answer::Failure(Failure::Ours),
        };
        let duration_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        Report { key, duration_ms, answer }
    }

    async fn send(&self, request: Request) -> Result<Answer, Failure> {
        // A stored URL that does not parse is the desk's fault, not the receiver's.
        request.url.url().ok_or(Failure::Ours)?;
        // The resolver is not asked about an address literal, so it is vetted here.
        request.url.check(&self.targets).map_err(|_| Failure::Blocked)?;
        let deadline = Instant::now() + Duration::from_millis(request.timeout_ms.into());
        match post(&self.client, &request, deadline).await {
            // The receiver may have closed an idle connection at the very moment of its reuse. That
            // is no sign of its health; a new connection is.
            Err(Failure::Reset) => post(&self.unpooled, &request, deadline).await,
            answered => answered,
        }
    }
}

async fn post(
    client: &reqwest::Client,
    request: &Request,
    deadline: Instant,
) -> Result<Answer, Failure> {
    let url = request.url.url().ok_or(Failure::Ours)?.clone();
    let response = client
        .post(url)
        .headers(headers(request)?)
        .timeout(deadline.saturating_duration_since(Instant::now()))
        .body(Bytes::from_owner(Body(Arc::clone(&request.body))))
        .send()
        .await
        .map_err(|error| classify(&error))?;
    // From the first byte on, this response counts, whole or not.
    Ok(read(response).await.unwrap_or_else(|error| Answer::Failure(classify(&error))))
}

/// An event's body, shared by all requests that carry it.
struct Body(Arc<str>);

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

fn headers(request: &Request) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::with_capacity(request.headers.len());
    for (name, value) in &request.headers {
        let value = HeaderValue::from_str(value).map_err(|_| Failure::Ours)?;
        let name = HeaderName::try_from(&**name).map_err(|_| Failure::Ours)?;
        headers.insert(name, value);
    }
    Ok(headers)
}

/// Reads a response up to the cap. A connection with more to come is closed.
async fn read(mut response: reqwest::Response) -> Result<Answer, reqwest::Error> {
    let status = response.status().as_u16();
    let retry_after = response.headers().get(RETRY_AFTER);
    let retry_after = retry_after.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = Answer::MAX_READ - body.len();
        body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if body.len() == Answer::MAX_READ {
            break;
        }
    }
    Ok(Answer::Status { status, retry_after, excerpt: excerpt(&body) })
}

/// The class of a transport error. Its own text is not kept: it may name addresses.
fn classify(error: &reqwest::Error) -> Failure {
    if error.is_timeout() {
        return Failure::Timeout;
    }
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(failure) = class_of(error) {
            return failure;
        }
        cause = error.source();
    }
    if error.is_connect() { Failure::Connect } else { Failure::Reset }
}

fn class_of(error: &(dyn Error + 'static)) -> Option<Failure> {
    if let Some(Refused(why)) = error.downcast_ref() {
        return Some(if *why == BadHost::Nowhere { Failure::Dns } else { Failure::Blocked });
    }
    if error.downcast_ref::<rustls::Error>().is_some() {
        return Some(Failure::Tls);
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        return error.is_parse().then_some(Failure::Protocol);
    }
    let error = error.downcast_ref::<io::Error>()?;
    if is_exhaustion(error) {
        return Some(Failure::Ours);
    }
    // hyper's error for a body that is not in the form that its headers declared.
    if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData)
        && error.get_ref().is_none_or(|inner| class_of(inner).is_none())
    {
        return Some(Failure::Protocol);
    }
    // The wrapped error is not among the sources of an `io::Error`.
    error.get_ref().and_then(|inner| class_of(inner))
}

/// Whether a resource of this machine is exhausted: no receiver's fault.
fn is_exhaustion(error: &io::Error) -> bool {
    /// Too many open files in the process (EMFILE) or in the system (ENFILE), no memory for sockets
    /// (ENOBUFS). The numbers are Linux's.
    const EXHAUSTED: [i32; 3] = [24, 23, 105];
    error.raw_os_error().is_some_and(|code| EXHAUSTED.contains(&code))
}
