//! Responses as salvo sends them: whole, in pages, as a stream of events, or a file of the page.

use std::io;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};
use hookdesk_core::api::{self, Frame, Listing, Problem};
use hyper::body::Incoming;
use salvo::Response;
use salvo::http::StatusCode;
use salvo::http::header::{HeaderName, HeaderValue};

use super::events::EventStream;
use super::lookup::Lookup;
use super::{assets, forward};
use crate::connections::ActiveRequest;
use crate::desk_thread;
use crate::key_ring::KeyHolder;
use crate::moment::clock;
use crate::store::StoreFault;

pub enum HttpResponse {
    Whole(api::Response),
    Pages {
        first: Bytes,
        rest: Listing,
        lookup: Lookup,
    },
    Stream(EventStream, KeyHolder),
    File(&'static assets::File, assets::Variant),
    /// The leader's, to a call that was forwarded to it.
    Forwarded(hyper::Response<Incoming>),
    /// None, as the desk has ended here.
    Ended,
}

impl From<Problem> for HttpResponse {
    fn from(problem: Problem) -> Self {
        Self::Whole(problem.into())
    }
}

impl HttpResponse {
    /// Begins the response. Where it goes on after this, the request stays active until its end.
    pub fn write(self, response: &mut Response, active: ActiveRequest) {
        match self {
            Self::Whole(answer) => {
                let status = StatusCode::from_u16(answer.status);
                response.status_code(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
                put_headers(response, answer.headers);
                response.body(answer.body);
            }
            Self::Pages { first, rest, lookup } => {
                response.status_code(StatusCode::OK);
                put_headers(response, rest.headers());
                if rest.is_complete() {
                    response.body(first);
                } else {
                    let pages = pages(lookup, first, rest);
                    response.stream(while_answering(pages, active));
                }
            }
            Self::File(file, variant) => {
                response.status_code(variant.status());
                put_headers(response, file.headers(variant));
                response.body(file.body(variant));
            }
            Self::Forwarded(from) => forward::write(from, response, active),
            Self::Ended => Self::from(desk_thread::stopping()).write(response, active),
            Self::Stream(stream, holder) => {
                response.status_code(StatusCode::OK);
                put_headers(response, Frame::headers());
                response.stream(while_answering(stream.pieces(holder), active));
            }
        }
    }
}

pub fn put_headers(
    response: &mut Response,
    headers: impl IntoIterator<Item = (&'static str, String)>,
) {
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
}

/// The same pieces; the caller's request stays active until they end.
pub(super) fn while_answering<T>(
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

pub async fn next_page(
    lookup: &Lookup,
    listing: &mut Listing,
) -> Result<Result<Bytes, Problem>, StoreFault> {
    let mut next = listing.clone();
    let (page, next) = lookup.read(move |rows| Ok((next.page(rows, clock())?, next))).await?;
    *listing = next;
    Ok(page.map(Bytes::from))
}
