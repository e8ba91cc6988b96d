//! Error responses: each bad call gets its own code, changes nothing and sends nothing.

use hookdesk_tests::{Answer, Client, Receiver, SOON, desk};
use reqwest::Method;
use serde_json::{Value, json};

/// Bytes that a body may have.
const MAX_BODY: usize = 1 << 20;
const NOBODY: &str = "0197000000017abcaeeeeeeeeeeeeeee";

/// Checks a problem document (RFC 9457) and gives the pointers of its errors.
#[track_caller]
fn assert_problem(answer: &Answer, status: u16, code: &str) -> Vec<String> {
    let Answer { asked, text, json, .. } = answer;
    assert_eq!((answer.status, answer.code()), (status, Some(code)), "{asked}: {text}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{asked}");
    let filled = |name: &str| json[name].as_str().is_some_and(|words| !words.is_empty());
    assert!(["type", "title", "detail"].into_iter().all(filled), "{asked}: {text}");
    assert_eq!(json["status"], status, "{asked}: {text}");
    let errors = json["errors"].as_array().cloned().unwrap_or_default();
    let told = |error: &Value| error["detail"].as_str().is_some_and(|words| !words.is_empty());
    assert!(errors.iter().all(told), "{asked}: {text}");
    let pointer = |error: &Value| error["pointer"].as_str().map(str::to_owned);
    errors.iter().map(|error| pointer(error).expect("an error has a pointer")).collect()
}

async fn post_bytes(client: &Client, path: &str, content_type: &str, body: &[u8]) -> Answer {
    let request = client.request(Method::POST, path).header("content-type", content_type);
    client.send(request.body(body.to_vec())).await
}

#[tokio::test]
async fn a_problem_is_exactly_this_document() {
    let (_server, client) = desk();

    let unknown = client.get("/tickets/tkt_1").await;
    let bad = client.post("/tickets", json!({})).await;

    assert_eq!(
        unknown.text,
        r#"{"type":"urn:hookdesk:problem:not_found","title":"Not found","status":404,"#.to_owned()
            + r#""detail":"There is no ticket with this id.","code":"not_found"}"#
    );
    assert_eq!(
        bad.json,
        json!({
            "type": "urn:hookdesk:problem:bad_field", "title": "A field is not as it must be",
            "status": 422, "detail": "#/ticket_message is missing.", "code": "bad_field",
            "errors": [{ "pointer": "#/ticket_message", "detail": "is missing" }],
        })
    );
}

#[tokio::test]
async fn bodies_that_are_not_json_are_refused() {
    let (_server, client) = desk();
    let ticket = client.open_ticket("open").await;
    let nested = vec![b'['; 100_000];
    let table: [(&str, &[u8], u16, &str); 11] = [
        ("application/json", b"", 400, "bad_json"),
        ("application/json", b" ", 400, "bad_json"),
        ("application/json", b"{", 400, "bad_json"),
        ("application/json", b"{\"ticket_message\":\"a\"} {}", 400, "bad_json"),
        ("application/json", b"{\"ticket_message\":'a'}", 400, "bad_json"),
        ("application/json", b"{\"ticket_message\":\"\xc3\x28\"}", 400, "bad_json"),
        (
            "application/json",
            b"{\"ticket_message\":\"\\ud800\",\"callback_url\":\"\\ud800\"}",
            400,
            "bad_json",
        ),
        ("application/json", &nested, 400, "bad_json"),
        ("text/plain", b"{\"ticket_message\":\"a\"}", 415, "unsupported_media_type"),
        ("application/jsonx", b"{\"ticket_message\":\"a\"}", 415, "unsupported_media_type"),
        ("", b"{\"ticket_message\":\"a\"}", 415, "unsupported_media_type"),
    ];

    for (content_type, body, status, code) in table {
        for path in ["/tickets", "/webhooks/register"] {
            let answer = post_bytes(&client, path, content_type, body).await;
            assert_eq!(assert_problem(&answer, status, code), [""; 0]);
        }
        let request = client.request(Method::PATCH, &format!("/tickets/{ticket}"));
        let request = request.header("content-type", content_type).body(body.to_vec());
        assert_problem(&client.send(request).await, status, code);
    }

    let form = client.request(Method::POST, "/tickets").body(r#"{"ticket_message":"a"}"#);
    assert_problem(&client.send(form).await, 415, "unsupported_media_type");
    for body in ["[]", "null", "7", "\"ticket_message\""] {
        let answer = post_bytes(&client, "/tickets", "application/json", body.as_bytes()).await;
        assert_eq!(assert_problem(&answer, 422, "bad_field"), ["#"]);
    }
}

#[tokio::test]
async fn messages_that_are_no_message_are_refused() {
    let (_server, client) = desk();
    let ticket = client.open_ticket("open").await;
    let long = "é".repeat(32_768) + "x";
    let bad = [
        json!({}),
        json!({ "message": "a" }),
        json!({ "ticket_message": null }),
        json!({ "ticket_message": 7 }),
        json!({ "ticket_message": ["a"] }),
        json!({ "ticket_message": "" }),
        json!({ "ticket_message": "a\u{0}b" }),
        json!({ "ticket_message": long }),
    ];

    for body in bad {
        let opened = client.post("/tickets", body.clone()).await;
        let updated = client.patch(&format!("/tickets/{ticket}"), body).await;
        for answer in [opened, updated] {
            assert_eq!(assert_problem(&answer, 422, "bad_field"), ["#/ticket_message"]);
        }
    }

    let longest = &long[..65_536];
    let kept = client.open_ticket(longest).await;
    let kept = client.get(&format!("/tickets/{kept}")).await.expect(200);
    assert_eq!(kept.data()["ticket_message"], longest);
}

/// A request whose body is sent in chunks of undeclared total.
fn chunked(body: &[u8]) -> Vec<u8> {
    let head = "POST /tickets HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    let mut request = head.as_bytes().to_vec();
    for chunk in body.chunks(50_000) {
        request.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        request.extend_from_slice(chunk);
        request.extend(b"\r\n");
    }
    request.extend(b"0\r\n\r\n");
    request
}

#[tokio::test]
async fn a_body_of_a_mebibyte_is_taken_however_it_is_sent() {
    let (_server, client) = desk();
    let mut body = br#"{"ticket_message":"a"}"#.to_vec();
    body.resize(MAX_BODY, b' ');

    post_bytes(&client, "/tickets", "application/json", &body).await.expect(201);
    client.raw(&chunked(&body)).await.expect(201);
}

#[tokio::test]
async fn a_body_over_a_mebibyte_is_refused_however_it_is_sent() {
    let (_server, client) = desk();
    let body = vec![b' '; MAX_BODY + 1];

    let declared = post_bytes(&client, "/tickets", "application/json", &body).await;
    let undeclared = client.raw(&chunked(&body)).await;

    assert_problem(&declared, 413, "too_large");
    assert_problem(&undeclared, 413, "too_large");
}

/// A connection that is closed over what its caller still sends breaks before the answer is read.
#[tokio::test]
async fn the_caller_of_a_far_too_large_body_hears_why_it_is_refused() {
    let (_server, client) = desk();
    let body = vec![b' '; 8 * MAX_BODY];

    for _ in 0..5 {
        let request = client.request(Method::POST, "/tickets").body(body.clone());
        let answer = client.attempt(request.header("content-type", "application/json")).await;
        let answer = answer.expect("the connection holds until the answer is heard");
        assert_problem(&answer, 413, "too_large");
    }
}

#[tokio::test]
async fn unknown_ids_and_paths_are_not_found() {
    let (_server, client) = desk();
    let ticket = client.open_ticket("open").await;
    let webhook = client.register("https://partner.example/").await.id;
    let hex = &ticket[4..];
    let unknown = [
        format!("tkt_{NOBODY}"),
        format!("tkt_{}", hex.to_uppercase()),
        format!("whk_{hex}"),
        hex.to_owned(),
        "%74kt_1".to_owned(),
        webhook.clone(),
    ];

    for id in &unknown {
        let path = format!("/tickets/{id}");
        let message = json!({ "ticket_message": "a" });
        for answer in [
            client.get(&path).await,
            client.delete(&path).await,
            client.patch(&path, message).await,
        ] {
            assert_problem(&answer, 404, "not_found");
        }
    }
    for id in [format!("whk_{NOBODY}"), "register".to_owned(), ticket.clone()] {
        let answer = client.delete(&format!("/webhooks/unregister/{id}")).await;
        assert_problem(&answer, 404, "not_found");
    }
    assert_problem(&client.get(&format!("/webhooks/whk_{NOBODY}")).await, 404, "not_found");
    for path in [
        "/assets/",
        "/ticket",
        "/tickets/",
        "/tickets/a/b",
        "//tickets",
        "/Tickets",
        "/%74ickets",
        "/webhooks/unregister/",
        "/service/",
        "/health",
    ] {
        assert_problem(&client.get(path).await, 404, "not_found");
        assert_problem(&client.delete(path).await, 404, "not_found");
    }
    client.get(&format!("/tickets/{ticket}")).await.expect(200);
    client.get(&format!("/webhooks/{webhook}")).await.expect(200);
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let (_server, client) = desk();
    let table = [
        ("/tickets", "POST, GET, HEAD"),
        ("/tickets/tkt_1", "GET, PATCH, DELETE, HEAD"),
        ("/webhooks", "GET, HEAD"),
        ("/webhooks/register", "POST"),
        ("/webhooks/ping", "POST"),
        ("/webhooks/unregister/whk_1", "DELETE"),
        ("/webhooks/whk_1", "GET, PATCH, HEAD"),
        ("/webhooks/whk_1/ping", "POST"),
        ("/webhooks/whk_1/enable", "POST"),
        ("/service", "GET, HEAD"),
        ("/events", "GET, HEAD"),
        ("/events/evt_1", "GET, HEAD"),
        ("/service/available", "POST"),
        ("/service/unavailable", "POST"),
        ("/health/live", "GET, HEAD"),
        ("/health/ready", "GET, HEAD"),
    ];

    for (path, allow) in table {
        let allow = format!("{allow}, OPTIONS");
        let methods = [Method::PUT, Method::TRACE, Method::GET, Method::POST];
        for method in methods.into_iter().filter(|method| !allow.contains(method.as_str())) {
            let answer = client.send(client.request(method, path)).await;
            assert_problem(&answer, 405, "method_not_allowed");
            assert_eq!(answer.header("allow"), Some(&*allow), "{path}");
        }
        let options = client.send(client.request(Method::OPTIONS, path)).await.expect(204);
        assert_eq!((options.header("allow"), &*options.text), (Some(&*allow), ""), "{path}");
    }
}

#[tokio::test]
async fn a_compressed_body_is_refused_and_a_byte_order_mark_is_not() {
    let (_server, client) = desk();
    let body = br#"{"ticket_message":"a"}"#;
    let coded = |coding: &str| {
        let request = client.request(Method::POST, "/tickets").body(body.to_vec());
        request.header("content-type", "application/json").header("content-encoding", coding)
    };

    for coding in ["gzip", "br", "identity, gzip", "x"] {
        let answer = client.send(coded(coding)).await;
        assert_problem(&answer, 415, "unsupported_media_type");
        assert_eq!(answer.header("accept-encoding"), Some("identity"), "{coding}");
    }

    client.send(coded("identity")).await.expect(201);
    let marked = [b"\xef\xbb\xbf", &body[..]].concat();
    post_bytes(&client, "/tickets", "application/json", &marked).await.expect(201);
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let (_server, client) = desk();
    let ticket = client.open_ticket("open").await;

    for path in ["/tickets", "/webhooks", "/service", "/events", "/health/live", "/health/ready"] {
        let head = client.send(client.request(Method::HEAD, path)).await.expect(200);
        assert_eq!(
            (head.text.as_str(), head.header("content-type")),
            ("", Some("application/json"))
        );
    }
    let path = format!("/tickets/{ticket}");
    let head = client.send(client.request(Method::HEAD, &path)).await.expect(200);
    assert_eq!((head.text.as_str(), head.header("cache-control")), ("", Some("no-store")));
    client.send(client.request(Method::HEAD, "/tickets/tkt_1")).await.expect(404);
}

#[tokio::test]
async fn lists_refuse_limits_and_cursors_that_are_none() {
    let (_server, client) = desk();
    let webhook = client.register("https://partner.example/").await.id;
    let after_webhook = format!("after={webhook}");
    let bad = [
        ("limit=0", "?limit"),
        ("limit=1001", "?limit"),
        ("limit=", "?limit"),
        ("limit=ten", "?limit"),
        ("limit=-1", "?limit"),
        ("limit=99999999999999999999", "?limit"),
        ("after=", "?after"),
        ("after=tkt_1", "?after"),
        (&after_webhook, "?after"),
        ("status=ajar", "?status"),
        ("order=any", "?order"),
    ];

    for (query, pointer) in bad {
        let answer = client.get(&format!("/tickets?{query}")).await;
        assert_eq!(assert_problem(&answer, 422, "bad_field"), [pointer]);
    }
    assert_problem(&client.get("/webhooks?limit=0").await, 422, "bad_field");
    assert_problem(&client.get("/webhooks?after=tkt_1").await, 422, "bad_field");
    let twice = client.get("/tickets?limit=1&%6cimit=1").await;
    assert_eq!(assert_problem(&twice, 422, "bad_field"), ["?limit"]);
    let unknown = client.get("/events?aftre=1").await;
    assert_eq!(assert_problem(&unknown, 422, "bad_field"), ["?aftre"]);
    assert!(unknown.string("/detail").contains("after"), "{}", unknown.text);
    client
        .get("/tickets?limit=%31000&after=tkt%5F0197000000017abcaeeeeeeeeeeeeeee")
        .await
        .expect(200);
}

#[tokio::test]
async fn a_closed_ticket_does_not_change() {
    let (_server, client) = desk();
    let ticket = client.open_ticket("closed").await;
    let closed = client.close_ticket(&ticket).await;
    let path = format!("/tickets/{ticket}");

    let answer = client.patch(&path, json!({ "ticket_message": "changed" })).await;

    assert_problem(&answer, 409, "ticket_closed");
    assert_eq!(client.get(&path).await.data(), &closed);
}

#[tokio::test]
async fn refused_calls_change_nothing_and_tell_nobody() {
    let (mut server, client) = desk();
    let receiver = Receiver::kind();
    let webhook = client.register(&receiver.url()).await;
    let ticket = client.open_ticket("good").await;
    let path = format!("/tickets/{ticket}");
    let before = client.get(&path).await.text;

    post_bytes(&client, "/tickets", "application/json", b"{").await.expect(400);
    post_bytes(&client, "/tickets", "text/plain", br#"{"ticket_message":"a"}"#).await.expect(415);
    client.post("/tickets", json!({ "ticket_message": "" })).await.expect(422);
    client.patch(&path, json!({ "ticket_message": 1 })).await.expect(422);
    client.delete(&format!("/tickets/tkt_{NOBODY}")).await.expect(404);
    client.post("/webhooks/register", json!({ "callback_url": "ftp://a" })).await.expect(422);
    client.get("/webhooks/ping").await.expect(405);
    client.get("/service/unavailable").await.expect(405);
    let loops = client.request(Method::POST, "/service/unavailable");
    let loops = loops.header("user-agent", "HookDesk/1.0").header("webhook-id", "evt_1");
    client.send(loops).await.expect(508);
    let foreign =
        client.request(Method::POST, "/webhooks/ping").header("origin", "https://e.example");
    client.send(foreign).await.expect(403);

    assert_eq!(client.get(&path).await.text, before);
    client.close_ticket(&ticket).await;
    client.patch(&path, json!({ "ticket_message": "late" })).await.expect(409);
    client.wait_told(&webhook.id, SOON).await;
    server.terminate();
    let events: Vec<_> =
        receiver.deliveries().iter().map(hookdesk_tests::Delivery::event_type).collect();
    assert_eq!(events, ["ticket_opened", "ticket_closed"]);
    server.restart();
    assert_eq!(client.get("/webhooks").await.data().as_array().map(Vec::len), Some(1));
    assert_eq!(client.get("/tickets").await.data().as_array().map(Vec::len), Some(1));
    assert_eq!(client.get("/service").await.data()["since"], Value::Null);
}
