//! The cookie by which browsers stay signed in.
//!
//! A browser sends it whatever page asks for a call. So it counts only where a call has no
//! `Authorization`, and a call that changes something must come from one of the desk's own pages.

use crate::api::own_names::{OwnNames, PublicUrl};
use crate::api::{Api, Call, LiveKeys};
use crate::model::api_key::{ApiKey, KeyText};
use crate::model::digest::Digest;
use crate::model::key_kind::KeyKind;

/// The cookie by which a browser stays signed in. It is sent to the desk alone (no other origin's page
/// and no script sees it), and with nothing that another site begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionCookie {
    name: String,
    is_secure: bool,
}

impl SessionCookie {
    /// The one of a desk with these names, which listens on a port; none where browsers reach it
    /// neither by HTTPS nor on their own machine.
    #[must_use]
    pub fn of(names: &OwnNames, port: u16) -> Option<Self> {
        let OwnNames::Known { loopback, public } = names else { return None };
        if public.iter().any(PublicUrl::is_https) {
            Some(Self::secure())
        } else {
            loopback.then(|| Self::of_port(port))
        }
    }

    /// For a desk that browsers reach by HTTPS.
    pub(super) fn secure() -> Self {
        Self { name: "__Host-hookdesk".to_owned(), is_secure: true }
    }

    /// For a desk that listens on a loopback address: its port tells desks of one machine apart, as
    /// cookies do not.
    fn of_port(port: u16) -> Self {
        Self { name: format!("hookdesk-{port}"), is_secure: false }
    }

    /// The header that ends the cookie.
    pub(super) fn end(&self) -> String {
        self.header("", 0)
    }

    fn header(&self, value: &str, max_age_s: u64) -> String {
        let secure = if self.is_secure { "; Secure" } else { "" };
        let name = &self.name;
        format!("{name}={value}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Strict{secure}")
    }

    /// Its value in a call, if there is just one.
    fn value<'a>(&self, call: &Call<'a>) -> Option<&'a str> {
        let pairs = call.all("cookie").flat_map(|cookies| cookies.split(';'));
        let mut values = pairs.filter_map(|pair| {
            let (name, value) = pair.trim_matches(' ').split_once('=')?;
            (name == self.name).then_some(value)
        });
        values.next().filter(|_| values.next().is_none())
    }
}

/// A cookie with its value.
#[derive(Clone, Debug)]
pub struct SetCookie {
    cookie: SessionCookie,
    value: KeyText,
}

impl SetCookie {
    pub(super) fn new(cookie: &SessionCookie, value: KeyText) -> Self {
        Self { cookie: cookie.clone(), value }
    }

    pub(super) fn header(&self) -> String {
        self.cookie.header(self.value.reveal(), KeyKind::SESSION_MS / 1_000)
    }
}

/// The value of the cookie that a call has, if it has no other credentials and no page of another
/// origin sent it: `SameSite` does not keep it from those of the same site.
pub(super) fn of<'a>(api: &Api, call: &Call<'a>) -> Option<&'a str> {
    let has_others = call.header("authorization").is_some();
    let is_own = api.cross_origins.page_of(&api.names, call).is_none();
    api.cookie.as_ref().filter(|_| is_own && !has_others)?.value(call)
}

/// The session of a cookie.
pub(super) fn session<'a>(value: &str, keys: LiveKeys<'a>) -> Option<&'a ApiKey> {
    let digest = Digest::of(&[value.as_bytes()]);
    keys.keys.with_digest(KeyKind::Session, &digest).map(|key| &**key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value<'a>(cookie: &SessionCookie, headers: &[(&'static str, &'a str)]) -> Option<&'a str> {
        let headers = headers.to_vec();
        cookie.value(&Call { method: "GET", path: "/me", query: "", headers, body: b"" })
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name_and_there_once() {
        let cookie = SessionCookie::of_port(8080);
        let table: [(&[&str], Option<&str>); 9] = [
            (&["hookdesk-8080=a"], Some("a")),
            (&["x=1; hookdesk-8080=a; y=2"], Some("a")),
            (&["x=1", "hookdesk-8080=a"], Some("a")),
            (&["hookdesk-8080=a; hookdesk-8080=b"], None),
            (&["hookdesk-8080=a", "hookdesk-8080=a"], None),
            (&["hookdesk-80801=a"], None),
            (&["Hookdesk-8080=a"], None),
            (&["hookdesk-8080"], None),
            (&[], None),
        ];
        for (cookies, wanted) in table {
            let headers: Vec<_> = cookies.iter().map(|value| ("cookie", *value)).collect();
            assert_eq!(value(&cookie, &headers), wanted, "{cookies:?}");
        }
    }

    #[test]
    fn only_a_desk_that_is_safe_to_reach_has_one() {
        let cookie = |loopback: bool, url: Option<&str>| {
            let public = url.map(|url| PublicUrl::parse(url).unwrap()).into_iter().collect();
            SessionCookie::of(&OwnNames::Known { loopback, public }, 8080)
        };
        for loopback in [false, true] {
            let secure = cookie(loopback, Some("https://desk.example"));
            assert_eq!(secure, Some(SessionCookie::secure()));
        }
        for url in [None, Some("http://10.0.0.1:8080")] {
            assert_eq!(cookie(true, url), Some(SessionCookie::of_port(8080)));
            assert_eq!(cookie(false, url), None);
        }
        assert_eq!(SessionCookie::of(&OwnNames::OfEachCall, 8080), None);
    }

    #[test]
    fn no_script_and_no_other_site_gets_it() {
        let text = KeyText::new(KeyKind::Session, [7; 32]);
        let value = text.reveal().to_owned();
        let plain = SetCookie::new(&SessionCookie::of_port(1), text.clone()).header();
        assert_eq!(
            plain,
            format!("hookdesk-1={value}; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict")
        );
        let secure = SetCookie::new(&SessionCookie::secure(), text).header();
        assert_eq!(
            secure,
            format!(
                "__Host-hookdesk={value}; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure"
            )
        );
        assert!(SessionCookie::secure().end().starts_with("__Host-hookdesk=; Path=/; Max-Age=0;"));
    }
}
