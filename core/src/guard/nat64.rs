//! Translators from IPv6 to IPv4 (NAT64), and the addresses behind them.
//!
//! A translator's addresses are a prefix with an IPv4 address inside (RFC 6052). Every network may
//! choose a prefix of its own, which looks like any public address, so the operator has to name it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use super::network::{BadNetwork, Network};

/// A prefix under which a network reaches IPv4 addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nat64Prefix(Network);

impl Nat64Prefix {
    /// The prefix that needs no choice (RFC 6052 §2.1).
    pub(super) const WELL_KNOWN: Self = Self(Network::v6([0x64, 0xff9b], 96));
    /// The lengths that a prefix may have, in bits (RFC 6052 §2.2).
    const BITS: [u8; 6] = [32, 40, 48, 56, 64, 96];
    /// A byte that is zero, wherever the IPv4 address stands (RFC 6052 §2.2).
    const SKIPPED: usize = 8;

    /// The IPv4 address that `address` leads to, if it has this prefix: the four bytes after that.
    pub(super) fn behind(&self, address: IpAddr) -> Option<Ipv4Addr> {
        let IpAddr::V6(outer) = address else { return None };
        if !self.0.contains(address) {
            return None;
        }
        let octets = outer.octets().into_iter().enumerate();
        let rest = octets.skip(usize::from(self.0.prefix_bits() / 8));
        let mut inner = rest.filter(|(place, _)| *place != Self::SKIPPED).map(|(_, byte)| byte);
        let mut next = || inner.next();
        Some(Ipv4Addr::new(next()?, next()?, next()?, next()?))
    }
}

impl fmt::Display for Nat64Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Nat64Prefix {
    type Err = BadNat64Prefix;

    fn from_str(text: &str) -> Result<Self, BadNat64Prefix> {
        let network: Network = text.parse().map_err(BadNat64Prefix::Network)?;
        let fits = network.is_v6() && Self::BITS.contains(&network.prefix_bits());
        if fits { Ok(Self(network)) } else { Err(BadNat64Prefix::Length) }
    }
}

/// Why a text is no [`Nat64Prefix`], as a sentence that tells the operator how to correct it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadNat64Prefix {
    Network(BadNetwork),
    /// Not an IPv6 network of a length that RFC 6052 knows.
    Length,
}

impl fmt::Display for BadNat64Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(why) => why.fmt(f),
            Self::Length => f.write_str(
                "A NAT64 prefix is an IPv6 network of 32, 40, 48, 56, 64 or 96 bits, such as \
                 2001:db8:64::/96.",
            ),
        }
    }
}

impl std::error::Error for BadNat64Prefix {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_behind_a_prefix_is_that_of_the_standards_own_examples() {
        // RFC 6052 §2.4.
        for (prefix, outer) in [
            ("2001:db8::/32", "2001:db8:c000:221::"),
            ("2001:db8:100::/40", "2001:db8:1c0:2:21::"),
            ("2001:db8:122::/48", "2001:db8:122:c000:2:2100::"),
            ("2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"),
            ("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"),
            ("2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33"),
            ("64:ff9b::/96", "64:ff9b::192.0.2.33"),
        ] {
            let prefix: Nat64Prefix = prefix.parse().unwrap();
            let behind = prefix.behind(outer.parse().unwrap());
            assert_eq!(behind, Some(Ipv4Addr::new(192, 0, 2, 33)), "{prefix}");
            for other in ["192.0.2.33", "2606::1", "::ffff:192.0.2.33"] {
                assert_eq!(prefix.behind(other.parse().unwrap()), None, "{other}");
            }
        }
        assert_eq!("64:ff9b::/96".parse(), Ok(Nat64Prefix::WELL_KNOWN));
    }

    #[test]
    fn other_networks_are_no_prefixes() {
        for text in ["2001:db8::/33", "2001:db8::/128", "2001:db8::", "::/0", "10.0.0.0/32"] {
            assert_eq!(text.parse::<Nat64Prefix>(), Err(BadNat64Prefix::Length), "{text}");
        }
        let bad = "2001:db8::1/96".parse::<Nat64Prefix>().unwrap_err();
        assert!(bad.to_string().contains("write 2001:db8::/96"), "{bad}");
    }
}
