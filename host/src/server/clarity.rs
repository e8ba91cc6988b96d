//! Unclear requests, which an intermediary might read in another way (RFC 9112 §3.2, §6.1).

use salvo::Request;
use salvo::http::header::{HOST, HeaderValue, TRANSFER_ENCODING};
use salvo::http::uri::Authority;
use salvo::http::{Method, Version};

/// Why a request is unclear, if it is.
pub fn unclear(request: &Request) -> Option<&'static str> {
    if request.method() == Method::CONNECT {
        return Some("The desk is no proxy: what follows would be for somebody else.");
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    let is_named = match (hosts.next(), hosts.next()) {
        (Some(host), None) => is_host(host),
        (None, _) => request.version() < Version::HTTP_11,
        (Some(_), Some(_)) => false,
    };
    if !is_named {
        return Some("A request names the host that it is for, once.");
    }
    let mut codings = request.headers().get_all(TRANSFER_ENCODING).iter();
    let is_plain =
        codings.next().is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"));
    let is_clear = is_plain && codings.next().is_none();
    (!is_clear).then_some("The one Transfer-Encoding that the desk knows is chunked, once.")
}

/// Whether this is a host name or an address, with or without a port.
fn is_host(value: &HeaderValue) -> bool {
    let host = value.as_bytes();
    let named = Authority::try_from(host).is_ok_and(|named| !named.as_str().contains('@'));
    named || host.is_empty()
}
