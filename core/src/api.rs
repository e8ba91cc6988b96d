//! The HTTP contract, once: an incoming call becomes a command, a reading or an answer.
//!
//! Every host hands its calls to [`Api::open`] and does what comes back. So a call gets the same
//! answer, to the byte, from the native server, the edge worker and the page.

mod authorization;
mod body;
mod deliveries;
mod events_query;
mod idempotency_key;
mod json_object;
mod listing;
mod log_cursor;
mod problem;
mod query;
mod reading;
mod replay_request;
mod reply;
mod routes;
mod settings;
mod sse;
mod view;

use crate::engine::command::Command;
use crate::guard::Targets;
use crate::model::digest::Digest;
use crate::model::ticket::TicketMessage;
use crate::webhook::sign::Secret;

pub use crate::delivery::state::DeliveryState;
pub use deliveries::{AttemptsQuery, DeliveriesQuery};
pub use events_query::{EventsMode, EventsQuery};
pub use listing::Listing;
pub use log_cursor::LogCursor;
pub use problem::{Code, FieldError, Problem};
pub use reading::Reading;
pub use replay_request::ReplayRequest;
pub use reply::answer;
pub use sse::Frame;

/// Bytes of a call's body: sixteen times the longest message, and room for JSON's escapes.
pub const MAX_BODY: usize = 1 << 20;

const _: () = assert!(MAX_BODY == 16 * TicketMessage::MAX_LENGTH);

/// What a host lets in, and which addresses it may call.
#[derive(Clone, Debug)]
pub struct Api {
    pub callers: Callers,
    /// Whether a call may wait for what is to come.
    pub can_wait: bool,
    pub targets: Targets,
}

/// Who may do everything; nobody else may do anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Callers {
    /// Everybody on this machine.
    Local,
    /// Everybody who reaches the desk: something in front of it checks who calls.
    All,
    /// Who sends the key with this digest as a bearer token (RFC 6750).
    Key(Digest),
}

impl Callers {
    /// Who has `key`. Its digest alone is kept, and a guess is compared by its digest, so that how
    /// long that takes tells nothing of the key.
    #[must_use]
    pub fn with_key(key: &str) -> Self {
        Self::Key(Digest::of(&[key.as_bytes()]))
    }
}

/// An incoming HTTP call, as it came.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    pub method: &'a str,
    /// Not decoded.
    pub path: &'a str,
    /// What follows the `?`; empty when there is none.
    pub query: &'a str,
    /// Names in lower case. A target that names a host itself is one more `host`.
    pub headers: Vec<(&'a str, &'a str)>,
    pub body: &'a [u8],
}

impl<'a> Call<'a> {
    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// The values of a header that came more than once.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(of, _)| *of == name).map(|(_, value)| *value)
    }
}

/// What a host is to do with a call.
#[derive(Clone, Debug)]
pub enum Action {
    Answer(Response),
    /// Decide it, and answer with [`answer`].
    Decide(Command),
    /// [Count](ReplayRequest::count) it, and then decide the command that comes of it.
    CountReplay(Box<ReplayRequest>),
    /// Answer with [`Reading::answer`].
    Read(Reading),
    /// Answer with [pages](Listing::page), each read when the one before it is written.
    List(Listing),
    /// Let it [begin](EventsQuery::begin), then answer in its [`EventsMode`].
    ReadEvents(EventsQuery),
}

/// An answer with its whole body.
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
    /// The answer that a thing was made at a path of its own.
    fn at(mut self, location: String) -> Self {
        self.headers.push(("location", location));
        self
    }
}

/// The headers of every answer. What a desk says is never true for long, and may hold a secret.
fn headers(content_type: &str) -> Vec<(&'static str, String)> {
    vec![("content-type", content_type.to_owned()), ("cache-control", "no-store".to_owned())]
}

impl Api {
    /// Whether a call is let in. Only its headers are looked at, so that a host can ask before it
    /// takes in the body.
    ///
    /// # Errors
    /// Why not.
    pub fn admit(&self, call: &Call<'_>) -> Result<(), Problem> {
        authorization::check(self, call)
    }

    /// Looks at a call, whose body was taken in up to one byte more than [`MAX_BODY`]. `fresh` draws
    /// 32 bytes of chance, for a call that makes a secret.
    pub fn open(&self, call: &Call<'_>, fresh: impl FnOnce() -> [u8; Secret::LENGTH]) -> Action {
        let whole = if call.body.len() > MAX_BODY { Err(Problem::too_large()) } else { Ok(()) };
        let admitted = whole.and_then(|()| self.admit(call));
        let admitted = admitted.and_then(|()| routes::take(self, call, fresh));
        let taken = admitted.and_then(|next| idempotency_key::take(call, next));
        taken.unwrap_or_else(|problem| Action::Answer(problem.into()))
    }

    /// Looks at a call for a file of the host's page. A browser has no key to send with it, and
    /// there is nothing of the desk in it; for all else it is a call like others.
    ///
    /// # Errors
    /// [`Problem`] when the caller is not let in, or wants to do anything but look.
    pub fn show(&self, call: &Call<'_>) -> Result<(), Problem> {
        authorization::check_place(self, call)?;
        if matches!(call.method, "GET" | "HEAD") {
            return Ok(());
        }
        let allow = Some("GET, HEAD".to_owned());
        let detail = "This path knows GET, HEAD.";
        Err(Problem { allow, ..Problem::new(Code::MethodNotAllowed, detail) })
    }
}
