//! Host names: their syntax, and names with a fixed or private meaning.

use std::net::Ipv6Addr;

use super::bad_host::{BadHost, MAX_LABEL, MAX_NAME};

/// Checks the syntax of a URL's host; the addresses that it resolves to are checked elsewhere.
pub(super) fn check_host(host: &str) -> Result<(), BadHost> {
    if let Some(bracketed) = host.strip_prefix('[') {
        let address = bracketed.strip_suffix(']').ok_or(BadHost::Address)?;
        let valid = address.parse::<Ipv6Addr>().is_ok();
        return if valid { Ok(()) } else { Err(BadHost::Address) };
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    if name.is_empty() {
        return Err(BadHost::Missing);
    }
    let belongs = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if let Some(found) = name.chars().find(|c| !belongs(c)) {
        return Err(BadHost::Character(found));
    }
    if name.len() > MAX_NAME {
        return Err(BadHost::TooLong { bytes: name.len() });
    }
    let fits = |label: &&str| (1..=MAX_LABEL).contains(&label.len());
    match name.split('.').find(|label| !fits(label)) {
        Some(label) => Err(BadHost::Label { bytes: label.len() }),
        None => Ok(()),
    }
}

/// Whether `name` is not in the public DNS: a name without a dot, one below a domain that is
/// reserved for private networks, or one that encodes an address for a resolver to return.
pub(super) fn is_private(name: &str) -> bool {
    /// RFC 6762 (`local`), RFC 8375 (`home.arpa`), ICANN's resolution of 2024 (`internal`), RFC
    /// 6761 and RFC 7686 (the next four), and domains that routers and companies use without a
    /// standard.
    const DOMAINS: [&str; 12] = [
        "local",
        "home.arpa",
        "internal",
        "test",
        "invalid",
        "example",
        "onion",
        "localdomain",
        "lan",
        "home",
        "corp",
        "intranet",
    ];
    /// Services that resolve `10-0-0-1.…` to 10.0.0.1.
    const ECHOES: [&str; 5] = ["nip.io", "sslip.io", "xip.io", "localtest.me", "lvh.me"];
    let name = plain(name);
    let below = |domain: &&str| {
        name.strip_suffix(*domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    !name.contains('.') || DOMAINS.iter().chain(&ECHOES).any(below)
}

/// Whether `name` stands for this machine by definition (RFC 6761 §6.3): resolvers answer it
/// without a query, so the guard does too.
pub(super) fn is_loopback(name: &str) -> bool {
    let name = plain(name);
    name == "localhost" || name.ends_with(".localhost")
}

/// A name in lower case, without a trailing dot.
fn plain(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}
