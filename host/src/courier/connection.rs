//! A connection to a receiver, and the exchange of a request for an answer on it.

use std::time::Duration;

use bytes::Bytes;
use hookdesk_core::{Answer, Failure};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::RETRY_AFTER;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::connector::Connector;
use super::failure::classify;
use super::head::{Head, MAX_HEAD, Noted};

/// How long the rest of an answer is awaited, beyond its head.
const BODY_WAIT: Duration = Duration::from_millis(Answer::MAX_BODY_WAIT_MS);

/// A connection. When it is dropped, its socket is closed at once.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    head: Head,
    /// Scheme, host and port that it leads to.
    pub origin: String,
    /// When it began to be made: before its name was resolved.
    pub since: Instant,
    /// The generation of the pool at that time.
    pub generation: u64,
    /// Whether it may carry another request.
    pub reusable: bool,
    _task: JoinSet<()>,
}

/// What came of a request.
pub(super) enum Exchanged {
    Answered(Answer),
    /// The connection ended before any byte of an answer.
    Unheard(Failure),
}

impl Connection {
    /// Makes a connection to `origin`, of this generation of the pool.
    pub async fn open(
        connector: &Connector,
        generation: u64,
        origin: &str,
    ) -> Result<Self, Failure> {
        let since = Instant::now();
        let stream = connector.connect(origin).await?;
        let head = Head::default();
        let stream = TokioIo::new(Noted { stream: TokioIo::new(stream), head: head.clone() });
        let (sender, driver) = lenient()
            .handshake(stream)
            .await
            .map_err(|error| classify(&error, Failure::Connect))?;
        let mut task = JoinSet::new();
        task.spawn(async move {
            // Its error is that of the request.
            let _ = driver.await;
        });
        let origin = origin.to_owned();
        Ok(Self { sender, head, origin, since, generation, reusable: false, _task: task })
    }

    /// Whether it is open and awaits a request.
    pub fn is_ready(&self) -> bool {
        self.sender.is_ready()
    }

    /// Waits until the answer's end was noticed. False if the connection ended with it.
    pub async fn is_reusable(&mut self, until: Instant) -> bool {
        self.reusable && matches!(timeout_at(until, self.sender.ready()).await, Ok(Ok(())))
    }

    /// Sends a request, and reads the answer: its head by the deadline, and of its body what comes
    /// in a short while.
    ///
    /// # Errors
    /// When no whole head came, but a part of it, or none in time.
    pub async fn exchange(
        &mut self,
        message: Request<Full<Bytes>>,
        deadline: Instant,
    ) -> Result<Exchanged, Failure> {
        self.reusable = false;
        self.head.expect();
        let sent = timeout_at(deadline, self.sender.send_request(message)).await;
        match sent.map_err(|_| Failure::Timeout)? {
            Ok(response) => Ok(Exchanged::Answered(self.read(response, deadline).await)),
            Err(error) => {
                let failure = classify(&error, Failure::Reset);
                if self.head.is_begun() { Err(failure) } else { Ok(Exchanged::Unheard(failure)) }
            }
        }
    }

    /// Reads what comes of the body, which the status does not depend on.
    async fn read(&mut self, response: Response<Incoming>, deadline: Instant) -> Answer {
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let until = deadline.min(Instant::now() + BODY_WAIT);
        let (body, whole) = read_body(response.into_body(), until).await;
        self.reusable = whole && self.head.is_strict();
        Answer::of(status, retry_after, &body)
    }
}

/// The beginning of a body, and whether that is all of it.
async fn read_body(mut body: Incoming, until: Instant) -> (Vec<u8>, bool) {
    let mut read = Vec::new();
    while read.len() < Answer::MAX_READ {
        match timeout_at(until, body.frame()).await {
            Ok(Some(Ok(frame))) => {
                let room = Answer::MAX_READ - read.len();
                read.extend(frame.into_data().iter().flatten().take(room));
            }
            Ok(None) => return (read, true),
            Ok(Some(Err(_))) | Err(_) => break,
        }
    }
    (read, false)
}

/// What of a broken head is tolerated: folded lines, blanks before a colon, and lines that are no
/// headers.
fn lenient() -> Builder {
    let mut builder = Builder::new();
    builder
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_spaces_after_header_name_in_responses(true)
        .ignore_invalid_headers_in_responses(true)
        .max_buf_size(MAX_HEAD);
    builder
}
