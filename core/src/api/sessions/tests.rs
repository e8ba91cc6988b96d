//! Browsers that sign in and out, over a desk in memory and as a host would ask it.

use serde_json::{Value, json};

use super::*;
use crate::api::rig::Rig;
use crate::api::{PublicUrl, Response};
use crate::guard::Targets;

const SAME: (&str, &str) = ("sec-fetch-site", "same-origin");
const DESK: (&str, &str) = ("host", "desk.example");

fn api(urls: &[&str]) -> Api {
    let public: Vec<_> = urls.iter().map(|url| PublicUrl::parse(url).unwrap()).collect();
    let names = OwnNames::Known { loopback: true, public };
    let api = Api::new(Callers::Keys { binding: None }, names, Targets::public());
    Api { cookie: Some(SessionCookie::secure()), ..api }
}

/// A browser on the desk's page.
#[derive(Default)]
struct Browser {
    cookie: Option<String>,
}

impl Browser {
    fn call(&mut self, rig: &mut Rig, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.call_with(rig, method, path, &[DESK, SAME], body)
    }

    fn call_with(
        &mut self,
        rig: &mut Rig,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> (u16, Value) {
        let cookie = self.cookie.as_ref().map(|value| format!("__Host-hookdesk={value}"));
        let mut all = headers.to_vec();
        all.extend(cookie.iter().map(|cookie| ("cookie", &**cookie)));
        let response = rig.respond(&api(&["https://desk.example"]), method, path, &all, body);
        if let Some(value) = set_cookie(&response) {
            self.cookie = Some(value).filter(|value| !value.is_empty());
        }
        (response.status, serde_json::from_str(&response.body).unwrap_or_default())
    }

    fn sign_in(rig: &mut Rig, key: &str) -> Self {
        let mut browser = Self::default();
        let (status, body) = browser.call(rig, "POST", "/session", &json!({ "key": key }));
        assert_eq!(status, 201, "{body}");
        browser
    }

    fn status(&mut self, rig: &mut Rig, method: &str, path: &str) -> u16 {
        self.call(rig, method, path, &Value::Null).0
    }
}

fn set_cookie(response: &Response) -> Option<String> {
    let (_, header) = response.headers.iter().find(|(name, _)| *name == "set-cookie")?;
    let (_, rest) = header.split_once('=')?;
    rest.split(';').next().map(str::to_owned)
}

/// The token of a new link for a partner, made with a key.
fn link(rig: &mut Rig, key: &str, partner: &str) -> String {
    let bearer = format!("Bearer {key}");
    let path = format!("/partners/{partner}/link");
    let headers = [("authorization", &*bearer)];
    let made = rig.respond(&api(&["https://desk.example/d"]), "POST", &path, &headers, &json!({}));
    assert_eq!(made.status, 201, "{}", made.body);
    let body: Value = serde_json::from_str(&made.body).unwrap();
    let url = body["data"]["url"].as_str().unwrap();
    let token = url.strip_prefix(&format!("https://desk.example/d/#link/{partner}/"));
    token.unwrap_or_else(|| panic!("{url}")).to_owned()
}

fn follow(rig: &mut Rig, token: &str, partner: &str) -> (Browser, u16) {
    let mut browser = Browser::default();
    let body = json!({ "link": token, "partner": partner });
    let (status, _) = browser.call(rig, "POST", "/session", &body);
    (browser, status)
}

#[test]
fn a_browser_signs_in_acts_and_signs_out() {
    let mut rig = Rig::new();
    let (key, id) = rig.make(&["tickets"]);
    let mut browser = Browser::default();
    assert_eq!(browser.status(&mut rig, "GET", "/me"), 401);
    let (status, body) = browser.call(&mut rig, "POST", "/session", &json!({ "key": key }));
    assert_eq!((status, &body["data"]["caller"]), (201, &json!("session")), "{body}");
    assert!(!body.to_string().contains(browser.cookie.as_ref().unwrap()));
    for path in ["/me", "/session"] {
        let (status, me) = browser.call(&mut rig, "GET", path, &Value::Null);
        assert_eq!((status, &me["data"]["id"]), (200, &json!(id)), "{path}: {me}");
        assert_eq!(me["data"]["scopes"], json!(["tickets"]));
        let ends = rig.now.plus(KeyKind::SESSION_MS).rfc3339();
        assert_eq!(me["data"]["expires_at"], json!(ends));
    }
    let ticket = json!({ "ticket_message": "m" });
    assert_eq!(browser.call(&mut rig, "POST", "/tickets", &ticket).0, 201);
    assert_eq!(browser.status(&mut rig, "GET", "/webhooks"), 403);
    let stale = browser.cookie.clone();
    assert_eq!(browser.status(&mut rig, "DELETE", "/session"), 200);
    assert_eq!(browser.cookie, None);
    let mut thief = Browser { cookie: stale };
    assert_eq!(thief.status(&mut rig, "GET", "/me"), 401);
    assert_eq!(rig.keys().iter().count(), 1);
}

#[test]
fn a_session_ends_with_its_key_its_time_and_what_that_may() {
    let mut rig = Rig::new();
    let (key, id) = rig.make(&["tickets"]);
    let mut browser = Browser::sign_in(&mut rig, &key);
    assert_eq!(rig.admin("PATCH", &format!("/keys/{id}"), &json!({ "scopes": ["read"] })).0, 200);
    assert_eq!(browser.status(&mut rig, "GET", "/webhooks"), 200);
    assert_eq!(browser.status(&mut rig, "POST", "/service/available"), 403);
    rig.now = rig.now.plus(KeyKind::SESSION_MS - 1);
    assert_eq!(browser.status(&mut rig, "GET", "/me"), 200);
    rig.now = rig.now.plus(1);
    assert_eq!(browser.status(&mut rig, "GET", "/me"), 401);
    let mut next = Browser::sign_in(&mut rig, &key);
    assert_eq!(rig.keys().of_kind(KeyKind::Session).count(), 1, "the one that expired is gone");
    assert_eq!(rig.admin("DELETE", &format!("/keys/{id}"), &Value::Null).0, 200);
    assert_eq!(next.status(&mut rig, "GET", "/me"), 401);
    assert_eq!(rig.keys().iter().count(), 0);
    let (expiring, id) = rig.make(&["read"]);
    let ends = rig.now.plus(1_000);
    let soon = json!({ "expires_at": ends.rfc3339() });
    assert_eq!(rig.admin("PATCH", &format!("/keys/{id}"), &soon).0, 200);
    let mut browser = Browser::sign_in(&mut rig, &expiring);
    let (_, me) = browser.call(&mut rig, "GET", "/me", &Value::Null);
    assert_eq!(me["data"]["expires_at"], json!(ends.rfc3339()));
    rig.now = ends;
    assert_eq!(browser.status(&mut rig, "GET", "/me"), 401);
}

#[test]
fn each_sign_in_has_a_new_session_and_ends_the_browsers_last_one() {
    let mut rig = Rig::new();
    let (key, _) = rig.make(&["read"]);
    let (other, other_id) = rig.make(&["read"]);
    let mut browser = Browser::sign_in(&mut rig, &key);
    let first = browser.cookie.clone();
    let again = json!({ "key": other });
    assert_eq!(browser.call(&mut rig, "POST", "/session", &again).0, 201);
    assert_ne!(browser.cookie, first);
    let (_, me) = browser.call(&mut rig, "GET", "/me", &Value::Null);
    assert_eq!(me["data"]["id"], json!(other_id));
    assert_eq!(Browser { cookie: first }.status(&mut rig, "GET", "/me"), 401);
    // A cookie that somebody else chose (session fixation) is never taken up.
    let mut fixed = Browser { cookie: Some("chosen".to_owned()) };
    assert_eq!(fixed.call(&mut rig, "POST", "/session", &json!({ "key": key })).0, 201);
    assert_ne!(fixed.cookie.as_deref(), Some("chosen"));
}

#[test]
fn what_is_shown_decides_and_a_wrong_text_does_not() {
    let mut rig = Rig::new();
    let (key, _) = rig.make(&["admin"]);
    let mut browser = Browser::sign_in(&mut rig, &key);
    let session = browser.cookie.clone().unwrap();
    let token = link(&mut rig, &key, "acme");
    for body in [
        json!({ "key": session }),
        json!({ "key": token }),
        json!({ "key": "hdk_other" }),
        json!({ "key": &key[..key.len() - 1] }),
        json!({ "link": key, "partner": "acme" }),
        json!({ "link": token, "partner": "Acme" }),
        json!({ "link": token }),
        json!({ "link": session, "partner": "acme" }),
    ] {
        let (status, problem) = Browser::default().call(&mut rig, "POST", "/session", &body);
        assert_eq!((status, &problem["code"]), (401, &json!("unauthorized")), "{body}");
    }
    for body in [json!({}), json!({ "key": key, "link": token }), json!({ "key": 1 })] {
        assert_eq!(Browser::default().call(&mut rig, "POST", "/session", &body).0, 422, "{body}");
    }
    // Neither the cookie nor the link is a bearer token, and a key is no cookie.
    for text in [&session, &token] {
        assert_eq!(rig.with(text, "GET", "/me", &Value::Null).0, 401);
    }
    for text in [&key, &token] {
        let mut forged = Browser { cookie: Some(text.clone()) };
        assert_eq!(forged.status(&mut rig, "GET", "/me"), 401);
    }
    assert_eq!(browser.status(&mut rig, "GET", "/me"), 200);
}

#[test]
fn with_a_cookie_only_the_desks_own_page_changes_something() {
    let mut rig = Rig::new();
    let (key, _) = rig.make(&["admin"]);
    let mut browser = Browser::sign_in(&mut rig, &key);
    let origin = ("origin", "https://desk.example");
    let own: [&[(&str, &str)]; 3] = [&[DESK, SAME], &[DESK, origin], &[DESK, SAME, origin]];
    for headers in own {
        let called = browser.call_with(&mut rig, "POST", "/webhooks/ping", headers, &Value::Null);
        assert_eq!(called.0, 202, "{headers:?}");
    }
    let others: [&[(&str, &str)]; 7] = [
        &[],
        &[DESK],
        &[DESK, ("sec-fetch-site", "none")],
        &[DESK, ("sec-fetch-site", "same-site")],
        &[DESK, ("origin", "null")],
        &[DESK, ("origin", "https://page.example")],
        // Its name was made to resolve to the desk.
        &[("host", "page.example"), ("origin", "http://page.example"), SAME],
    ];
    for headers in others {
        for (method, path) in [("POST", "/webhooks/ping"), ("DELETE", "/session")] {
            let (status, body) = browser.call_with(&mut rig, method, path, headers, &Value::Null);
            assert_eq!((status, &body["code"]), (403, &json!("cross_site")), "{headers:?}");
        }
        assert_eq!(browser.status(&mut rig, "GET", "/me"), 200);
    }
    // A page of another site can sign nobody in (login CSRF).
    for headers in &others[3..] {
        let key = json!({ "key": key });
        let called = Browser::default().call_with(&mut rig, "POST", "/session", headers, &key);
        assert_eq!(called.0, 403, "{headers:?}");
    }
}

#[test]
fn a_cookie_beside_a_bearer_token_is_ignored() {
    let mut rig = Rig::new();
    let (admin, _) = rig.make(&["admin"]);
    let (reader, id) = rig.make(&["read"]);
    let mut browser = Browser::sign_in(&mut rig, &admin);
    let bearer = format!("Bearer {reader}");
    let headers = [DESK, ("authorization", &*bearer)];
    let (_, me) = browser.call_with(&mut rig, "GET", "/me", &headers, &Value::Null);
    assert_eq!((&me["data"]["caller"], &me["data"]["id"]), (&json!("key"), &json!(id)));
    assert_eq!(browser.call_with(&mut rig, "DELETE", "/session", &headers, &Value::Null).0, 404);
    let wrong = [DESK, ("authorization", "Bearer hdk_other")];
    assert_eq!(browser.call_with(&mut rig, "GET", "/me", &wrong, &Value::Null).0, 401);
    assert_eq!(browser.status(&mut rig, "GET", "/keys"), 200);
}

#[test]
fn a_link_signs_a_partner_in_once() {
    let mut rig = Rig::new();
    let (admin, admin_id) = rig.make(&["admin"]);
    let token = link(&mut rig, &admin, "acme");
    let (mut browser, status) = follow(&mut rig, &token, "acme");
    assert_eq!(status, 201);
    let (_, me) = browser.call(&mut rig, "GET", "/me", &Value::Null);
    assert_eq!(me["data"]["partner"], json!("acme"));
    assert_eq!(
        (&me["data"]["caller"], &me["data"]["scopes"]),
        (&json!("session"), &json!(["read", "webhooks"]))
    );
    let url = json!({ "callback_url": "https://1.1.1.1/hook" });
    let (status, made) = browser.call(&mut rig, "POST", "/webhooks/register", &url);
    assert_eq!((status, &made["data"]["partner"]), (201, &json!("acme")), "{made}");
    for path in ["/keys", "/partners", "/audit", "/tickets", "/events"] {
        assert_eq!(browser.status(&mut rig, "GET", path), 403, "{path}");
    }
    assert_eq!(follow(&mut rig, &token, "acme").1, 401, "it was used");
    // It is neither a key that is listed, nor one that is changed.
    let (_, keys) = rig.admin("GET", "/keys", &Value::Null);
    assert_eq!(keys["data"].as_array().unwrap().len(), 1, "{keys}");
    let session = rig.keys().of_kind(KeyKind::Session).next().unwrap().id;
    assert_eq!(rig.admin("DELETE", &format!("/keys/{session}"), &Value::Null).0, 404);
    let (_, partners) = rig.admin("GET", "/partners", &Value::Null);
    assert_eq!(partners["data"], json!([{ "partner": "acme", "webhooks": 1, "keys": 0 }]));
    let (_, audit) = rig.admin("GET", &format!("/audit?key={admin_id}"), &Value::Null);
    let seen: Vec<_> = audit["data"].as_array().unwrap().iter().rev().collect();
    assert_eq!(seen[0]["action"], json!("link_created"));
    assert_eq!(seen[1]["action"], json!("webhook_registered"));
    assert_eq!(seen[1]["by"]["caller"], json!("session"), "{audit}");
    assert_eq!(seen[1]["by"]["name"], json!("acme"));
}

#[test]
fn a_link_ends_with_its_time_its_makers_key_and_its_partners_sessions() {
    let mut rig = Rig::new();
    let (admin, id) = rig.make(&["admin"]);
    let (other, other_id) = rig.make(&["admin"]);
    let late = link(&mut rig, &admin, "acme");
    rig.now = rig.now.plus(KeyKind::LINK_MS);
    assert_eq!(follow(&mut rig, &late, "acme").1, 401);
    // Its maker may make none any more.
    let demoted = link(&mut rig, &other, "acme");
    let (mut signed_in, _) = {
        let token = link(&mut rig, &other, "acme");
        follow(&mut rig, &token, "acme")
    };
    let path = format!("/keys/{other_id}");
    assert_eq!(rig.admin("PATCH", &path, &json!({ "scopes": ["read", "webhooks"] })).0, 200);
    assert_eq!(follow(&mut rig, &demoted, "acme").1, 401);
    assert_eq!(signed_in.status(&mut rig, "GET", "/me"), 401);
    // Its maker's key is revoked.
    let (token, next) = (link(&mut rig, &admin, "acme"), link(&mut rig, &admin, "acme"));
    let (mut browser, _) = follow(&mut rig, &token, "acme");
    assert_eq!(rig.admin("DELETE", &format!("/keys/{id}"), &Value::Null).0, 200);
    assert_eq!(browser.status(&mut rig, "GET", "/me"), 401);
    assert_eq!(follow(&mut rig, &next, "acme").1, 401);
    // The partner's sessions are ended, those of its keys too, and others' stay. Two are left of the
    // key that may make none.
    let (admin, _) = rig.make(&["admin"]);
    let key = json!({ "scopes": ["read"], "partner": "acme" });
    let own = rig.admin("POST", "/keys", &key).1["data"]["key"].as_str().unwrap().to_owned();
    let mut by_key = Browser::sign_in(&mut rig, &own);
    let mut operator = Browser::sign_in(&mut rig, &admin);
    let (token, next) = (link(&mut rig, &admin, "acme"), link(&mut rig, &admin, "acme"));
    let foreign = link(&mut rig, &admin, "globex");
    let (mut by_link, _) = follow(&mut rig, &token, "acme");
    let (status, ended) =
        operator.call(&mut rig, "DELETE", "/partners/acme/sessions", &Value::Null);
    assert_eq!((status, &ended["data"]), (200, &json!({ "partner": "acme", "ended": 5 })));
    for browser in [&mut by_key, &mut by_link] {
        assert_eq!(browser.status(&mut rig, "GET", "/me"), 401);
    }
    assert_eq!(follow(&mut rig, &next, "acme").1, 401);
    assert_eq!(operator.status(&mut rig, "GET", "/me"), 200);
    assert_eq!(rig.with(&own, "GET", "/me", &Value::Null).0, 200, "its keys stay");
    // A partner that is removed has no session left.
    let (mut by_link, status) = follow(&mut rig, &foreign, "globex");
    assert_eq!(status, 201);
    let mut by_key = Browser::sign_in(&mut rig, &own);
    for partner in ["acme", "globex"] {
        assert_eq!(rig.admin("DELETE", &format!("/partners/{partner}"), &Value::Null).0, 200);
    }
    for browser in [&mut by_key, &mut by_link] {
        assert_eq!(browser.status(&mut rig, "GET", "/me"), 401);
    }
}

#[test]
fn a_partner_can_neither_make_links_nor_reach_beyond_its_own() {
    let mut rig = Rig::new();
    let (admin, _) = rig.make(&["admin"]);
    let (mut browser, _) = {
        let token = link(&mut rig, &admin, "acme");
        follow(&mut rig, &token, "acme")
    };
    for partner in ["acme", "globex"] {
        let path = format!("/partners/{partner}/link");
        assert_eq!(browser.call(&mut rig, "POST", &path, &json!({})).0, 403);
        let path = format!("/partners/{partner}/sessions");
        assert_eq!(browser.status(&mut rig, "DELETE", &path), 403);
    }
    let body = json!({ "events": ["webhook_disabled"] });
    let (status, _) = rig.admin("POST", "/partners/acme/link", &body);
    assert_eq!(status, 409, "a desk that sets no cookies has no links");
    let mut operator = Browser::sign_in(&mut rig, &admin);
    let (status, problem) = operator.call(&mut rig, "POST", "/partners/acme/link", &body);
    assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("#/events")), "{problem}");
    assert_eq!(operator.call(&mut rig, "POST", "/partners/-/link", &json!({})).0, 404);
}

#[test]
fn a_holder_has_so_many_sessions_and_one_more_ends_the_oldest() {
    let mut rig = Rig::new();
    let (key, _) = rig.make(&["read"]);
    let (other, _) = rig.make(&["read"]);
    let mut others = Browser::sign_in(&mut rig, &other);
    let mut browsers: Vec<_> = (0..21).map(|_| Browser::sign_in(&mut rig, &key)).collect();
    let statuses: Vec<_> =
        browsers.iter_mut().map(|browser| browser.status(&mut rig, "GET", "/me")).collect();
    assert_eq!(statuses[0], 401);
    assert!(statuses[1..].iter().all(|status| *status == 200), "{statuses:?}");
    assert_eq!(others.status(&mut rig, "GET", "/me"), 200);
}

#[test]
fn a_host_that_signs_nobody_in_says_why() {
    let mut rig = Rig::new();
    let (key, _) = rig.make(&["admin"]);
    let bearer = format!("Bearer {key}");
    let headers = [("authorization", &*bearer)];
    let code = |rig: &mut Rig, api: &Api, method: &str, path: &str, body: &Value| {
        let response = rig.respond(api, method, path, &headers, body);
        let body: Value = serde_json::from_str(&response.body).unwrap();
        (response.status, body["code"].as_str().unwrap().to_owned())
    };
    let without_cookies = Api { cookie: None, ..api(&["https://desk.example"]) };
    let sign_in = json!({ "key": key });
    let refused = (409, "no_public_url".to_owned());
    assert_eq!(code(&mut rig, &without_cookies, "POST", "/session", &sign_in), refused);
    let nothing = json!({});
    assert_eq!(code(&mut rig, &api(&[]), "POST", "/partners/acme/link", &nothing), refused);
    let open = Api { callers: Callers::All, ..api(&["https://desk.example"]) };
    let not_found = (404, "not_found".to_owned());
    assert_eq!(code(&mut rig, &open, "POST", "/session", &sign_in), not_found);
}

#[test]
fn a_link_that_is_made_again_under_a_key_shows_no_url() {
    let mut rig = Rig::new();
    let (admin, _) = rig.make(&["admin"]);
    let bearer = format!("Bearer {admin}");
    let headers = [("authorization", &*bearer), ("idempotency-key", "once")];
    let api = api(&["https://desk.example"]);
    let make =
        |rig: &mut Rig| rig.respond(&api, "POST", "/partners/acme/link", &headers, &json!({})).body;
    assert!(make(&mut rig).contains("#link/acme/hdl_"));
    let again = make(&mut rig);
    assert!(again.contains("expires_at") && !again.contains("hdl_"), "{again}");
    let key = json!({ "key": admin });
    let headers = [("idempotency-key", "once"), DESK, SAME];
    for _ in 0..2 {
        let signed_in = rig.respond(&api, "POST", "/session", &headers, &key);
        assert!(set_cookie(&signed_in).is_some(), "signing in is never repeated");
    }
}
