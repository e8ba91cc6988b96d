//! The HTTP API, defined once: an incoming call becomes a command, a reading or a response.
//!
//! Every host passes its calls to [`Api::open`] and carries out the [`Action`]. So a call gets the
//! same response, to the byte, from the native server, the edge worker and the page.

mod audit;
mod authorization;
mod body;
mod call_limits;
mod code;
mod cross_origins;
#[cfg(feature = "typescript")]
mod declarations;
mod deliveries;
mod events_query;
mod idempotency_key;
mod json_object;
mod keys;
mod link_url;
mod listing;
mod log_cursor;
mod nearest;
mod operations;
mod own_names;
mod partners;
mod problem;
mod query;
mod rate_limit;
mod reading;
mod replay_request;
mod reply;
#[cfg(test)]
mod rig;
mod routes;
mod session_cookie;
mod sessions;
mod settings;
mod sse;
mod view;

use std::sync::LazyLock;

use crate::engine::command::Command;
use crate::guard::Targets;
use crate::model::api_key::ApiKeys;
use crate::model::caller::Authorization;
use crate::model::digest::Digest;
use crate::model::millis::Millis;
use crate::model::reach::Reach;
use crate::model::ticket::TicketMessage;
use crate::webhook::sign::Secret;

pub use crate::delivery::state::DeliveryState;
pub use audit::AuditQuery;
pub use call_limits::CallLimits;
pub use code::Code;
pub use cross_origins::{BadOrigin, CrossOrigins};
pub use deliveries::{AttemptsQuery, DeliveriesQuery};
pub use events_query::{EventsMode, EventsQuery, EventsStart};
pub use keys::KeysQuery;
pub use listing::Listing;
pub use log_cursor::LogCursor;
pub use own_names::{BadPublicUrl, OwnNames, PublicUrl};
pub use partners::PartnersQuery;
pub use problem::{FieldError, Problem};
pub use rate_limit::{Allowance, Bucket, Rate, TooEarly};
pub use reading::{Reading, Standing, ready, ready_to_forward};
pub use replay_request::ReplayRequest;
pub(crate) use reply::status;
pub use reply::{Shown, answer};
pub use session_cookie::SessionCookie;
pub use sse::Frame;

/// Bytes of a call's body: sixteen times the longest message, and room for JSON's escapes.
pub const MAX_BODY: usize = 1 << 20;

const _: () = assert!(MAX_BODY == 16 * TicketMessage::MAX_LENGTH);

/// The HTTP API as a host configures it: its callers, its names, and the addresses that it may call.
#[derive(Clone, Debug)]
pub struct Api {
    pub callers: Callers,
    pub names: OwnNames,
    /// The cookie by which browsers stay signed in, on a host that signs them in.
    pub cookie: Option<SessionCookie>,
    /// Whether a call may wait for events to come.
    pub can_wait: bool,
    pub targets: Targets,
    /// Other origins whose pages may call the desk.
    pub cross_origins: CrossOrigins,
}

/// The callers that are authorized; all others are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Callers {
    /// Callers on this machine, for every operation.
    Local,
    /// All callers, for every operation: something in front of the desk authorizes them.
    All,
    /// Callers that send an API key as a bearer token (RFC 6750), each for what its key grants.
    Keys {
        /// The digest of a key that the host is configured with, and that grants everything.
        binding: Option<Digest>,
    },
    /// Users of the desk's own machine on the command line, for every operation.
    CommandLine { uid: u32 },
}

impl Callers {
    /// Callers with an API key of the desk's, or with `key`. Only its digest is kept, and a token is
    /// compared by digest, so that the time of a comparison reveals nothing about the key.
    #[must_use]
    pub fn with_key(key: &str) -> Self {
        Self::Keys { binding: Some(Digest::of(&[key.as_bytes()])) }
    }
}

/// The desk's API keys as a host knows them, at a time.
#[derive(Clone, Copy, Debug)]
pub struct LiveKeys<'a> {
    pub keys: &'a ApiKeys,
    pub now: Millis,
}

impl LiveKeys<'static> {
    /// No keys, for callers that need none.
    #[must_use]
    pub fn none(now: Millis) -> Self {
        static NONE: LazyLock<ApiKeys> = LazyLock::new(ApiKeys::default);
        Self { keys: &NONE, now }
    }
}

/// A call that was routed.
#[derive(Clone, Debug)]
pub struct Opened {
    pub action: Action,
    /// Goes with the action: who calls, and by which rule.
    pub authorization: Option<Authorization>,
    /// What the action makes and nothing stores, for [`answer`].
    pub shown: Option<Shown>,
}

impl From<Problem> for Opened {
    fn from(problem: Problem) -> Self {
        Self { action: Action::Answer(problem.into()), authorization: None, shown: None }
    }
}

/// An incoming HTTP call, as received.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    pub method: &'a str,
    /// Not decoded.
    pub path: &'a str,
    /// The query string without the `?`; empty if there is none.
    pub query: &'a str,
    /// Names in lower case. An authority in the request target is an additional `host`.
    pub headers: Vec<(&'a str, &'a str)>,
    pub body: &'a [u8],
}

impl<'a> Call<'a> {
    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// All values of a header.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(of, _)| *of == name).map(|(_, value)| *value)
    }
}

/// The host's next step for a call.
#[derive(Clone, Debug)]
pub enum Action {
    Answer(Response),
    /// Decide the command, and respond with [`answer`].
    Decide(Command),
    /// [Count](ReplayRequest::count) the events, then decide the resulting command.
    CountReplay(Box<ReplayRequest>),
    /// Respond with [`Reading::answer`], over rows that the caller may read.
    Read(Reading),
    /// Respond with [pages](Listing::page), each read when the one before it is written.
    List(Listing),
    /// Let it [begin](EventsQuery::begin), then respond in its [`EventsMode`].
    ReadEvents(EventsQuery),
}

impl Action {
    /// The same, for a caller: what takes several reads judges it at each.
    fn by(self, authorization: Option<Authorization>) -> Self {
        match self {
            Self::CountReplay(request) => Self::CountReplay(Box::new(request.by(authorization))),
            Self::List(listing) => Self::List(listing.by(authorization)),
            Self::ReadEvents(query) => Self::ReadEvents(query.by(authorization)),
            same @ (Self::Answer(_) | Self::Decide(_) | Self::Read(_)) => same,
        }
    }
}

/// What a route made of a call.
struct Taken {
    action: Action,
    shown: Option<Shown>,
}

impl From<Action> for Taken {
    fn from(action: Action) -> Self {
        Self { action, shown: None }
    }
}

/// A response with its whole body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Response {
    fn data<T: serde::Serialize>(status: u16, data: T) -> Self {
        Self::json(status, &view::Data { data })
    }

    fn page<T: serde::Serialize>(data: Vec<T>, next: Option<impl serde::Serialize>) -> Self {
        Self::json(200, &view::Page { data, next })
    }

    fn json(status: u16, document: &impl serde::Serialize) -> Self {
        let body = serde_json::to_string(document)
            .expect("what we show is texts and whole numbers, which always have a JSON form");
        Self { status, headers: headers("application/json"), body }
    }
}

impl Response {
    /// The methods of a path.
    fn options(allow: String) -> Self {
        let headers = vec![("allow", allow), ("cache-control", "no-store".to_owned())];
        Self { status: 204, headers, body: String::new() }
    }

    /// Adds the path of the created resource.
    fn at(self, location: String) -> Self {
        self.with(("location", location))
    }

    fn with(mut self, header: (&'static str, String)) -> Self {
        self.headers.push(header);
        self
    }
}

/// Headers of every response. It must not be cached: it is soon out of date, and may hold a secret.
fn headers(content_type: &str) -> Vec<(&'static str, String)> {
    vec![("content-type", content_type.to_owned()), ("cache-control", "no-store".to_owned())]
}

impl Api {
    /// The API of a host that signs no browsers in, lets no call wait, and is for no other origin's
    /// pages.
    #[must_use]
    pub fn new(callers: Callers, names: OwnNames, targets: Targets) -> Self {
        let cross_origins = CrossOrigins::default();
        Self { callers, names, cookie: None, can_wait: false, targets, cross_origins }
    }

    /// The response to a preflight of a page that may call the desk: a browser asks before it sends a
    /// call with a key, and sends none along. A host gives it before anything else is judged.
    #[must_use]
    pub fn preflight(&self, call: &Call<'_>) -> Option<Response> {
        self.cross_origins.preflight(&self.names, call)
    }

    /// The headers with which a browser lets the page of another origin read a response, for the
    /// values of the call's `Origin`.
    #[must_use]
    pub fn sharing_headers<'a>(
        &self,
        origins: impl IntoIterator<Item = &'a str>,
    ) -> Vec<(&'static str, String)> {
        self.cross_origins.headers(origins)
    }

    /// Whether a caller may go on: asked of what lasts longer than a call, such as a stream.
    ///
    /// # Errors
    /// The [`Problem`] of a caller whose key no longer grants access.
    pub fn judge(authorization: Option<Authorization>, keys: LiveKeys<'_>) -> Result<(), Problem> {
        match authorization {
            Some(authorization) => authorization::judge(authorization, keys).map(|_reach| ()),
            None => Ok(()),
        }
    }

    /// Refuses what the head alone decides: callers that are not authorized, paths and methods that
    /// there are not, bodies that no route takes. A host asks before it reads the body.
    ///
    /// # Errors
    /// The [`Problem`] of a call that is refused.
    pub fn admit(
        &self,
        call: &Call<'_>,
        keys: LiveKeys<'_>,
    ) -> Result<Option<Authorization>, Problem> {
        self.admitted(call, keys).map(|(authorization, _reach)| authorization)
    }

    fn admitted(
        &self,
        call: &Call<'_>,
        keys: LiveKeys<'_>,
    ) -> Result<(Option<Authorization>, Reach), Problem> {
        let admitted = authorization::check(self, call, keys)?;
        routes::check(call)?;
        Ok(admitted)
    }

    /// Routes a call, whose body was read up to one byte more than [`MAX_BODY`]. `fresh` draws 32
    /// random bytes, for a call that creates a secret or a key.
    pub fn open(
        &self,
        call: &Call<'_>,
        keys: LiveKeys<'_>,
        fresh: impl FnOnce() -> [u8; Secret::LENGTH],
    ) -> Opened {
        self.try_open(call, keys, fresh).unwrap_or_else(Opened::from)
    }

    fn try_open(
        &self,
        call: &Call<'_>,
        keys: LiveKeys<'_>,
        fresh: impl FnOnce() -> [u8; Secret::LENGTH],
    ) -> Result<Opened, Problem> {
        if call.body.len() > MAX_BODY {
            return Err(Problem::too_large());
        }
        let (authorization, reach) = self.admitted(call, keys)?;
        let Taken { action, shown } = operations::take(self, call, (keys, &reach), fresh)?;
        let action = idempotency_key::take(call, authorization, action)?;
        Ok(Opened { action: action.by(authorization), authorization, shown })
    }

    /// Authorizes a call for a file of the host's page. No key is needed, nor one of the desk's own
    /// names: a browser has no key to send, and the page holds none of the desk's data.
    ///
    /// # Errors
    /// The response when the caller is not admitted, or the method is not GET or HEAD.
    pub fn show(&self, call: &Call<'_>) -> Result<(), Response> {
        const ALLOWED: &str = "GET, HEAD, OPTIONS";
        authorization::check_place(self, call)?;
        match call.method {
            "GET" | "HEAD" => Ok(()),
            "OPTIONS" => Err(Response::options(ALLOWED.to_owned())),
            _ => {
                let header = Some(("allow", ALLOWED.to_owned()));
                let detail = format!("This path knows {ALLOWED}.");
                let problem = Problem::new(Code::MethodNotAllowed, detail);
                Err(Problem { header, ..problem }.into())
            }
        }
    }
}
