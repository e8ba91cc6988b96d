//! Responses as salvo sends them: whole, in pages, as a stream of events, or a file of the page.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::{io, mem};

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};
use hookdesk_core::api::{self, Frame, Listing, Problem};
use hyper::body::{Body, Incoming, SizeHint};
use salvo::http::ResBody;
use salvo::http::StatusCode;
use salvo::http::header::{HeaderName, HeaderValue};
use salvo::{BoxedError, Response};

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
    /// Begins the response. The request stays active until its end is handed to the connection.
    pub fn write(self, response: &mut Response, active: ActiveRequest) {
        match self {
            Self::Whole(answer) => {
                let status = StatusCode::from_u16(answer.status);
                response.status_code(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
                put_headers(response, answer.headers);
                response.body(WholeBody::of(answer.body, active));
            }
            Self::Pages { first, rest, lookup } => {
                response.status_code(StatusCode::OK);
                put_headers(response, rest.headers());
                if rest.is_complete() {
                    response.body(WholeBody::of(first, active));
                } else {
                    let pages = pages(lookup, first, rest);
                    response.stream(while_answering(pages, active));
                }
            }
            Self::File(file, variant) => {
                response.status_code(variant.status());
                put_headers(response, file.headers(variant));
                response.body(WholeBody::of(file.body(variant), active));
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

/// A body whose request is active until the connection has it: hyper writes a response in the same
/// turn in which it ends its body, so that no connection makes room for another with an answer that
/// is not written.
struct WholeBody {
    bytes: Bytes,
    _active: ActiveRequest,
}

impl WholeBody {
    fn of(bytes: impl Into<Bytes>, active: ActiveRequest) -> ResBody {
        ResBody::Boxed(Box::pin(Self { bytes: bytes.into(), _active: active }))
    }
}

impl Body for WholeBody {
    type Data = Bytes;
    type Error = BoxedError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, BoxedError>>> {
        let bytes = mem::take(&mut self.bytes);
        Poll::Ready((!bytes.is_empty()).then(|| Ok(hyper::body::Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
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
