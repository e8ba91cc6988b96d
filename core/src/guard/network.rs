//! A block of addresses in CIDR notation.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A block of addresses that share their first bits (CIDR, RFC 4632 §3.1), such as `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// The first address: all bits after the prefix are zero.
    address: IpAddr,
    prefix_bits: u8,
}

impl Network {
    /// Whether `address` is in this block. Addresses of the other family never are; a mapped one
    /// (`::ffff:10.0.0.1`) counts as IPv6 here.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let shared_bits = match (self.address, address) {
            (IpAddr::V4(first), IpAddr::V4(other)) => {
                (first.to_bits() ^ other.to_bits()).leading_zeros()
            }
            (IpAddr::V6(first), IpAddr::V6(other)) => {
                (first.to_bits() ^ other.to_bits()).leading_zeros()
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
        };
        shared_bits >= u32::from(self.prefix_bits)
    }

    pub(super) fn prefix_bits(&self) -> u8 {
        self.prefix_bits
    }

    pub(super) fn is_v6(&self) -> bool {
        self.address.is_ipv6()
    }

    pub(super) const fn v4(octets: [u8; 4], prefix_bits: u8) -> Self {
        let [a, b, c, d] = octets;
        Self { address: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix_bits }
    }

    /// The IPv6 block whose first address begins with `groups`; the rest are zero.
    #[expect(clippy::indexing_slicing, reason = "a loop over an array, at compile time")]
    pub(super) const fn v6<const GIVEN: usize>(groups: [u16; GIVEN], prefix_bits: u8) -> Self {
        let mut bits = 0_u128;
        let mut place = 0;
        while place < GIVEN {
            bits |= (groups[place] as u128) << (112 - 16 * place);
            place += 1;
        }
        Self { address: IpAddr::V6(Ipv6Addr::from_bits(bits)), prefix_bits }
    }

    /// The block of `prefix_bits` that contains `address`.
    fn around(address: IpAddr, prefix_bits: u8) -> Self {
        let rest_bits = u32::from(width(address).saturating_sub(prefix_bits));
        let first = match address {
            IpAddr::V4(inside) => {
                let mask = u32::MAX.checked_shl(rest_bits).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(inside.to_bits() & mask))
            }
            IpAddr::V6(inside) => {
                let mask = u128::MAX.checked_shl(rest_bits).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(inside.to_bits() & mask))
            }
        };
        Self { address: first, prefix_bits }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_bits)
    }
}

impl FromStr for Network {
    type Err = BadNetwork;

    /// Parses `ADDRESS/BITS`; an address alone is a block of one.
    fn from_str(text: &str) -> Result<Self, BadNetwork> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| BadNetwork::Address)?;
        if address != address.to_canonical() {
            return Err(BadNetwork::Mapped);
        }
        let most = width(address);
        let prefix_bits = match prefix {
            Some(prefix) => parse_prefix(prefix, most).ok_or(BadNetwork::Prefix { most })?,
            None => most,
        };
        let network = Self::around(address, prefix_bits);
        if network.address == address { Ok(network) } else { Err(BadNetwork::HostBits { network }) }
    }
}

/// Why a text is no [`Network`], as a sentence that tells the operator how to correct it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadNetwork {
    Address,
    /// Not a plain number from 0 to `most`.
    Prefix {
        most: u8,
    },
    /// The address is not the first of `network`, so one of the two is not as intended.
    HostBits {
        network: Network,
    },
    /// An IPv4-mapped IPv6 address. Such addresses are checked as the IPv4 address inside, so this
    /// block would never contain any.
    Mapped,
}

impl fmt::Display for BadNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address => {
                f.write_str("A network is an address and a prefix, such as 10.0.0.0/8 or fd00::/8.")
            }
            Self::Prefix { most } => {
                write!(f, "A network's prefix must be a number from 0 to {most}.")
            }
            Self::HostBits { network } => write!(
                f,
                "A network must begin with its first address; write {network}, or the address \
                 alone for it alone."
            ),
            Self::Mapped => f.write_str(
                "A network of IPv4 addresses mapped into IPv6 must be written as IPv4, such as \
                 10.0.0.0/8.",
            ),
        }
    }
}

impl std::error::Error for BadNetwork {}

/// The number of bits of an address.
fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// Parses a number of at most `most` in its canonical spelling.
fn parse_prefix(text: &str, most: u8) -> Option<u8> {
    let prefix: u8 = text.parse().ok()?;
    (prefix <= most && prefix.to_string() == text).then_some(prefix)
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
    fn networks_are_read_as_they_are_written() {
        for (text, shown) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("192.0.2.7", "192.0.2.7/32"),
            ("192.0.2.7/32", "192.0.2.7/32"),
            ("fd00::/8", "fd00::/8"),
            ("::/0", "::/0"),
            ("FD00:0:0:0:0:0:0:1", "fd00::1/128"),
        ] {
            assert_eq!(network(text).to_string(), shown);
        }
    }

    #[test]
    fn bad_networks_are_told_apart() {
        use BadNetwork::{Address, HostBits, Mapped, Prefix};
        let begins = |first: &str| HostBits { network: network(first) };
        for (why, texts) in [
            (
                Address,
                "|/8|10.0.0/8|0x0a.0.0.0/8| 10.0.0.0/8|example.com/8|[fd00::]/8|fe80::1%1/64",
            ),
            (Prefix { most: 32 }, "10.0.0.0/|10.0.0.0/33|10.0.0.0/+8|10.0.0.0/08|10.0.0.0/-1"),
            (Prefix { most: 32 }, "10.0.0.0/8 |10.0.0.0/8/8|10.0.0.0/255.0.0.0"),
            (Prefix { most: 128 }, "fd00::/129|fd00::/256|fd00::/x"),
            (begins("10.0.0.0/8"), "10.0.0.1/8|10.255.255.255/8"),
            (begins("8.0.0.0/6"), "10.0.0.0/6"),
            (begins("0.0.0.0/0"), "0.0.0.1/0|128.0.0.0/0"),
            (begins("fd00::/127"), "fd00::1/127"),
            (begins("::/0"), "::1/0"),
            (Mapped, "::ffff:10.0.0.0/104|::ffff:10.0.0.1"),
        ] {
            for text in texts.split('|') {
                assert_eq!(text.parse::<Network>(), Err(why.clone()), "{text}");
            }
        }
    }

    #[test]
    fn each_bad_network_says_what_would_be_right() {
        for (text, says) in [
            ("x", "A network is an address and a prefix, such as 10.0.0.0/8 or fd00::/8."),
            ("::/x", "A network's prefix must be a number from 0 to 128."),
            (
                "10.0.0.1/8",
                "A network must begin with its first address; write 10.0.0.0/8, or the address \
                 alone for it alone.",
            ),
            (
                "::ffff:10.0.0.0/104",
                "A network of IPv4 addresses mapped into IPv6 must be written as IPv4, such as \
                 10.0.0.0/8.",
            ),
        ] {
            assert_eq!(text.parse::<Network>().unwrap_err().to_string(), says);
        }
    }

    #[test]
    fn a_network_holds_the_addresses_of_its_own_family_only() {
        assert!(network("0.0.0.0/0").contains(address("255.255.255.255")));
        assert!(!network("0.0.0.0/0").contains(address("::1")));
        assert!(!network("::/0").contains(address("0.0.0.1")));
        assert!(!network("10.0.0.0/8").contains(address("::ffff:10.0.0.1")));
        assert!(network("192.0.2.7").contains(address("192.0.2.7")));
        assert!(!network("192.0.2.7").contains(address("192.0.2.6")));
    }
}
