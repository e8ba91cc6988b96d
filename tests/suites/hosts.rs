//! Several hosts over one database: every one of them answers, whichever leads, and a caller does not
//! notice which that is.

mod failures;
mod servers;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::time::Duration;

use hookdesk_tests::{
    Client, Folder, Host, Options, RawConnection, Receiver, SOON, Server, binary, ids, postgres,
    ticket_body,
};
use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::time::{sleep, timeout};

fn over_postgres(arguments: &[&str]) -> Options {
    let arguments = arguments.iter().map(ToString::to_string).collect();
    Options { host: Host::Postgres, arguments, ..Options::default() }
}

/// A further host of the desk of another.
fn beside(server: &Server, arguments: &[&str]) -> Server {
    let database = Some(server.database_url());
    Server::start(Options { database, ..over_postgres(arguments) })
}

fn signal(server: &Server, signal: Signal) {
    let pid = Pid::from_raw(server.pid().try_into().expect("a process id")).expect("not zero");
    kill_process(pid, signal).expect("it runs");
}

/// What a host says of itself: its id, and that of the host that leads.
async fn standing(server: &Server) -> (String, String) {
    let ready = server.client().get("/health/ready").await.expect(200);
    (ready.string("/data/host/id"), ready.string("/data/host/leader"))
}

/// Waits until a host leads.
async fn wait_lead(server: &Server) {
    let leads = |answer: &hookdesk_tests::Answer| {
        answer.status == 200 && answer.data()["host"]["leads"] == true
    };
    server.client().wait("/health/ready", leads, SOON).await;
}

/// The messages of tickets that a receiver heard of, in the order of their first arrival.
fn heard(receiver: &Receiver) -> Vec<String> {
    let mut heard = Vec::new();
    for delivery in receiver.deliveries() {
        if let Some(message) = delivery.json()["data"]["ticket_message"].as_str()
            && !heard.iter().any(|known| known == message)
        {
            heard.push(message.to_owned());
        }
    }
    heard
}

/// Has a ticket taken by any of the hosts.
async fn insist(clients: &[Client], number: usize) {
    for client in clients.iter().cycle().skip(number).take(200) {
        let request = client.request(Method::POST, "/tickets");
        let request = request.header("content-type", "application/json");
        let request = request.header("idempotency-key", format!("ticket-{number}"));
        let request = request.body(ticket_body(&number.to_string()).to_string());
        let sent = timeout(Duration::from_secs(5), client.attempt(request)).await;
        // As often as leaves room for what happens between two calls.
        sleep(Duration::from_millis(20)).await;
        if matches!(sent, Ok(Ok(answer)) if answer.status == 201) {
            return;
        }
    }
    panic!("ticket {number} is not taken");
}

/// The ids of all events, page by page.
async fn log(client: &Client) -> Vec<String> {
    let (mut events, mut path) = (Vec::new(), "/events?limit=1000".to_owned());
    loop {
        let page = client.get(&path).await.expect(200);
        events.extend(ids(page.items()).into_iter().map(str::to_owned));
        match page.json["next"].as_str() {
            Some(next) if !page.items().is_empty() => {
                path = format!("/events?limit=1000&after={next}");
            }
            _ => return events,
        }
    }
}

/// A receiver heard of each event once or more, for the first time in the order of the log: a webhook
/// that is told in that order, of so many tickets.
async fn assert_in_order(receiver: &Receiver, client: &Client, tickets: usize) {
    let mut known = BTreeSet::new();
    let arrived: Vec<_> = receiver.deliveries().iter().map(|one| one.event().to_owned()).collect();
    let first: Vec<_> = arrived.into_iter().filter(|event| known.insert(event.clone())).collect();
    assert_eq!(first, log(client).await, "first arrivals are in the log's order");
    assert_eq!(first.len(), tickets);
}

fn assert_whole(server: &Server, tickets: usize) {
    assert_eq!(
        server.number("SELECT count(*) FROM tickets"),
        i64::try_from(tickets).expect("a few")
    );
    let missing = "SELECT head - floor - count(*) FROM events, log GROUP BY head, floor";
    assert_eq!(server.number(missing), 0, "events are missing");
}

#[tokio::test]
#[ignore = "wants a server of PostgreSQL: .ci/host-tests postgres"]
async fn every_host_answers_as_if_there_were_one() {
    let first = Server::start(over_postgres(&[]));
    let (second, third) = (beside(&first, &[]), beside(&first, &[]));
    let (leader, leads) = standing(&first).await;
    assert_eq!(leader, leads);
    for follower in [&second, &third] {
        let (id, leads) = standing(follower).await;
        assert_ne!(id, leader);
        assert_eq!(leads, leader);
    }
    let status = Command::new(binary()).args(["status", "--desk", &second.url("")]).output();
    let status = String::from_utf8(status.expect("it runs").stdout).expect("it is text");
    assert!(status.contains(&format!("follows {leader}, since ")), "{status}");
    let receiver = Receiver::kind();
    let clients = [&first, &second, &third].map(|server| server.client().with_pool());
    let webhook = clients[1].register(&receiver.url()).await;
    let ticket = clients[2].open_ticket("0").await;
    for number in 1..30 {
        let client = &clients[number % clients.len()];
        client.update_ticket(&ticket, &number.to_string()).await;
    }
    clients[2].wait_told(&webhook.id, SOON).await;

    let expected: Vec<_> = (0..30).map(|number| number.to_string()).collect();
    assert_eq!(heard(&receiver), expected);
    for path in ["/tickets", "/webhooks", "/events?limit=1000", "/service"] {
        let [at_first, at_second, at_third] = [
            clients[0].get(path).await.expect(200),
            clients[1].get(path).await.expect(200),
            clients[2].get(path).await.expect(200),
        ];
        assert_eq!(at_first.text, at_second.text);
        assert_eq!(at_first.text, at_third.text);
    }
    for client in &clients {
        let refused = client.patch(&format!("/tickets/{ticket}"), json!({})).await;
        assert_eq!((refused.status, refused.code()), (422, Some("bad_field")));
        let unknown = client.get("/nowhere").await;
        assert_eq!((unknown.status, unknown.code()), (404, Some("not_found")));
        assert!(unknown.header("request-id").is_some());
        let large = client.post("/tickets", ticket_body(&"x".repeat(2 << 20))).await;
        assert_eq!((large.status, large.code()), (413, Some("too_large")));
        let head = client.send(client.request(Method::HEAD, "/tickets")).await.expect(200);
        assert_eq!(head.text, "");
    }
}

#[tokio::test]
#[ignore = "wants a server of PostgreSQL: .ci/host-tests postgres"]
async fn a_key_of_idempotency_holds_on_all_hosts() {
    let first = Server::start(over_postgres(&[]));
    let second = beside(&first, &[]);
    let call = async |server: &Server| {
        let client = server.client();
        let request = client.request(Method::POST, "/tickets");
        let request = request.header("idempotency-key", "once");
        let request = request.header("content-type", "application/json");
        client.send(request.body(ticket_body("hello").to_string())).await.expect(201)
    };
    let made = call(&first).await;
    let again = call(&second).await;

    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(made.text, again.text);
    assert_whole(&first, 1);
}

#[tokio::test]
#[ignore = "wants a server of PostgreSQL: .ci/host-tests postgres"]
async fn streams_and_long_polls_of_a_host_that_does_not_lead_miss_nothing() {
    let first = Server::start(over_postgres(&[]));
    let second = beside(&first, &[]);
    let client = second.client();
    let mut stream = client.stream(None).await;
    let poll = {
        let client = client.clone();
        tokio::spawn(async move { client.get("/events?wait=20").await })
    };
    sleep(Duration::from_millis(100)).await;
    for number in 0..40 {
        let at = if number % 2 == 0 { first.client() } else { second.client() };
        at.open_ticket(&number.to_string()).await;
    }

    let events = stream.events(40).await;
    let ids: Vec<_> =
        events.iter().map(|event| event["id"].as_str().expect("it has one")).collect();
    assert_eq!(ids, first.client().events().await);
    let polled = timeout(SOON, poll).await.expect("it ends").expect("it does not panic");
    assert!(!polled.expect(200).items().is_empty());
}

#[tokio::test]
#[ignore = "wants a server of PostgreSQL: .ci/host-tests postgres"]
async fn a_key_opens_and_closes_all_hosts_at_once() {
    let folder = Folder::new();
    let file = folder.path().join("admin.key");
    let options = ["--auth", "--admin-key-file", file.to_str().expect("it is text")];
    let first = Server::start(over_postgres(&options));
    let second = beside(&first, &options);
    let key = fs::read_to_string(&file).expect("it was made");
    let admin = |server: &Server| server.client().with_key(key.trim());

    second.client().get("/tickets").await.expect(401);
    second.client().get("/health/ready").await.expect(200);
    let made = admin(&second).post("/keys", json!({ "scopes": ["read", "tickets"] })).await;
    let (id, made) = (made.string("/data/id"), made.expect(201).string("/data/key"));
    let holder = |server: &Server| server.client().with_key(&made);
    holder(&first).open_ticket("at the leader").await;
    holder(&second).open_ticket("at another").await;
    let mut stream = holder(&second).stream(None).await;
    admin(&first).delete(&format!("/keys/{id}")).await.expect(200);

    holder(&second).get("/tickets").await.expect(401);
    let end = timeout(SOON, stream.frame()).await.expect("it ends");
    assert!(!matches!(end, Ok(Some(_))), "{end:?}");
    // The body of a call that is refused is not asked for.
    for (header, status) in [
        (String::new(), "HTTP/1.1 401"),
        (format!("authorization: Bearer {}\r\n", key.trim()), "HTTP/1.1 100"),
    ] {
        let head = format!(
            "POST /tickets HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n\
             content-length: 1000\r\nexpect: 100-continue\r\nhookdesk-head-only: 1\r\n{header}\r\n"
        );
        let mut connection = RawConnection::connect(second.port()).await;
        connection.write(head).await.expect("it is open");
        let said = timeout(SOON, connection.read(status.len())).await.expect("it is answered");
        assert_eq!(String::from_utf8_lossy(&said), status);
    }
    // A host says for whom it calls, and a caller cannot.
    let audit = admin(&second).with_header("hookdesk-caller-address", "203.0.113.9:1");
    let audit = audit.get("/audit").await.expect(200);
    let peers: BTreeSet<_> = audit.items().iter().filter_map(|row| row["peer"].as_str()).collect();
    assert_eq!(peers, BTreeSet::from(["127.0.0.1"]), "{}", audit.text);
}

#[tokio::test]
#[ignore = "wants a server of PostgreSQL: .ci/host-tests postgres"]
async fn hosts_speak_to_hosts_of_their_desk_alone() {
    let mut first = Server::start(over_postgres(&[]));
    let address = postgres::ask(first.folder(), "SELECT address FROM hosts");
    let port = address.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");

    let mut stranger = RawConnection::connect(port).await;
    stranger.write(b"GET /tickets HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("it is open");
    let said = stranger.read_to_end(SOON).await.expect("it ends");
    assert!(!String::from_utf8_lossy(&said).contains("HTTP"), "{}", said.escape_ascii());

    // A process that is not in the table is a stranger too.
    first.expect_errors();
    let mut second = beside(&first, &[]);
    second.expect_errors();
    let (id, _) = standing(&second).await;
    postgres::ask(first.folder(), &format!("DELETE FROM hosts WHERE id = '{id}'"));
    let refused = second.client().post("/tickets", ticket_body("hello")).await;
    assert_eq!((refused.status, refused.code()), (503, Some("store_unavailable")));
    assert!(refused.text.contains("Nothing was done"), "{}", refused.text);
    first.wait_log("is no host of this desk", SOON);
    assert_eq!(first.number("SELECT count(*) FROM tickets"), 0);
}

#[tokio::test]
#[ignore = "wants a server of PostgreSQL: .ci/host-tests postgres"]
async fn tables_of_an_earlier_version_are_brought_to_this_one() {
    let mut server = Server::start(over_postgres(&[]));
    server.client().open_ticket("of the earlier version").await;
    server.terminate();
    server.change("DROP TABLE hosts; UPDATE desk SET schema = 1");

    server.restart();

    assert_eq!(server.number("SELECT schema FROM desk"), 2);
    server.client().open_ticket("of this one").await;
    assert_whole(&server, 2);
}
