//! Pages of other origins that may call the desk (CORS, in the Fetch standard).
//!
//! Origins are named, and a page of theirs shows an API key, as a program does: the cookie of a session
//! does not count from there, and a browser cannot sign in.

use std::fmt;

use url::Url;

use crate::api::{Call, OwnNames, Response};

/// The methods of all routes.
const METHODS: &str = "GET, POST, PATCH, DELETE";
/// The request headers that mean something to the desk, besides those that need no leave.
const REQUEST_HEADERS: &str = "authorization, content-type, idempotency-key, last-event-id";
/// The response headers that mean something to a caller.
const RESPONSE_HEADERS: &str =
    "idempotent-replayed, location, ratelimit, ratelimit-policy, request-id, retry-after";
/// Seconds for which a browser need not ask again: as long as an origin that is named no more may
/// still begin calls, which are refused.
const MAX_AGE_S: &str = "600";

/// Other origins whose pages may call the desk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CrossOrigins(Vec<String>);

/// Why a text is no origin: what it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadOrigin;

impl fmt::Display for BadOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("give the origin of a page, as in https://console.example, and no pattern")
    }
}

impl std::error::Error for BadOrigin {}

impl CrossOrigins {
    /// # Errors
    /// [`BadOrigin`] when a text is none.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, BadOrigin> {
        texts.into_iter().map(origin).collect::<Result<_, _>>().map(Self)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one of these whose page sent the call. The desk's own pages are not of another origin.
    pub(super) fn page_of<'a>(&self, names: &OwnNames, call: &Call<'a>) -> Option<&'a str> {
        let origin = self.named(call.all("origin"))?;
        (!names.has_origin(origin, call)).then_some(origin)
    }

    pub(super) fn preflight(&self, names: &OwnNames, call: &Call<'_>) -> Option<Response> {
        let is_asked = call.header("access-control-request-method").is_some();
        if call.method != "OPTIONS" || !is_asked || !names.has_host_of(call) {
            return None;
        }
        self.page_of(names, call)?;
        let headers = vec![
            ("access-control-allow-methods", METHODS.to_owned()),
            ("access-control-allow-headers", REQUEST_HEADERS.to_owned()),
            ("access-control-max-age", MAX_AGE_S.to_owned()),
            ("cache-control", "no-store".to_owned()),
        ];
        Some(Response { status: 204, headers, body: String::new() })
    }

    pub(super) fn headers<'a>(
        &self,
        origins: impl IntoIterator<Item = &'a str>,
    ) -> Vec<(&'static str, String)> {
        if self.is_empty() {
            return Vec::new();
        }
        // What a cache keeps for one origin is not for another.
        let mut headers = vec![("vary", "origin".to_owned())];
        if let Some(origin) = self.named(origins) {
            headers.push(("access-control-allow-origin", origin.to_owned()));
            headers.push(("access-control-expose-headers", RESPONSE_HEADERS.to_owned()));
        }
        headers
    }

    /// The origin, if it is the only one and among these.
    fn named<'a>(&self, origins: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
        let mut origins = origins.into_iter();
        let origin = origins.next().filter(|_| origins.next().is_none())?;
        self.0.iter().any(|named| named == origin).then_some(origin)
    }
}

/// An origin as browsers write it.
fn origin(text: &str) -> Result<String, BadOrigin> {
    let url = Url::parse(text.trim()).map_err(|_| BadOrigin)?;
    let is_http = matches!(url.scheme(), "http" | "https");
    let is_plain = url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    let is_pattern = url.host_str().is_none_or(|host| host.contains('*'));
    let is_origin = is_http && is_plain && !is_pattern;
    if is_origin { Ok(url.origin().ascii_serialization()) } else { Err(BadOrigin) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Api, Callers, Code, LiveKeys, PublicUrl, SessionCookie};
    use crate::guard::Targets;
    use crate::model::millis::Millis;

    type Headers<'a> = &'a [(&'static str, &'a str)];

    const CONSOLE: &str = "https://console.example";
    const DESK: (&str, &str) = ("host", "desk.example");
    const ORIGIN: (&str, &str) = ("origin", CONSOLE);
    const ASKED: (&str, &str) = ("access-control-request-method", "POST");
    const KEY: &str = "correct-horse-battery";

    fn api(names: OwnNames) -> Api {
        let cross_origins = CrossOrigins::parse([CONSOLE]).unwrap();
        let cookie = Some(SessionCookie::secure());
        let api = Api::new(Callers::with_key(KEY), names, Targets::public());
        Api { cookie, cross_origins, ..api }
    }

    fn public() -> Api {
        let public = vec![PublicUrl::parse("https://desk.example").unwrap()];
        api(OwnNames::Known { loopback: false, public })
    }

    fn call<'a>(method: &'a str, headers: Headers<'a>) -> Call<'a> {
        Call { method, path: "/tickets", query: "", headers: headers.to_vec(), body: b"" }
    }

    fn refused(api: &Api, method: &str, headers: Headers<'_>) -> Option<Code> {
        let keys = LiveKeys::none(Millis(0));
        api.admit(&call(method, headers), keys).err().map(|problem| problem.code)
    }

    #[test]
    fn origins_are_named_one_by_one() {
        for text in [CONSOLE, " https://console.example/ ", "HTTPS://Console.Example:443"] {
            let named = CrossOrigins::parse([text]);
            assert_eq!(named, Ok(CrossOrigins(vec![CONSOLE.to_owned()])), "{text}");
        }
        assert!(CrossOrigins::parse(["http://127.0.0.1:5173", "http://[::1]:1"]).is_ok());
        for text in [
            "*",
            "https://*",
            "https://*.example",
            "null",
            "",
            "console.example",
            "https://console.example/desk",
            "https://console.example/?a",
            "https://console.example/#a",
            "https://a@console.example",
            "file:///page.html",
        ] {
            assert_eq!(CrossOrigins::parse([CONSOLE, text]), Err(BadOrigin), "{text}");
        }
    }

    #[test]
    fn a_preflight_of_a_named_origin_needs_no_key() {
        for api in [public(), api(OwnNames::OfEachCall)] {
            let response = api.preflight(&call("OPTIONS", &[DESK, ORIGIN, ASKED])).unwrap();
            assert_eq!((response.status, response.body.as_str()), (204, ""));
            let names: Vec<_> = response.headers.iter().map(|(name, _)| *name).collect();
            assert!(!names.contains(&"access-control-allow-credentials"), "{names:?}");
            let others: [(&str, Headers<'_>); 7] = [
                ("OPTIONS", &[DESK, ORIGIN]),
                ("GET", &[DESK, ORIGIN, ASKED]),
                ("OPTIONS", &[DESK, ASKED]),
                ("OPTIONS", &[DESK, ("origin", "https://page.example"), ASKED]),
                ("OPTIONS", &[DESK, ("origin", "null"), ASKED]),
                ("OPTIONS", &[DESK, ORIGIN, ("origin", "https://page.example"), ASKED]),
                ("OPTIONS", &[ORIGIN, ASKED]),
            ];
            for (method, headers) in others {
                assert_eq!(api.preflight(&call(method, headers)), None, "{method} {headers:?}");
            }
        }
        let rebound = [("host", "page.example"), ORIGIN, ASKED];
        assert_eq!(public().preflight(&call("OPTIONS", &rebound)), None);
    }

    #[test]
    fn a_named_page_changes_with_a_key_and_others_do_not() {
        let bearer = format!("Bearer {KEY}");
        let key = ("authorization", bearer.as_str());
        let page = ("origin", "https://page.example");
        let site = ("sec-fetch-site", "same-site");
        for api in [public(), api(OwnNames::OfEachCall)] {
            for method in ["GET", "DELETE"] {
                assert_eq!(refused(&api, method, &[DESK, ORIGIN, site]), Some(Code::Unauthorized));
            }
            let keyed = [DESK, ORIGIN, site, key];
            let ping = Call { path: "/webhooks/ping", ..call("POST", &keyed) };
            assert!(api.admit(&ping, LiveKeys::none(Millis(0))).is_ok());
            let twice = [DESK, ORIGIN, page, key];
            for headers in [&[DESK, page, key][..], &twice] {
                assert_eq!(refused(&api, "POST", headers), Some(Code::CrossSite), "{headers:?}");
            }
        }
    }

    #[test]
    fn its_cookies_do_not_count() {
        let api = public();
        let cookie = ("cookie", "__Host-hookdesk=hds_x");
        let own = ("origin", "https://desk.example");
        for (origin, wanted) in [(ORIGIN, None), (own, Some("hds_x"))] {
            let headers = [DESK, origin, cookie];
            let found = crate::api::session_cookie::of(&api, &call("POST", &headers));
            assert_eq!(found, wanted, "{origin:?}");
        }
    }

    #[test]
    fn an_origin_that_is_the_desks_own_is_no_other() {
        let cross_origins = CrossOrigins::parse(["https://desk.example"]).unwrap();
        let api = Api { cross_origins, ..public() };
        let own = [DESK, ("origin", "https://desk.example"), ("cookie", "__Host-hookdesk=a")];
        assert_eq!(crate::api::session_cookie::of(&api, &call("POST", &own)), Some("a"));
    }

    #[test]
    fn responses_are_shared_with_the_named_origin_alone() {
        let api = public();
        let shared = |origins: &[&'static str]| {
            let headers = api.sharing_headers(origins.iter().copied());
            assert_eq!(headers[0], ("vary", "origin".to_owned()));
            headers.get(1).cloned()
        };
        let wanted = ("access-control-allow-origin", CONSOLE.to_owned());
        assert_eq!(shared(&[CONSOLE]), Some(wanted));
        assert_eq!(shared(&[]), None);
        assert_eq!(shared(&["https://page.example"]), None);
        assert_eq!(shared(&[CONSOLE, CONSOLE]), None);
        let alone = Api { cross_origins: CrossOrigins::default(), ..public() };
        assert!(alone.sharing_headers([CONSOLE]).is_empty());
    }
}
