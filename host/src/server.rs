//! Calls from sockets: salvo keeps connections, limits on time and size; the core says what a call
//! means.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use hookdesk_core::api::{
    self, Call, Code, Door, Listing, MOST_BODY, Next, Preparation, Problem, Reading,
};
use hookdesk_core::{Command, Fact, Need};
use http_body_util::BodyExt as _;
use salvo::http::StatusCode;
use salvo::http::header::{HeaderName, HeaderValue};
use salvo::{Depot, FlowCtrl, Handler, Request, Response, Router, async_trait};

use crate::desk::{DeskQueue, chance, clock};
use crate::store::StoreFault;
use crate::store::sqlite::Readers;

/// Bytes of a body that is too large which are taken in all the same: a connection that is closed
/// over what its caller still sends breaks before the caller reads why.
const MOST_DISCARDED: usize = 16 << 20;

/// Where every call comes in.
pub struct Front {
    pub door: Door,
    pub desk: DeskQueue,
    pub readers: Arc<Readers>,
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
        }
    }

    /// Counts what a command is about before it is decided.
    async fn prepare(&self, preparation: Preparation) -> Result<Command, Problem> {
        let readers = Arc::clone(&self.readers);
        let loaded = tokio::task::spawn_blocking(move || readers.prepare(preparation)).await;
        let prepared = loaded.unwrap_or_else(|ended| std::panic::resume_unwind(ended.into_panic()));
        prepared.map_err(|fault| unreadable(&fault))?.command()
    }

    async fn read(&self, reading: Reading) -> Answered {
        match load(&self.readers, move |known| reading.needs(known)).await {
            Ok(facts) => Answered::Whole(reading.answer(&facts, clock())),
            Err(fault) => unreadable(&fault).into(),
        }
    }

    /// The first page is loaded before anything is answered, so that a store that is away is said.
    async fn list(&self, mut listing: Listing) -> Answered {
        match next_page(&self.readers, &mut listing).await {
            Ok(first) => Answered::Pages { first: first.unwrap_or_default(), rest: listing },
            Err(fault) => unreadable(&fault).into(),
        }
    }
}

enum Answered {
    Whole(api::Response),
    Pages { first: Bytes, rest: Listing },
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
                if rest.need().is_none() {
                    response.body(first);
                } else {
                    let readers = Arc::clone(&self.readers);
                    response.stream(stream::try_unfold(
                        (Some(first), readers, rest),
                        |(ready, readers, mut rest)| async move {
                            let page = match ready {
                                Some(first) => Some(first),
                                None => next_page(&readers, &mut rest).await?,
                            };
                            Ok::<_, StoreFault>(page.map(|page| (page, (None, readers, rest))))
                        },
                    ));
                }
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
    if seen <= MOST_BODY {
        Ok(taken)
    } else {
        let detail = format!("A body has at most {MOST_BODY} bytes.");
        Err(Problem::new(Code::TooLarge, detail))
    }
}

fn put_headers(response: &mut Response, headers: Vec<(&'static str, String)>) {
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
}

async fn next_page(
    readers: &Arc<Readers>,
    listing: &mut Listing,
) -> Result<Option<Bytes>, StoreFault> {
    let Some(need) = listing.need() else { return Ok(None) };
    let once = move |known: &[Fact]| if known.is_empty() { vec![need] } else { Vec::new() };
    let facts = load(readers, once).await?;
    Ok(facts.first().map(|fact| listing.page(fact).into()))
}

/// Reads beside the desk's thread, where waiting for a disk keeps nobody.
async fn load(
    readers: &Arc<Readers>,
    needs: impl Fn(&[Fact]) -> Vec<Need> + Send + 'static,
) -> Result<Vec<Fact>, StoreFault> {
    let readers = Arc::clone(readers);
    let loaded = tokio::task::spawn_blocking(move || readers.load(needs)).await;
    loaded.unwrap_or_else(|ended| std::panic::resume_unwind(ended.into_panic()))
}

fn unreadable(fault: &StoreFault) -> Problem {
    tracing::error!("the store cannot be read: {fault}");
    let detail = "The store does not answer. Call again in a few seconds.";
    Problem::new(Code::StoreUnavailable, detail)
}
