//! Rate limits of callers, by key and by peer. A host counts a call before it reads its body.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::api::{Action, Allowance, Bucket, Rate, TooEarly};
use crate::engine::command::{Command, Idempotent};
use crate::model::api_key::ApiKeys;
use crate::model::call_source::peer_network;
use crate::model::caller::Authorization;
use crate::model::id::{KeyId, WebhookId};
use crate::model::partner::Partner;

/// Refused keys of one peer a second, above which it is only told to come later. A key that is right
/// is never refused for them.
const REFUSED: Rate = Rate::per_second(10);
/// Pings and resends of one webhook, by a partner: each makes the desk send something.
const SENDS: Rate = Rate::per_second(1);
/// Changes by one partner, pings and resends among them. Each may append an event, an audit row and a
/// stored answer of about a kilobyte together, so that no partner fills more than some 10 MB a day of
/// what `--retain-bytes` leaves for the events that are owed to others.
const CHANGES: Rate = Rate::per_day(10_000, "changes by one partner");
/// Replays by one partner: each adds an attempt to every event that it sends.
const REPLAYS: Rate = Rate::per_day(24, "replays by one partner");
/// Peers whose refused calls have a row of their own in the audit, of each minute.
const MAX_NOTED_PEERS: usize = 20;
/// Buckets above which those that are full again are dropped.
const MAX_BUCKETS: usize = 10_000;

/// What a rate is limited of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Limited {
    Key(KeyId),
    Peer(IpAddr),
    /// Keys that are wrong.
    Refused(IpAddr),
    /// Pings and resends to a webhook.
    Sends(WebhookId),
    Changes(Partner),
    Replays(Partner),
}

/// The limits of one host, at times in microseconds of any clock.
#[derive(Debug, Default)]
pub struct CallLimits {
    /// Calls a second of a peer that shows no key, if there is a limit.
    per_peer: Option<u32>,
    buckets: BTreeMap<Limited, Bucket>,
    /// Calls with a wrong key since they were last taken, by peer; of further peers the number alone.
    refused: BTreeMap<Option<IpAddr>, u64>,
}

impl CallLimits {
    #[must_use]
    pub fn new(per_peer: Option<u32>) -> Self {
        Self { per_peer, ..Self::default() }
    }

    /// Counts a call that was admitted: by its key, or by its peer if it has none.
    ///
    /// # Errors
    /// [`TooEarly`] for a call that comes so.
    pub fn admit(
        &mut self,
        authorization: Option<Authorization>,
        peer: Option<IpAddr>,
        keys: &ApiKeys,
        now_us: u64,
    ) -> Result<Option<Allowance>, TooEarly> {
        let key = authorization.and_then(|authorization| authorization.key());
        let (of, limit) = match key {
            Some(id) => {
                let key = keys.of_holder(id);
                (Limited::Key(key.map_or(id, |key| key.id)), key.and_then(|key| key.rate_limit()))
            }
            None => match peer {
                Some(peer) => (Limited::Peer(peer_network(peer)), self.per_peer),
                None => return Ok(None),
            },
        };
        limit.map(|limit| self.take(of, Rate::per_second(limit), now_us)).transpose()
    }

    /// Counts a call that was refused for want of a right key; `had_key` if it showed a wrong one.
    ///
    /// # Errors
    /// [`TooEarly`] for one more than a peer may send.
    pub fn refuse(
        &mut self,
        peer: Option<IpAddr>,
        had_key: bool,
        now_us: u64,
    ) -> Result<(), TooEarly> {
        let Some(peer) = peer.map(peer_network) else { return Ok(()) };
        if had_key {
            self.note_refused(peer);
        }
        self.take(Limited::Refused(peer), REFUSED, now_us).map(|_left| ())
    }

    fn note_refused(&mut self, peer: IpAddr) {
        let is_known = self.refused.contains_key(&Some(peer));
        let peer = Some(peer).filter(|_| is_known || self.refused.len() < MAX_NOTED_PEERS);
        *self.refused.entry(peer).or_default() += 1;
    }

    /// How many calls of each peer were refused for a wrong key since this was last asked.
    #[must_use]
    pub fn take_refused(&mut self) -> Vec<(Option<IpAddr>, u64)> {
        std::mem::take(&mut self.refused).into_iter().collect()
    }

    /// Counts what a partner has the desk store and send.
    ///
    /// # Errors
    /// [`TooEarly`] for a call that comes so.
    pub fn charge(
        &mut self,
        authorization: Option<Authorization>,
        action: &Action,
        keys: &ApiKeys,
        now_us: u64,
    ) -> Result<(), TooEarly> {
        let key = authorization.and_then(|authorization| keys.of_holder(authorization.key()?));
        let Some(partner) = key.and_then(|key| key.settings.partner()) else { return Ok(()) };
        charges(action, partner)
            .into_iter()
            .try_for_each(|(of, rate)| self.take(of, rate, now_us).map(|_left| ()))
    }

    fn take(&mut self, of: Limited, rate: Rate, now_us: u64) -> Result<Allowance, TooEarly> {
        if self.buckets.len() >= MAX_BUCKETS {
            self.buckets.retain(|_, bucket| !bucket.is_full(now_us));
        }
        self.buckets.entry(of).or_default().take(now_us, rate)
    }
}

/// What an action of a partner's is counted as.
fn charges(action: &Action, partner: Partner) -> Vec<(Limited, Rate)> {
    let own = match action {
        Action::Decide(command) if is_of_a_session(command) => return Vec::new(),
        Action::Decide(command) => sends_to(command).map(|id| (Limited::Sends(id), SENDS)),
        Action::CountReplay(request) if request.is_dry_run() => return Vec::new(),
        Action::CountReplay(_) => Some((Limited::Replays(partner), REPLAYS)),
        Action::Answer(_) | Action::Read(_) | Action::List(_) | Action::ReadEvents(_) => {
            return Vec::new();
        }
    };
    own.into_iter().chain([(Limited::Changes(partner), CHANGES)]).collect()
}

/// Sessions of one key are few, and who signs out is never told to come later.
fn is_of_a_session(command: &Command) -> bool {
    matches!(command, Command::SignIn(_) | Command::SignOut { .. })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::access::Access;
    use crate::model::api_key::{ApiKey, KeySettings};
    use crate::model::caller::Caller;
    use crate::model::digest::Digest;
    use crate::model::id::Stamp;
    use crate::model::key_kind::KeyKind;
    use crate::model::millis::Millis;
    use crate::model::partner::Grant;
    use crate::model::subscription::Subscription;

    fn key_id(n: u8) -> KeyId {
        KeyId::new(Stamp::default(), &[n; 16])
    }

    fn peer(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_peer_is_an_address_or_an_ipv6_network() {
        let mut limits = CallLimits::new(None);
        let mut refused = |text: &str, times: u32| {
            (0..times).filter(|_| limits.refuse(Some(peer(text)), true, 0).is_err()).count()
        };
        assert_eq!(refused("192.0.2.1", 10), 0);
        assert_eq!(refused("192.0.2.1", 10), 10);
        assert_eq!(refused("192.0.2.2", 10), 0);
        assert_eq!(refused("2001:db8::1", 10), 0);
        assert_eq!(refused("2001:db8::ffff:2", 10), 10, "the network is the same");
        assert_eq!(refused("2001:db8:0:1::1", 10), 0);
        assert_eq!(refused("::ffff:192.0.2.2", 10), 10);
    }

    #[test]
    fn wrong_keys_are_counted_by_peer_and_those_of_many_peers_together() {
        let mut limits = CallLimits::new(None);
        for host in 0..30 {
            for _ in 0..=host {
                let _ = limits.refuse(Some(peer(&format!("192.0.2.{host}"))), true, 0);
            }
        }
        let _ = limits.refuse(Some(peer("192.0.2.99")), false, 0);
        let refused = limits.take_refused();
        assert_eq!(refused.len(), MAX_NOTED_PEERS + 1);
        assert_eq!(refused[0], (None, (21..=30).sum()));
        assert_eq!(refused[5], (Some(peer("192.0.2.4")), 5));
        assert!(limits.take_refused().is_empty());
    }

    #[test]
    fn peers_without_a_key_are_limited_only_where_the_operator_says_so() {
        let keys = ApiKeys::default();
        let call = |limits: &mut CallLimits, of: &str, now_us: u64| {
            limits.admit(None, Some(peer(of)), &keys, now_us).is_ok()
        };
        let mut unlimited = CallLimits::new(None);
        assert!((0..1_000).all(|_| call(&mut unlimited, "192.0.2.1", 0)));
        let mut limits = CallLimits::new(Some(2));
        assert_eq!([0; 3].map(|now| call(&mut limits, "192.0.2.1", now)), [true, true, false]);
        assert!(call(&mut limits, "192.0.2.9", 0));
        assert!(call(&mut limits, "192.0.2.1", 500_000));
    }

    /// A key of a partner of its own, or the operator's for `None`.
    fn key(n: u8, partner: Option<&str>) -> ApiKey {
        let grant = partner.map(|partner| Grant {
            partner: Partner::parse(partner).unwrap(),
            events: Subscription::default(),
        });
        ApiKey {
            id: key_id(n),
            kind: KeyKind::Bearer,
            parent: None,
            digest: Digest::of(&[&[n]]),
            prefix: String::new(),
            settings: KeySettings { grant, ..KeySettings::default() },
            created_at: Millis(0),
            last_used_at: None,
            rev: 1,
        }
    }

    #[test]
    fn what_a_partner_stores_and_sends_in_a_day_is_limited_for_all_its_keys_together() {
        const ACME: u8 = 1;
        const OTHER_OF_ACME: u8 = 2;
        const BOLT: u8 = 3;
        const OPERATOR: u8 = 4;
        const DAY_US: u64 = 86_400_000_000;
        let partners = [Some("acme"), Some("acme"), Some("bolt"), None];
        let keys = (ACME..).zip(partners).map(|(n, partner)| key(n, partner)).collect();
        let keys = ApiKeys::of(keys);
        let mut limits = CallLimits::new(None);
        let mut taken = |n: u8, action: &Action, times: u32, now_us: u64| {
            let caller = Caller::Key(key_id(n));
            let by = Some(Authorization { caller, access: Access::ChangeWebhooks });
            (0..times).filter(|_| limits.charge(by, action, &keys, now_us).is_ok()).count()
        };
        let id = WebhookId::new(Stamp::default(), &[9; 16]);
        let enable = Action::Decide(Command::Enable { id });
        let once = Idempotent {
            key: Digest::of(&[]),
            request: Digest::of(&[]),
            command: Box::new(Command::PingOne { id }),
        };
        let ping = Action::Decide(Command::Idempotent(once));
        let sign_out = Command::SignOut { session: key_id(5) };

        assert_eq!(taken(ACME, &ping, 5, 0), 1, "one a second for a webhook");
        assert_eq!(taken(ACME, &enable, 20_000, 0), 9_999, "and 10 000 changes a day in all");
        assert_eq!(taken(OTHER_OF_ACME, &enable, 5, 0), 0);
        assert_eq!(taken(ACME, &Action::Decide(sign_out), 5, 0), 5);
        assert_eq!(taken(BOLT, &enable, 5, 0), 5, "another partner has its own");
        assert_eq!(taken(OPERATOR, &enable, 20_000, 0), 20_000);
        assert_eq!(taken(ACME, &enable, 20_000, DAY_US / 10), 1_000);
        assert_eq!(taken(ACME, &enable, 20_000, 2 * DAY_US), 10_000);
    }
}
