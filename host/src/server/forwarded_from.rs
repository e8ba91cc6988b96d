//! What a host says of a call that it forwards.

use std::net::SocketAddr;
use std::str::FromStr;

use salvo::Request;
use salvo::http::header::HeaderMap;

use crate::cluster::{CALLER_ADDRESS, CALLER_UID, HEAD_ONLY};

/// Where a call came from that another host forwarded, or who called on the command line there.
#[derive(Clone, Copy)]
pub struct ForwardedFrom {
    pub address: Option<SocketAddr>,
    pub uid: Option<u32>,
    /// Whether the head alone is to be judged.
    pub is_head_only: bool,
}

impl ForwardedFrom {
    pub fn take(headers: &mut HeaderMap) -> Self {
        let (address, uid) = (take(headers, CALLER_ADDRESS), take(headers, CALLER_UID));
        Self { address, uid, is_head_only: headers.remove(HEAD_ONLY).is_some() }
    }
}

fn take<T: FromStr>(headers: &mut HeaderMap, name: &str) -> Option<T> {
    headers.remove(name)?.to_str().ok()?.parse().ok()
}

/// Whether another host only asks whether a call is admitted.
pub fn is_head_only(request: &Request) -> bool {
    request.extensions().get::<ForwardedFrom>().is_some_and(|from| from.is_head_only)
}

/// The address that a call came from, also if another host forwarded it.
pub fn peer(request: &Request) -> Option<SocketAddr> {
    if let Some(from) = request.extensions().get::<ForwardedFrom>() {
        return from.address;
    }
    request.remote_addr().clone().into_std()
}
