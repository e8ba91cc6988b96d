//! Which addresses this desk may call: all public ones, and those that its operator allows.
//!
//! An address is public unless a row of [`FORBIDDEN`] has it; in IPv6 it must also lie in the one
//! block that is given out for global use, so a range that is put to a new use is forbidden until
//! someone writes it down here. Addresses that only wrap an IPv4 address are judged by that one.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Which addresses this desk may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Targets {
    loopback: bool,
    by_name_only: bool,
    allowed: Vec<Network>,
}

impl Targets {
    /// Public addresses only.
    #[must_use]
    pub fn public() -> Self {
        Self { loopback: false, by_name_only: false, allowed: Vec::new() }
    }

    /// These and this machine's own: `127.0.0.0/8` and `::1`.
    #[must_use]
    pub fn with_loopback(self) -> Self {
        Self { loopback: true, ..self }
    }

    /// These, for a host that cannot say which address a name leads to: addresses are not called
    /// at all unless they are allowed by name, nor are names that only private networks know.
    #[must_use]
    pub fn by_name_only(self) -> Self {
        Self { by_name_only: true, ..self }
    }

    /// These and all of `network`, whatever it is for.
    #[must_use]
    pub fn allow(mut self, network: Network) -> Self {
        self.allowed.push(network);
        self
    }

    /// Whether `address` may be called. Ask right before connecting, with the address to connect
    /// to: any earlier answer may be about another one.
    ///
    /// # Errors
    /// The range that forbids it.
    pub fn check(&self, address: IpAddr) -> Result<(), Forbidden> {
        let called = address.to_canonical();
        let reached = behind_nat64(called);
        let allowed = |network: &Network| network.contains(called) || network.contains(reached);
        if self.loopback && called.is_loopback() || self.allowed.iter().any(allowed) {
            return Ok(());
        }
        match forbidden_range(reached) {
            Some(range) => Err(Forbidden { address, range }),
            None => Ok(()),
        }
    }

    /// Whether an address that a URL names may be called.
    pub(super) fn check_named(&self, address: IpAddr) -> Result<(), Forbidden> {
        self.check(address)?;
        let allowed = |network: &Network| network.contains(address.to_canonical());
        if !self.by_name_only || self.allowed.iter().any(allowed) {
            return Ok(());
        }
        Err(Forbidden { address, range: "an address, and this desk calls receivers by name only" })
    }

    /// Whether what a name leads to is checked by nobody.
    pub(super) fn trust_names(&self) -> bool {
        self.by_name_only
    }

    /// Whether a name that stands for this machine can be called at one address at least.
    pub(super) fn reach_loopback(&self) -> bool {
        let callable = |address: IpAddr| self.check(address).is_ok();
        callable(Ipv4Addr::LOCALHOST.into()) || callable(Ipv6Addr::LOCALHOST.into())
    }
}

/// An address that may not be called, as it was given, and the range that forbids it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forbidden {
    pub address: IpAddr,
    /// What the range is and who says so, such as `private (RFC 1918)`.
    pub range: &'static str,
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}", self.address, self.range)
    }
}

impl std::error::Error for Forbidden {}

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

    const fn v4(octets: [u8; 4], prefix_bits: u8) -> Self {
        let [a, b, c, d] = octets;
        Self { address: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix_bits }
    }

    /// The IPv6 block whose first address begins with `groups`; the rest are zero.
    #[expect(clippy::indexing_slicing, reason = "a loop over an array, at compile time")]
    const fn v6<const GIVEN: usize>(groups: [u16; GIVEN], prefix_bits: u8) -> Self {
        let mut bits = 0_u128;
        let mut place = 0;
        while place < GIVEN {
            bits |= (groups[place] as u128) << (112 - 16 * place);
            place += 1;
        }
        Self { address: IpAddr::V6(Ipv6Addr::from_bits(bits)), prefix_bits }
    }

    /// The block of `prefix_bits` that `address` is in.
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

    /// Reads `ADDRESS/BITS`; an address alone is a block of one.
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

/// Why a text is no [`Network`], in a sentence that tells the operator what would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadNetwork {
    Address,
    /// Not a plain number from 0 to `most`.
    Prefix {
        most: u8,
    },
    /// The address is not the first of `network`, so one of the two is not what was meant.
    HostBits {
        network: Network,
    },
    /// An IPv4 address in IPv6's dress. Addresses in that dress are judged by the IPv4 address
    /// inside, so this block would never hold any.
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

/// How many bits `address` has.
fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// The number that `text` is, if it is at most `most` and spelled as we would spell it.
fn parse_prefix(text: &str, most: u8) -> Option<u8> {
    let prefix: u8 = text.parse().ok()?;
    (prefix <= most && prefix.to_string() == text).then_some(prefix)
}

/// What a NAT64 gateway makes of `address`: the IPv4 address in its last four bytes, if it has the
/// well-known prefix; otherwise itself.
fn behind_nat64(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(outer) if NAT64.contains(address) => {
            let [.., a, b, c, d] = outer.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        IpAddr::V4(_) | IpAddr::V6(_) => address,
    }
}

/// Why an address that wraps no other may not be called; `None` if it is public.
fn forbidden_range(address: IpAddr) -> Option<&'static str> {
    let mut rows = FORBIDDEN.iter();
    if let Some((_, range)) = rows.find(|(network, _)| network.contains(address)) {
        return Some(range);
    }
    let assigned = address.is_ipv4() || GLOBAL_UNICAST.contains(address);
    if assigned { None } else { Some("outside of global unicast 2000::/3 (RFC 4291)") }
}

/// IPv4 addresses behind a translator (RFC 6052 §2.1).
const NAT64: Network = Network::v6([0x64, 0xff9b], 96);

/// All that is given out for use across networks (RFC 4291 §2.4, IANA's IPv6 address space).
const GLOBAL_UNICAST: Network = Network::v6([0x2000], 3);

/// The ranges that are not public, the first that has an address naming it, from IANA's IPv4 and
/// IPv6 Special-Purpose Address Registries (RFC 6890, RFC 8190) but for `168.63.129.16`. A few
/// addresses of some are public (anycast for PCP and TURN in `192.0.0.0/24`); no receiver of
/// webhooks lives there, so they are not worth a rule. Mapped addresses (`::ffff:0:0/96`) and
/// [`NAT64`] are judged by what they wrap before anyone looks here.
#[rustfmt::skip] // A row is a line.
const FORBIDDEN: [(Network, &str); 32] = [
    (Network::v4([0, 0, 0, 0], 8), "of \"this network\" (RFC 791)"),
    (Network::v4([10, 0, 0, 0], 8), "private (RFC 1918)"),
    (Network::v4([100, 64, 0, 0], 10), "shared behind carriers' NAT (RFC 6598)"),
    (Network::v4([127, 0, 0, 0], 8), "loopback (RFC 1122)"),
    (Network::v4([168, 63, 129, 16], 32), "Azure's own platform (Microsoft)"),
    (Network::v4([169, 254, 0, 0], 16), "link-local, with clouds' metadata (RFC 3927)"),
    (Network::v4([172, 16, 0, 0], 12), "private (RFC 1918)"),
    (Network::v4([192, 0, 0, 0], 24), "for IETF protocols (RFC 6890)"),
    (Network::v4([192, 0, 2, 0], 24), "for documentation (RFC 5737)"),
    (Network::v4([192, 88, 99, 0], 24), "a 6to4 relay (RFC 7526)"),
    (Network::v4([192, 168, 0, 0], 16), "private (RFC 1918)"),
    (Network::v4([198, 18, 0, 0], 15), "for benchmarks (RFC 2544)"),
    (Network::v4([198, 51, 100, 0], 24), "for documentation (RFC 5737)"),
    (Network::v4([203, 0, 113, 0], 24), "for documentation (RFC 5737)"),
    (Network::v4([224, 0, 0, 0], 4), "multicast (RFC 5771)"),
    (Network::v4([255, 255, 255, 255], 32), "broadcast (RFC 919)"),
    (Network::v4([240, 0, 0, 0], 4), "reserved (RFC 1112)"),
    (Network::v6([0], 128), "unspecified (RFC 4291)"),
    (Network::v6([0, 0, 0, 0, 0, 0, 0, 1], 128), "loopback (RFC 4291)"),
    (Network::v6([0], 96), "IPv4-compatible (RFC 4291)"),
    (Network::v6([0x64, 0xff9b, 1], 48), "for local NAT64 (RFC 8215)"),
    (Network::v6([0x100], 64), "discarded (RFC 6666)"),
    (Network::v6([0x2001], 32), "Teredo (RFC 4380)"),
    (Network::v6([0x2001], 23), "for IETF protocols (RFC 2928)"),
    (Network::v6([0x2001, 0xdb8], 32), "for documentation (RFC 3849)"),
    (Network::v6([0x2002], 16), "6to4 (RFC 3056)"),
    (Network::v6([0x3fff], 20), "for documentation (RFC 9637)"),
    (Network::v6([0x5f00], 16), "for segment routing (RFC 9602)"),
    (Network::v6([0xfc00], 7), "unique local (RFC 4193)"),
    (Network::v6([0xfe80], 10), "link-local (RFC 4291)"),
    (Network::v6([0xfec0], 10), "site-local (RFC 3879)"),
    (Network::v6([0xff00], 8), "multicast (RFC 4291)"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    /// The range that forbids `address` to a desk that calls public addresses only.
    fn verdict(address: IpAddr) -> &'static str {
        Targets::public().check(address).map_or_else(|why| why.range, |()| PUBLIC)
    }

    fn before(address: IpAddr) -> Option<IpAddr> {
        match address {
            IpAddr::V4(v4) => Some(Ipv4Addr::from_bits(v4.to_bits().checked_sub(1)?).into()),
            IpAddr::V6(v6) => Some(Ipv6Addr::from_bits(v6.to_bits().checked_sub(1)?).into()),
        }
    }

    fn after(address: IpAddr) -> Option<IpAddr> {
        match address {
            IpAddr::V4(v4) => Some(Ipv4Addr::from_bits(v4.to_bits().checked_add(1)?).into()),
            IpAddr::V6(v6) => Some(Ipv6Addr::from_bits(v6.to_bits().checked_add(1)?).into()),
        }
    }

    const PUBLIC: &str = "public";
    const OUTSIDE: &str = "outside of global unicast 2000::/3 (RFC 4291)";

    /// First and last address, the range, what is before it, what is after it.
    const EDGES: &str = r#"
0.0.0.0 | 0.255.255.255 | of "this network" (RFC 791) | none | public
10.0.0.0 | 10.255.255.255 | private (RFC 1918) | public | public
100.64.0.0 | 100.127.255.255 | shared behind carriers' NAT (RFC 6598) | public | public
127.0.0.0 | 127.255.255.255 | loopback (RFC 1122) | public | public
168.63.129.16 | 168.63.129.16 | Azure's own platform (Microsoft) | public | public
169.254.0.0 | 169.254.255.255 | link-local, with clouds' metadata (RFC 3927) | public | public
172.16.0.0 | 172.31.255.255 | private (RFC 1918) | public | public
192.0.0.0 | 192.0.0.255 | for IETF protocols (RFC 6890) | public | public
192.0.2.0 | 192.0.2.255 | for documentation (RFC 5737) | public | public
192.88.99.0 | 192.88.99.255 | a 6to4 relay (RFC 7526) | public | public
192.168.0.0 | 192.168.255.255 | private (RFC 1918) | public | public
198.18.0.0 | 198.19.255.255 | for benchmarks (RFC 2544) | public | public
198.51.100.0 | 198.51.100.255 | for documentation (RFC 5737) | public | public
203.0.113.0 | 203.0.113.255 | for documentation (RFC 5737) | public | public
224.0.0.0 | 239.255.255.255 | multicast (RFC 5771) | public | reserved (RFC 1112)
240.0.0.0 | 255.255.255.254 | reserved (RFC 1112) | multicast (RFC 5771) | broadcast (RFC 919)
255.255.255.255 | 255.255.255.255 | broadcast (RFC 919) | reserved (RFC 1112) | none
:: | :: | unspecified (RFC 4291) | none | loopback (RFC 4291)
::1 | ::1 | loopback (RFC 4291) | unspecified (RFC 4291) | IPv4-compatible (RFC 4291)
::2 | ::255.255.255.255 | IPv4-compatible (RFC 4291) | loopback (RFC 4291) | OUTSIDE
64:ff9b:1:: | 64:ff9b:1:F:F:F:F:F | for local NAT64 (RFC 8215) | OUTSIDE | OUTSIDE
100:: | 100:0:0:0:F:F:F:F | discarded (RFC 6666) | OUTSIDE | OUTSIDE
2001:: | 2001:0:F:F:F:F:F:F | Teredo (RFC 4380) | public | for IETF protocols (RFC 2928)
2001:1:: | 2001:1ff:F:F:F:F:F:F | for IETF protocols (RFC 2928) | Teredo (RFC 4380) | public
2001:db8:: | 2001:db8:F:F:F:F:F:F | for documentation (RFC 3849) | public | public
2002:: | 2002:F:F:F:F:F:F:F | 6to4 (RFC 3056) | public | public
3fff:: | 3fff:fff:F:F:F:F:F:F | for documentation (RFC 9637) | public | public
5f00:: | 5f00:F:F:F:F:F:F:F | for segment routing (RFC 9602) | OUTSIDE | OUTSIDE
fc00:: | fdff:F:F:F:F:F:F:F | unique local (RFC 4193) | OUTSIDE | OUTSIDE
fe80:: | febf:F:F:F:F:F:F:F | link-local (RFC 4291) | OUTSIDE | site-local (RFC 3879)
fec0:: | feff:F:F:F:F:F:F:F | site-local (RFC 3879) | link-local (RFC 4291) | multicast (RFC 4291)
ff00:: | ffff:F:F:F:F:F:F:F | multicast (RFC 4291) | site-local (RFC 3879) | none
"#;

    #[test]
    fn each_range_ends_where_its_source_says() {
        let mut ranges = 0;
        for row in EDGES.replace("OUTSIDE", OUTSIDE).replace(":F", ":ffff").trim().lines() {
            let cells: Vec<&str> = row.split(" | ").collect();
            let [first, last, range, range_before, range_after] = cells[..] else {
                panic!("{row}")
            };
            let (first, last) = (address(first), address(last));
            assert_eq!(verdict(first), range, "{first}");
            assert_eq!(verdict(last), range, "{last}");
            assert_eq!(before(first).map_or("none", verdict), range_before, "before {first}");
            assert_eq!(after(last).map_or("none", verdict), range_after, "after {last}");
            ranges += 1;
        }
        assert_eq!(ranges, FORBIDDEN.len());
    }

    #[test]
    fn each_row_begins_with_its_first_address() {
        for (network, range) in FORBIDDEN {
            assert_eq!(Network::around(network.address, network.prefix_bits), network, "{range}");
        }
    }

    #[test]
    fn ipv6_is_public_in_global_unicast_only() {
        for (text, expected) in [
            ("1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", OUTSIDE),
            ("2000::", PUBLIC),
            ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", PUBLIC),
            ("3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", PUBLIC),
            ("4000::", OUTSIDE),
            ("64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff", OUTSIDE),
            ("64:ff9b::1:0:0", OUTSIDE),
            ("::fffe:ffff:ffff", OUTSIDE),
            ("::1:0:0:0", OUTSIDE),
        ] {
            assert_eq!(verdict(address(text)), expected, "{text}");
        }
    }

    #[test]
    fn wrapped_ipv4_addresses_are_judged_by_what_they_wrap() {
        for inside in
            ["93.184.215.14", "1.0.0.0", "0.0.0.0", "127.0.0.1", "10.1.2.3", "169.254.169.254"]
        {
            let expected = verdict(address(inside));
            for outer in ["::ffff:", "64:ff9b::"] {
                assert_eq!(
                    verdict(address(&format!("{outer}{inside}"))),
                    expected,
                    "{outer}{inside}"
                );
            }
        }
        let why = Targets::public().check(address("::ffff:10.0.0.1")).unwrap_err();
        assert_eq!(why.to_string(), "::ffff:10.0.0.1 is private (RFC 1918)");
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
    fn allowing_all_of_ipv6_allows_no_mapped_ipv4() {
        let targets = Targets::public().allow(network("::/0"));
        for text in ["::1", "fe80::1", "64:ff9b::10.0.0.1"] {
            assert_eq!(targets.check(address(text)), Ok(()), "{text}");
        }
        assert!(targets.check(address("::ffff:127.0.0.1")).is_err());
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
