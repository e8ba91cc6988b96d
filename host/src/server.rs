//! Calls from sockets: salvo keeps connections, limits on time and size; the core says what a call
//! means.

mod assets;
mod events;
mod lookup;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};
use hookdesk_core::Command;
use hookdesk_core::api::{
    self, Call, Code, Door, Frame, Listing, MOST_BODY, Manner, Next, Preparation, Problem, Pull,
    Reading, Walk,
};
use http_body_util::BodyExt as _;
use salvo::http::StatusCode;
use salvo::http::header::{HeaderName, HeaderValue};
use salvo::{Depot, FlowCtrl, Handler, Request, Response, Router, async_trait};

use crate::desk::{DeskQueue, chance, clock};
use crate::feed::Feed;
use crate::store::StoreFault;
use events::EventStream;
pub use lookup::Lookup;

/// Bytes of a body that is too large which are taken in all the same: a connection that is closed
/// over what its caller still sends breaks before the caller reads why.
const MOST_DISCARDED: usize = 16 << 20;

/// Where every call comes in.
pub struct Front {
    pub door: Door,
    pub desk: DeskQueue,
    pub lookup: Lookup,
    pub feed: Arc<Feed>,
}

impl Front {
    /// The router of one goal: which path is what is the core's to know.
    #[must_use]
    pub fn router(self) -> Router {
        Router::with_path("{**path}").goal(self)
    }

    async fn answer(&self, request: &mut Request) -> Answered {
        let body = match take_body(request).await {
            Ok(body) => body,
            Err(problem) => return problem.into(),
        };
        let named = request.uri().authority().map(|authority| ("host", authority.as_str()));
        let headers = request.headers().iter();
        let call = Call {
            method: request.method().as_str(),
            path: request.uri().path(),
            query: request.uri().query().unwrap_or_default(),
            headers: headers
                .map(|(name, value)| (name.as_str(), value.to_str().unwrap_or("\u{fffd}")))
                .chain(named)
                .collect(),
            body: &body,
        };
        if let Some(file) = assets::find(call.path) {
            return match self.door.show(&call) {
                Err(_) if file.is_for_all(&call) => Answered::File(file, file.variant(&call)),
                Ok(()) => Answered::File(file, file.variant(&call)),
                Err(problem) => problem.into(),
            };
        }
        let next = self.door.open(&call, chance);
        drop(call);
        // What was taken from it is kept; a call that waits for its decision holds no body.
        drop(body);
        match next {
            Next::Answer(response) => Answered::Whole(response),
            Next::Decide(command) => match self.desk.ask(command).await {
                Ok(decided) => Answered::Whole(api::answer(decided)),
                Err(problem) => problem.into(),
            },
            Next::Prepare(preparation) => match self.prepare(*preparation).await {
                Ok(command) => match self.desk.ask(command).await {
                    Ok(decided) => Answered::Whole(api::answer(decided)),
                    Err(problem) => problem.into(),
                },
                Err(problem) => problem.into(),
            },
            Next::Read(reading) => self.read(reading).await,
            Next::List(listing) => self.list(listing).await,
            Next::Pull(pull) => self.pull(pull).await.unwrap_or_else(Answered::from),
        }
    }

    /// Counts what a command is about before it is decided.
    async fn prepare(&self, preparation: Preparation) -> Result<Command, Problem> {
        let prepared = self.lookup.prepare(preparation).await;
        prepared.map_err(|_logged| Problem::unreadable())?.command()
    }

    async fn read(&self, reading: Reading) -> Answered {
        match self.lookup.load(move |known| reading.needs(known)).await {
            Ok(facts) => Answered::Whole(reading.answer(&facts, clock())),
            Err(_logged) => Problem::unreadable().into(),
        }
    }

    /// The first page is loaded before anything is answered, so that a store that is away is said.
    async fn list(&self, mut listing: Listing) -> Answered {
        match next_page(&self.lookup, &mut listing).await {
            Ok(first) => Answered::Pages { first, rest: listing },
            Err(_logged) => Problem::unreadable().into(),
        }
    }

    async fn pull(&self, pull: Pull) -> Result<Answered, Problem> {
        let facts = self.lookup.load(move |known| pull.needs(known)).await;
        let walk = pull.begin(&facts.map_err(|_logged| Problem::unreadable())?)?;
        match pull.manner {
            Manner::AtOnce => {}
            Manner::Wait { seconds } => self.wait(walk, Duration::from_secs(seconds.into())).await,
            Manner::Stream => {
                let (feed, lookup) = (Arc::clone(&self.feed), self.lookup.clone());
                return Ok(Answered::Stream(EventStream::new(walk, feed, lookup)));
            }
        }
        Ok(self.list(pull.listing(walk)).await)
    }

    /// Waits until there is something to read, and no longer than this or until the host stops.
    async fn wait(&self, walk: Walk, longest: Duration) {
        let mut pulse = self.feed.listen();
        let due = pulse.wait_for(|pulse| pulse.ending || walk.is_behind(pulse.head));
        // However that ended, there is nothing more to wait for.
        let _ = tokio::time::timeout(longest, due).await;
    }
}

enum Answered {
    Whole(api::Response),
    Pages { first: Bytes, rest: Listing },
    Stream(EventStream),
    File(&'static assets::File, assets::Variant),
}

impl From<Problem> for Answered {
    fn from(problem: Problem) -> Self {
        Self::Whole(problem.into())
    }
}

#[async_trait]
impl Handler for Front {
    async fn handle(
        &self,
        request: &mut Request,
        _depot: &mut Depot,
        response: &mut Response,
        _flow: &mut FlowCtrl,
    ) {
        match self.answer(request).await {
            Answered::Whole(answer) => {
                let status = StatusCode::from_u16(answer.status);
                response.status_code(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
                put_headers(response, answer.headers);
                response.body(answer.body);
            }
            Answered::Pages { first, rest } => {
                response.status_code(StatusCode::OK);
                put_headers(response, rest.headers());
                if rest.is_complete() {
                    response.body(first);
                } else {
                    response.stream(pages(self.lookup.clone(), first, rest));
                }
            }
            Answered::File(file, variant) => {
                response.status_code(variant.status());
                put_headers(response, file.headers(variant));
                response.body(file.body(variant));
            }
            Answered::Stream(stream) => {
                response.status_code(StatusCode::OK);
                put_headers(response, Frame::headers());
                response.stream(stream.pieces());
            }
        }
    }
}

/// A call's body, unless it is too large.
async fn take_body(request: &mut Request) -> Result<Vec<u8>, Problem> {
    let mut body = request.take_body();
    let (mut taken, mut seen) = (Vec::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        // The caller hung up in the middle of it, or was too slow.
        let incomplete = |_| Problem::new(Code::BadJson, "The body is not complete.");
        let Ok(data) = frame.map_err(incomplete)?.into_data() else { continue };
        seen = seen.saturating_add(data.len());
        if seen <= MOST_BODY {
            taken.extend_from_slice(&data);
        } else if seen > MOST_BODY + MOST_DISCARDED {
            break;
        }
    }
    if seen <= MOST_BODY { Ok(taken) } else { Err(Problem::too_large()) }
}

fn put_headers(response: &mut Response, headers: Vec<(&'static str, String)>) {
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
}

/// A list whose first page is loaded.
fn pages(
    lookup: Lookup,
    first: Bytes,
    rest: Listing,
) -> impl Stream<Item = Result<Bytes, StoreFault>> + Send + 'static {
    let others = stream::try_unfold((lookup, rest), |(lookup, mut rest)| async move {
        if rest.is_complete() {
            return Ok(None);
        }
        let page = next_page(&lookup, &mut rest).await?;
        Ok(Some((page, (lookup, rest))))
    });
    stream::once(async { Ok(first) }).chain(others)
}

async fn next_page(lookup: &Lookup, listing: &mut Listing) -> Result<Bytes, StoreFault> {
    let asked = listing.clone();
    let facts = lookup.load(move |known| asked.needs(known)).await?;
    Ok(listing.page(&facts).into())
}
