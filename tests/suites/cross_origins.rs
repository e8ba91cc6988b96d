//! Pages of another origin that call the binary with an API key, as a browser has them call.

use std::time::Duration;

use hookdesk_tests::{Answer, Client, Folder, Server};
use reqwest::Method;
use serde_json::json;

use crate::keys::{keyed_desk, keyed_desk_with, make};

const CONSOLE: &str = "https://console.example";

/// A desk that names the console's origin, and its administrator.
fn desk() -> (Server, Client, Folder) {
    keyed_desk_with(&["--cors-origin", CONSOLE])
}

/// A page of an origin, as a browser sends its calls.
fn page(client: &Client, origin: &str) -> Client {
    client.clone().with_header("origin", origin).with_header("sec-fetch-site", "cross-site")
}

async fn preflight(client: &Client, path: &str, method: &str) -> Answer {
    let request = client.request(Method::OPTIONS, path);
    client.send(request.header("access-control-request-method", method)).await
}

fn shared_with(answer: &Answer) -> Option<&str> {
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    answer.header("access-control-allow-origin")
}

#[tokio::test]
async fn a_page_of_a_named_origin_works_with_a_key() {
    let (server, admin, _folder) = desk();
    // The browser asks before any call with a key, and has none with it.
    for (path, method) in [("/tickets", "POST"), ("/webhooks/whk_1", "PATCH"), ("/none", "GET")] {
        let asked = preflight(&page(&server.client(), CONSOLE), path, method).await.expect(204);
        assert_eq!(shared_with(&asked), Some(CONSOLE));
        let allowed = asked.header("access-control-allow-headers").unwrap_or_default();
        for header in ["authorization", "content-type", "idempotency-key"] {
            assert!(allowed.split(", ").any(|one| one == header), "{allowed}");
        }
        let methods = asked.header("access-control-allow-methods").unwrap_or_default();
        assert!(methods.split(", ").any(|one| one == method), "{methods}");
        assert_eq!(asked.header("vary"), Some("origin"));
    }
    let console = page(&admin, CONSOLE);
    let opened = console.post("/tickets", json!({ "ticket_message": "from afar" })).await;
    assert_eq!(shared_with(&opened.expect(201)), Some(CONSOLE));
    // The page may read why it is refused, too.
    for (answer, status) in [
        (page(&server.client(), CONSOLE).get("/tickets").await, 401),
        (console.get("/tickets/tkt_1").await, 404),
        (console.get("/tickets?limit=x").await, 422),
        (console.post("/tickets", json!({})).await, 422),
    ] {
        let answer = answer.expect(status);
        assert_eq!(shared_with(&answer), Some(CONSOLE), "{status}");
        let exposed = answer.header("access-control-expose-headers").unwrap_or_default();
        assert!(exposed.contains("request-id") && exposed.contains("retry-after"), "{exposed}");
    }
    let stream = console.stream(None).await;
    assert_eq!(stream.header("access-control-allow-origin"), Some(CONSOLE));
}

#[tokio::test]
async fn no_other_page_and_no_cookie_does() {
    let (server, admin, _folder) = desk();
    for origin in ["https://console.example.page.example", "http://console.example", "null"] {
        let stranger = page(&admin, origin);
        let asked = preflight(&stranger, "/tickets", "POST").await.expect(403);
        assert_eq!((asked.code(), shared_with(&asked)), (Some("cross_site"), None), "{origin}");
        let opened = stranger.post("/tickets", json!({ "ticket_message": "no" })).await;
        assert_eq!(opened.expect(403).code(), Some("cross_site"), "{origin}");
        assert_eq!(shared_with(&stranger.get("/tickets").await.expect(200)), None, "{origin}");
    }
    let rebound = page(&admin, CONSOLE).with_header("host", "page.example");
    preflight(&rebound, "/tickets", "POST").await.expect(403);
    rebound.get("/tickets").await.expect(403);
    // The cookie of somebody who is signed in at the desk itself is sent along by the same site.
    let own = server.client().with_header("sec-fetch-site", "same-origin");
    let (_, key) = make(&admin, &["admin"]).await;
    let signed_in = own.post("/session", json!({ "key": key })).await.expect(201);
    let cookie = signed_in.header("set-cookie").expect("it sets a cookie").to_owned();
    let visitor = server.client().with_header("cookie", cookie.split(';').next().unwrap_or(""));
    visitor.get("/me").await.expect(200);
    page(&visitor, CONSOLE).get("/me").await.expect(401);
    let link = page(&visitor, CONSOLE).post("/partners/acme/link", json!({})).await;
    assert_eq!(link.expect(401).code(), Some("unauthorized"));
    // Nor is anybody signed in for it.
    let signed_in = page(&server.client(), CONSOLE).post("/session", json!({ "key": key })).await;
    assert_eq!(signed_in.expect(403).code(), Some("cross_site"));
}

#[tokio::test]
async fn a_desk_that_names_no_origin_shares_nothing() {
    let (_server, admin, _folder) = keyed_desk();
    let asked = preflight(&page(&admin, CONSOLE), "/tickets", "POST").await.expect(403);
    assert_eq!(shared_with(&asked), None);
    let read = page(&admin, CONSOLE).get("/tickets").await.expect(200);
    assert_eq!((shared_with(&read), read.header("vary")), (None, None));
}

#[tokio::test]
async fn a_stream_of_a_page_ends_with_its_key() {
    let (server, admin, _folder) = desk();
    let (id, key) = make(&admin, &["read"]).await;
    let mut stream = page(&server.client().with_key(key), CONSOLE).stream(None).await;
    admin.delete(&format!("/keys/{id}")).await.expect(200);
    let end = async { while let Ok(Some(_)) = stream.frame().await {} };
    tokio::time::timeout(Duration::from_secs(20), end).await.expect("it ends");
}
