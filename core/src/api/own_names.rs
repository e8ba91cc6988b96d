//! The desk's own names, and the rule for calls that browsers send.
//!
//! A browser says which page a call comes from: `Origin` (RFC 6454) and, where it trusts the
//! connection, the `Sec-Fetch-…` headers (W3C Fetch Metadata). Other clients send neither, and this
//! rule does not concern them.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use url::Url;

use crate::api::cross_origins::CrossOrigins;
use crate::api::{Api, Call, Code, Problem};

/// The names by which browsers may call the desk.
#[derive(Clone, Debug)]
pub enum OwnNames {
    /// The name of each call: the platform in front passes on no call for another.
    OfEachCall,
    Known {
        /// Whether loopback names are among them, with any port: that of a tunnel differs.
        loopback: bool,
        public: Vec<PublicUrl>,
    },
}

impl Default for OwnNames {
    /// None: pages of no origin may change the desk.
    fn default() -> Self {
        Self::Known { loopback: false, public: Vec::new() }
    }
}

impl OwnNames {
    /// Whether the call names no host but the desk's own. Otherwise the page may come from a host
    /// whose name was made to resolve to the desk (DNS rebinding), and is of one origin with it.
    pub(super) fn has_host_of(&self, call: &Call<'_>) -> bool {
        let has = |host: &str| match self {
            Self::OfEachCall => true,
            Self::Known { loopback, public } => {
                let named = |url: &PublicUrl| url.is_named(host);
                *loopback && is_loopback(host) || public.iter().any(named)
            }
        };
        call.header("host").is_some() && call.all("host").all(has)
    }

    /// Whether `origin` is the desk's: that of a public URL, or of the host that the call names.
    /// (Not for a public name: its scheme counts, and a proxy may have changed its port.)
    pub(super) fn has_origin(&self, origin: &str, call: &Call<'_>) -> bool {
        let of_call = authority(origin).zip(call.header("host")).is_some_and(|(of, host)| {
            let owns = matches!(self, Self::OfEachCall) || is_loopback(host);
            owns && of.eq_ignore_ascii_case(host)
        });
        match self {
            Self::OfEachCall | Self::Known { loopback: true, .. } if of_call => true,
            Self::OfEachCall => false,
            Self::Known { public, .. } => public.iter().any(|url| url.origin() == origin),
        }
    }
}

/// Refuses what a browser sends under a foreign name, and what a foreign page would change.
pub(super) fn check(
    names: &OwnNames,
    others: &CrossOrigins,
    call: &Call<'_>,
) -> Result<(), Problem> {
    if !call.headers.iter().any(|(name, value)| is_of_browser(name, value)) {
        return Ok(());
    }
    if !names.has_host_of(call) {
        return Err(cross_site("The Host header is no name by which browsers may call the desk."));
    }
    let is_own = call.all("sec-fetch-site").all(|site| matches!(site, "same-origin" | "none"))
        && call.all("origin").all(|origin| names.has_origin(origin, call));
    let may_change = is_own || others.page_of(names, call).is_some();
    if may_change || matches!(call.method, "GET" | "HEAD") {
        return Ok(());
    }
    Err(cross_site("A browser sent this call for a page of another origin."))
}

/// Refuses a change by the cookie of a session, unless a browser says that one of the desk's own pages
/// sent it: what it says otherwise was [checked](check).
pub(super) fn check_cookie(call: &Call<'_>) -> Result<(), Problem> {
    let is_own = call.header("origin").is_some()
        || call.all("sec-fetch-site").any(|site| site == "same-origin");
    if is_own || matches!(call.method, "GET" | "HEAD") {
        return Ok(());
    }
    Err(cross_site("With the cookie of a session only the desk's own page may change something."))
}

/// Refuses to sign a browser in for a page of another origin, which would choose as whom.
pub(super) fn check_sign_in(api: &Api, call: &Call<'_>) -> Result<(), Problem> {
    match api.cross_origins.page_of(&api.names, call) {
        Some(_) => Err(cross_site("A page of another origin sends its key with each call.")),
        None => Ok(()),
    }
}

/// `fetch` of Node.js sends the mode too, but that alone, where browsers say the site as well.
fn is_of_browser(name: &str, value: &str) -> bool {
    name == "origin"
        || name.starts_with("sec-fetch-") && (name, value) != ("sec-fetch-mode", "cors")
}

fn cross_site(what: &str) -> Problem {
    let detail = format!(
        "{what} Send it from the desk's own page, or from a program. A server that browsers reach \
         by another name is to be started with that as --public-url https://desk.example."
    );
    Problem::new(Code::CrossSite, detail)
}

/// A URL under which browsers reach the desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(Url);

/// Why a text is no public URL: what it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPublicUrl;

impl fmt::Display for BadPublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "give a URL with http or https and a host, and without credentials, query or fragment, \
             as in https://desk.example",
        )
    }
}

impl std::error::Error for BadPublicUrl {}

impl PublicUrl {
    /// # Errors
    /// [`BadPublicUrl`] when it is none.
    pub fn parse(text: &str) -> Result<Self, BadPublicUrl> {
        let url = Url::parse(text.trim()).map_err(|_| BadPublicUrl)?;
        let is_plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        let is_http = matches!(url.scheme(), "http" | "https") && url.has_host();
        if is_http && is_plain { Ok(Self(url)) } else { Err(BadPublicUrl) }
    }

    /// The desk's page.
    pub(super) fn page(&self) -> String {
        let url = self.0.as_str();
        if url.ends_with('/') { url.to_owned() } else { format!("{url}/") }
    }

    /// Whether browsers reach it by HTTPS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// Whether `host`, with or without a port, has its name. A proxy may leave out the port or put
    /// its own.
    fn is_named(&self, host: &str) -> bool {
        let named =
            |name: &str| self.0.host_str().is_some_and(|own| own.eq_ignore_ascii_case(name));
        name_and_port(host).is_some_and(|(name, port)| named(name) && is_port(port))
    }
}

/// The host and port of an origin.
pub(super) fn authority(origin: &str) -> Option<&str> {
    origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"))
}

/// Whether `host`, with or without a port, is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let Some((name, port)) = name_and_port(host) else { return false };
    let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_local = match address {
        Some(address) => address.parse().is_ok_and(|address: Ipv6Addr| address.is_loopback()),
        None => {
            name.eq_ignore_ascii_case("localhost")
                || name.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback())
        }
    };
    is_local && is_port(port)
}

/// The name, or the address in its brackets, and what follows it.
fn name_and_port(host: &str) -> Option<(&str, &str)> {
    if host.starts_with('[') {
        return host.split_at_checked(host.find(']')? + 1);
    }
    host.split_at_checked(host.find(':').unwrap_or(host.len()))
}

fn is_port(text: &str) -> bool {
    text.is_empty() || text.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Headers<'a> = &'a [(&'a str, &'a str)];

    fn known(loopback: bool, public: &[&str]) -> OwnNames {
        let public = public.iter().map(|url| PublicUrl::parse(url).unwrap()).collect();
        OwnNames::Known { loopback, public }
    }

    fn refused(names: &OwnNames, method: &str, headers: Headers<'_>) -> Option<Code> {
        let headers = headers.to_vec();
        let call = Call { method, path: "/webhooks/ping", query: "", headers, body: b"" };
        check(names, &CrossOrigins::default(), &call).err().map(|problem| problem.code)
    }

    const SAME: (&str, &str) = ("sec-fetch-site", "same-origin");
    const LOCAL: (&str, &str) = ("host", "127.0.0.1:8080");
    const DESK: (&str, &str) = ("host", "desk.example");

    #[test]
    fn programs_are_not_concerned() {
        for names in [OwnNames::OfEachCall, OwnNames::default(), known(true, &[])] {
            let node = [("host", "any.example"), ("sec-fetch-mode", "cors")];
            for headers in [&[][..], &node[..1], &node, &[("referer", "http://a.example")]] {
                assert_eq!(refused(&names, "POST", headers), None, "{names:?} {headers:?}");
            }
        }
    }

    #[test]
    fn the_desks_own_pages_may_change_it() {
        let listens = known(true, &[]);
        let public = known(false, &["https://desk.example/path/", "http://10.0.0.1:8080"]);
        let both = known(true, &["http://localhost:5173", "https://desk.example"]);
        let table: [(&OwnNames, Headers<'_>); 11] = [
            (&listens, &[LOCAL, SAME]),
            (&listens, &[LOCAL, ("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")]),
            (&listens, &[LOCAL, ("origin", "http://127.0.0.1:8080"), SAME]),
            (&listens, &[("host", "[::1]:9000"), ("origin", "http://[::1]:9000")]),
            (&public, &[DESK, ("origin", "https://desk.example"), SAME]),
            (&public, &[("host", "Desk.Example:8080"), ("origin", "https://desk.example")]),
            (&public, &[("host", "10.0.0.1"), ("origin", "http://10.0.0.1:8080")]),
            // A proxy that leaves the desk's own address in Host.
            (&both, &[LOCAL, ("origin", "https://desk.example"), SAME]),
            (&both, &[LOCAL, ("origin", "http://localhost:5173"), SAME]),
            (&OwnNames::OfEachCall, &[DESK, ("origin", "https://desk.example"), SAME]),
            (
                &OwnNames::OfEachCall,
                &[("host", "Desk.example:1"), ("origin", "http://desk.example:1")],
            ),
        ];
        for (names, headers) in table {
            for method in ["POST", "PATCH", "DELETE", "GET"] {
                assert_eq!(refused(names, method, headers), None, "{method} {headers:?}");
            }
        }
    }

    #[test]
    fn a_page_of_another_origin_reads_at_most() {
        let names = known(true, &["https://desk.example"]);
        let pages: [&[(&str, &str)]; 13] = [
            &[LOCAL, ("sec-fetch-site", "cross-site")],
            &[LOCAL, ("sec-fetch-site", "same-site")],
            &[LOCAL, ("sec-fetch-site", "")],
            &[LOCAL, SAME, ("sec-fetch-site", "cross-site")],
            &[LOCAL, ("sec-fetch-site", "cross-site"), ("origin", "http://127.0.0.1:8080")],
            &[LOCAL, ("origin", "null")],
            &[LOCAL, ("origin", "")],
            &[LOCAL, ("origin", "https://page.example"), SAME],
            &[LOCAL, ("origin", "http://127.0.0.1:3000")],
            &[LOCAL, ("origin", "http://localhost:8080")],
            &[LOCAL, ("origin", "http://127.0.0.1:8080"), ("origin", "https://page.example")],
            &[DESK, ("origin", "http://desk.example")],
            &[DESK, ("origin", "https://desk.example:8443")],
        ];
        for page in pages {
            for method in ["POST", "PATCH", "DELETE", "PUT", "OPTIONS", "get"] {
                assert_eq!(
                    refused(&names, method, page),
                    Some(Code::CrossSite),
                    "{method} {page:?}"
                );
            }
            for method in ["GET", "HEAD"] {
                assert_eq!(refused(&names, method, page), None, "{method} {page:?}");
            }
        }
        let routed = [DESK, ("origin", "https://page.example")];
        assert_eq!(refused(&OwnNames::OfEachCall, "POST", &routed), Some(Code::CrossSite));
    }

    #[test]
    fn a_browser_may_not_even_read_under_a_foreign_name() {
        let names = known(true, &["https://desk.example"]);
        let hosts: [&[(&str, &str)]; 6] = [
            &[],
            &[("host", "page.example")],
            &[("host", "desk.example.page.example")],
            &[("host", "127.0.0.1.page.example:8080")],
            &[("host", "desk.example:x")],
            &[LOCAL, ("host", "page.example")],
        ];
        for host in hosts {
            for told in [SAME, ("origin", "http://page.example"), ("sec-fetch-mode", "no-cors")] {
                let headers = [host, &[told]].concat();
                assert_eq!(refused(&names, "GET", &headers), Some(Code::CrossSite), "{headers:?}");
            }
            assert_eq!(refused(&names, "GET", host), None, "{host:?}");
        }
        let nowhere = known(false, &[]);
        assert_eq!(refused(&nowhere, "GET", &[LOCAL, SAME]), Some(Code::CrossSite));
    }

    #[test]
    fn public_urls_are_plain() {
        for text in ["https://desk.example", " http://10.0.0.1:8080/desk/", "https://[::1]"] {
            assert!(PublicUrl::parse(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "desk.example",
            "//desk.example",
            "ftp://desk.example",
            "https://u@desk.example",
            "https://:p@desk.example",
            "https://desk.example/?a",
            "https://desk.example/#a",
            "data:text/plain,a",
        ] {
            assert_eq!(PublicUrl::parse(text), Err(BadPublicUrl), "{text}");
        }
    }
}
