//! The HTTP server: salvo keeps connections and the limits on time and size; the core decides what
//! a call means.

mod assets;
mod body;
mod call_context;
mod clarity;
mod events;
mod forward;
mod forwarded_from;
mod lookup;
mod response;
mod role;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use hookdesk_core::api::{
    self, Action, Allowance, Api, Call, Code, LiveKeys, MAX_BODY, Opened, Problem, Reading,
    TooEarly,
};
use hookdesk_core::{CallSource, RequestId};
use hyper::StatusCode;
use hyper::body::Body as _;
use salvo::http::header::{AUTHORIZATION, CONNECTION, HeaderValue, ORIGIN};
use salvo::{Depot, FlowCtrl, Handler, Request, Response, Router, async_trait};
use tokio::time::sleep;

use crate::call_limits::CallLimits;
use crate::cluster::{Forwarder, NOT_LEADING};
use crate::command_line;
use crate::connections::{ActiveRequest, ConnectionTable};
use crate::key_ring::live;
use crate::moment::{chance, clock};
use crate::share_holder::ShareHolder;
use crate::shares::SharePermit;
use body::Body;
pub use body::CALLER;
use call_context::CallContext;
pub use call_context::Services;
use forward::{Forwarded, Forwarding};
use forwarded_from::{ForwardedFrom, is_head_only, peer};
pub use lookup::Lookup;
use response::{HttpResponse, put_headers};
pub use role::{Role, RoleBoard};

/// The handler of all calls.
pub struct HttpHandler {
    pub api: Api,
    pub role: RoleBoard,
    pub connections: ConnectionTable,
    pub limits: Arc<CallLimits>,
    /// Whether nothing is sent.
    pub paused: bool,
    pub callers: CallersOf,
}

/// Whose calls a handler answers.
pub enum CallersOf {
    /// Those of a desk that no other host shares.
    Desk,
    /// Those of a host that forwards them while another leads.
    Host { own: String, forwarder: Forwarder },
    /// Those that other hosts forward.
    Hosts,
}

/// A response that is given before the body is read.
struct EarlyResponse {
    response: api::Response,
    /// How long it is held back.
    hold: Duration,
}

impl From<api::Response> for EarlyResponse {
    fn from(response: api::Response) -> Self {
        Self { response, hold: Duration::ZERO }
    }
}

impl From<Problem> for EarlyResponse {
    fn from(problem: Problem) -> Self {
        api::Response::from(problem).into()
    }
}

impl From<TooEarly> for EarlyResponse {
    fn from(TooEarly { problem, hold_us }: TooEarly) -> Self {
        Self { response: problem.into(), hold: Duration::from_micros(hold_us) }
    }
}

/// A call whose head was admitted.
#[derive(Default)]
struct Admitted {
    /// What is left of its caller's rate limit.
    allowance: Option<Allowance>,
    /// Its share of the connections, if it has a key.
    share: Option<SharePermit>,
}

/// A call that was received.
struct Received {
    body: Body,
    admitted: Admitted,
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
        if is_head_only(request) && self.role.services().is_some() {
            let admitted = api::Response { status: 204, headers: Vec::new(), body: String::new() };
            return HttpResponse::Whole(admitted);
        }
        loop {
            if let Some(services) = self.role.services() {
                return self.decide(&services, request, body, id, active).await;
            }
            let CallersOf::Host { own, forwarder } = &self.callers else {
                return HttpResponse::Ended;
            };
            if let Some(answered) = self.answer_here(request, &body.bytes, own) {
                return answered;
            }
            let forwarding = Forwarding::new(request, body.bytes.clone(), peer(request));
            match forwarding.forward(&self.role, forwarder).await {
                Forwarded::Answered(response) => return HttpResponse::Forwarded(response),
                Forwarded::Refused(problem) => return problem.into(),
                Forwarded::LedHere => {}
            }
        }
    }

    /// Answers what a host need not ask the leader: the page's files, and how the host itself is.
    fn answer_here(&self, request: &Request, body: &[u8], own: &str) -> Option<HttpResponse> {
        let call = call(request, body);
        if let Some(file) = assets::find(call.path) {
            return Some(self.file(file, &call));
        }
        if !call.path.starts_with("/health/") {
            return None;
        }
        match self.api.open(&call, LiveKeys::none(clock()), chance).action {
            Action::Answer(response) => Some(HttpResponse::Whole(response)),
            Action::Read(Reading::Ready) => {
                let ready = self.role.ready(self.paused, own);
                Some(ready.map_or_else(HttpResponse::from, HttpResponse::Whole))
            }
            Action::Read(_)
            | Action::Decide(_)
            | Action::CountReplay(_)
            | Action::List(_)
            | Action::ReadEvents(_) => None,
        }
    }

    /// The API as the caller of a request has it.
    fn api(&self, request: &Request) -> Cow<'_, Api> {
        match request.extensions().get() {
            Some(ForwardedFrom { uid: Some(uid), .. }) => {
                Cow::Owned(command_line::api(self.api.targets.clone(), *uid))
            }
            Some(ForwardedFrom { uid: None, .. }) | None => Cow::Borrowed(&self.api),
        }
    }

    fn file(&self, file: &'static assets::File, call: &Call<'_>) -> HttpResponse {
        match self.show(file, call) {
            Ok(()) => HttpResponse::File(file, file.variant(call)),
            Err(response) => HttpResponse::Whole(response),
        }
    }

    async fn decide(
        &self,
        services: &Services,
        request: &Request,
        body: Body,
        id: RequestId,
        active: &mut ActiveRequest,
    ) -> HttpResponse {
        let call = call(request, &body.bytes);
        if let Some(file) = assets::find(call.path) {
            return self.file(file, &call);
        }
        let (keys, now) = (services.ring.keys(), clock());
        let Opened { action, authorization, shown } =
            self.api(request).open(&call, live(&keys, now), chance);
        let caller = CallContext::new(services, authorization, &keys);
        services.ring.note_use(authorization, now);
        if let Err(early) = self.limits.charge(authorization, &action, &keys) {
            return early.problem.into();
        }
        if let Action::Answer(refused) = &action
            && refused.status == Code::Unauthorized.status()
            && let Err(early) = self.limits.refuse(peer(request), true)
        {
            return early.problem.into();
        }
        drop(call);
        let source = CallSource { peer: peer(request).map(|peer| peer.ip()), request: Some(id) };
        // The command owns what it needs: a call that waits for its decision holds no body.
        drop(body);
        match action {
            Action::Answer(response) => HttpResponse::Whole(response),
            Action::Decide(command) => caller.decide(source, command, shown).await,
            Action::CountReplay(request) => match caller.count(*request).await {
                Ok(command) => caller.decide(source, command, None).await,
                Err(problem) => problem.into(),
            },
            Action::Read(Reading::Ready) => caller.ready(self.paused).await,
            Action::Read(reading) => caller.read(reading).await,
            Action::List(listing) => caller.list(listing, active).await,
            Action::ReadEvents(pull) => {
                caller.pull(pull, active).await.unwrap_or_else(HttpResponse::from)
            }
        }
    }

    /// Refuses what the head alone decides, before the body is asked for (`100 Continue`) and read.
    fn check_head(&self, request: &Request) -> Result<Admitted, EarlyResponse> {
        let call = call(request, b"");
        if let Some(preflight) = self.api.preflight(&call) {
            return Err(preflight.into());
        }
        let admitted = match assets::find(call.path) {
            Some(file) => {
                self.show(file, &call)?;
                Admitted::default()
            }
            None => self.admit(request, &call)?,
        };
        let mut lengths = call.headers.iter().filter(|(name, _)| *name == "content-length");
        let is_large =
            |length: &str| length.parse().is_ok_and(|bytes: u64| bytes > MAX_BODY as u64);
        if lengths.any(|(_, length)| is_large(length)) {
            return Err(Problem::too_large().into());
        }
        Ok(admitted)
    }

    /// Admits a caller that has not used up its rate, nor its share of the connections.
    fn admit(&self, request: &Request, call: &Call<'_>) -> Result<Admitted, EarlyResponse> {
        // The leader admits what is forwarded to it.
        let Some(services) = self.role.services() else { return Ok(Admitted::default()) };
        let (keys, peer) = (services.ring.keys(), peer(request));
        match self.api(request).admit(call, live(&keys, clock())) {
            // The call itself is charged.
            Ok(_) if is_head_only(request) => Ok(Admitted::default()),
            Ok(authorization) => {
                let allowance = self.limits.admit(authorization, peer, &keys)?;
                let holder = ShareHolder::of(authorization, &keys);
                let admit = |holder| self.connections.admit(holder).ok_or_else(too_many_calls);
                Ok(Admitted { allowance, share: holder.map(admit).transpose()? })
            }
            Err(refused) if refused.code == Code::Unauthorized => {
                self.limits
                    .refuse(peer, call.headers.iter().any(|(name, _)| *name == AUTHORIZATION))?;
                Err(refused.into())
            }
            Err(refused) => Err(refused.into()),
        }
    }

    /// Has the leader judge the head of a call that another host is to decide, where its body is not
    /// to be read before.
    async fn check_head_there(&self, request: &Request) -> Result<(), HttpResponse> {
        let CallersOf::Host { forwarder, own: _ } = &self.callers else { return Ok(()) };
        if self.role.services().is_some() || !body::is_to_be_asked_for(request) {
            return Ok(());
        }
        let head = Forwarding::head(request, peer(request));
        match head.forward(&self.role, forwarder).await {
            Forwarded::LedHere => Ok(()),
            Forwarded::Answered(admitted) if admitted.status() == StatusCode::NO_CONTENT => Ok(()),
            Forwarded::Answered(refused) => Err(HttpResponse::Forwarded(refused)),
            Forwarded::Refused(problem) => Err(problem.into()),
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
        let admitted = match checked {
            Ok(admitted) => admitted,
            Err(EarlyResponse { response, hold }) => {
                let ends = response.status == 400 || !request.body().is_end_stream();
                body::discard(request);
                if !hold.is_zero() {
                    sleep(hold).await;
                }
                return (Err(HttpResponse::Whole(response)), ends);
            }
        };
        if let Err(refused) = self.check_head_there(request).await {
            body::discard(request);
            return (Err(refused), true);
        }
        let body = Body::take(request, &self.connections).await;
        let ends = body.is_err();
        let received = body.map(|body| Received { body, admitted });
        (received.map_err(HttpResponse::from), ends)
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
        if matches!(self.callers, CallersOf::Hosts) {
            let from = ForwardedFrom::take(request.headers_mut());
            request.extensions_mut().insert(from);
        }
        let (received, ends) = self.receive(request).await;
        let mut active = self.connections.answer(peer(request));
        let answered = match received {
            Ok(Received { body, admitted: Admitted { allowance, share } }) => {
                active.hold(share);
                let headers = allowance.into_iter().flat_map(Allowance::headers);
                put_headers(response, headers);
                self.answer(request, body, id, &mut active).await
            }
            Err(refused) => refused,
        };
        if ends || active.is_in_the_way() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let is_forwarded = matches!(answered, HttpResponse::Forwarded(_));
        if matches!((&answered, &self.callers), (HttpResponse::Ended, CallersOf::Hosts)) {
            put_headers(response, [(NOT_LEADING, String::new())]);
        }
        answered.write(response, active);
        // The leader has said of whom it was called, and how.
        if !is_forwarded {
            let origins =
                request.headers().get_all(ORIGIN).iter().filter_map(|value| value.to_str().ok());
            put_headers(response, self.api.sharing_headers(origins));
            put_headers(response, [("request-id", id.to_string())]);
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

fn too_many_calls() -> Problem {
    let detail = "As many calls are open with your API key as may be. Call again in a second.";
    Problem::new(Code::Overloaded, detail)
}
