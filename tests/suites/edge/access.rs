//! Access to a Worker: its API key, and open mode.

use hookdesk_tests::{Host, Options, SOON, Server};
use serde_json::json;

const KEY: &str = "0123456789abcdef";

#[tokio::test]
#[ignore = "wants the Worker built: .ci/edge-tests"]
async fn without_open_mode_it_asks_for_its_key_and_calls_public_names_alone() {
    let environment = vec![("HOOKDESK_KEY".to_owned(), KEY.to_owned())];
    let options = Options { host: Host::Edge, bare: true, environment, ..Options::default() };
    let server = Server::start(options);
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
#[ignore = "wants the Worker built: .ci/edge-tests"]
async fn its_key_makes_others_that_grant_less() {
    let environment = vec![("HOOKDESK_KEY".to_owned(), KEY.to_owned())];
    let options = Options { host: Host::Edge, bare: true, environment, ..Options::default() };
    let mut server = Server::start(options);
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
#[ignore = "wants the Worker built: .ci/edge-tests"]
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
#[ignore = "wants the Worker built: .ci/edge-tests"]
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
