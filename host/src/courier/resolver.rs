//! Resolves names to addresses that may be called.
//!
//! The connection is made to the very addresses that were vetted here, so a name that resolves to
//! one address when checked and to another when called (DNS rebinding) gains nothing.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use hookdesk_core::guard::{BadHost, Targets, check_target};
use hyper_util::client::legacy::connect::dns::Name;
use tower::Service;
use url::Host;

use super::names::Names;

#[derive(Clone)]
pub(super) struct Resolver {
    names: Arc<dyn Names>,
    targets: Arc<Targets>,
}

/// A receiver that must not be called, or whose name does not resolve.
#[derive(Debug)]
pub(super) struct Refused(pub BadHost);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the receiver {}", self.0)
    }
}

impl std::error::Error for Refused {}

impl Resolver {
    pub fn new(names: Arc<dyn Names>, targets: Arc<Targets>) -> Self {
        Self { names, targets }
    }
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Refused;
    type Future = BoxFuture<'static, Result<Self::Response, Refused>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (names, targets) = (Arc::clone(&self.names), Arc::clone(&self.targets));
        Box::pin(async move {
            let found = names.addresses(name.as_str()).await;
            check_target(&Host::Domain(name.as_str()), Some(&found), &targets).map_err(Refused)?;
            let addresses = found.into_iter().map(|one| SocketAddr::new(one, 0));
            Ok(addresses.collect::<Vec<_>>().into_iter())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::names::System;
    use super::*;

    async fn resolve(targets: Targets, name: &str) -> Result<Vec<SocketAddr>, &'static str> {
        let mut resolver = Resolver::new(Arc::new(System), Arc::new(targets));
        let found = resolver.call(name.parse().unwrap()).await;
        found.map(Iterator::collect).map_err(|Refused(why)| why.name())
    }

    #[tokio::test]
    async fn a_name_that_leads_to_forbidden_addresses_leads_nowhere() {
        let public = Targets::public();
        assert_eq!(resolve(public.clone(), "localhost").await, Err("loopback_name"));
        let allowed = resolve(public.clone().with_loopback(), "localhost").await.unwrap();
        assert!(allowed.iter().all(|address| address.ip().is_loopback()));
        assert_eq!(resolve(public, "no-such-host.invalid").await, Err("nowhere"));
    }
}
