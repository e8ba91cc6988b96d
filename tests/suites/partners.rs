//! Partners with keys of their own: what they see, what they reach, and how often.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use hookdesk_tests::{Client, FakeDns, Folder, Options, Receiver, SOON, Server, SilentListener};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::keys::{keyed_desk, make, options, printed};

/// A key of a partner, as the operator makes it on the command line.
async fn partner_key(server: &Server, partner: &str, more: &[&str]) -> Client {
    let create = ["create", "--scope", "read", "webhooks", "--partner", partner];
    let arguments = [&create[..], more].concat();
    server.client().with_key(printed(server, &arguments).await)
}

#[tokio::test]
async fn a_partner_helps_itself_and_sees_no_other() {
    let (server, admin, _folder) = keyed_desk();
    let acme = partner_key(&server, "acme", &[]).await;
    let other = partner_key(&server, "other", &["--events", "ticket_closed"]).await;
    let url = json!({ "callback_url": "https://hooks.example/acme" });
    let made = acme.post("/webhooks/register", url.clone()).await.expect(201);
    assert_eq!(made.string("/data/partner"), "acme");
    let path = format!("/webhooks/{}", made.string("/data/id"));
    let seen = other.post("/webhooks/register", url).await.expect(201);
    assert_eq!(seen.data()["events"], json!(["ticket_closed"]));

    let unknown = format!("/webhooks/{}", "whk_018bcfe5680070018202020202020202");
    for tail in ["", "/secrets", "/deliveries", "/replay"] {
        let (theirs, nobodys) =
            (other.get(&(path.clone() + tail)).await, other.get(&(unknown.clone() + tail)).await);
        assert_eq!(theirs.status, 404);
        assert_eq!(theirs.text, nobodys.text, "{tail}");
    }
    for (client, count) in [(&acme, 1), (&other, 1), (&admin, 2)] {
        assert_eq!(client.get("/webhooks").await.items().len(), count);
    }
    for path in ["/tickets", "/events", "/service", "/partners", "/keys"] {
        assert_eq!(acme.get(path).await.expect(403).code(), Some("forbidden"), "{path}");
    }
    acme.post("/webhooks/ping", None).await.expect(403);
    assert_eq!(acme.get("/me").await.string("/data/partner"), "acme");
    acme.post(&(path.clone() + "/secret/rotate"), json!({})).await.expect(201);

    let partners = admin.get("/partners").await.expect(200);
    let counts = |partner: &str| json!({ "partner": partner, "webhooks": 1, "keys": 1 });
    assert_eq!(partners.items(), [counts("acme"), counts("other")]);
    admin.delete("/partners/acme").await.expect(200);
    assert_eq!(acme.get("/me").await.expect(401).code(), Some("unauthorized"));
    admin.get(&path).await.expect(404);
}

#[tokio::test]
async fn a_partners_webhook_reaches_no_address_that_is_not_public() {
    let folder = Folder::new();
    let listener = SilentListener::everywhere();
    let dns = FakeDns::start(|_, _| vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]);
    let options = options(&folder.path().join("admin.key"));
    let allowed = ["--allow-target".to_owned(), "127.0.0.0/8".to_owned()];
    let arguments = options.arguments.iter().cloned().chain(allowed).collect();
    let server = Server::start(Options { arguments, dns: Some(dns.address()), ..options });
    let admin = std::fs::read_to_string(folder.path().join("admin.key")).expect("it was made");
    let admin = server.client().with_key(admin.trim());
    let acme = partner_key(&server, "acme", &[]).await;

    let literal = json!({ "callback_url": format!("http://127.0.0.1:{}/", listener.port()) });
    let refused = acme.post("/webhooks/register", literal.clone()).await.expect(422);
    assert_eq!(refused.code(), Some("bad_callback_url"));
    let named = |port| {
        json!({
            "callback_url": format!("http://partner.example:{port}/"), "retry_schedule": [],
        })
    };
    let theirs = acme.post("/webhooks/register", named(listener.port())).await.expect(201);
    let receiver = Receiver::kind();
    admin.post("/webhooks/register", named(receiver.port())).await.expect(201);

    let event = admin.ping().await;

    receiver.wait_for(|all| !all.is_empty(), SOON).await;
    let id = theirs.string("/data/id");
    admin.wait_told(&id, SOON).await;
    let path = format!("/webhooks/{id}/deliveries/{event}");
    let failure = |attempts: &Value| attempts[0]["failure"].clone();
    assert_eq!(failure(admin.get(&path).await.data()), "blocked");
    assert_eq!(failure(acme.get(&path).await.data()), "dns", "which one, it is not told");
    listener.assert_silent();
}

#[tokio::test]
async fn a_caller_that_calls_too_often_is_told_when_to_come_again() {
    let (server, admin, _folder) = keyed_desk();
    let acme = partner_key(&server, "acme", &["--rate", "3"]).await;
    let first = acme.get("/me").await.expect(200);
    assert_eq!(first.header("ratelimit-policy"), Some("\"calls\";q=3;w=1"));
    assert!(first.header("ratelimit").is_some_and(|left| left.starts_with("\"calls\";r=")));
    let mut refused = None;
    for _ in 0..30 {
        let answer = acme.get("/me").await;
        if answer.status != 200 {
            refused = Some(answer);
        }
        let other = admin.get("/me").await.expect(200);
        assert_eq!(other.header("ratelimit"), None, "it has no limit");
    }
    let refused = refused.expect("more than three a second").expect(429);
    assert_eq!((refused.code(), refused.header("retry-after")), (Some("rate_limited"), Some("1")));
    tokio::time::sleep(Duration::from_secs(1)).await;
    acme.get("/me").await.expect(200);
}

#[tokio::test]
async fn a_partner_replays_so_often_a_day_and_counts_as_often_as_it_likes() {
    let (server, admin, _folder) = keyed_desk();
    let [first, second] = [
        partner_key(&server, "acme", &["--rate", "1000"]).await,
        partner_key(&server, "acme", &["--rate", "1000"]).await,
    ];
    let replay = |dry_run: bool| json!({ "since": "2023-01-01T00:00:00Z", "only": "all", "dry_run": dry_run });
    let path = "/webhooks/whk_00000000000000000000000000000000/replay";
    for _ in 0..30 {
        first.post(path, replay(true)).await.expect(404);
    }
    for caller in [&first, &second].repeat(12) {
        caller.post(path, replay(false)).await.expect(404);
    }
    for caller in [&first, &second] {
        let refused = caller.post(path, replay(false)).await.expect(429);
        let wait_s = refused.header("retry-after").and_then(|wait| wait.parse::<u64>().ok());
        assert_eq!(refused.code(), Some("rate_limited"));
        assert!(wait_s.is_some_and(|wait_s| (3_500..=3_600).contains(&wait_s)), "{wait_s:?}");
    }
    admin.post(path, replay(false)).await.expect(404);
}

#[tokio::test]
async fn who_calls_again_at_once_is_refused_no_faster_than_it_may_call() {
    const CALLERS: usize = 20;
    const RATE: usize = 5;
    let (server, _admin, _folder) = keyed_desk();
    let acme = partner_key(&server, "acme", &["--rate", &RATE.to_string()]).await.with_pool();
    let (began, length) = (Instant::now(), Duration::from_secs(3));
    let callers = (0..CALLERS).map(|_| {
        let acme = acme.clone();
        async move {
            let mut answers = 0_usize;
            while began.elapsed() < length {
                answers += usize::from(acme.get("/me").await.status > 0);
            }
            answers
        }
    });
    let answers: usize = callers.collect::<JoinSet<_>>().join_all().await.into_iter().sum();
    // Both calls and refusals have a burst and a rate, and nobody waits longer than a second.
    let seconds = usize::try_from(began.elapsed().as_secs()).expect("it is few") + 1;
    let most = 2 * RATE * (seconds + 1) + CALLERS * seconds;
    assert!(answers <= most, "{answers} answers, and at most {most} were to be given");
}

#[tokio::test]
async fn wrong_keys_of_a_peer_are_put_off_and_the_right_one_is_not() {
    let (server, admin, _folder) = keyed_desk();
    let wrong = server.client().with_key("hdk_wrong");
    let mut statuses = Vec::new();
    for _ in 0..60 {
        statuses.push(wrong.get("/tickets").await.status);
        admin.get("/tickets").await.expect(200);
    }
    assert!(statuses.contains(&401) && statuses.contains(&429), "{statuses:?}");
}

#[tokio::test]
async fn pings_and_resends_by_a_partner_are_one_a_second() {
    let (server, _admin, _folder) = keyed_desk();
    let acme = partner_key(&server, "acme", &["--rate", "100"]).await;
    let url = json!({ "callback_url": "https://hooks.example/" });
    let made = acme.post("/webhooks/register", url).await.expect(201);
    let path = format!("/webhooks/{}/ping", made.string("/data/id"));
    let mut statuses = Vec::new();
    for _ in 0..20 {
        statuses.push(acme.post(&path, None).await.status);
    }
    assert_eq!(statuses[0], 202);
    assert!(statuses.contains(&429), "{statuses:?}");
}

#[tokio::test]
async fn stored_answers_show_a_secret_to_those_who_reach_its_webhook() {
    let (server, admin, _folder) = keyed_desk();
    let (_, key) = make(&admin, &["webhooks"]).await;
    let client = server.client().with_key(key);
    let register = || {
        let request = client.request("POST".parse().expect("a method"), "/webhooks/register");
        let body = json!({ "callback_url": "https://hooks.example/" }).to_string();
        let headers = [("content-type", "application/json"), ("idempotency-key", "k")];
        headers
            .into_iter()
            .fold(request.body(body), |request, (name, value)| request.header(name, value))
    };
    let first = client.send(register()).await.expect(201);
    assert_eq!(client.send(register()).await.text, first.text);
    let path = format!("/webhooks/{}", first.string("/data/id"));
    admin.patch(&path, json!({ "partner": "acme" })).await.expect(200);
    let again = client.send(register()).await.expect(201);
    assert_eq!(again.data().get("secret"), None, "it ended when the webhook changed hands");
}
