//! The rate limits of this host's callers, for all threads and by its clock.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use hookdesk_core::api::{self, Action, Allowance, TooEarly};
use hookdesk_core::{ApiKeys, Authorization};

#[derive(Debug)]
pub struct CallLimits {
    start: Instant,
    limits: Mutex<api::CallLimits>,
}

impl CallLimits {
    #[must_use]
    pub fn new(per_peer: Option<u32>) -> Self {
        Self { start: Instant::now(), limits: Mutex::new(api::CallLimits::new(per_peer)) }
    }

    /// As [`api::CallLimits::admit`].
    ///
    /// # Errors
    /// [`TooEarly`] for a call that comes so.
    pub fn admit(
        &self,
        authorization: Option<Authorization>,
        peer: Option<SocketAddr>,
        keys: &ApiKeys,
    ) -> Result<Option<Allowance>, TooEarly> {
        let peer = peer.map(|peer| peer.ip());
        self.limits().admit(authorization, peer, keys, self.now_us())
    }

    /// As [`api::CallLimits::refuse`].
    ///
    /// # Errors
    /// [`TooEarly`] for one more than a peer may send.
    pub fn refuse(&self, peer: Option<SocketAddr>, had_key: bool) -> Result<(), TooEarly> {
        self.limits().refuse(peer.map(|peer| peer.ip()), had_key, self.now_us())
    }

    /// As [`api::CallLimits::take_refused`].
    #[must_use]
    pub fn take_refused(&self) -> Vec<(Option<IpAddr>, u64)> {
        self.limits().take_refused()
    }

    /// As [`api::CallLimits::charge`].
    ///
    /// # Errors
    /// [`TooEarly`] for a call that comes so.
    pub fn charge(
        &self,
        authorization: Option<Authorization>,
        action: &Action,
        keys: &ApiKeys,
    ) -> Result<(), TooEarly> {
        self.limits().charge(authorization, action, keys, self.now_us())
    }

    fn limits(&self) -> MutexGuard<'_, api::CallLimits> {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}
