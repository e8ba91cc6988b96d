//! Access to a Worker: its API key, and open mode.

use hookdesk_tests::{Host, Options, SOON, Server};
use reqwest::Method;
use serde_json::json;

const KEY: &str = "0123456789abcdef";

/// A Worker with a key, and with further bindings.
fn keyed(bindings: &[(&str, &str)]) -> Server {
    let key = [("HOOKDESK_KEY", KEY)];
    let bindings = key.iter().chain(bindings);
    let environment = bindings.map(|(name, value)| (name.to_string(), value.to_string())).collect();
    Server::start(Options { host: Host::Edge, bare: true, environment, ..Options::default() })
}

#[tokio::test]
#[ignore = "wants the Worker built: .ci/host-tests edge"]
async fn without_open_mode_it_asks_for_its_key_and_calls_public_names_alone() {
    let server = keyed(&[]);
    let (stranger, client) = (server.client(), server.client().with_key(KEY));
    let wrong = server.client().with_key("0123456789abcdeF");

    for (caller, detail) in [
        (&stranger, "Send an API key, as in Authorization: Bearer KEY."),
        (&wrong, "This API key is none of this desk's: it is unknown, was revoked or has expired."),
    ] {
        let problem =
            r#"{"type":"urn:hookdesk:problem:unauthorized","title":"An API key is needed","#;
        let problem =
            format!(r#"{problem}"status":401,"detail":"{detail}","code":"unauthorized"}}"#);
        for path in ["/tickets", "/webhooks", "/nowhere"] {
            let answer = caller.get(path).await.expect(401);
            assert_eq!(answer.header("content-type"), Some("application/problem+json"));
            assert_eq!(answer.text, problem);
        }
    }
    for url in [
        "http://127.0.0.1:9000/hook",
        "http://localhost:9000/hook",
        "http://[::1]/hook",
        "http://10.0.0.1/hook",
        "http://169.254.169.254/latest",
        "https://1.1.1.1/hook",
        "https://[2606:4700:4700::1111]/hook",
        "https://db/hook",
    ] {
        let answer = client.post("/webhooks/register", json!({ "callback_url": url })).await;
        assert_eq!((answer.status, answer.code()), (422, Some("bad_callback_url")), "{url}");
    }
    client.register("https://partner.com/hook").await;
}

#[tokio::test]
#[ignore = "wants the Worker built: .ci/host-tests edge"]
async fn its_key_makes_others_that_grant_less() {
    let mut server = keyed(&[]);
    let admin = server.client().with_key(KEY);

    let made = admin.post("/keys", json!({ "scopes": ["tickets"] })).await.expect(201);
    let (id, key) = (made.string("/data/id"), made.string("/data/key"));
    let client = server.client().with_key(&key);
    client.open_ticket("hello").await;
    client.get("/webhooks").await.expect(403);
    client.get("/keys").await.expect(403);
    assert_eq!(client.get("/me").await.expect(200).string("/data/id"), id);
    assert_eq!(admin.get("/me").await.expect(200).string("/data/caller"), "binding");
    let listed = admin.get("/keys").await.expect(200);
    let ids: Vec<_> = listed.items().iter().map(|key| key["id"].clone()).collect();
    assert_eq!(ids, [json!("binding"), json!(id)]);
    assert!(!listed.text.contains(&key), "{}", listed.text);
    admin.delete("/keys/binding").await.expect(409);

    server.restart();
    let (admin, client) = (server.client().with_key(KEY), server.client().with_key(&key));
    client.open_ticket("after a restart").await;
    admin.delete(&format!("/keys/{id}")).await.expect(200);
    client.get("/tickets").await.expect(401);
}

#[tokio::test]
#[ignore = "wants the Worker built: .ci/host-tests edge"]
async fn a_worker_whose_bindings_are_wrong_hears_nobody_and_says_why() {
    let key = ("HOOKDESK_KEY", KEY);
    let cases: [(&[(&str, &str)], &str); 4] = [
        (&[], "a Worker needs an API key: bind HOOKDESK_KEY as a secret"),
        (&[key, ("HOOKDESK_RETAIN", "5")], "HOOKDESK_RETAIN is not an option of a Worker"),
        (&[key, ("HOOKDESK_DOWN_AFTER", "0")], "HOOKDESK_DOWN_AFTER must be from 1"),
        (&[key, ("HOOKDESK_PAUSED", "maybe")], "HOOKDESK_PAUSED must be 1, true, 0 or false"),
    ];
    for (bindings, why) in cases {
        let own = bindings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let environment = own.collect();
        let options = Options { host: Host::Edge, bare: true, environment, ..Options::default() };
        let mut server = Server::start(options);
        server.expect_errors();

        for path in ["/tickets", "/health/ready"] {
            let answer = server.client().get(path).await.expect(503);
            assert_eq!(answer.code(), Some("misconfigured"), "{}", answer.text);
            let detail = answer.json["detail"].as_str().unwrap_or_default();
            assert!(detail.contains(why) && !detail.contains("maybe"), "{detail}");
        }
        server.wait_log(&format!("the desk cannot start: {why}"), SOON);
    }
}

#[tokio::test]
#[ignore = "wants the Worker built: .ci/host-tests edge"]
async fn bindings_that_others_put_there_are_passed_over() {
    let environment = [
        ("HOOKDESK_KEY", KEY),
        ("HOOKDESK_PORT", "tcp://10.0.0.1:80"),
        ("HOOKDESK_SERVICE_HOST", "10.0.0.1"),
        ("HOOKDESK_IMAGE", "hookdesk:1"),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let options = Options { host: Host::Edge, bare: true, environment, ..Options::default() };
    let server = Server::start(options);

    server.client().with_key(KEY).get("/tickets").await.expect(200);

    server.wait_log("HOOKDESK_IMAGE is not an option of a Worker, and is ignored", SOON);
    assert!(!server.log().contains("HOOKDESK_PORT"), "{}", server.log());
}

#[tokio::test]
#[ignore = "wants the Worker built: .ci/host-tests edge"]
async fn a_key_has_its_rate_on_a_worker_too() {
    let server = keyed(&[]);
    let admin = server.client().with_key(KEY);
    let settings = json!({ "scopes": ["read"], "rate_limit": 2 });
    let made = admin.post("/keys", settings).await.expect(201);
    let limited = admin.clone().with_key(made.string("/data/key"));
    let first = limited.get("/me").await.expect(200);
    assert_eq!(first.header("ratelimit-policy"), Some("\"calls\";q=2;w=1"));
    let mut refused = None;
    for _ in 0..30 {
        let answer = limited.get("/me").await;
        refused = (answer.status == 429).then_some(answer).or(refused);
        assert_eq!(admin.get("/me").await.expect(200).header("ratelimit"), None);
    }
    let refused = refused.expect("more than two a second");
    assert_eq!((refused.code(), refused.header("retry-after")), (Some("rate_limited"), Some("1")));
}

#[tokio::test]
#[ignore = "wants the Worker built: .ci/host-tests edge"]
async fn pages_of_a_named_origin_call_it_with_a_key() {
    let server = keyed(&[("HOOKDESK_CORS_ORIGIN", "https://console.example")]);
    for (origin, status) in [("https://console.example", 204), ("https://page.example", 403)] {
        let page = server.client().with_header("origin", origin);
        let asked = page.request(Method::OPTIONS, "/tickets");
        let asked = page.send(asked.header("access-control-request-method", "POST")).await;
        let named = (status == 204).then_some(origin);
        assert_eq!(asked.expect(status).header("access-control-allow-origin"), named);
        for (caller, read) in [(page.clone(), 401), (page.with_key(KEY), 200)] {
            let answer = caller.get("/tickets").await.expect(read);
            assert_eq!(answer.header("access-control-allow-origin"), named, "{read}");
            assert_eq!(answer.header("access-control-allow-credentials"), None);
        }
    }
}
