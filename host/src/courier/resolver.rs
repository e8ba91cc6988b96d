//! Names to addresses that may be called.
//!
//! The connection is made to the very addresses that were vetted here, so a name that means one
//! thing when it is checked and another when it is called (DNS rebinding) gains nothing.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use hookdesk_core::guard::Targets;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

pub(super) struct Resolver {
    targets: Arc<Targets>,
}

/// Why a name leads nowhere.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unresolved {
    Unknown,
    /// All its addresses are ones that this desk must not call.
    Forbidden,
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "the name does not resolve",
            Self::Forbidden => "the name resolves to forbidden addresses only",
        })
    }
}

impl std::error::Error for Unresolved {}

impl Resolver {
    pub fn new(targets: Arc<Targets>) -> Self {
        Self { targets }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let targets = Arc::clone(&self.targets);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let found: Vec<SocketAddr> = found.map_err(|_| Unresolved::Unknown)?.collect();
            if found.is_empty() {
                return Err(Unresolved::Unknown.into());
            }
            let allowed: Vec<SocketAddr> =
                found.into_iter().filter(|to| targets.check(to.ip()).is_ok()).collect();
            if allowed.is_empty() {
                return Err(Unresolved::Forbidden.into());
            }
            let addresses: Addrs = Box::new(allowed.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn resolve(targets: Targets, name: &str) -> Result<Vec<SocketAddr>, String> {
        let found = Resolver::new(Arc::new(targets)).resolve(name.parse().unwrap()).await;
        found.map(Iterator::collect).map_err(|unresolved| unresolved.to_string())
    }

    #[tokio::test]
    async fn a_name_that_leads_to_forbidden_addresses_leads_nowhere() {
        let forbidden = resolve(Targets::public(), "localhost").await.unwrap_err();
        assert_eq!(forbidden, Unresolved::Forbidden.to_string());
        let allowed = resolve(Targets::public().with_loopback(), "localhost").await.unwrap();
        assert!(allowed.iter().all(|address| address.ip().is_loopback()));
        let unknown = resolve(Targets::public(), "no-such-host.invalid").await.unwrap_err();
        assert_eq!(unknown, Unresolved::Unknown.to_string());
    }
}
