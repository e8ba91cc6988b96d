//! The addresses that a host may call: its operator's choice and its own abilities.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::bad_host::{BadHost, Forbidden};
use super::host_name::{is_loopback, is_private};
use super::nat64::Nat64Prefix;
use super::network::Network;
use super::ranges;

/// The addresses that this desk may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Targets {
    loopback: bool,
    by_name_only: bool,
    allowed: Vec<Network>,
    nat64: Vec<Nat64Prefix>,
}

impl Targets {
    /// Public addresses only.
    #[must_use]
    pub fn public() -> Self {
        let nat64 = vec![Nat64Prefix::WELL_KNOWN];
        Self { loopback: false, by_name_only: false, allowed: Vec::new(), nat64 }
    }

    /// Adds this machine's own: `127.0.0.0/8` and `::1`.
    #[must_use]
    pub fn with_loopback(self) -> Self {
        Self { loopback: true, ..self }
    }

    /// For a host that cannot resolve names itself: allows addresses in URLs only if they are in an
    /// [allowed](Self::allow) network, and no names that only private networks resolve.
    #[must_use]
    pub fn by_name_only(self) -> Self {
        Self { by_name_only: true, ..self }
    }

    /// Without what the operator allows besides public addresses: for webhooks of partners.
    #[must_use]
    pub fn public_only(&self) -> Self {
        Self { loopback: false, allowed: Vec::new(), ..self.clone() }
    }

    /// Adds all of `network`, whatever it is for.
    #[must_use]
    pub fn allow(mut self, network: Network) -> Self {
        self.allowed.push(network);
        self
    }

    /// Has addresses under `prefix` judged by the IPv4 address that they lead to.
    #[must_use]
    pub fn with_nat64(mut self, prefix: Nat64Prefix) -> Self {
        self.nat64.push(prefix);
        self
    }

    /// Whether `address` may be called.
    pub(super) fn check(&self, address: IpAddr) -> Result<(), Forbidden> {
        let called = address.to_canonical();
        if self.loopback && called.is_loopback() || self.allows(called) {
            return Ok(());
        }
        let behind = self.nat64.iter().filter_map(|prefix| prefix.behind(called));
        let behind: Vec<IpAddr> = behind.map(IpAddr::V4).collect();
        let reached = if behind.is_empty() { vec![called] } else { behind };
        let mut refused = reached.into_iter().filter(|one| !self.allows(*one));
        match refused.find_map(ranges::forbidden) {
            Some((name, range)) => Err(Forbidden { address, name, range }),
            None => Ok(()),
        }
    }

    fn allows(&self, address: IpAddr) -> bool {
        self.allowed.iter().any(|network| network.contains(address))
    }

    /// Whether an address literal of a URL may be called.
    pub(super) fn check_literal(&self, address: IpAddr) -> Result<(), BadHost> {
        self.check(address).map_err(BadHost::Forbidden)?;
        if !self.by_name_only || self.allows(address.to_canonical()) {
            return Ok(());
        }
        let range = "an address, and this desk calls receivers by name only";
        Err(BadHost::Forbidden(Forbidden { address, name: "literal_address", range }))
    }

    /// Whether a name may be called, before it is resolved.
    pub(super) fn check_name(&self, name: &str) -> Result<(), BadHost> {
        if is_loopback(name) && !self.reach_loopback() {
            Err(BadHost::Loopback)
        } else if self.by_name_only && is_private(name) {
            Err(BadHost::Private)
        } else {
            Ok(())
        }
    }

    /// Whether a name that stands for this machine can be called at one of its addresses at least.
    fn reach_loopback(&self) -> bool {
        let callable = |address: IpAddr| self.check(address).is_ok();
        callable(Ipv4Addr::LOCALHOST.into()) || callable(Ipv6Addr::LOCALHOST.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn a_desk_that_may_call_itself_calls_nothing_else_that_is_forbidden() {
        let targets = Targets::public().with_loopback();
        for text in ["127.0.0.0", "127.255.255.255", "::1", "::ffff:127.0.0.1", "1.1.1.1"] {
            assert_eq!(targets.check(address(text)), Ok(()), "{text}");
        }
        for text in ["0.0.0.0", "::", "10.0.0.1", "::127.0.0.1", "64:ff9b::127.0.0.1", "fe80::1"] {
            assert!(targets.check(address(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn allowed_networks_win_over_the_table() {
        let targets = Targets::public().allow(network("10.1.0.0/16")).allow(network("fd00::/8"));
        for text in ["10.1.0.0", "10.1.255.255", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "fd12::1"]
        {
            assert_eq!(targets.check(address(text)), Ok(()), "{text}");
        }
        for text in ["10.0.255.255", "10.2.0.0", "::ffff:10.2.0.0", "fc00::1", "127.0.0.1"] {
            assert!(targets.check(address(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn a_named_translator_is_judged_by_what_is_behind_it() {
        let public = Targets::public();
        let named = public.clone().with_nat64("2001:470:64::/48".parse().unwrap());
        for (text, before, after) in [
            ("2001:470:64:a00:1::", "ok", "private"),
            ("2001:470:64:7f00:0:100::", "ok", "loopback"),
            ("2001:470:64:5db8:d7:e00::", "ok", "ok"),
            ("2001:470:65:a00:1::", "ok", "ok"),
            ("64:ff9b::10.0.0.1", "private", "private"),
        ] {
            let judge = |targets: &Targets| targets.check(address(text)).err().map(|why| why.name);
            let name = |name: &'static str| (name != "ok").then_some(name);
            assert_eq!((judge(&public), judge(&named)), (name(before), name(after)), "{text}");
        }
        let allowed = named.clone().allow(network("10.0.0.0/8"));
        assert_eq!(allowed.check(address("2001:470:64:a00:1::")), Ok(()));
        // An address that two translators read must be right for both.
        let twice = named.with_nat64("2001:470::/32".parse().unwrap());
        assert!(twice.check(address("2001:470:64:5db8:d7:e00::")).is_err());
    }

    #[test]
    fn allowing_all_of_ipv6_allows_no_mapped_ipv4() {
        let targets = Targets::public().allow(network("::/0"));
        for text in ["::1", "fe80::1", "64:ff9b::10.0.0.1"] {
            assert_eq!(targets.check(address(text)), Ok(()), "{text}");
        }
        assert!(targets.check(address("::ffff:127.0.0.1")).is_err());
    }
}
