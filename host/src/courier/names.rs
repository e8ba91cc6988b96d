//! Who knows the addresses of names.

use std::net::IpAddr;

use futures_util::future::BoxFuture;

/// Who knows the addresses of names. A test may, so that names change their meaning when it wants.
pub trait Names: Send + Sync {
    /// All addresses of a name; none if it is not known.
    fn addresses(&self, name: &str) -> BoxFuture<'static, Vec<IpAddr>>;
}

/// The system, with all that it is set up for (`getaddrinfo`).
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
