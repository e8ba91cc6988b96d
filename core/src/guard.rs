//! The guard at the desk's way out: which URLs may be registered, which addresses may be called.
//!
//! A webhook lets a stranger choose where our requests go; without a guard it could be our own
//! network (server-side request forgery). There is one judge, [`verdict`], and it is asked twice: of
//! a URL when it is registered, and of the very addresses that its name was resolved to when it is
//! called, because a name may stand for another address by then.
//!
//! One idea keeps the first check short: *what is sent is what was given*. Parsers of URLs mend,
//! and no two mend alike; a text that needs mending is refused, so that what is left can only be
//! read in one way.

use std::net::IpAddr;

use url::Host;

mod bad_url;
mod callback_url;
mod host_name;
mod network;
mod ranges;
mod targets;

pub use bad_url::{BadCallbackUrl, BadHost};
pub use callback_url::CallbackUrl;
pub use network::{BadNetwork, Network};
pub use targets::{Forbidden, Targets};

/// Whether a host may be called that has these `targets`.
///
/// `host` is the URL's own; nothing else of a URL that was taken has a say. `leads_to` are all the
/// addresses that it was resolved to: `None` before anyone asked, and just the one of the other end
/// when a connection stands. One address that must not be called forbids them all: who answers with
/// a public and a private address hopes that the second is tried.
///
/// # Errors
/// The first thing that is wrong.
pub fn verdict(
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
        verdict(&Host::Domain(name), Some(&addresses), targets)
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
        assert_eq!(verdict(&host, Some(&[[93, 184, 215, 14].into()]), &public), Ok(()));
        let other = verdict(&host, Some(&[[127, 0, 0, 1].into()]), &public).unwrap_err();
        assert_eq!(other.name(), "loopback");
    }
}
