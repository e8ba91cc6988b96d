//! Rate limits of callers, by key and by peer. A call is counted before its body is read.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use hookdesk_core::api::{Allowance, Bucket, TooEarly};
use hookdesk_core::{ApiKeys, Authorization, Command, Idempotent, KeyId, WebhookId, peer_network};

/// Refused keys of one peer a second, above which it is only told to come later. A key that is right
/// is never refused for them.
const REFUSED_PER_SECOND: u32 = 10;
/// Pings and resends of one webhook a second, by a partner: each makes the desk send something.
const SENDS_PER_SECOND: u32 = 1;
/// Peers whose refused calls have a row of their own in the audit, of each minute.
const MAX_NOTED_PEERS: usize = 20;
/// Buckets above which those that are full again are dropped.
const MAX_BUCKETS: usize = 10_000;

/// What a rate is limited of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Limited {
    Key(KeyId),
    Peer(IpAddr),
    /// Keys that are wrong.
    Refused(IpAddr),
    /// Pings and resends to a webhook.
    Sends(WebhookId),
}

#[derive(Debug)]
pub struct CallLimits {
    start: Instant,
    /// Calls a second of a peer that shows no key, if there is a limit.
    per_peer: Option<u32>,
    buckets: Mutex<HashMap<Limited, Bucket>>,
    /// Calls with a wrong key since they were last taken, by peer; of further peers the number alone.
    refused: Mutex<BTreeMap<Option<IpAddr>, u64>>,
}

impl CallLimits {
    #[must_use]
    pub fn new(per_peer: Option<u32>) -> Self {
        let (start, buckets, refused) = (Instant::now(), Mutex::default(), Mutex::default());
        Self { start, per_peer, buckets, refused }
    }

    /// Counts a call that was admitted: by its key, or by its peer if it has none.
    ///
    /// # Errors
    /// [`TooEarly`] for a call that comes so.
    pub fn admit(
        &self,
        authorization: Option<Authorization>,
        peer: Option<SocketAddr>,
        keys: &ApiKeys,
    ) -> Result<Option<Allowance>, TooEarly> {
        let key = authorization.and_then(|authorization| authorization.key());
        let (of, limit) = match key {
            Some(id) => {
                let key = keys.of_holder(id);
                (Limited::Key(key.map_or(id, |key| key.id)), key.and_then(|key| key.rate_limit()))
            }
            None => match peer {
                Some(peer) => (Limited::Peer(network(peer)), self.per_peer),
                None => return Ok(None),
            },
        };
        limit.map(|limit| self.take(of, limit)).transpose()
    }

    /// Counts a call that was refused for want of a right key; `had_key` if it showed a wrong one.
    ///
    /// # Errors
    /// [`TooEarly`] for one more than a peer may send.
    pub fn refuse(&self, peer: Option<SocketAddr>, had_key: bool) -> Result<(), TooEarly> {
        let Some(peer) = peer else { return Ok(()) };
        if had_key {
            self.note_refused(network(peer));
        }
        self.take(Limited::Refused(network(peer)), REFUSED_PER_SECOND).map(|_left| ())
    }

    fn note_refused(&self, peer: IpAddr) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = refused.contains_key(&Some(peer));
        let peer = Some(peer).filter(|_| is_known || refused.len() < MAX_NOTED_PEERS);
        *refused.entry(peer).or_default() += 1;
    }

    /// How many calls of each peer were refused for a wrong key since this was last asked.
    #[must_use]
    pub fn take_refused(&self) -> Vec<(Option<IpAddr>, u64)> {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *refused).into_iter().collect()
    }

    /// Counts what a partner has the desk send besides events.
    ///
    /// # Errors
    /// [`TooEarly`] for a call that comes so.
    pub fn send(
        &self,
        authorization: Option<Authorization>,
        command: &Command,
        keys: &ApiKeys,
    ) -> Result<(), TooEarly> {
        let key = authorization.and_then(|authorization| keys.of_holder(authorization.key()?));
        let is_partners = key.is_some_and(|key| key.settings.grant.is_some());
        match sends_to(command).filter(|_| is_partners) {
            Some(webhook) => self.take(Limited::Sends(webhook), SENDS_PER_SECOND).map(|_left| ()),
            None => Ok(()),
        }
    }

    fn take(&self, of: Limited, limit: u32) -> Result<Allowance, TooEarly> {
        let now_us = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_BUCKETS {
            buckets.retain(|_, bucket| !bucket.is_full(now_us));
        }
        buckets.entry(of).or_default().take(now_us, limit)
    }
}

/// The webhook to which a command sends something besides events.
fn sends_to(command: &Command) -> Option<WebhookId> {
    if let Command::Idempotent(Idempotent { command, .. }) = command {
        sends_to(command)
    } else if let Command::PingOne { id } | Command::Resend { id, .. } = command {
        Some(*id)
    } else {
        None
    }
}

fn network(peer: SocketAddr) -> IpAddr {
    peer_network(peer.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_peer_is_an_address_or_an_ipv6_network() {
        let limits = CallLimits::new(None);
        let refused = |text: &str, times: u32| {
            (0..times).filter(|_| limits.refuse(Some(peer(text)), true).is_err()).count()
        };
        assert_eq!(refused("192.0.2.1:1", 10), 0);
        assert!(refused("192.0.2.1:2", 10) >= 9, "its port does not matter");
        assert_eq!(refused("192.0.2.2:1", 10), 0);
        assert_eq!(refused("[2001:db8::1]:1", 10), 0);
        assert!(refused("[2001:db8::ffff:2]:1", 10) >= 9, "the network is the same");
        assert_eq!(refused("[2001:db8:0:1::1]:1", 10), 0);
        assert!(refused("[::ffff:192.0.2.2]:1", 10) >= 9);
    }

    #[test]
    fn wrong_keys_are_counted_by_peer_and_those_of_many_peers_together() {
        let limits = CallLimits::new(None);
        for host in 0..30 {
            for _ in 0..=host {
                let _ = limits.refuse(Some(peer(&format!("192.0.2.{host}:1"))), true);
            }
        }
        let _ = limits.refuse(Some(peer("192.0.2.99:1")), false);
        let refused = limits.take_refused();
        assert_eq!(refused.len(), MAX_NOTED_PEERS + 1);
        assert_eq!(refused[0], (None, (21..=30).sum()));
        assert_eq!(refused[5], (Some(IpAddr::from([192, 0, 2, 4])), 5));
        assert!(limits.take_refused().is_empty());
    }

    #[test]
    fn peers_without_a_key_are_limited_only_where_the_operator_says_so() {
        let keys = ApiKeys::default();
        let unlimited = CallLimits::new(None);
        assert!(
            (0..1_000).all(|_| matches!(
                unlimited.admit(None, Some(peer("192.0.2.1:1")), &keys),
                Ok(None)
            ))
        );
        let limits = CallLimits::new(Some(2));
        let call = || limits.admit(None, Some(peer("192.0.2.1:1")), &keys);
        assert!(call().is_ok() && call().is_ok());
        assert!(call().is_err());
        assert!(limits.admit(None, Some(peer("192.0.2.9:1")), &keys).is_ok());
    }
}
