//! Bodies of calls: bounded in size and time, and discarded where a call is refused.

use std::time::Duration;

use bytes::Bytes;
use hookdesk_core::api::{Code, MAX_BODY, Problem};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use salvo::Request;
use salvo::http::header::EXPECT;
use tokio::time::timeout;

use crate::connections::{BodyPermit, ConnectionTable};

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

/// A call's body, and the permit of a large one.
pub struct Body {
    pub bytes: Bytes,
    _room: Option<BodyPermit>,
}

impl Body {
    /// Reads all of a body, unless it is too large or slow.
    pub async fn take(
        request: &mut Request,
        connections: &ConnectionTable,
    ) -> Result<Self, Problem> {
        let taken = timeout(CALLER, Self::read(request, connections)).await;
        taken.unwrap_or_else(|_| {
            let detail = format!("The body did not come within {} s.", CALLER.as_secs());
            Err(Problem::new(Code::TooSlow, detail))
        })
    }

    async fn read(request: &mut Request, connections: &ConnectionTable) -> Result<Self, Problem> {
        let mut body = request.take_body();
        let (mut bytes, mut seen, mut room) = (Vec::new(), 0_usize, None);
        while let Some(frame) = body.frame().await {
            // The caller hung up before the end.
            let incomplete = |_| Problem::new(Code::BadJson, "The body is not complete.");
            let Ok(data) = frame.map_err(incomplete)?.into_data() else { continue };
            seen = seen.saturating_add(data.len());
            if seen > SMALL_BODY && room.is_none() {
                room = connections.make_room(request.remote_addr().clone().into_std()).await;
                let declared = hyper::body::Body::size_hint(&body).exact().unwrap_or_default();
                bytes.reserve_exact(usize::try_from(declared).unwrap_or(MAX_BODY).min(MAX_BODY));
            }
            if seen <= MAX_BODY {
                bytes.extend_from_slice(&data);
            } else if seen > MAX_BODY + MAX_DISCARDED {
                break;
            }
        }
        if seen <= MAX_BODY {
            Ok(Self { bytes: bytes.into(), _room: room })
        } else {
            Err(Problem::too_large())
        }
    }
}

/// Whether the body that a head announces costs more to read than to ask whether it is wanted.
#[must_use]
pub fn is_to_be_asked_for(request: &Request) -> bool {
    let known = request.body().size_hint().exact();
    let is_small = known.is_some_and(|bytes| bytes <= SMALL_BODY as u64);
    !is_small || (known != Some(0) && request.headers().contains_key(EXPECT))
}

/// Reads and discards the body of a refused call beside its response. A caller that waits for
/// `100 Continue` sends none.
pub fn discard(request: &mut Request) {
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
