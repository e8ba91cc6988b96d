//! The HTTP server: salvo keeps connections and the limits on time and size; the core decides what
//! a call means.

mod assets;
mod body;
mod clarity;
mod events;
mod lookup;
mod response;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hookdesk_core::api::{
    self, Action, Allowance, Api, Call, Code, EventsMode, EventsQuery, Listing, LogCursor,
    MAX_BODY, Opened, Problem, Reading, ReplayRequest, Shown,
};
use hookdesk_core::{Authorization, CallSource, Command, RequestId};
use hyper::body::Body as _;
use salvo::http::header::{AUTHORIZATION, CONNECTION, HeaderValue};
use salvo::{Depot, FlowCtrl, Handler, Request, Response, Router, async_trait};
use tokio::time::timeout;

use crate::call_limits::CallLimits;
use crate::connections::{ActiveRequest, ConnectionTable};
use crate::desk_thread::DeskQueue;
use crate::event_feed::EventFeed;
use crate::key_ring::{KeyHolder, KeyRing, live};
use crate::moment::{chance, clock};
use body::Body;
pub use body::CALLER;
use events::EventStream;
pub use lookup::Lookup;
use response::{HttpResponse, next_page, put_headers};

/// The handler of all calls.
pub struct HttpHandler {
    pub api: Api,
    pub ring: Arc<KeyRing>,
    pub desk: DeskQueue,
    pub lookup: Lookup,
    pub feed: Arc<EventFeed>,
    pub connections: ConnectionTable,
    pub limits: Arc<CallLimits>,
    /// Whether nothing is sent.
    pub paused: bool,
}

/// A call that was received.
struct Received {
    body: Body,
    /// What is left of its caller's rate limit.
    allowance: Option<Allowance>,
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
        id: RequestId,
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
        let Opened { action, authorization, shown } =
            self.api.open(&call, live(&keys, now), chance);
        self.ring.note_use(authorization, now);
        if let Action::Decide(command) = &action
            && let Err(early) = self.limits.send(authorization, command, &keys)
        {
            return early.into();
        }
        if let Action::Answer(refused) = &action
            && refused.status == Code::Unauthorized.status()
            && let Err(early) = self.limits.refuse(peer(request), true)
        {
            return early.into();
        }
        drop(call);
        let source = CallSource { peer: peer(request).map(|peer| peer.ip()), request: Some(id) };
        // The command owns what it needs: a call that waits for its decision holds no body.
        drop(body);
        match action {
            Action::Answer(response) => HttpResponse::Whole(response),
            Action::Decide(command) => self.decide(authorization, source, command, shown).await,
            Action::CountReplay(request) => match self.count(*request).await {
                Ok(command) => self.decide(authorization, source, command, None).await,
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
            None => self.admit(&call, peer(request))?,
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
                self.limits
                    .refuse(peer, call.headers.iter().any(|(name, _)| *name == AUTHORIZATION))?;
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
        let checked = match clarity::unclear(request) {
            Some(what) => Err(Problem::new(Code::BadRequest, what).into()),
            None => self.check_head(request),
        };
        let allowance = match checked {
            Ok(allowance) => allowance,
            Err(refused) => {
                let ends = refused.status == 400 || !request.body().is_end_stream();
                body::discard(request);
                return (Err(HttpResponse::Whole(refused)), ends);
            }
        };
        let body = Body::take(request, &self.connections).await;
        let ends = body.is_err();
        let received = body.map(|body| Received { body, allowance });
        (received.map_err(HttpResponse::from), ends)
    }

    async fn decide(
        &self,
        authorization: Option<Authorization>,
        source: CallSource,
        command: Command,
        shown: Option<Shown>,
    ) -> HttpResponse {
        HttpResponse::Whole(self.desk.ask(authorization, source, command).await.response(shown))
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

#[async_trait]
impl Handler for HttpHandler {
    async fn handle(
        &self,
        request: &mut Request,
        _depot: &mut Depot,
        response: &mut Response,
        _flow: &mut FlowCtrl,
    ) {
        let id = RequestId::new(clock(), &chance());
        let (received, ends) = self.receive(request).await;
        let mut active = self.connections.answer(peer(request));
        let answered = match received {
            Ok(Received { body, allowance }) => {
                let headers = allowance.into_iter().flat_map(Allowance::headers);
                put_headers(response, headers);
                self.answer(request, body, id, &mut active).await
            }
            Err(refused) => refused,
        };
        if ends || active.is_in_the_way() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answered.write(response, &self.lookup, active);
        put_headers(response, [("request-id", id.to_string())]);
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

fn peer(request: &Request) -> Option<SocketAddr> {
    request.remote_addr().clone().into_std()
}

fn too_many_stay() -> Problem {
    let detail = "More callers wait for events or read long lists than the desk has places for.";
    Problem::new(Code::Overloaded, detail)
}
