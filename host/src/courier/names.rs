//! DNS resolution, replaceable in tests.

use std::net::IpAddr;

use futures_util::future::BoxFuture;

/// A resolver of host names. Tests use one that changes its addresses on demand.
pub trait Names: Send + Sync {
    /// All addresses of a name; none if it does not resolve.
    fn addresses(&self, name: &str) -> BoxFuture<'static, Vec<IpAddr>>;
}

/// The operating system's resolver as it is configured (`getaddrinfo`).
#[derive(Clone, Copy, Debug)]
pub struct System;

impl Names for System {
    fn addresses(&self, name: &str) -> BoxFuture<'static, Vec<IpAddr>> {
        let name = name.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await;
            found.map(|all| all.map(|one| one.ip()).collect()).unwrap_or_default()
        })
    }
}
