//! Browsers that sign in to the binary, by a key or by a link, and what others could do with that.

use hookdesk_tests::{Answer, Client, Folder, Options, SOON, Server};
use reqwest::Method;
use serde_json::json;
use tokio::time::timeout;

use crate::keys::{keyed_desk, keyed_desk_with, make};

const SAME: (&str, &str) = ("sec-fetch-site", "same-origin");

/// A desk that asks for keys and has a public URL, with a caller that has its admin key.
fn desk(public_url: Option<&str>) -> (Server, Client, Folder) {
    public_url.map_or_else(keyed_desk, |url| keyed_desk_with(&["--public-url", url]))
}

/// The cookie that an answer sets: its name with its value, and its attributes.
fn cookie(answer: &Answer) -> (String, String) {
    let header = answer.header("set-cookie").expect("it sets a cookie");
    let (pair, attributes) = header.split_once("; ").expect("it has attributes");
    (pair.to_owned(), attributes.to_owned())
}

/// A browser that is signed in, on a page of the desk's own.
async fn signed_in(server: &Server, key: &str) -> Client {
    let page = server.client().with_header(SAME.0, SAME.1);
    let answer = page.post("/session", json!({ "key": key })).await.expect(201);
    page.with_header("cookie", cookie(&answer).0)
}

#[tokio::test]
async fn a_session_is_a_cookie_that_survives_a_restart_and_ends_at_once() {
    let (mut server, admin, _folder) = desk(None);
    let (_, key) = make(&admin, &["read", "tickets"]).await;
    let page = server.client().with_header(SAME.0, SAME.1);
    let answer = page.post("/session", json!({ "key": key })).await.expect(201);
    let (pair, attributes) = cookie(&answer);
    assert!(pair.starts_with(&format!("hookdesk-{}=hds_", server.port())), "{pair}");
    assert_eq!(attributes, "Path=/; Max-Age=43200; HttpOnly; SameSite=Strict");
    let (_, value) = pair.split_once('=').expect("it has a value");
    assert!(!answer.text.contains(value) && !answer.text.contains(&key), "{}", answer.text);

    let browser = page.with_header("cookie", format!("theme=dark; {pair}"));
    browser.post("/tickets", json!({ "ticket_message": "hello" })).await.expect(201);
    browser.get("/webhooks").await.expect(200);
    browser.get("/keys").await.expect(403);
    server.restart();
    let me = browser.get("/session").await.expect(200);
    assert_eq!(me.string("/data/caller"), "session");
    assert!(server.places(value).is_empty() && server.places(&key).is_empty(), "nothing is stored");

    let mut stream = browser.stream(None).await;
    let ended = browser.delete("/session").await.expect(200);
    assert!(cookie(&ended).1.starts_with("Path=/; Max-Age=0"));
    let end = timeout(SOON, async { while let Ok(Some(_)) = stream.frame().await {} });
    end.await.expect("a stream ends with its session");
    assert_eq!(browser.get("/me").await.expect(401).code(), Some("unauthorized"));
}

#[tokio::test]
async fn a_revoked_key_ends_its_sessions_streams_and_links() {
    let (server, admin, _folder) = desk(Some("https://desk.example"));
    let (id, key) = make(&admin, &["admin"]).await;
    let browser = signed_in(&server, &key).await;
    let made = browser.post("/partners/acme/link", json!({})).await.expect(201);
    let mut stream = browser.stream(None).await;
    admin.delete(&format!("/keys/{id}")).await.expect(200);
    let end = timeout(SOON, async { while let Ok(Some(_)) = stream.frame().await {} });
    end.await.expect("a stream ends with the key of its session");
    browser.get("/me").await.expect(401);
    let token = made.string("/data/url").rsplit('/').next().expect("it has one").to_owned();
    let page = server.client().with_header(SAME.0, SAME.1);
    let shown = json!({ "link": token, "partner": "acme" });
    page.post("/session", shown).await.expect(401);
}

#[tokio::test]
async fn by_https_the_cookie_is_bound_to_the_host() {
    let (server, admin, _folder) = desk(Some("https://desk.example"));
    let (_, key) = make(&admin, &["read"]).await;
    let page = server.client().with_header(SAME.0, SAME.1).with_header("host", "desk.example");
    let answer = page.post("/session", json!({ "key": key })).await.expect(201);
    let (pair, attributes) = cookie(&answer);
    assert!(pair.starts_with("__Host-hookdesk=hds_"), "{pair}");
    assert_eq!(attributes, "Path=/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure");
    page.with_header("cookie", pair).get("/me").await.expect(200);
}

#[tokio::test]
async fn other_sites_do_nothing_with_a_visitors_session() {
    let (server, admin, _folder) = desk(Some("https://desk.example"));
    let (_, key) = make(&admin, &["admin"]).await;
    let page = server.client().with_header(SAME.0, SAME.1);
    let answer = page.post("/session", json!({ "key": key })).await.expect(201);
    let pair = cookie(&answer).0;
    let stolen = server.client().with_header("cookie", pair);
    // A page of another site or port, one whose name was made to resolve to the desk, a form, and a
    // program that has a cookie but is no browser.
    let table: [&[(&'static str, &str)]; 6] = [
        &[("sec-fetch-site", "cross-site"), ("origin", "https://page.example")],
        &[("sec-fetch-site", "same-site"), ("origin", "http://127.0.0.1:1")],
        &[("host", "page.example"), ("origin", "http://page.example"), SAME],
        &[("origin", "null")],
        &[("sec-fetch-site", "none")],
        &[],
    ];
    for headers in table {
        let visitor = headers
            .iter()
            .fold(stolen.clone(), |client, (name, value)| client.with_header(name, *value));
        for (method, path) in [
            (Method::POST, "/webhooks/ping"),
            (Method::POST, "/partners/acme/link"),
            (Method::DELETE, "/session"),
        ] {
            let request = visitor.request(method.clone(), path);
            let refused = visitor.send(request).await.expect(403);
            assert_eq!(refused.code(), Some("cross_site"), "{method} {path} {headers:?}");
        }
    }
    let rebound = stolen.clone().with_header("host", "page.example").with_header(SAME.0, SAME.1);
    rebound.get("/tickets").await.expect(403);
    // Login CSRF: neither by fetch nor by a form, which can send no JSON.
    let foreign = server.client().with_header("origin", "https://page.example");
    foreign.post("/session", json!({ "key": key })).await.expect(403);
    let form = server.client().request(Method::POST, "/session");
    let form = form.header("content-type", "text/plain").body(json!({ "key": key }).to_string());
    server.client().send(form).await.expect(415);
    // No site can frame the page.
    let shown = server.client().get("/").await.expect(200);
    let policy = shown.header("content-security-policy").expect("the page has a policy");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    stolen.get("/me").await.expect(200);
}

#[tokio::test]
async fn a_cookie_that_is_forged_or_fixed_opens_nothing() {
    let (server, admin, _folder) = desk(None);
    let (_, key) = make(&admin, &["admin"]).await;
    let name = format!("hookdesk-{}", server.port());
    let page = server.client().with_header(SAME.0, SAME.1);
    let answer = page.post("/session", json!({ "key": key })).await.expect(201);
    let value = cookie(&answer).0.split_once('=').expect("it has a value").1.to_owned();
    let swapped: String = value.chars().rev().collect();
    for cookie in [
        format!("{name}={key}"),
        format!("{name}={swapped}"),
        format!("{name}="),
        format!("{name}={value}; {name}={value}"),
        format!("__Host-hookdesk={value}"),
        format!("hookdesk={value}"),
    ] {
        let forged = page.clone().with_header("cookie", &cookie);
        forged.get("/me").await.expect(401);
        // One that was planted before the sign-in is not taken up.
        let after = forged.post("/session", json!({ "key": key })).await.expect(201);
        assert!(!cookie.contains(self::cookie(&after).0.split_once('=').expect("a value").1));
    }
    // A session is no bearer token.
    server.client().with_key(&value).get("/me").await.expect(401);
    // Both are there: the key counts.
    let both = page.with_header("cookie", format!("{name}={value}")).with_key("hdk_wrong");
    both.get("/me").await.expect(401);
}

#[tokio::test]
async fn a_link_works_once_whoever_looks_at_it_and_whatever_its_host_is_called() {
    let (server, admin, _folder) = desk(Some("https://desk.example/desk"));
    let made = admin.clone().with_header("host", "evil.example");
    let made = made.post("/partners/acme/link", json!({})).await.expect(201);
    let url = made.string("/data/url");
    let token = url.strip_prefix("https://desk.example/desk/#link/acme/").expect("its URL");
    // What a scanner asks for is the page: the fragment is not sent.
    for path in ["/", "/console", "/session"] {
        let seen = server.client().get(path).await;
        assert!(seen.header("set-cookie").is_none(), "{path}");
    }
    let page = server.client().with_header(SAME.0, SAME.1);
    let shown = |partner: &str| json!({ "link": token, "partner": partner });
    page.post("/session", shown("globex")).await.expect(401);
    let answer = page.post("/session", shown("acme")).await.expect(201);
    assert_eq!(answer.string("/data/partner"), "acme");
    let again = page.post("/session", shown("acme")).await.expect(401);
    assert!(again.text.contains("was used"), "{}", again.text);
    let partner = page.with_header("cookie", cookie(&answer).0);
    partner.get("/webhooks").await.expect(200);
    for path in ["/tickets", "/partners", "/keys", "/audit", "/events"] {
        partner.get(path).await.expect(403);
    }
    let audit = admin.get("/audit").await.expect(200);
    assert_eq!(audit.string("/data/0/action"), "link_created");
    assert_eq!(audit.string("/data/0/peer"), "127.0.0.1");
    let request = made.header("request-id").expect("each response has one");
    assert_eq!(audit.string("/data/0/request_id"), request);
    let ended = admin.delete("/partners/acme/sessions").await.expect(200);
    assert_eq!(ended.data(), &json!({ "partner": "acme", "ended": 1 }));
    partner.get("/me").await.expect(401);
    assert!(server.places(token).is_empty(), "a link is stored as its digest");
}

#[tokio::test]
async fn guesses_are_slowed_and_counted_and_a_right_key_is_not() {
    let (mut server, admin, _folder) = desk(None);
    let (_, key) = make(&admin, &["read"]).await;
    let page = server.client().with_pool().with_header(SAME.0, SAME.1);
    // A browser that is not signed in yet guesses nothing.
    server.client().get("/me").await.expect(401);
    let mut statuses = Vec::new();
    for _ in 0..40 {
        statuses.push(page.post("/session", json!({ "key": "hdk_guess" })).await.status);
    }
    assert!(statuses.contains(&429), "{statuses:?}");
    page.post("/session", json!({ "key": key })).await.expect(201);
    server.client().with_key("hdk_guess").get("/tickets").await;
    server.terminate();
    server.restart();
    let audit = admin.get("/audit").await.expect(200);
    let refused = audit.items().iter().find(|row| row["action"] == "keys_refused");
    let refused = refused.unwrap_or_else(|| panic!("{}", audit.text));
    assert_eq!(refused["peer"], "127.0.0.1");
    assert_eq!(refused["after"], json!({ "refused_calls": 41 }));
    assert_eq!(refused["by"]["caller"], "anyone");
}

#[tokio::test]
async fn a_desk_that_asks_for_no_key_has_nothing_to_sign_in_to() {
    let server = Server::start(Options::default());
    let client = server.client();
    for (path, body) in
        [("/session", json!({ "key": "hdk_any" })), ("/partners/acme/link", json!({}))]
    {
        let refused = client.post(path, body).await.expect(404);
        assert!(refused.text.contains("asks nobody for a key"), "{}", refused.text);
    }
}
