//! Isolation of receivers: one that fails, stalls or answers nonsense delays no other.

use std::net::Ipv4Addr;
use std::time::Duration;

use hookdesk_tests::{
    Attempt, Client, NEVER_DOWN, Port, Reaction, Receiver, SOON, Webhook, desk_with,
};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Registers a URL that is tried once, for a second at most.
async fn try_once(client: &Client, callback_url: &str) -> Webhook {
    let settings = json!({
        "callback_url": callback_url, "timeout_ms": 1_000, "retry_schedule": [],
    });
    client.register_with(settings).await
}

#[tokio::test]
async fn nine_receivers_are_told_everything_while_a_tenth_hangs() {
    let (_server, client) = desk_with(&NEVER_DOWN);
    let hanging = Receiver::start(|_| Reaction::Hang);
    let settings = json!({ "callback_url": hanging.url(), "timeout_ms": 30_000 });
    let hung = client.register_with(settings).await;
    let healthy: Vec<Receiver> = (0..9).map(|_| Receiver::kind()).collect();
    for receiver in &healthy {
        client.register(&receiver.url()).await;
    }

    for number in 0..100 {
        client.open_ticket(&format!("ticket {number}")).await;
    }

    for receiver in &healthy {
        receiver.wait_for(|all| all.len() == 100, SOON).await;
    }
    // Its first request has not even timed out: all of the above went past it.
    let state = client.webhook(&hung.id).await;
    assert_eq!((&state["backlog"], &state["in_flight"]), (&json!(100), &json!(64)));
    let hung = hanging.wait_for(|all| all.len() >= 64, SOON).await;
    assert_eq!(hung.len(), 64);
    assert!(hung.iter().all(|one| one.attempt() == 1));
}

#[tokio::test]
async fn ten_hanging_receivers_leave_room_for_the_eleventh() {
    let (_server, client) = desk_with(&NEVER_DOWN);
    let hanging: Vec<Receiver> = (0..10).map(|_| Receiver::start(|_| Reaction::Hang)).collect();
    let mut hung = Vec::new();
    for receiver in &hanging {
        let settings = json!({
            "callback_url": receiver.url(), "timeout_ms": 30_000, "max_in_flight": 256,
        });
        hung.push(client.register_with(settings).await);
    }
    for number in 0..100 {
        client.open_ticket(&format!("ticket {number}")).await;
    }
    let kind = Receiver::kind();
    let webhook = client.register(&kind.url()).await;

    for number in 0..50 {
        client.open_ticket(&format!("later ticket {number}")).await;
    }

    client.wait_told(&webhook.id, SOON).await;
    assert_eq!(kind.count(), 50);
    let mut in_flight = 0;
    for webhook in &hung {
        in_flight += client.webhook(&webhook.id).await["in_flight"].as_u64().expect("a number");
    }
    assert!((200..256).contains(&in_flight), "{in_flight}");
}

/// What a hostile receiver does, and what is recorded of it: a status or a failure.
type Hostility = (&'static str, Reaction, Result<u16, &'static str>);

fn raw(bytes: impl Into<Vec<u8>>) -> Reaction {
    Reaction::Raw(bytes.into())
}

fn hostilities() -> Vec<Hostility> {
    const OK: &str = "HTTP/1.1 200 OK\r\n";
    let often = Duration::from_millis(100);
    let many_headers = (0..10_000).map(|n| format!("x-{n}: {n}\r\n")).collect::<Vec<_>>().concat();
    let huge_header = "x".repeat(1 << 20);
    vec![
        ("ten thousand headers", raw(format!("{OK}{many_headers}\r\n")), Err("protocol")),
        ("a header of 1 MiB", raw(format!("{OK}x: {huge_header}\r\n\r\n")), Err("protocol")),
        ("a head that never ends", drip("HTTP/1.1 200 OK\r\nx: ", often), Err("timeout")),
        ("no answer", Reaction::Hang, Err("timeout")),
        ("a body that drips", drip(&format!("{OK}\r\n"), often), Ok(200)),
        ("a body of 64 MiB", Reaction::Flood { bytes: 64 << 20 }, Ok(200)),
        (
            "chunks that end early",
            raw(format!("{OK}transfer-encoding: chunked\r\n\r\n5\r\nhel")),
            Ok(200),
        ),
        ("a body shorter than told", raw(format!("{OK}content-length: 9\r\n\r\nhi")), Ok(200)),
        ("a length that is none", raw(format!("{OK}content-length: x\r\n\r\n")), Err("protocol")),
        ("a reset", Reaction::Reset, Err("reset")),
        ("an end without an answer", raw(""), Err("reset")),
        ("an end within the head", raw("HTTP/1.1 20"), Err("reset")),
        ("half a connection", Reaction::HalfClose(Vec::new()), Err("reset")),
        ("garbage", raw("\0\u{1f525} not HTTP at all\r\n\r\n"), Err("protocol")),
        ("another protocol", raw("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), Err("protocol")),
        ("a status of nothing", raw("HTTP/1.1 000 \r\n\r\n"), Err("protocol")),
        ("an empty answer", raw(format!("{OK}\r\n")), Ok(200)),
    ]
}

fn drip(head: &str, byte_every: Duration) -> Reaction {
    Reaction::Drip { head: head.as_bytes().to_vec(), byte_every }
}

fn recorded(attempt: &Attempt) -> Result<u16, &str> {
    match (attempt.status, attempt.failure.as_deref()) {
        (Some(status), None) => Ok(status),
        (None, Some(failure)) => Err(failure),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn hostile_receivers_are_recorded_and_hurt_nobody() {
    let (mut server, client) = desk_with(&NEVER_DOWN);
    let mut hostile = Vec::new();
    for (what, reaction, expected) in hostilities() {
        let receiver = Receiver::start(move |_| reaction.clone());
        let webhook = try_once(&client, &receiver.url()).await;
        hostile.push((what, expected, webhook, receiver));
    }
    let kind = Receiver::kind();
    let healthy = client.register(&kind.url()).await;

    client.ping().await;
    for number in 0..20 {
        client.open_ticket(&format!("ticket {number}")).await;
    }

    client.wait_told(&healthy.id, SOON).await;
    for (.., webhook, _) in &hostile {
        client.wait_told(&webhook.id, SOON).await;
    }
    let (status, _) = server.terminate();
    assert_eq!((status.code(), kind.count()), (Some(0), 21));
    let attempts = server.attempts();
    let mut wrong = Vec::new();
    for (what, expected, webhook, _) in &hostile {
        let of_it: Vec<_> = attempts.iter().filter(|one| one.webhook == webhook.id).collect();
        assert_eq!(of_it.len(), 21, "{what}");
        let taken = if expected.is_ok() { "delivered" } else { "retries_used_up" };
        assert!(of_it.iter().all(|one| one.reason == taken), "{what}: {of_it:?}");
        let found = of_it.iter().map(|one| recorded(one)).find(|found| found != expected);
        wrong.extend(found.map(|found| format!("{what}: {found:?}, not {expected:?}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn answers_of_any_size_cost_little_memory() {
    const MIB: u64 = 1 << 10;
    let (server, client) = desk_with(&NEVER_DOWN);
    let flooding = Receiver::start(|_| Reaction::Flood { bytes: 64 << 20 });
    let boasting = Receiver::start(|_| {
        let header = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(1 << 20));
        Reaction::Raw(header.into_bytes())
    });
    let kind = Receiver::kind();
    let mut webhooks = vec![client.register(&kind.url()).await];
    client.ping().await;
    client.wait_told(&webhooks[0].id, SOON).await;
    let before = server.peak_memory_kib();
    for receiver in [&flooding, &boasting] {
        webhooks.push(try_once(&client, &receiver.url()).await);
    }

    for number in 0..50 {
        client.open_ticket(&format!("ticket {number}")).await;
    }

    for webhook in &webhooks {
        client.wait_told(&webhook.id, SOON).await;
    }
    let grown = server.peak_memory_kib() - before;
    // 100 answers, 3 GiB if they were read: of each, a few hundred KiB are.
    assert!(grown < 48 * MIB, "{grown} KiB");
}

/// The next request must not go out on a connection whose end is already on its way.
#[tokio::test]
async fn a_receiver_that_closes_each_connection_is_told_all_at_the_first_attempt() {
    let (mut server, client) = desk_with(&NEVER_DOWN);
    let receiver = Receiver::start(|_| raw("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
    let settings = json!({ "callback_url": receiver.url(), "ordering": "webhook" });
    let mut webhooks = Vec::new();
    for _ in 0..10 {
        webhooks.push(client.register_with(settings.clone()).await);
    }

    for _ in 0..200 {
        client.ping().await;
    }

    for webhook in &webhooks {
        client.wait_told(&webhook.id, SOON).await;
    }
    server.terminate();
    let attempts = server.attempts();
    let failed: Vec<_> = attempts.iter().filter(|one| one.status != Some(200)).collect();
    assert!(failed.is_empty(), "{} of {}: {failed:?}", failed.len(), attempts.len());
    assert_eq!((attempts.len(), receiver.count()), (2_000, 2_000));
}

#[tokio::test]
async fn a_flood_of_interim_answers_ends_with_the_timeout() {
    let (mut server, client) = desk_with(&NEVER_DOWN);
    let receiver = Receiver::start(|_| {
        Reaction::Raw("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(500_000).into())
    });
    let one = Receiver::start(|_| {
        Reaction::Raw(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n".to_vec())
    });
    let webhook = try_once(&client, &receiver.url()).await;
    let polite = try_once(&client, &one.url()).await;

    client.ping().await;

    client.wait_told(&polite.id, SOON).await;
    client.wait_told(&webhook.id, SOON).await;
    server.terminate();
    let attempts = server.attempts();
    let of = |id: &str| attempts.iter().find(|one| one.webhook == id).map(recorded);
    assert_eq!(of(&polite.id), Some(Ok(204)));
    assert!(matches!(of(&webhook.id), Some(Err("timeout" | "protocol" | "reset"))));
}

async fn listener() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free")
}

/// Answers whatever comes as a plain web server does that hears TLS.
async fn speak_plain_http(listener: TcpListener) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut ignored = [0; 4_096];
        let read = stream.read(&mut ignored).await;
        let answer = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
        let written = stream.write_all(answer).await;
        assert!(read.is_ok() && written.is_ok(), "{read:?} {written:?}");
    }
}

#[tokio::test]
async fn receivers_that_cannot_be_reached_are_told_apart() {
    let (mut server, client) = desk_with(&NEVER_DOWN);
    let nobody = Port::take(0);
    let plain = Receiver::kind();
    // Its queue takes the connection, and nobody ever speaks.
    let silent = listener().await;
    let silent_port = silent.local_addr().expect("it has one").port();
    let no_tls = listener().await;
    let no_tls_port = no_tls.local_addr().expect("it has one").port();
    tokio::spawn(speak_plain_http(no_tls));
    let table = [
        ("http://no-such-host.invalid/hook".to_owned(), Err("dns")),
        (format!("http://127.0.0.1:{}/hook", nobody.number()), Err("connect")),
        (format!("http://localhost:{}/hook", nobody.number()), Err("connect")),
        (format!("http://127.0.0.1:{silent_port}/hook"), Err("timeout")),
        (format!("https://127.0.0.1:{silent_port}/hook"), Err("timeout")),
        (format!("https://127.0.0.1:{no_tls_port}/hook"), Err("tls")),
        (format!("https://localhost:{no_tls_port}/hook"), Err("tls")),
        (format!("http://localhost:{}/hook", plain.port()), Ok(200)),
    ];
    let mut webhooks = Vec::new();
    for (url, expected) in table {
        webhooks.push((try_once(&client, &url).await, url, expected));
    }

    client.ping().await;

    for (webhook, ..) in &webhooks {
        client.wait_told(&webhook.id, SOON).await;
    }
    server.terminate();
    let attempts = server.attempts();
    for (webhook, url, expected) in &webhooks {
        let attempt = attempts.iter().find(|one| one.webhook == webhook.id).expect("recorded");
        assert_eq!(recorded(attempt), *expected, "{url}");
    }
    assert_eq!(
        plain.deliveries()[0].header("host"),
        Some(format!("localhost:{}", plain.port()).as_str())
    );
}
