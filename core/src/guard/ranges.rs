//! Address ranges that are not public.
//!
//! An address is public unless a row of [`FORBIDDEN`] contains it; an IPv6 address must also be in
//! the one block that is allocated for global use, so a range with a new use is forbidden until it
//! is added here. Addresses that only wrap an IPv4 address are checked as that one.
//!
//! Undetectable are a network's own tunnels, and the prefixes of its own translators as long as
//! nobody names them: they look like any public address.

use std::net::{IpAddr, Ipv6Addr};

use super::network::Network;

#[cfg(test)]
mod registry;

/// Name and description of the range that forbids an address which wraps no other; `None` if it is
/// public.
pub(super) fn forbidden(address: IpAddr) -> Option<(&'static str, &'static str)> {
    let mut rows = FORBIDDEN.iter();
    if let Some((_, name, words)) = rows.find(|(network, ..)| network.contains(address)) {
        return Some((name, words));
    }
    match address {
        IpAddr::V6(_) if !GLOBAL_UNICAST.contains(address) => {
            Some(("not_global_unicast", "outside of global unicast 2000::/3 (RFC 4291)"))
        }
        IpAddr::V6(inside) if is_isatap(inside) => Some(("isatap", "an ISATAP tunnel (RFC 5214)")),
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    }
}

/// Whether packets may go to the IPv4 address in the last four bytes, through a tunnel of the
/// network that has the prefix (RFC 5214 §6.1).
fn is_isatap(address: Ipv6Addr) -> bool {
    matches!(address.segments(), [_, _, _, _, 0 | 0x200, 0x5efe, _, _])
}

/// All addresses that are allocated for use across networks (RFC 4291 §2.4, IANA's IPv6 address
/// space).
const GLOBAL_UNICAST: Network = Network::v6([0x2000], 3);

/// The ranges that are not public, each with its name and description: the first that contains an
/// address names it. They are those of IANA's IPv4 and IPv6 Special-Purpose Address Registries (RFC
/// 6890, RFC 8190) that are not globally reachable, and some that clouds and older standards use.
/// Mapped addresses (`::ffff:0:0/96`) and those of NAT64 are replaced by the wrapped address before this
/// lookup.
///
/// Globally reachable parts of `192.0.0.0/24` and `2001::/23` (anycast for PCP and TURN, AMT,
/// AS112, identifiers of drones) are refused with the rest: no receiver of webhooks lives there.
#[rustfmt::skip] // A row is a line.
const FORBIDDEN: [(Network, &str, &str); 34] = [
    (Network::v4([0, 0, 0, 0], 8), "this_network", "of \"this network\" (RFC 791)"),
    (Network::v4([10, 0, 0, 0], 8), "private", "private (RFC 1918)"),
    (Network::v4([100, 64, 0, 0], 10), "shared", "shared behind carriers' NAT (RFC 6598)"),
    (Network::v4([127, 0, 0, 0], 8), "loopback", "loopback (RFC 1122)"),
    (Network::v4([168, 63, 129, 16], 32), "platform", "Azure's own platform (Microsoft)"),
    (Network::v4([169, 254, 0, 0], 16), "link_local", "link-local, with clouds' metadata (RFC 3927)"),
    (Network::v4([172, 16, 0, 0], 12), "private", "private (RFC 1918)"),
    (Network::v4([192, 0, 0, 0], 24), "ietf_protocols", "for IETF protocols (RFC 6890)"),
    (Network::v4([192, 0, 2, 0], 24), "documentation", "for documentation (RFC 5737)"),
    (Network::v4([192, 88, 99, 0], 24), "relay_6to4", "a 6to4 relay (RFC 7526)"),
    (Network::v4([192, 168, 0, 0], 16), "private", "private (RFC 1918)"),
    (Network::v4([198, 18, 0, 0], 15), "benchmarks", "for benchmarks (RFC 2544)"),
    (Network::v4([198, 51, 100, 0], 24), "documentation", "for documentation (RFC 5737)"),
    (Network::v4([203, 0, 113, 0], 24), "documentation", "for documentation (RFC 5737)"),
    (Network::v4([224, 0, 0, 0], 4), "multicast", "multicast (RFC 5771)"),
    (Network::v4([255, 255, 255, 255], 32), "broadcast", "broadcast (RFC 919)"),
    (Network::v4([240, 0, 0, 0], 4), "reserved", "reserved (RFC 1112)"),
    (Network::v6([0], 128), "unspecified", "unspecified (RFC 4291)"),
    (Network::v6([0, 0, 0, 0, 0, 0, 0, 1], 128), "loopback", "loopback (RFC 4291)"),
    (Network::v6([0], 96), "ipv4_compatible", "IPv4-compatible (RFC 4291)"),
    (Network::v6([0, 0, 0, 0, 0xffff], 96), "ipv4_translated", "IPv4-translated (RFC 2765)"),
    (Network::v6([0x64, 0xff9b, 1], 48), "local_nat64", "for local NAT64 (RFC 8215)"),
    (Network::v6([0x100], 64), "discarded", "discarded (RFC 6666)"),
    (Network::v6([0x100, 0, 0, 1], 64), "dummy", "a dummy (RFC 9780)"),
    (Network::v6([0x2001], 32), "teredo", "Teredo (RFC 4380)"),
    (Network::v6([0x2001], 23), "ietf_protocols", "for IETF protocols (RFC 2928)"),
    (Network::v6([0x2001, 0xdb8], 32), "documentation", "for documentation (RFC 3849)"),
    (Network::v6([0x2002], 16), "6to4", "6to4 (RFC 3056)"),
    (Network::v6([0x3fff], 20), "documentation", "for documentation (RFC 9637)"),
    (Network::v6([0x5f00], 16), "segment_routing", "for segment routing (RFC 9602)"),
    (Network::v6([0xfc00], 7), "unique_local", "unique local (RFC 4193)"),
    (Network::v6([0xfe80], 10), "link_local", "link-local (RFC 4291)"),
    (Network::v6([0xfec0], 10), "site_local", "site-local (RFC 3879)"),
    (Network::v6([0xff00], 8), "multicast", "multicast (RFC 4291)"),
];

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::super::targets::Targets;
    use super::*;

    fn address(text: &str) -> IpAddr {
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
::ffff:0:0:0 | ::ffff:0:255.255.255.255 | IPv4-translated (RFC 2765) | OUTSIDE | OUTSIDE
64:ff9b:1:: | 64:ff9b:1:F:F:F:F:F | for local NAT64 (RFC 8215) | OUTSIDE | OUTSIDE
100:: | 100:0:0:0:F:F:F:F | discarded (RFC 6666) | OUTSIDE | a dummy (RFC 9780)
100:0:0:1:: | 100:0:0:1:F:F:F:F | a dummy (RFC 9780) | discarded (RFC 6666) | OUTSIDE
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
        for (network, range, _) in FORBIDDEN {
            assert_eq!(network.to_string().parse(), Ok(network), "{range}");
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
}
