//! Validation of registrations: callback URLs and settings that are refused, and access to an open
//! desk.

use hookdesk_tests::{Answer, desk};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

fn pointers(answer: &Answer) -> Vec<&str> {
    let errors = answer.json["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    errors.iter().filter_map(|error| error["pointer"].as_str()).collect()
}

#[tokio::test]
async fn urls_that_cannot_or_must_not_be_called_are_refused() {
    let (_server, client) = desk();
    let label = format!("https://{}.example/", "a".repeat(64));
    let name = format!("https://{}a.example/", "a.".repeat(123));
    let urls = include_str!("../data/refused_urls.jsonl").lines();
    let urls = urls.map(|line| serde_json::from_str(line).expect("a JSON string"));
    let bad: Vec<String> = urls.chain([label, name]).collect();

    for url in bad {
        let answer = client.post("/webhooks/register", json!({ "callback_url": url })).await;
        let answer = answer.expect(422);
        assert_eq!(
            (answer.code(), pointers(&answer)),
            (Some("bad_callback_url"), vec!["#/callback_url"]),
            "{url}"
        );
    }
    assert_eq!(client.get("/webhooks").await.json["data"], json!([]));
}

#[tokio::test]
async fn urls_that_may_be_called_are_kept_as_they_are() {
    let (_server, client) = desk();
    let longest = format!("https://a.example/{}", "x".repeat(2_030));
    let good = [
        "http://partner.example",
        "https://partner.example:8443/hook?a=b&c=%20",
        "HTTPS://Partner.Example/Hook",
        "http://127.0.0.1:1/",
        "http://localhost:65535/hook",
        "http://[::1]:8080/",
        "http://93.184.216.34/",
        "http://xn--prtner-bua.example/",
        &longest,
    ];

    for url in good {
        let webhook = client.register(url).await;
        assert_eq!(client.webhook(&webhook.id).await["callback_url"], url);
    }
}

#[tokio::test]
async fn settings_out_of_range_are_refused_and_the_limits_are_taken() {
    let (_server, client) = desk();
    let url = "https://partner.example/";
    let waits = |count: usize| json!(vec![604_800; count]);
    let bad = include_str!("../data/refused_settings.jsonl").lines();
    let bad = bad.map(|line| serde_json::from_str(line).expect("a name, a value and a pointer"));
    let too_long: [(String, Value, String); 3] = [
        ("callback_url", json!(format!("https://a.example/{}", "x".repeat(2_031)))),
        ("retry_schedule", waits(21)),
        ("description", json!("x".repeat(1_001))),
    ]
    .map(|(name, value)| (name.to_owned(), value, format!("#/{name}")));
    for (name, value, pointer) in bad.chain(too_long) {
        let mut settings = json!({ "callback_url": url });
        settings[&name] = value;
        let answer = client.post("/webhooks/register", settings).await.expect(422);
        assert_eq!(
            (answer.code(), pointers(&answer)),
            (Some("bad_field"), vec![pointer.as_str()]),
            "{name}"
        );
    }

    for (name, value) in [
        ("ordering", json!("none")),
        ("retry_schedule", waits(20)),
        ("retry_schedule", json!([])),
        ("retry_schedule", json!([0])),
        ("timeout_ms", json!(1_000)),
        ("timeout_ms", json!(30_000)),
        ("max_in_flight", json!(1)),
        ("max_in_flight", json!(256)),
    ] {
        let mut settings = json!({ "callback_url": url });
        settings[name] = value.clone();
        let webhook = client.register_with(settings).await;
        assert_eq!(client.webhook(&webhook.id).await[name], value, "{name}");
    }
}

#[tokio::test]
async fn all_that_is_wrong_is_told_at_once() {
    let (_server, client) = desk();

    let settings = json!({ "ordering": 1, "timeout_ms": 0, "max_in_flight": 0 });
    let answer = client.post("/webhooks/register", settings).await.expect(422);

    let all = ["#/callback_url", "#/ordering", "#/timeout_ms", "#/max_in_flight"];
    assert_eq!(pointers(&answer), all);
}

#[tokio::test]
async fn one_webhook_more_than_ten_thousand_is_one_too_many() {
    let (_server, client) = desk();
    let client = client.with_pool();
    let mut callers = JoinSet::new();
    for caller in 0..20 {
        let client = client.clone();
        callers.spawn(async move {
            for number in 0..500 {
                client.register(&format!("https://p{caller}.example/{number}")).await;
            }
        });
    }
    callers.join_all().await;
    let settings = json!({ "callback_url": "https://late.example/" });

    let refused = client.post("/webhooks/register", settings.clone()).await.expect(409);
    let list = client.get("/webhooks").await.expect(200);
    let webhooks = list.items();
    client.unregister(webhooks[500]["id"].as_str().expect("an id")).await;
    let taken = client.post("/webhooks/register", settings.clone()).await;

    assert_eq!(refused.code(), Some("too_many_webhooks"));
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    assert_eq!(webhooks.len(), 10_000);
    taken.expect(201);
    client.post("/webhooks/register", settings).await.expect(409);
}

#[tokio::test]
async fn an_open_desk_hears_callers_on_its_own_machine_only() {
    let (_server, client) = desk();
    let foreign = [
        ("host", "desk.example"),
        ("host", "127.0.0.1.nip.example:8080"),
        ("host", "10.0.0.1"),
        ("origin", "https://page.example"),
        ("origin", "null"),
        ("forwarded", "for=203.0.113.9"),
        ("x-forwarded-for", "203.0.113.9"),
    ];
    for (name, value) in foreign {
        for path in ["/tickets", "/health/live", "/nowhere"] {
            let request = client.request(Method::GET, path).header(name, value);
            let answer = client.send(request).await.expect(403);
            assert_eq!(answer.code(), Some("not_local"), "{name}: {value}");
            assert!(answer.string("/detail").contains("--auth"), "{}", answer.text);
        }
    }
    let local = [("host", "localhost"), ("host", "[::1]:80"), ("origin", "http://localhost:3000")];
    for (name, value) in local {
        client.send(client.request(Method::GET, "/tickets").header(name, value)).await.expect(200);
    }
}

/// A page of another origin that sends a form, in a browser that says so in either way.
#[tokio::test]
async fn a_page_of_another_site_changes_nothing() {
    let (_server, client) = desk();
    let webhook = client.register("https://partner.example/").await.id;
    let before = client.events().await;
    let calls = [
        (Method::POST, "/service/unavailable".to_owned()),
        (Method::POST, "/webhooks/ping".to_owned()),
        (Method::POST, format!("/webhooks/{webhook}/enable")),
        (Method::DELETE, format!("/webhooks/unregister/{webhook}")),
    ];

    for (method, path) in &calls {
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "http://localhost:3000"),
        ] {
            let request = client.request(method.clone(), path).header(name, value);
            let form = request.header("content-type", "application/x-www-form-urlencoded");
            let answer = client.send(form.body("a=b")).await.expect(403);
            assert_eq!(answer.code(), Some("cross_site"), "{path} {name}: {value}");
        }
    }

    assert_eq!(client.events().await, before);
    let own =
        client.request(Method::POST, "/webhooks/ping").header("sec-fetch-site", "same-origin");
    client.send(own).await.expect(202);
    let link = client.request(Method::GET, "/tickets").header("sec-fetch-site", "cross-site");
    client.send(link).await.expect(200);
}

#[tokio::test]
async fn a_caller_of_an_open_desk_that_names_no_host_is_refused() {
    let (_server, client) = desk();

    let answer = client.raw(b"GET /tickets HTTP/1.0\r\n\r\n").await.expect(403);

    assert_eq!(answer.code(), Some("not_local"));
}

#[tokio::test]
async fn a_desk_that_calls_a_desk_is_stopped() {
    let (_server, client) = desk();
    let call = |agent: &str| {
        let request = client.request(Method::POST, "/webhooks/ping").header("user-agent", agent);
        request.header("webhook-id", "evt_0197000000017abcaeeeeeeeeeeeeeee")
    };

    let answer = client.send(call("HookDesk/0.0.1")).await.expect(508);

    assert_eq!(answer.code(), Some("loop_detected"));
    client.send(call("curl/8.0")).await.expect(202);
    let own_agent = client.request(Method::POST, "/webhooks/ping");
    client.send(own_agent.header("user-agent", "HookDesk/0.0.1")).await.expect(202);
}

#[tokio::test]
async fn a_desk_registered_with_itself_does_not_talk_to_itself_for_ever() {
    let (mut server, client) = desk();
    let callback_url = server.url("/tickets");
    let settings = json!({ "callback_url": callback_url, "retry_schedule": [] });
    let webhook = client.register_with(settings).await;

    client.ping().await;
    client.wait_told(&webhook.id, std::time::Duration::from_secs(30)).await;

    server.terminate();
    let attempts = server.attempts();
    assert_eq!(attempts.iter().map(|one| one.status).collect::<Vec<_>>(), [Some(508)]);
    assert!(attempts[0].excerpt.as_ref().is_some_and(|text| text.contains("loop_detected")));
}
