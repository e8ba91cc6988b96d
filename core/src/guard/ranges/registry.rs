//! The ranges checked against the registries that they come from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::super::network::Network;
use super::super::targets::Targets;

/// IANA's IPv4 and IPv6 Special-Purpose Address Registries, both last updated 2025-10-09: block,
/// name, where it is specified, and whether it is globally reachable (blank where the registry says
/// that this does not apply, or nothing).
///
/// <https://www.iana.org/assignments/iana-ipv4-special-registry/iana-ipv4-special-registry.xhtml>
/// <https://www.iana.org/assignments/iana-ipv6-special-registry/iana-ipv6-special-registry.xhtml>
const REGISTRIES: &str = r#"
0.0.0.0/8          | "This network"                                     | RFC 791            | no
0.0.0.0/32         | "This host on this network"                        | RFC 1122           | no
10.0.0.0/8         | Private-Use                                        | RFC 1918           | no
100.64.0.0/10      | Shared Address Space                               | RFC 6598           | no
127.0.0.0/8        | Loopback                                           | RFC 1122           | no
169.254.0.0/16     | Link Local                                         | RFC 3927           | no
172.16.0.0/12      | Private-Use                                        | RFC 1918           | no
192.0.0.0/24       | IETF Protocol Assignments                          | RFC 6890           | no
192.0.0.0/29       | IPv4 Service Continuity Prefix                     | RFC 7335           | no
192.0.0.8/32       | IPv4 dummy address                                 | RFC 7600           | no
192.0.0.9/32       | Port Control Protocol Anycast                      | RFC 7723           | yes
192.0.0.10/32      | Traversal Using Relays around NAT Anycast          | RFC 8155           | yes
192.0.0.170/32     | NAT64/DNS64 Discovery                              | RFC 8880, RFC 7050 | no
192.0.0.171/32     | NAT64/DNS64 Discovery                              | RFC 8880, RFC 7050 | no
192.0.2.0/24       | Documentation (TEST-NET-1)                         | RFC 5737           | no
192.31.196.0/24    | AS112-v4                                           | RFC 7535           | yes
192.52.193.0/24    | AMT                                                | RFC 7450           | yes
192.88.99.0/24     | Deprecated (6to4 Relay Anycast)                    | RFC 7526           |
192.88.99.2/32     | 6a44-relay anycast address                         | RFC 6751           | no
192.168.0.0/16     | Private-Use                                        | RFC 1918           | no
192.175.48.0/24    | Direct Delegation AS112 Service                    | RFC 7534           | yes
198.18.0.0/15      | Benchmarking                                       | RFC 2544           | no
198.51.100.0/24    | Documentation (TEST-NET-2)                         | RFC 5737           | no
203.0.113.0/24     | Documentation (TEST-NET-3)                         | RFC 5737           | no
240.0.0.0/4        | Reserved                                           | RFC 1112           | no
255.255.255.255/32 | Limited Broadcast                                  | RFC 8190, RFC 919  | no
::1/128            | Loopback Address                                   | RFC 4291           | no
::/128             | Unspecified Address                                | RFC 4291           | no
::ffff:0:0/96      | IPv4-mapped Address                                | RFC 4291           | no
64:ff9b::/96       | IPv4-IPv6 Translat.                                | RFC 6052           | yes
64:ff9b:1::/48     | IPv4-IPv6 Translat.                                | RFC 8215           | no
100::/64           | Discard-Only Address Block                         | RFC 6666           | no
100:0:0:1::/64     | Dummy IPv6 Prefix                                  | RFC 9780           | no
2001::/23          | IETF Protocol Assignments                          | RFC 2928           | no
2001::/32          | TEREDO                                             | RFC 4380, RFC 8190 |
2001:1::1/128      | Port Control Protocol Anycast                      | RFC 7723           | yes
2001:1::2/128      | Traversal Using Relays around NAT Anycast          | RFC 8155           | yes
2001:1::3/128      | DNS-SD Service Registration Protocol Anycast       | RFC 9665           | yes
2001:2::/48        | Benchmarking                                       | RFC 5180           | no
2001:3::/32        | AMT                                                | RFC 7450           | yes
2001:4:112::/48    | AS112-v6                                           | RFC 7535           | yes
2001:10::/28       | Deprecated (previously ORCHID)                     | RFC 4843           |
2001:20::/28       | ORCHIDv2                                           | RFC 7343           | yes
2001:30::/28       | Drone Remote ID Protocol Entity Tags (DETs) Prefix | RFC 9374           | yes
2001:db8::/32      | Documentation                                      | RFC 3849           | no
2002::/16          | 6to4                                               | RFC 3056           |
2620:4f:8000::/48  | Direct Delegation AS112 Service                    | RFC 7534           | yes
3fff::/20          | Documentation                                      | RFC 9637           | no
5f00::/16          | Segment Routing (SRv6) SIDs                        | RFC 9602           | no
fc00::/7           | Unique-Local                                       | RFC 4193, RFC 8190 | no
fe80::/10          | Link-Local Unicast                                 | RFC 4291           | no
"#;

/// Where the guard is stricter than the registries, and why.
const STRICTER: &str = "
192.0.0.0/24     | what is reachable in it is anycast for PCP and TURN, and no receiver of webhooks
192.88.99.0/24   | a relay that still runs leads into 6to4, where any IPv4 address can be behind it
224.0.0.0/4      | multicast has a registry of its own (RFC 5771), and TCP does not go there
168.63.129.16/32 | Azure's metadata and health probes, the same address in every customer's network
2001::/23        | what is reachable in it is anycast, multicast tunnels, AS112 and identifiers
2002::/16        | the address wraps an IPv4 address, and relays take packets to it
";

fn network(text: &str) -> Network {
    text.parse().unwrap()
}

fn cells(row: &str) -> Vec<&str> {
    row.split('|').map(str::trim).collect()
}

/// Block and reachability of each entry but that of mapped addresses, which are no block here.
fn entries() -> Vec<(Network, Option<bool>)> {
    let entry = |row| {
        let cells: Vec<&str> = cells(row);
        let reachable = match cells[3] {
            "yes" => Some(true),
            "no" => Some(false),
            other => {
                assert_eq!(other, "", "{row}");
                None
            }
        };
        (network(cells[0]), reachable)
    };
    let rows = REGISTRIES.trim().lines().filter(|row| !row.starts_with("::ffff:0:0/96"));
    rows.map(entry).collect()
}

fn stricter() -> Vec<Network> {
    STRICTER.trim().lines().map(|row| network(cells(row)[0])).collect()
}

/// Bits of the prefix, as written.
fn bits(network: Network) -> u8 {
    network.to_string().split_once('/').unwrap().1.parse().unwrap()
}

fn first(network: Network) -> IpAddr {
    network.to_string().split_once('/').unwrap().0.parse().unwrap()
}

/// The address `by` further than `from`, if there is one.
fn moved(from: IpAddr, by: i128) -> Option<IpAddr> {
    match from {
        IpAddr::V4(v4) => {
            let bits = u32::try_from(i128::from(v4.to_bits()) + by).ok()?;
            Some(Ipv4Addr::from_bits(bits).into())
        }
        IpAddr::V6(v6) => {
            let bits = if by < 0 {
                v6.to_bits().checked_sub(by.unsigned_abs())?
            } else {
                v6.to_bits().checked_add(by.unsigned_abs())?
            };
            Some(Ipv6Addr::from_bits(bits).into())
        }
    }
}

/// The number of addresses in a block, less one.
fn length(network: Network) -> u128 {
    let width = if first(network).is_ipv4() { 32 } else { 128 };
    (1_u128 << (width - bits(network)).min(127)).wrapping_sub(1)
}

/// Whether an address is public by the registries and the guard's own decisions.
fn expected(address: IpAddr) -> bool {
    if let IpAddr::V6(outer) = address {
        let inner = Ipv4Addr::from_bits(u32::try_from(outer.to_bits() & 0xffff_ffff).unwrap());
        let prefix = outer.to_bits() >> 32;
        // Mapped addresses are dialled as IPv4, and those with NAT64's prefix come out as IPv4.
        if prefix == 0xffff || prefix == 0x64_ff9b << 64 {
            return expected(inner.into());
        }
        // A tunnel that the registries do not list, as its addresses are below other prefixes.
        if matches!(outer.segments()[4..6], [0 | 0x200, 0x5efe]) {
            return false;
        }
        if !network("2000::/3").contains(address) {
            return false;
        }
    }
    if stricter().iter().any(|block| block.contains(address)) {
        return false;
    }
    let around = entries().into_iter().filter(|(block, _)| block.contains(address));
    let closest = around.max_by_key(|(block, _)| bits(*block));
    closest.is_none_or(|(_, reachable)| reachable == Some(true))
}

fn public(address: IpAddr) -> bool {
    Targets::public().check(address).is_ok()
}

#[test]
fn the_edges_of_each_registered_block_are_as_the_registry_says() {
    let blocks: Vec<Network> =
        entries().into_iter().map(|(block, _)| block).chain(stricter()).collect();
    assert_eq!(blocks.len(), 26 + 24 + 6);
    for block in blocks {
        let last = i128::try_from(length(block)).unwrap();
        for by in [-1, 0, 1, last / 2, last - 1, last, last + 1] {
            let Some(address) = moved(first(block), by) else { continue };
            assert_eq!(public(address), expected(address), "{address}, of {block}");
        }
    }
}

#[test]
fn what_is_not_globally_reachable_is_refused_but_for_what_is_wrapped() {
    for (block, reachable) in entries() {
        if reachable == Some(false) {
            assert!(!public(first(block)), "{block}");
        }
    }
    let addresses = "192.31.196.1 192.52.193.1 192.175.48.1 2620:4f:8000::1 64:ff9b::101:101";
    for address in addresses.split(' ') {
        assert!(public(address.parse().unwrap()), "{address}");
    }
    let stricter = "192.0.0.9 192.0.0.10 2001:1::1 2001:1::2 2001:1::3 2001:3::1 2001:4:112::1 \
                    2001:20::1 2001:30::1";
    for address in stricter.split_whitespace() {
        assert!(!public(address.parse().unwrap()), "{address}");
    }
}

/// Prefixes of a wrapped IPv4 address: compatible, mapped, NAT64, ISATAP.
const WRAPPERS: [u128; 4] = [0, 0xffff, 0x64_ff9b << 64, 0x2606_4700 << 64 | 0x5efe];

/// Addresses in and around registered blocks, and any.
fn addresses() -> impl Strategy<Value = IpAddr> {
    let blocks: Vec<Network> =
        entries().into_iter().map(|(block, _)| block).chain(stricter()).collect();
    let near = (prop::sample::select(blocks), any::<u128>(), -2_i128..=2);
    let near = near.prop_filter_map("beyond the last address", |(block, at, aside)| {
        let length = length(block);
        let at = if length == u128::MAX { at } else { at % (length + 1) };
        moved(first(block), i128::try_from(at).ok()?.checked_add(aside)?)
    });
    let wrapped = (any::<u32>(), prop::sample::select(WRAPPERS.to_vec()));
    let wrapped = wrapped.prop_map(|(inner, prefix): (u32, u128)| {
        Ipv6Addr::from_bits(prefix << 32 | u128::from(inner)).into()
    });
    prop_oneof![
        4 => near,
        1 => wrapped,
        1 => any::<Ipv4Addr>().prop_map(IpAddr::from),
        1 => any::<Ipv6Addr>().prop_map(IpAddr::from),
        1 => any::<Ipv6Addr>().prop_map(|v6| {
            Ipv6Addr::from_bits(v6.to_bits() >> 3 | 1 << 125).into()
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn an_address_is_public_where_the_registries_say_so(address in addresses()) {
        prop_assert_eq!(public(address), expected(address), "{}", address);
    }

    #[test]
    fn every_address_of_multicast_and_of_unassigned_ipv6_is_refused(
        v4 in any::<u32>(), v6 in any::<u128>(), block in prop::sample::select(vec![0, 2, 3, 4, 5, 6, 7]),
    ) {
        let multicast = Ipv4Addr::from_bits(v4 >> 4 | 0xe << 28);
        prop_assert!(!public(multicast.into()), "{}", multicast);
        let outside = Ipv6Addr::from_bits(v6 >> 3 | block << 125);
        let wraps = matches!(outside.segments(), [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..]);
        prop_assert!(wraps || !public(outside.into()), "{}", outside);
    }
}
