//! Connections to receivers: which one carries another request, and for how long.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicUsize, Ordering};

use hookdesk_tests::{
    Client, Delivery, FakeDns, NEVER_DOWN, Options, Port, Reaction, Receiver, SOON, Server,
    SilentListener, Webhook, desk_with,
};
use serde_json::{Value, json};
use tokio::time::timeout;

fn verbatim(bytes: &str) -> Reaction {
    Reaction::Verbatim(bytes.as_bytes().to_vec())
}

/// Sends so many pings, each after the one before was answered.
async fn ping_in_turn(client: &Client, webhook: &Webhook, pings: usize) {
    for _ in 0..pings {
        client.ping().await;
        client.wait_told(&webhook.id, SOON).await;
    }
}

fn connections(receiver: &Receiver) -> Vec<u64> {
    receiver.deliveries().iter().map(|one| one.connection).collect()
}

fn reasons(server: &Server, webhook: &Webhook) -> Vec<(u32, Option<u16>, String)> {
    let attempts = server.attempts().into_iter().filter(|one| one.webhook == webhook.id);
    attempts.map(|one| (one.number, one.status, one.reason)).collect()
}

#[tokio::test]
async fn a_connection_is_used_again_if_its_answer_left_no_doubt() {
    const OK: &str = "HTTP/1.1 200 OK\r\n";
    let end = "content-length: 2\r\n\r\nok";
    let long = format!("{OK}content-length: 70000\r\n\r\n{}", "x".repeat(70_000));
    let table = [
        ("a plain answer", format!("{OK}{end}"), true),
        ("chunks", format!("{OK}transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"), true),
        ("a hint before", format!("HTTP/1.1 103 Early Hints\r\n\r\n{OK}{end}"), true),
        ("no reason phrase", format!("HTTP/1.1 200\r\n{end}"), true),
        ("close", format!("{OK}connection: close\r\n{end}"), false),
        ("an old version", format!("HTTP/1.0 200 OK\r\n{end}"), false),
        ("a folded line", format!("{OK}x-policy: one;\r\n  two\r\n{end}"), false),
        ("a folded line by tab", format!("{OK}x-policy: one;\r\n\ttwo\r\n{end}"), false),
        ("a blank before the colon", format!("{OK}x-policy : one\r\n{end}"), false),
        ("line feeds alone", format!("HTTP/1.1 200 OK\nx: y\n{}", end.replace('\r', "")), false),
        ("a line without a colon", format!("{OK}no header\r\n{end}"), false),
        ("a name with a blank", format!("{OK}x policy: one\r\n{end}"), false),
        ("a control in a value", format!("{OK}x: a\u{1}b\r\n{end}"), false),
        ("bytes beyond the end", format!("{OK}{end}more"), false),
        ("an answer beyond the end", format!("{OK}{end}HTTP/1.1 500 No\r\n{end}"), false),
        ("a body where none may be", "HTTP/1.1 204 No Content\r\n\r\nbody".to_owned(), false),
        ("more than is read", long, false),
    ];
    let (mut server, client) = desk_with(&NEVER_DOWN);
    let mut cases = Vec::new();
    for (what, answer, reused) in table {
        let receiver = Receiver::start(move |_| verbatim(&answer));
        let settings = json!({ "callback_url": receiver.url(), "retry_schedule": [] });
        cases.push((what, reused, client.register_with(settings).await, receiver));
    }

    for _ in 0..3 {
        client.ping().await;
        for (.., webhook, _) in &cases {
            client.wait_told(&webhook.id, SOON).await;
        }
    }

    server.terminate();
    for (what, reused, webhook, receiver) in &cases {
        let expected = if *reused { [1, 1, 1] } else { [1, 2, 3] };
        assert_eq!(connections(receiver), expected, "{what}");
        let found = reasons(&server, webhook);
        let good = |(number, status, reason): &(u32, Option<u16>, String)| {
            *number == 1 && matches!(status, Some(200 | 204)) && reason == "delivered"
        };
        assert!(found.len() == 3 && found.iter().all(good), "{what}: {found:?}");
    }
}

/// A receiver that answers the first request on each connection, and every other one so.
fn fickle(farewell: impl Fn(&Delivery) -> Reaction + Send + Sync + 'static) -> Receiver {
    let last = AtomicUsize::new(0);
    Receiver::start(move |one| {
        let connection = usize::try_from(one.connection).expect("few");
        if last.swap(connection, Ordering::Relaxed) == connection {
            farewell(one)
        } else {
            Reaction::Status(200)
        }
    })
}

#[tokio::test]
async fn a_farewell_on_a_connection_that_was_idle_is_not_charged_to_the_receiver() {
    let (mut server, client) = desk_with(&NEVER_DOWN);
    let stray = "HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let kept = "HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n";
    for farewell in [
        Reaction::Raw(stray.into()),
        verbatim(kept),
        Reaction::Stall(kept.into()),
        Reaction::Reset,
        Reaction::Raw(Vec::new()),
    ] {
        let what = format!("{farewell:?}");
        let receiver = fickle(move |_| farewell.clone());
        let webhook = client.register(&receiver.url()).await;

        ping_in_turn(&client, &webhook, 3).await;

        // The second request came twice, and so did the third.
        let seen = receiver.deliveries();
        let attempts: Vec<_> = seen.iter().map(Delivery::attempt).collect();
        assert_eq!((connections(&receiver), attempts), (vec![1, 1, 2, 2, 3], vec![1; 5]), "{what}");
        client.unregister(&webhook.id).await;
    }
    server.terminate();
    let failed = server.attempts().into_iter().filter(|one| one.reason != "delivered");
    assert_eq!(failed.count(), 0);
}

#[tokio::test]
async fn a_request_is_repeated_once_and_only_after_another_on_its_connection() {
    let (mut server, client) = desk_with(&NEVER_DOWN);
    let refusal = "HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n";
    let mut cases = Vec::new();
    for (reaction, expected, connections) in [
        (verbatim(refusal), (Some(408), None), [1, 1, 2].as_slice()),
        (Reaction::Reset, (None, Some("reset")), &[1, 1, 2]),
        (Reaction::Raw(Vec::new()), (None, Some("reset")), &[1, 1, 2]),
        // A part of an answer is the answer to this request, and not a farewell.
        (Reaction::Raw(b"HTTP/1.1 2".to_vec()), (None, Some("reset")), &[1, 1]),
    ] {
        // Each first request of a webhook is refused on a new connection, and each second one is
        // refused again after the repetition.
        let (first, later) = (reaction.clone(), reaction);
        let new = Receiver::start(move |_| first.clone());
        let answered = AtomicUsize::new(0);
        let reused = Receiver::start(move |_| match answered.fetch_add(1, Ordering::Relaxed) {
            0 => Reaction::Status(200),
            _ => later.clone(),
        });
        for (receiver, pings, connections) in [(new, 1, [1].as_slice()), (reused, 2, connections)] {
            let settings = json!({ "callback_url": receiver.url(), "retry_schedule": [] });
            let webhook = client.register_with(settings).await;
            cases.push((webhook, receiver, pings, expected, connections));
        }
    }

    for pings in 1..=2 {
        for (webhook, _, most, ..) in &cases {
            if pings <= *most {
                client.post(&format!("/webhooks/{}/ping", webhook.id), None).await.expect(202);
                client.wait_told(&webhook.id, SOON).await;
            }
        }
    }

    server.terminate();
    for (webhook, receiver, _, expected, expected_connections) in &cases {
        let attempts = server.attempts();
        let last = attempts.iter().rfind(|one| one.webhook == webhook.id).expect("recorded");
        let found = (last.status, last.failure.as_deref());
        assert_eq!((found, &*connections(receiver)), (*expected, *expected_connections));
    }
}

/// Addresses of this machine: one that the desk below may call, and one that it may not.
const ALLOWED: Ipv4Addr = Ipv4Addr::LOCALHOST;
const FORBIDDEN: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const NAME: &str = "partner.example";

/// A desk that asks a fake DNS, and calls one address of this machine.
fn desk_that_resolves(dns: &FakeDns, arguments: &[&str]) -> Server {
    let allowed = ALLOWED.to_string();
    let all =
        ["--no-auth", "--allow-target", &allowed].into_iter().chain(arguments.iter().copied());
    let arguments = all.map(str::to_owned).collect();
    Server::start(Options { arguments, dns: Some(dns.address()), ..Options::default() })
}

fn named(receiver: &Receiver, path: &str) -> Value {
    let callback_url = format!("http://{NAME}:{}{path}", receiver.port());
    json!({ "callback_url": callback_url, "retry_schedule": [] })
}

#[tokio::test]
async fn a_name_is_resolved_and_judged_anew_when_its_connection_is_too_old() {
    let dns = FakeDns::start(|_, number| {
        vec![IpAddr::from(if number == 1 { ALLOWED } else { FORBIDDEN })]
    });
    let receiver = Receiver::kind();
    let listener = SilentListener::open(FORBIDDEN, receiver.port());
    let mut server = desk_that_resolves(&dns, &["--max-connection-age-s", "1"]);
    let client = server.client();
    let webhook = client.register_with(named(&receiver, "/hook")).await;

    // Each ping follows the answer to the one before, so the connection is never idle for long.
    let moved = async {
        while dns.asked(NAME) < 2 {
            ping_in_turn(&client, &webhook, 1).await;
        }
    };
    timeout(SOON, moved).await.expect("the connection gets too old");

    server.terminate();
    let attempts = server.attempts();
    let (last, before) = attempts.split_last().expect("there were some");
    assert_eq!(last.failure.as_deref(), Some("blocked"));
    assert!(before.len() > 1 && before.iter().all(|one| one.reason == "delivered"));
    assert_eq!(connections(&receiver), vec![1; before.len()]);
    listener.assert_silent();
}

#[tokio::test]
async fn an_operators_change_starts_afresh() {
    let dns = FakeDns::start(|_, _| vec![IpAddr::from(ALLOWED)]);
    let receiver = Receiver::kind();
    let server = desk_that_resolves(&dns, &[]);
    let client = server.client();
    let webhook = client.register_with(named(&receiver, "/hook")).await;
    let url = json!({ "callback_url": named(&receiver, "/other")["callback_url"] });
    ping_in_turn(&client, &webhook, 2).await;
    let mut expected = vec![1, 1];

    for (change, afresh) in [
        (url.clone(), true),
        (url, true),
        (json!({ "description": "the same place" }), false),
        (json!({ "status": "paused" }), false),
        (json!({ "status": "active" }), true),
    ] {
        client.amend(&webhook.id, change.clone()).await;
        if change["status"] != "paused" {
            ping_in_turn(&client, &webhook, 2).await;
            let last = expected[expected.len() - 1] + u64::from(afresh);
            expected.extend([last, last]);
        }
        assert_eq!(connections(&receiver), expected, "{change}");
    }

    receiver.behave(|_| Reaction::Status(410));
    client.ping().await;
    client.wait_webhook(&webhook.id, |state| state["status"] == "disabled", SOON).await;
    receiver.behave(|_| Reaction::Status(200));
    client.post(&format!("/webhooks/{}/enable", webhook.id), None).await.expect(200);
    ping_in_turn(&client, &webhook, 1).await;
    let last = expected[expected.len() - 1];
    expected.extend([last, last + 1]);
    assert_eq!(connections(&receiver), expected);
    assert_eq!(dns.asked(NAME), usize::try_from(last + 1).expect("few"));
}

#[tokio::test]
async fn no_proxy_is_used_whatever_the_environment_says() {
    let proxy = SilentListener::open(Ipv4Addr::LOCALHOST, 0);
    let url = format!("http://127.0.0.1:{}", proxy.port());
    let names =
        ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"];
    let environment = names.map(|name| (name.to_owned(), url.clone())).to_vec();
    let dns = FakeDns::start(|_, _| vec![IpAddr::from(ALLOWED)]);
    let arguments = ["--no-auth", "--allow-target", "127.0.0.0/8"].map(str::to_owned).to_vec();
    let dns_address = Some(dns.address());
    let server =
        Server::start(Options { arguments, dns: dns_address, environment, ..Options::default() });
    let client = server.client();
    let receiver = Receiver::kind();
    let webhook = client.register_with(named(&receiver, "/hook")).await;
    // Nobody listens there, and no proxy is asked either.
    let nobody = Port::take(0);
    let no_tls = format!("https://{NAME}:{}/hook", nobody.number());
    let secured = json!({ "callback_url": no_tls, "retry_schedule": [] });
    let secured = client.register_with(secured).await;

    client.ping().await;

    client.wait_told(&webhook.id, SOON).await;
    client.wait_told(&secured.id, SOON).await;
    assert_eq!(receiver.count(), 1);
    proxy.assert_silent();
}
