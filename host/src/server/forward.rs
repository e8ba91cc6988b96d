//! Calls of a host that does not lead: each is forwarded whole to the one that does, which judges and
//! answers it as if it had come there.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use hookdesk_core::api::Problem;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING,
};
use hyper::{Method, Version};
use salvo::{Request, Response};
use tokio::time::Instant;

use super::call_context::too_many_stay;
use super::response::{HttpResponse, while_answering};
use super::role::{Role, RoleBoard};
use crate::cluster::{CALLER_ADDRESS, CALLER_UID, Forwarder, HEAD_ONLY, NOT_LEADING, Unanswered};
use crate::connections::ActiveRequest;

/// How long a call waits for a host that leads: between two leaders there is none for as long as the
/// lease, or for a moment if the former let go.
const WAIT: Duration = Duration::from_secs(2);
/// Between two trials of a leader that cannot be reached.
const RETRY: Duration = Duration::from_millis(50);
/// What concerns a connection, and not the message on it.
const OF_A_CONNECTION: [HeaderName; 3] = [CONNECTION, EXPECT, TRANSFER_ENCODING];

/// What came of a call that this host does not decide itself.
pub enum Forwarded {
    Answered(hyper::Response<Incoming>),
    /// This host leads by now.
    LedHere,
    Refused(Problem),
}

/// A call as it is forwarded.
pub struct Forwarding<'a> {
    request: &'a Request,
    body: Bytes,
    caller: Option<SocketAddr>,
    /// Whether its head is only to be admitted.
    is_head_only: bool,
}

impl<'a> Forwarding<'a> {
    #[must_use]
    pub fn new(request: &'a Request, body: Bytes, caller: Option<SocketAddr>) -> Self {
        Self { request, body, caller, is_head_only: false }
    }

    /// The head of a call, to be admitted or refused.
    #[must_use]
    pub fn head(request: &'a Request, caller: Option<SocketAddr>) -> Self {
        Self { request, body: Bytes::new(), caller, is_head_only: true }
    }

    /// Has the leader answer the call, whichever host that is within a while.
    pub async fn forward(&self, board: &RoleBoard, forwarder: &Forwarder) -> Forwarded {
        let (mut until, mut was_lost) = (Instant::now() + WAIT, false);
        loop {
            let leader = match board.role() {
                Role::Leads(_) => return Forwarded::LedHere,
                Role::Follows { leader, since: _ } => leader,
            };
            if let Some(leader) = leader {
                let sent = tokio::select! {
                    sent = forwarder.send(&leader, self.message()) => sent,
                    // It was deposed, and may never say what came of the call.
                    () = board.lost(&leader) => Err(Unanswered::Lost),
                };
                match sent {
                    Ok(response) if !response.headers().contains_key(NOT_LEADING) => {
                        return Forwarded::Answered(response);
                    }
                    Err(Unanswered::Lost) if !self.may_be_repeated() => {
                        return Forwarded::Refused(Problem::unknown());
                    }
                    // It may have waited at its leader for long.
                    Err(Unanswered::Lost) if !was_lost => {
                        (until, was_lost) = (Instant::now() + WAIT, true);
                    }
                    Ok(_) | Err(Unanswered::Lost | Unanswered::Unsent) => {}
                }
            }
            if Instant::now() >= until {
                return Forwarded::Refused(Problem::leaderless());
            }
            board.changed(RETRY).await;
        }
    }

    /// Whether the call does the same when it comes twice.
    fn may_be_repeated(&self) -> bool {
        let is_safe =
            matches!(*self.request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        self.is_head_only || is_safe || self.request.headers().contains_key("idempotency-key")
    }

    fn message(&self) -> hyper::Request<Full<Bytes>> {
        let request = self.request;
        let path = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let mut message = hyper::Request::new(Full::new(self.body.clone()));
        *message.method_mut() = request.method().clone();
        *message.version_mut() = Version::HTTP_11;
        // What hyper has read, it can write.
        *message.uri_mut() = path.parse().unwrap_or_default();
        let headers = message.headers_mut();
        pass_on(request.headers(), headers);
        if let Some(host) = request.uri().authority()
            && let Ok(host) = HeaderValue::from_str(host.as_str())
        {
            headers.insert(HOST, host);
        }
        for ours in [CALLER_ADDRESS, CALLER_UID, HEAD_ONLY] {
            headers.remove(ours);
        }
        if self.is_head_only {
            headers.remove(CONTENT_LENGTH);
            headers.insert(HEAD_ONLY, HeaderValue::from_static("1"));
        }
        if let Some(caller) = self.caller
            && let Ok(caller) = HeaderValue::try_from(caller.to_string())
        {
            headers.insert(CALLER_ADDRESS, caller);
        }
        message
    }
}

/// Writes the leader's response. Where its end is not known, the request stays active until then.
pub fn write(from: hyper::Response<Incoming>, response: &mut Response, mut active: ActiveRequest) {
    let (head, body) = from.into_parts();
    let is_stream = !head.headers.contains_key(CONTENT_LENGTH);
    if is_stream && !active.stay(None) {
        return HttpResponse::from(too_many_stay()).write(response, active);
    }
    response.status_code(head.status);
    pass_on(&head.headers, response.headers_mut());
    response.stream(while_answering(body.into_data_stream(), active));
}

/// Adds the headers that are about the message, each as often as it is there.
fn pass_on(from: &HeaderMap, to: &mut HeaderMap) {
    for (name, value) in from.iter().filter(|(name, _)| !OF_A_CONNECTION.contains(name)) {
        to.append(name, value.clone());
    }
}
