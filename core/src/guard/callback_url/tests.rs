use proptest::prelude::*;

use std::net::IpAddr;

use super::*;

fn parse(text: &str) -> Result<CallbackUrl, BadCallbackUrl> {
    CallbackUrl::parse(text, &Targets::public())
}

#[test]
fn a_desk_that_cannot_vet_addresses_calls_public_names_alone() {
    let targets = Targets::public().by_name_only();
    for (text, allowed) in [
        ("https://example.com/hook", true),
        ("https://hooks.example.internal.com", true),
        ("https://notlocal.net", true),
        ("https://93.184.215.14/hook", false),
        ("https://[2606:4700::1111]/hook", false),
        ("https://10.0.0.1", false),
        ("https://localhost", false),
        ("https://db", false),
        ("https://db.", false),
        ("https://printer.local", false),
        ("https://metadata.google.internal.", false),
        ("https://10-0-0-1.nip.io", false),
        ("https://router.home.arpa", false),
    ] {
        let parsed = CallbackUrl::parse(text, &targets);
        assert_eq!(parsed.is_ok(), allowed, "{text}: {parsed:?}");
        let stored = CallbackUrl::stored(text.to_owned());
        assert_eq!(stored.check(&targets).is_ok(), allowed, "{text}");
    }
    let some = targets.allow("93.184.215.0/24".parse().unwrap());
    assert!(CallbackUrl::parse("https://93.184.215.14/hook", &some).is_ok());
}

fn name_of(bytes: usize) -> String {
    let label = "a".repeat(63);
    let last = "a".repeat(bytes - 192);
    format!("{label}.{label}.{label}.{last}")
}

const ACCEPTED: &str = r"
http://example.com https://example.com/ HTTPS://Example.COM/Hook https://example.com?ticket=1
https://example.com/? https://example.com:443/hook http://example.com:80
http://example.com:65535/hook https://example.com./hook https://my_host-1.example.com/hook
https://-a-.example.com/hook https://xn--bcher-kva.example/hook https://localhost.example.com/hook
https://notlocalhost/hook https://example.com//a//b/
https://example.com/a/.../.b/..c?to=../x&x=/./ https://example.com/a%20b%2Fc%2f?d=%00&e[0]=f
https://example.com/~a!$&'()*+,;=:@-._?its=http://a.b/?c http://93.184.215.14/hook
http://93.184.215.14:8080 http://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/hook
http://[2606:2800:021F:0:0:0:0:1]:8080/hook http://[2606::5db8:d70e]
http://[::ffff:93.184.215.14]/hook http://[64:ff9b::5db8:d70e]/hook
";

#[test]
fn urls_that_need_no_mending_are_kept_as_they_are() {
    for text in ACCEPTED.split_whitespace() {
        let url = parse(text).unwrap_or_else(|why| panic!("{text}: {why}"));
        assert_eq!(url.as_str(), text);
    }
}

#[test]
fn lengths_up_to_the_limits_are_right_and_one_more_is_not() {
    let url_of = |bytes: usize| format!("https://a.example/{}", "a".repeat(bytes - 18));
    let too_long = BadCallbackUrl::TooLong { bytes: 2_049 };
    assert!(parse(&url_of(CallbackUrl::MAX_LENGTH)).is_ok());
    assert_eq!(parse(&url_of(2_049)), Err(too_long));

    for end in ["", ".", "/", "./", ".:80"] {
        let too_long = BadHost::TooLong { bytes: 254 };
        assert!(parse(&format!("http://{}{end}", name_of(253))).is_ok());
        let parsed = parse(&format!("http://{}{end}", name_of(254)));
        assert_eq!(parsed, Err(too_long.into()), "{end}");
    }

    let url_with = |label: usize| format!("http://www.{}.example/", "a".repeat(label));
    assert!(parse(&url_with(63)).is_ok());
    for bytes in [0, 64] {
        let label = BadHost::Label { bytes };
        assert_eq!(parse(&url_with(bytes)), Err(label.into()));
    }
}

#[test]
fn what_a_parser_would_drop_or_encode_is_refused_wherever_it_stands() {
    let whole = "https://example.com:443/hook?a=b";
    for (kind, characters) in [
        ("Blank", " \t\n\r\0\x0b\x1f\x7f"),
        ("Character", "<>\"^`{|}"),
        ("NotAscii", "\u{80}\u{a0}\u{ad}\u{2028}ü。①／"),
    ] {
        for found in characters.chars() {
            for place in 0..=whole.len() {
                let mut text = whole.to_owned();
                text.insert(place, found);
                let why = format!("{:?}", parse(&text).unwrap_err());
                assert_eq!(why, format!("{kind}({found:?})"), "{text:?}");
            }
        }
    }
}

/// A refusal as `Debug` writes it, and URLs that meet it.
const REFUSED: &str = r"
Backslash | \http://a http:\\a http:/\a http://a\b http://a/b\c http://a?b\c http://a\@b
Fragment | http://a/b#c http://a# http://a#b http://a?b#c # http://a/#b@c http://a#@b
Character('\'') | http://a/?it's http://a/b?who=O'Hara http://a?' http://a/b'c?d=e' http://a/??'=%zz
Scheme | example.com //example.com/ /hook ftp://example.com/ ws://example.com/ file:///etc/passwd
Scheme | javascript:alert(1) httpss://example.com example.com:80 : http ://example.com
Scheme | http//example.com:80/ urn:http://example.com http%3a//example.com +http://example.com
Slashes | http:example.com http:/example.com http:///example.com http:////a.b http: https:/ http:?a
Credentials | http://u@example.com http://u:p@example.com http://@example.com http://@ http://:@a
Credentials | http://example.com:80@93.184.215.14/ http://a@b@c/ http://%40@a
Port | http://example.com:0 http://example.com:65536 http://example.com:/ http://a: http://a:-1
Port | http://example.com:080/ http://a:+80 http://a:8o http://a:00 http://a:99999999 http://a:?b
Port | http://93.184.215.14: http://[2606::1]: http://[2606::1]:0 http://[2606::1]:080
DotSegment | http://a/. http://a/.. http://a/b/../c http://a/./b?c http://a/b/.. http://a/./
DotSegment | http://a/%2e http://a/%2E%2e/b http://a/.%2e/ http://a/%2e./b http://a/..?b
PercentEncoding | http://a/% http://a/%4 http://a/%4g http://a/%%41 http://a/%/41 http://a/%2?5
PercentEncoding | http://a/?% http://a/?a=%zz http://a?b%f http://a/%+1
Host(Missing) | http:// https://?a http://:80 http://:80/ http://. http://./a http://.:80
Host(Label { bytes: 0 }) | http://a..b/ http://.a http://example.com../ http://.. http://127.0.0.1..
Host(Character('%')) | http://ex%61mple.com http://127.0.0.1%2f http://%31.2.3.4 http://%
Host(Character('!')) | http://a!b/ http://!
Host(Character(':')) | http://a:80:80/ http://::g/ http://::127.0.0.1:80:/
Host(Character('[')) | http://a[::1]/ http://a[/
Host(Address) | http://[::1 http://[::1]a/ http://[] http://[::1]] http://[[::1]]/ http://[::1]a:80
Host(Address) | http://[::1%25eth0]/ http://[127.0.0.1]/ http://[v1.a]/ http://2606::1/ http://::1
Host(Address) | http://[::1.2.3]/ http://[1::2::3]/ http://[12345::]/ http://[::0x1]/ http://[
Host(Address) | http://256.1.1.1/ http://1.2.3.4.5/ http://1.2.3.400 http://a.b.1/ http://a.0x1/
Host(Address) | http://0x100000000 http://4294967296 http://09.1.1.1/ http://1.2.3.4_.1
Host(Spelling(127.0.0.1)) | http://0x7f.1 http://0X7F000001/ http://2130706433 http://127.1:80
Host(Spelling(127.0.0.1)) | http://0177.0.0.1 http://017700000001/ http://127.0.0.01 http://127.0.1
Host(Spelling(127.0.0.1)) | http://127.0.0.1. http://127.0.0.1./ http://127.0.0.0x1 http://127.1.
Host(Spelling(0.0.0.0)) | http://0 http://0x http://00/ http://0.0 http://0.0.0.0.
Host(Spelling(169.254.169.254)) | http://0xa9fea9fe http://2852039166/ http://169.254.43518
Host(Spelling(93.184.215.14)) | http://93.184.55054/ http://93.184.215.016 http://93.184.215.14.
Host(Unreadable(IdnaError)) | http://xn--99999999/ http://www.xn--99999999.example/
";

#[test]
fn each_broken_rule_is_told_apart_whatever_may_be_called() {
    let all = ["0.0.0.0/0", "::/0"].map(|network| network.parse().unwrap());
    let all = all.into_iter().fold(Targets::public(), Targets::allow);
    for row in REFUSED.trim().lines() {
        let (why, texts) = row.split_once(" | ").unwrap();
        for text in texts.split(' ') {
            for targets in [&Targets::public(), &all] {
                let refusal = CallbackUrl::parse(text, targets).unwrap_err();
                assert_eq!(format!("{refusal:?}"), why, "{text}");
            }
        }
    }
    assert_eq!(parse(""), Err(BadCallbackUrl::Scheme));
}

#[test]
fn a_host_that_is_an_address_is_judged_at_once() {
    let allow = |network: &str| Targets::public().allow(network.parse().unwrap());
    for (host, address, network) in [
        ("127.0.0.1", "127.0.0.1", "127.0.0.0/8"),
        ("[::1]", "::1", "::1"),
        ("[0:0:0:0:0:0:0:1]", "::1", "::1"),
        ("169.254.169.254", "169.254.169.254", "169.254.0.0/16"),
        ("[::FFFF:10.0.0.1]", "::ffff:10.0.0.1", "10.0.0.0/8"),
        ("[fd00:ec2::254]", "fd00:ec2::254", "fd00::/8"),
    ] {
        let text = format!("https://{host}:8443/hook");
        let why = Targets::public().check(address.parse().unwrap());
        let why = BadHost::Forbidden(why.unwrap_err());
        assert_eq!(parse(&text), Err(why.into()), "{host}");
        assert!(CallbackUrl::parse(&text, &allow(network)).is_ok(), "{host}");
    }
}

#[test]
fn names_of_this_machine_are_right_only_where_loopback_may_be_called() {
    let allow = |network: &str| Targets::public().allow(network.parse().unwrap());
    for host in "localhost LocalHost localhost. a.localhost a.b.LOCALHOST.".split(' ') {
        let text = format!("http://{host}:9000/hook");
        for targets in [Targets::public(), allow("10.0.0.0/8"), allow("fd00::/8")] {
            let parsed = CallbackUrl::parse(&text, &targets);
            assert_eq!(parsed, Err(BadHost::Loopback.into()), "{host}");
        }
        let loopback = Targets::public().with_loopback();
        for targets in [loopback, allow("127.0.0.1"), allow("::1")] {
            assert!(CallbackUrl::parse(&text, &targets).is_ok(), "{host}");
        }
    }
}

fn address_of(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
    }
}

#[test]
fn a_url_knows_its_address_however_it_is_spelled() {
    for (text, address) in [
        ("http://127.0.0.1:1/a", Some("127.0.0.1")),
        ("http://0x7f.1/", Some("127.0.0.1")),
        ("http://[::FFFF:127.0.0.1]/", Some("::ffff:127.0.0.1")),
        ("http://127.0.0.1.example.com/", None),
        ("no URL", None),
        ("mailto:a@b.c", None),
    ] {
        let url = CallbackUrl::stored(text.to_owned());
        let address = address.map(|address| address.parse().unwrap());
        assert_eq!(url.url().and_then(address_of), address, "{text}");
    }
}

#[test]
fn a_url_is_shown_and_serialized_as_its_text() {
    let text = "HTTP://Example.com";
    let url = parse(text).unwrap();
    let json = serde_json::to_value(&url).unwrap();
    assert_eq!(url.to_string(), text);
    assert_eq!(json.as_str(), Some(text));
    assert_eq!(url, CallbackUrl::stored(text.to_owned()));
}

#[test]
fn the_net_beneath_the_rules_holds_each_part() {
    let text = "http://example.com:81/hook?a";
    let parts = Parts::split(text).unwrap();
    let check = |other: &str| check_unmended(&parts, &Url::parse(other).unwrap());
    assert_eq!(check(text), Ok(()));
    for other in [
        "https://example.com:81/hook?a",
        "http://example.org:81/hook?a",
        "http://93.184.215.14:81/hook?a",
        "http://[2606::1]:81/hook?a",
        "http://example.com:82/hook?a",
        "http://example.com/hook?a",
        "http://example.com:81/hooks?a",
        "http://example.com:81/hook?b",
        "http://example.com:81/hook?a#b",
    ] {
        assert!(check(other).is_err(), "{other}");
    }
}

/// A URL, and the caller's error for it.
const TOLD: &str = r"
http://a/ b | has ' ' in it; drop or percent-encode it.
http://bücher.example | has 'ü' in it; write hosts in their xn-- form and percent-encode the rest.
http:\\a | has a backslash in it; write / or %5C.
http://a/#b | has a fragment, which is never sent; end it at the #.
http://a/<b> | has '<' in it; percent-encode it.
http://a/b?who=O'Hara | has '\'' in it; percent-encode it.
ftp://a | must begin with http:// or https://.
http:/a | must have exactly two slashes after the scheme.
http://u:p@a | must not name a user or password; begin with the host.
http://a:0 | must have a port from 1 to 65535, or neither colon nor port.
http://a/../b | has a . or .. as a part of its path; write the path it leads to.
http://a/% | has a % without two hex digits; write %25 for the sign itself.
http:// | has no host; name one after the two slashes.
http://a..b | has a part of 0 bytes between the dots of its host name; 1 to 63 are right.
http://a*b | has '*' in its host; use letters, digits, hyphens, underscores and dots.
http://1.2.3.4.5 | has a malformed address; write IPv4 as 192.0.2.1 and IPv6 in square brackets.
http://127.1 | has an address in an odd spelling; write 127.0.0.1.
http://xn--99999999 | has a bad host (invalid international domain name); check its xn-- form.
http://localhost | must lead to a public host; this one is the desk's own machine.
http://10.0.0.1 | must lead to a public address, but 10.0.0.1 is private (RFC 1918).
";

#[test]
fn each_refusal_says_what_is_wrong_and_what_would_be_right() {
    for row in TOLD.trim().lines() {
        let (text, told) = row.split_once(" | ").unwrap();
        let why = parse(text).unwrap_err();
        assert_eq!(why.to_string(), format!("The callback URL {told}"));
    }
    let long = BadCallbackUrl::TooLong { bytes: 2_049 };
    let long_host = BadCallbackUrl::Host(BadHost::TooLong { bytes: 254 });
    let mended = BadCallbackUrl::Mended;
    for (why, told) in [
        (long, "has 2049 bytes; the most are 2048."),
        (long_host, "has a host name of 254 bytes; the most are 253."),
        (mended, "is not in the normal form of RFC 3986; write it in that."),
    ] {
        assert_eq!(why.to_string(), format!("The callback URL {told}"));
    }
}

/// Texts that often are callback URLs and often just fail to be.
fn near_urls() -> impl Strategy<Value = String> {
    let start = prop_oneof![
        16 => "(http|https|HTTP|hTTps)://",
        1 => "(http|https):/{0,4}",
        1 => "[a-z]{0,5}:?//",
    ];
    let host = prop_oneof![
        4 => r"([a-zA-Z0-9_-]{1,8}\.){0,3}[a-zA-Z][a-zA-Z0-9-]{0,8}\.?",
        4 => r"[1-9][0-9]{0,2}(\.[1-9][0-9]?){3}",
        2 => r"(0x)?[0-9a-f]{1,9}(\.(0x|0)?[0-7]{1,3}){0,4}\.?",
        4 => r"\[2[0-9a-f]{3}(:[0-9a-fA-F]{1,4}){7}\]",
        2 => r"\[[0-9a-f]{0,4}(::?[0-9a-f]{0,4}){0,8}(:[0-9.]{7})?\]?",
        1 => r"(xn--[a-z0-9-]{1,8}|([a-z]\.)?localhost)\.?",
        1 => "[ -~]{0,12}",
    ];
    let port = prop_oneof![4 => "", 4 => ":(80|443|[1-9][0-9]{0,3})", 1 => ":[0-9]{0,6}"];
    let path = prop_oneof![
        6 => "(/[a-zA-Z0-9.~!$&'()*+,;=:@_-]{0,6}){0,4}",
        2 => r"(/(\.|%2e|%2E|%41|a){0,3}){0,3}",
        1 => "/?[ -~]{0,8}",
    ];
    let query = prop_oneof![4 => "", 4 => r"\?[a-z0-9'&=/?.\[\]-]{0,12}", 1 => r"\?.{0,6}"];
    (start, host, port, path, query)
        .prop_map(|(start, host, port, path, query)| format!("{start}{host}{port}{path}{query}"))
}

/// The rules again, from the parser's side: the parsed `Url` must be the text that was given.
fn assert_sent_as_given(text: &str) {
    let url = Url::parse(text).expect("an accepted URL can be parsed");
    let (scheme, rest) = text.split_once("://").expect("it has two slashes");
    let (authority, tail) = cut_before(rest, &['/', '?']);
    let authority = authority.to_ascii_lowercase();
    let default = if url.scheme() == "http" { ":80" } else { ":443" };
    let authority = authority.strip_suffix(default).unwrap_or(&authority);
    let sent_authority = match url.host().expect("it has a host") {
        Host::Domain(name) => {
            assert_right(name);
            authority.to_owned()
        }
        Host::Ipv4(address) => {
            assert_eq!(Targets::public().check(address.into()), Ok(()));
            authority.to_owned()
        }
        Host::Ipv6(address) => {
            assert_eq!(Targets::public().check(address.into()), Ok(()));
            let (given, port) = authority.split_once(']').expect("it has brackets");
            assert_eq!(given[1..].parse(), Ok(address));
            format!("{}{port}", url.host_str().expect("it has a host"))
        }
    };
    let scheme = scheme.to_ascii_lowercase();
    let (path, query) = cut_before(tail, &['?']);
    let path = if path.is_empty() { "/" } else { path };
    assert_eq!(url.as_str(), format!("{scheme}://{sent_authority}{path}{query}"));
    assert!(text.is_ascii() && text.len() <= 2_048);
}

fn assert_right(name: &str) {
    let name = name.strip_suffix('.').unwrap_or(name);
    let belongs = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
    assert!(name.bytes().all(belongs) && name.len() <= 253, "{name}");
    let fits = |label: &str| (1..=63).contains(&label.len());
    assert!(name.split('.').all(fits), "{name}");
    assert_ne!(name.rsplit('.').next(), Some("localhost"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_accepted_is_sent_as_it_was_given(
        text in prop_oneof![9 => near_urls(), 1 => any::<String>()],
    ) {
        if let Ok(url) = parse(&text) {
            prop_assert_eq!(url.as_str(), &text);
            assert_sent_as_given(&text);
        }
    }
}
