//! The HTTP server: salvo keeps connections and the limits on time and size; the core decides what
//! a call means.

mod assets;
mod events;
mod lookup;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};
use hookdesk_core::api::{
    self, Action, Allowance, Api, Call, Code, EventsMode, EventsQuery, Frame, Listing, LogCursor,
    MAX_BODY, Opened, Problem, Reading, ReplayRequest,
};
use hookdesk_core::{Authorization, Command, KeyText};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use salvo::http::header::{CONNECTION, EXPECT, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING};
use salvo::http::uri::Authority;
use salvo::http::{Method, StatusCode, Version};
use salvo::{Depot, FlowCtrl, Handler, Request, Response, Router, async_trait};
use tokio::time::timeout;

use crate::call_limits::CallLimits;
use crate::connections::{ActiveRequest, BodyPermit, ConnectionTable};
use crate::desk_thread::DeskQueue;
use crate::event_feed::EventFeed;
use crate::key_ring::{KeyHolder, KeyRing, live};
use crate::moment::{chance, clock};
use crate::store::StoreFault;
use events::EventStream;
pub use lookup::Lookup;

/// Bytes of a too large body that are read and discarded: a connection that is closed while its
/// caller still sends breaks before the caller reads the response.
const MAX_DISCARDED: usize = 16 << 20;
/// Silence after which the rest of a discarded body is not waited for.
const LINGER: Duration = Duration::from_secs(1);
/// How long a caller may take for its headers, for its whole body, and until it reads more of a
/// response.
pub const CALLER: Duration = Duration::from_secs(30);
/// Bytes of a body that every connection may hold. A larger one needs a [`BodyPermit`].
const SMALL_BODY: usize = 16 << 10;

const _: () = assert!(SMALL_BODY < MAX_BODY);

/// The handler of all calls.
pub struct HttpHandler {
    pub api: Api,
    pub ring: Arc<KeyRing>,
    pub desk: DeskQueue,
    pub lookup: Lookup,
    pub feed: Arc<EventFeed>,
    pub connections: ConnectionTable,
    pub limits: CallLimits,
    /// Whether nothing is sent.
    pub paused: bool,
}

/// A call that was received.
struct Received {
    body: Body,
    /// What is left of its caller's rate limit.
    allowance: Option<Allowance>,
}

/// A call's body, and the permit of a large one.
struct Body {
    bytes: Vec<u8>,
    _room: Option<BodyPermit>,
}

impl HttpHandler {
    /// A router with this handler for all paths: routing is the core's.
    #[must_use]
    pub fn router(self) -> Router {
        Router::with_path("{**path}").goal(self)
    }

    async fn answer(
        &self,
        request: &Request,
        body: Body,
        active: &mut ActiveRequest,
    ) -> HttpResponse {
        let call = call(request, &body.bytes);
        if let Some(file) = assets::find(call.path) {
            return match self.show(file, &call) {
                Ok(()) => HttpResponse::File(file, file.variant(&call)),
                Err(response) => HttpResponse::Whole(response),
            };
        }
        let (keys, now) = (self.ring.keys(), clock());
        let Opened { action, authorization, key } = self.api.open(&call, live(&keys, now), chance);
        self.ring.note_use(authorization, now);
        if let Action::Decide(command) = &action
            && let Err(early) = self.limits.send(authorization, command, &keys)
        {
            return early.into();
        }
        drop(call);
        // The command owns what it needs: a call that waits for its decision holds no body.
        drop(body);
        match action {
            Action::Answer(response) => HttpResponse::Whole(response),
            Action::Decide(command) => self.decide(authorization, command, key).await,
            Action::CountReplay(request) => match self.count(*request).await {
                Ok(command) => self.decide(authorization, command, None).await,
                Err(problem) => problem.into(),
            },
            Action::Read(Reading::Ready) => self.ready().await,
            Action::Read(reading) => self.read(authorization, reading).await,
            Action::List(listing) => self.list(listing, active).await,
            Action::ReadEvents(pull) => {
                self.pull(pull, active).await.unwrap_or_else(HttpResponse::from)
            }
        }
    }

    /// Refuses what the head alone decides, before the body is asked for (`100 Continue`) and read.
    fn check_head(&self, request: &Request) -> Result<Option<Allowance>, api::Response> {
        let call = call(request, b"");
        let allowance = match assets::find(call.path) {
            Some(file) => {
                self.show(file, &call)?;
                None
            }
            None => self.admit(&call, request.remote_addr().clone().into_std())?,
        };
        let mut lengths = call.headers.iter().filter(|(name, _)| *name == "content-length");
        let is_large =
            |length: &str| length.parse().is_ok_and(|bytes: u64| bytes > MAX_BODY as u64);
        if lengths.any(|(_, length)| is_large(length)) {
            return Err(Problem::too_large().into());
        }
        Ok(allowance)
    }

    /// Admits a caller that has not used up its rate.
    fn admit(
        &self,
        call: &Call<'_>,
        peer: Option<SocketAddr>,
    ) -> Result<Option<Allowance>, Problem> {
        let keys = self.ring.keys();
        match self.api.admit(call, live(&keys, clock())) {
            Ok(authorization) => self.limits.admit(authorization, peer, &keys),
            Err(refused) if refused.code == Code::Unauthorized => {
                self.limits.refuse(peer)?;
                Err(refused)
            }
            Err(refused) => Err(refused),
        }
    }

    fn show(&self, file: &assets::File, call: &Call<'_>) -> Result<(), api::Response> {
        if file.is_for_all(call) { Ok(()) } else { self.api.show(call) }
    }

    /// The body of a call, unless it is refused; and whether the connection ends with the answer.
    async fn receive(&self, request: &mut Request) -> (Result<Received, HttpResponse>, bool) {
        let checked = match unclear(request) {
            Some(what) => Err(Problem::new(Code::BadRequest, what).into()),
            None => self.check_head(request),
        };
        let allowance = match checked {
            Ok(allowance) => allowance,
            Err(refused) => {
                let ends = refused.status == 400 || !request.body().is_end_stream();
                discard(request);
                return (Err(HttpResponse::Whole(refused)), ends);
            }
        };
        let body = self.take_body(request).await;
        let ends = body.is_err();
        let received = body.map(|body| Received { body, allowance });
        (received.map_err(HttpResponse::from), ends)
    }

    async fn take_body(&self, request: &mut Request) -> Result<Body, Problem> {
        let taken = timeout(CALLER, self.read_body(request)).await;
        taken.unwrap_or_else(|_| {
            let detail = format!("The body did not come within {} s.", CALLER.as_secs());
            Err(Problem::new(Code::TooSlow, detail))
        })
    }

    /// Reads all of a body, unless it is too large.
    async fn read_body(&self, request: &mut Request) -> Result<Body, Problem> {
        let mut body = request.take_body();
        let (mut bytes, mut seen, mut room) = (Vec::new(), 0_usize, None);
        while let Some(frame) = body.frame().await {
            // The caller hung up before the end.
            let incomplete = |_| Problem::new(Code::BadJson, "The body is not complete.");
            let Ok(data) = frame.map_err(incomplete)?.into_data() else { continue };
            seen = seen.saturating_add(data.len());
            if seen > SMALL_BODY && room.is_none() {
                room = self.connections.make_room(request.remote_addr().clone().into_std()).await;
                let declared = hyper::body::Body::size_hint(&body).exact().unwrap_or_default();
                bytes.reserve_exact(usize::try_from(declared).unwrap_or(MAX_BODY).min(MAX_BODY));
            }
            if seen <= MAX_BODY {
                bytes.extend_from_slice(&data);
            } else if seen > MAX_BODY + MAX_DISCARDED {
                break;
            }
        }
        if seen <= MAX_BODY { Ok(Body { bytes, _room: room }) } else { Err(Problem::too_large()) }
    }

    async fn decide(
        &self,
        authorization: Option<Authorization>,
        command: Command,
        key: Option<KeyText>,
    ) -> HttpResponse {
        HttpResponse::Whole(self.desk.ask(authorization, command).await.response(key))
    }

    async fn count(&self, request: ReplayRequest) -> Result<Command, Problem> {
        let counted = self.lookup.count(|rows| request.count(rows, clock())).await;
        counted.unwrap_or_else(|_logged| Err(Problem::unreadable()))
    }

    async fn read(&self, authorization: Option<Authorization>, reading: Reading) -> HttpResponse {
        let read = self.lookup.read(move |rows| reading.answer(authorization, rows, clock()));
        match read.await {
            Ok(response) => HttpResponse::Whole(response),
            Err(_logged) => Problem::unreadable().into(),
        }
    }

    async fn ready(&self) -> HttpResponse {
        if self.desk.is_faulty() {
            return Problem::unwritable().into();
        }
        let paused = self.paused;
        match self.lookup.read(move |rows| api::ready(rows, paused)).await {
            Ok(response) => HttpResponse::Whole(response),
            Err(_logged) => Problem::unreadable().into(),
        }
    }

    /// Loads the first page before the response begins, so that a failing store can still be
    /// reported.
    async fn list(&self, mut listing: Listing, active: &mut ActiveRequest) -> HttpResponse {
        match next_page(&self.lookup, &mut listing).await {
            Ok(Ok(_)) if !listing.is_complete() && !active.stay() => too_many_stay().into(),
            Ok(Ok(first)) => HttpResponse::Pages { first, rest: listing },
            Ok(Err(problem)) => problem.into(),
            Err(_logged) => Problem::unreadable().into(),
        }
    }

    async fn pull(
        &self,
        pull: EventsQuery,
        active: &mut ActiveRequest,
    ) -> Result<HttpResponse, Problem> {
        if pull.mode != EventsMode::AtOnce && !active.stay() {
            return Err(too_many_stay());
        }
        let begun = self.lookup.read(move |rows| pull.begin(rows, clock())).await;
        let start = begun.unwrap_or_else(|_logged| Err(Problem::unreadable()))?;
        match pull.mode {
            EventsMode::AtOnce => {}
            EventsMode::Wait { seconds } => {
                let longest = Duration::from_secs(seconds.into());
                self.wait(pull.authorization, start.cursor, longest).await;
            }
            EventsMode::Stream => {
                let (feed, lookup) = (Arc::clone(&self.feed), self.lookup.clone());
                let holder = KeyHolder::new(pull.authorization, &self.ring);
                return Ok(HttpResponse::Stream(EventStream::new(start, feed, lookup), holder));
            }
        }
        Ok(self.list(pull.listing(start), active).await)
    }

    /// Waits until there is something to read or the caller may not read any more, at most this
    /// long, and not beyond the host's end.
    async fn wait(
        &self,
        authorization: Option<Authorization>,
        cursor: LogCursor,
        longest: Duration,
    ) {
        let mut state = self.feed.listen();
        let mut holder = KeyHolder::new(authorization, &self.ring);
        let due = state.wait_for(|state| state.ending || cursor.is_behind(state.head));
        let until = async {
            tokio::select! {
                _ = due => {}
                () = holder.lost() => {}
            }
        };
        // Whether due or timed out, the wait is over.
        let _ = timeout(longest, until).await;
    }
}

enum HttpResponse {
    Whole(api::Response),
    Pages { first: Bytes, rest: Listing },
    Stream(EventStream, KeyHolder),
    File(&'static assets::File, assets::Variant),
}

impl From<Problem> for HttpResponse {
    fn from(problem: Problem) -> Self {
        Self::Whole(problem.into())
    }
}

#[async_trait]
impl Handler for HttpHandler {
    async fn handle(
        &self,
        request: &mut Request,
        _depot: &mut Depot,
        response: &mut Response,
        _flow: &mut FlowCtrl,
    ) {
        let (received, ends) = self.receive(request).await;
        let mut active = self.connections.answer(request.remote_addr().clone().into_std());
        let answered = match received {
            Ok(Received { body, allowance }) => {
                let headers = allowance.into_iter().flat_map(Allowance::headers);
                put_headers(response, headers);
                self.answer(request, body, &mut active).await
            }
            Err(refused) => refused,
        };
        if ends || active.is_in_the_way() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        match answered {
            HttpResponse::Whole(answer) => {
                let status = StatusCode::from_u16(answer.status);
                response.status_code(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
                put_headers(response, answer.headers);
                response.body(answer.body);
            }
            HttpResponse::Pages { first, rest } => {
                response.status_code(StatusCode::OK);
                put_headers(response, rest.headers());
                if rest.is_complete() {
                    response.body(first);
                } else {
                    let pages = pages(self.lookup.clone(), first, rest);
                    response.stream(while_answering(pages, active));
                }
            }
            HttpResponse::File(file, variant) => {
                response.status_code(variant.status());
                put_headers(response, file.headers(variant));
                response.body(file.body(variant));
            }
            HttpResponse::Stream(stream, holder) => {
                response.status_code(StatusCode::OK);
                put_headers(response, Frame::headers());
                response.stream(while_answering(stream.pieces(holder), active));
            }
        }
    }
}

fn call<'a>(request: &'a Request, body: &'a [u8]) -> Call<'a> {
    let named = request.uri().authority().map(|authority| ("host", authority.as_str()));
    let headers = request.headers().iter();
    Call {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        headers: headers
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap_or("\u{fffd}")))
            .chain(named)
            .collect(),
        body,
    }
}

/// Reads and discards the body of a refused call beside its response. A caller that waits for
/// `100 Continue` sends none.
fn discard(request: &mut Request) {
    let mut body = request.take_body();
    if body.is_end_stream() || request.headers().contains_key(EXPECT) {
        return;
    }
    tokio::spawn(timeout(CALLER, async move {
        let mut seen = 0_usize;
        while let Ok(Some(Ok(frame))) = timeout(LINGER, body.frame()).await {
            seen = seen.saturating_add(frame.data_ref().map_or(0, Bytes::len));
            if seen > MAX_BODY + MAX_DISCARDED {
                break;
            }
        }
    }));
}

fn too_many_stay() -> Problem {
    let detail = "More callers wait for events or read long lists than the desk has places for.";
    Problem::new(Code::Overloaded, detail)
}

/// Why an intermediary might read this request in another way (RFC 9112 §3.2, §6.1).
fn unclear(request: &Request) -> Option<&'static str> {
    if request.method() == Method::CONNECT {
        return Some("The desk is no proxy: what follows would be for somebody else.");
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    let is_named = match (hosts.next(), hosts.next()) {
        (Some(host), None) => is_host(host),
        (None, _) => request.version() < Version::HTTP_11,
        (Some(_), Some(_)) => false,
    };
    if !is_named {
        return Some("A request names the host that it is for, once.");
    }
    let mut codings = request.headers().get_all(TRANSFER_ENCODING).iter();
    let is_plain =
        codings.next().is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"));
    let is_clear = is_plain && codings.next().is_none();
    (!is_clear).then_some("The one Transfer-Encoding that the desk knows is chunked, once.")
}

/// Whether this is a host name or an address, with or without a port.
fn is_host(value: &HeaderValue) -> bool {
    let host = value.as_bytes();
    let named = Authority::try_from(host).is_ok_and(|named| !named.as_str().contains('@'));
    named || host.is_empty()
}

fn put_headers(response: &mut Response, headers: impl IntoIterator<Item = (&'static str, String)>) {
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
}

/// The same pieces; the caller's request stays active until they end.
fn while_answering<T>(
    pieces: impl Stream<Item = T> + Send + 'static,
    active: ActiveRequest,
) -> impl Stream<Item = T> + Send + 'static {
    pieces.inspect(move |_| {
        let _held = &active;
    })
}

/// The pages of a list whose first page is loaded.
fn pages(
    lookup: Lookup,
    first: Bytes,
    rest: Listing,
) -> impl Stream<Item = Result<Bytes, StoreFault>> + Send + 'static {
    let others = stream::try_unfold((lookup, rest), |(lookup, mut rest)| async move {
        if rest.is_complete() {
            return Ok(None);
        }
        // A caller that may not read any more is cut off.
        let Ok(page) = next_page(&lookup, &mut rest).await? else {
            return Err(StoreFault::Io(io::ErrorKind::PermissionDenied.into()));
        };
        Ok(Some((page, (lookup, rest))))
    });
    stream::once(async { Ok(first) }).chain(others)
}

async fn next_page(
    lookup: &Lookup,
    listing: &mut Listing,
) -> Result<Result<Bytes, Problem>, StoreFault> {
    let mut next = listing.clone();
    let (page, next) = lookup.read(move |rows| Ok((next.page(rows, clock())?, next))).await?;
    *listing = next;
    Ok(page.map(Bytes::from))
}
