//! Connection limits: callers are let in while others hold more connections than a desk has slots
//! or files for.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::time::Duration;

use hookdesk_tests::{Client, Folder, MINUTE, Options, RawConnection, Receiver, Server};
use reqwest::Method;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Much less than the 30 s after which a silent connection would be ended by itself, and much more
/// than a call takes.
const LET_IN: Duration = Duration::from_secs(10);
/// Connections that are opened and left.
const OPENED: usize = 100_000;
/// Files that a test keeps for all else.
const OTHER_FILES: usize = 500;
/// Strangers that open connections side by side.
const STRANGERS: usize = 50;

/// As many files as this process may have open.
fn files() -> usize {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("it may be raised");
    maximum.map_or(usize::MAX, |files| usize::try_from(files).expect("it fits"))
}

/// Opens connections from an address of its own and leaves them, the latest `held` of them open.
/// What is closed by the desk counts as opened.
async fn open(number: usize, port: u16, count: usize, held: usize) -> VecDeque<RawConnection> {
    let address = Ipv4Addr::new(127, 0, 1, u8::try_from(number + 1).expect("there are few"));
    let mut open = VecDeque::new();
    for _ in 0..count {
        if open.len() == held {
            open.pop_front();
        }
        open.push_back(RawConnection::connect_from(address, port).await.expect("it accepts"));
    }
    open
}

async fn open_all(port: u16, count: usize, held: usize) -> Vec<RawConnection> {
    let mut strangers = JoinSet::new();
    for number in 0..STRANGERS {
        strangers.spawn(open(number, port, count / STRANGERS, held / STRANGERS));
    }
    strangers.join_all().await.into_iter().flatten().collect()
}

/// A call on a connection of its own.
async fn is_let_in(client: &Client) {
    timeout(LET_IN, client.open_ticket("well")).await.expect("strangers keep it out");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_who_open_connections_and_leave_them_keep_nobody_out() {
    let server = Server::start(Options::default());
    let (client, kept, port) = (server.client(), server.client().with_pool(), server.port());
    let receiver = Receiver::kind();
    let webhook = client.register(&receiver.url()).await;
    is_let_in(&client).await;
    kept.open_ticket("well").await;
    let mut stream = client.stream(None).await;
    let before = server.resident_memory_kib();
    // More than the desk's 10,000 places, where that is possible.
    let held = files().saturating_sub(OTHER_FILES).min(12_000);

    let strangers = tokio::spawn(open_all(port, OPENED, held));
    let mut calls = 2;
    while !strangers.is_finished() {
        is_let_in(&client).await;
        timeout(LET_IN, kept.open_ticket("well")).await.expect("strangers keep it out");
        calls += 2;
    }
    let strangers = strangers.await.expect("all are opened");
    let full = server.resident_memory_kib().saturating_sub(before);
    let places = server.open_sockets();
    is_let_in(&client).await;
    calls += 1;

    println!("{} held, {places} sockets, {full} KiB: {calls} calls", strangers.len());
    assert!(full * 1_024 / u64::try_from(places).expect("it fits") < 64 << 10, "{full} KiB");
    assert_eq!(stream.events(calls - 2).await.len(), calls - 2);
    client.wait_told(&webhook.id, MINUTE).await;
    assert_eq!(receiver.count(), calls);
    drop(strangers);
}

/// The same with few places, for callers that are silent in other ways, and for those who stay.
#[tokio::test]
async fn a_desk_with_few_files_says_how_many_it_has_and_lets_callers_in() {
    let server = Server::start(Options { files: Some(700), ..Options::default() });
    let (client, port) = (server.client(), server.port());
    assert!(server.log().contains("100 callers at once"), "{}", server.log());
    let mut silent = Vec::new();
    for said in
        ["", "GET /tickets HTTP/1.1\r\n", "GET /service HTTP/1.1\r\nhost: localhost\r\n\r\n"]
    {
        for _ in 0..150 {
            let mut connection = RawConnection::connect(port).await;
            // It may have had to leave by then.
            let _ = connection.write(said).await;
            silent.push(connection);
        }
        is_let_in(&client).await;
    }
    let half = "POST /tickets HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\nx";
    for _ in 0..150 {
        let mut connection = RawConnection::connect(port).await;
        let _ = connection.write(half).await;
        silent.push(connection);
    }
    is_let_in(&client).await;

    // A stream stays however many come, and no more of them than leave room for others.
    let mut streams = Vec::new();
    for _ in 0..25 {
        streams.push(client.stream(None).await);
    }
    let more = client.request(Method::GET, "/events").header("accept", "text/event-stream");
    assert_eq!(client.send(more).await.expect(429).code(), Some("overloaded"));
    client.send(client.request(Method::GET, "/events?wait=1")).await.expect(429);
    for _ in 0..200 {
        silent.push(RawConnection::connect(port).await);
    }
    is_let_in(&client).await;
    for stream in &mut streams {
        stream.event().await;
    }
    drop(streams);
    let again = async {
        let poll = || client.send(client.request(Method::GET, "/events?wait=1"));
        while poll().await.status != 200 {}
    };
    timeout(MINUTE, again).await.expect("places of streams that ended are free");
}

/// Fewer files than the fewest places: what cannot be accepted waits, and the desk goes on.
#[tokio::test]
async fn a_desk_without_files_goes_on_when_it_has_some() {
    let mut server = Server::start(Options { files: Some(60), ..Options::default() });
    server.expect_errors();
    let (client, port) = (server.client(), server.port());
    client.open_ticket("before").await;
    let mut silent = Vec::new();
    for _ in 0..60 {
        silent.push(RawConnection::connect(port).await);
    }
    server.wait_log("accept connection failed", MINUTE);

    drop(silent);

    client.open_ticket("after").await;
    let complaints = server.log().matches("accept connection failed").count();
    // One line a minute, however long it takes here.
    assert!(complaints < 10, "it complained {complaints} times");
}

/// One that calls on as many connections as there are places leaves some to others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_takes_all_places_keeps_no_other_out() {
    const ABUSERS: usize = 95;
    let folder = Folder::new();
    let file = folder.path().join("admin.key");
    let path = file.to_str().expect("it is text");
    let keyed = Options::with_arguments(&["--auth", "--admin-key-file", path]);
    let server = Server::start(Options { files: Some(700), ..keyed });
    let key = std::fs::read_to_string(&file).expect("it was made");
    let admin = server.client().with_key(key.trim());
    let made = admin.post("/keys", json!({ "scopes": ["read"] })).await.expect(201);
    let abusive = server.client().with_key(made.string("/data/key")).with_pool();
    let mut abusers = JoinSet::new();
    for _ in 0..ABUSERS {
        let abusive = abusive.clone();
        abusers.spawn(async move {
            loop {
                let request = abusive.request(Method::GET, "/tickets");
                let _ended = abusive.attempt(request).await;
            }
        });
    }
    for _ in 0..50 {
        is_let_in(&admin).await;
    }
    abusers.shutdown().await;
}
