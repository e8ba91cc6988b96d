//! The guard against server-side request forgery: which URLs may be registered, which addresses may
//! be called.
//!
//! With a webhook, a stranger chooses the target of the desk's requests; without a guard it could
//! be the operator's own network. There is one check, [`check_target`], and it runs twice: on a URL when
//! it is registered, and on the very addresses that its name resolves to when it is called, because
//! a name may resolve to another address by then.
//!
//! One idea keeps the first check short: *what is sent is what was given*. URL parsers repair
//! malformed texts, each in its own way; a text that needs repair is refused, so that any other can
//! be read in one way only.

use std::net::IpAddr;

use url::Host;

mod bad_host;
mod callback_url;
mod host_name;
mod nat64;
mod network;
mod ranges;
mod targets;

pub use bad_host::{BadHost, Forbidden};
pub use callback_url::{BadCallbackUrl, CallbackUrl};
pub use nat64::{BadNat64Prefix, Nat64Prefix};
pub use network::{BadNetwork, Network};
pub use targets::Targets;

/// Whether a desk with these `targets` may call a host.
///
/// `host` is the URL's own; nothing else of an accepted URL matters. `leads_to` are all the
/// addresses that it resolves to: `None` before resolution, and just the peer's address once a
/// connection stands. One forbidden address forbids them all: a name that resolves to a public and
/// a private address may be an attempt to have the second one tried.
///
/// # Errors
/// The first reason against the call.
pub fn check_target(
    host: &Host<&str>,
    leads_to: Option<&[IpAddr]>,
    targets: &Targets,
) -> Result<(), BadHost> {
    match *host {
        Host::Domain(name) => targets.check_name(name),
        Host::Ipv4(address) => targets.check_literal(address.into()),
        Host::Ipv6(address) => targets.check_literal(address.into()),
    }?;
    match leads_to {
        None => Ok(()),
        Some([]) => Err(BadHost::Nowhere),
        Some(addresses) => {
            let mut each = addresses.iter();
            each.try_for_each(|address| targets.check(*address)).map_err(BadHost::Forbidden)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(name: &str, leads_to: &[&str], targets: &Targets) -> &'static str {
        let addresses: Vec<IpAddr> = leads_to.iter().map(|one| one.parse().unwrap()).collect();
        check_target(&Host::Domain(name), Some(&addresses), targets)
            .map_or_else(|bad| bad.name(), |()| "ok")
    }

    #[test]
    fn one_forbidden_address_forbids_all_wherever_it_stands() {
        let public = Targets::public();
        for (leads_to, expected) in [
            (&["93.184.215.14"][..], "ok"),
            (&["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"], "ok"),
            (&["10.0.0.1"], "private"),
            (&["93.184.215.14", "10.0.0.1"], "private"),
            (&["10.0.0.1", "93.184.215.14"], "private"),
            (&["93.184.215.14", "1.1.1.1", "::1"], "loopback"),
            (&[], "nowhere"),
        ] {
            assert_eq!(judge("partner.com", leads_to, &public), expected, "{leads_to:?}");
        }
        let allowed = public.allow("10.0.0.0/8".parse().unwrap());
        assert_eq!(judge("partner.com", &["93.184.215.14", "10.0.0.1"], &allowed), "ok");
        assert_eq!(judge("partner.com", &["10.0.0.1", "192.168.0.1"], &allowed), "private");
    }

    #[test]
    fn a_name_of_this_machine_is_no_better_for_leading_elsewhere() {
        let public = Targets::public();
        for name in ["localhost", "LOCALHOST.", "a.localhost"] {
            assert_eq!(judge(name, &["93.184.215.14"], &public), "loopback_name");
        }
        assert_eq!(judge("localhost", &["127.0.0.1", "::1"], &public.with_loopback()), "ok");
    }

    #[test]
    fn who_is_at_the_other_end_is_judged_also_where_the_host_is_an_address() {
        let host = Host::Ipv4([93, 184, 215, 14].into());
        let public = Targets::public();
        assert_eq!(check_target(&host, Some(&[[93, 184, 215, 14].into()]), &public), Ok(()));
        let other = check_target(&host, Some(&[[127, 0, 0, 1].into()]), &public).unwrap_err();
        assert_eq!(other.name(), "loopback");
    }
}
