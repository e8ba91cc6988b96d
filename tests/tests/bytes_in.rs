//! What comes in is read in one way or not at all: requests that what is in front of a desk could
//! read in another way, callers that say too much, too slowly or nothing, and callers that leave.

use std::collections::BTreeSet;
use std::time::Duration;

use hookdesk_tests::{Client, Heard, Options, Receiver, Server, Wire};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep, sleep_until, timeout};

const SOON: Duration = Duration::from_secs(60);
/// More than the 30 s that a caller has for each of its parts.
const GIVEN_UP: Duration = Duration::from_secs(60);

/// What follows the request of each case: another one, which is told from it by its message. The
/// desk must hear of it if it takes the request for whole, and never otherwise.
const NEXT: &str = "POST /tickets HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                    content-type: application/json\r\ncontent-length: 25\r\n\r\nNEXT";

/// The beginning of a POST whose body, `BODY`, is 25 bytes long, 0x19.
macro_rules! post {
    ($($rest:literal)*) => {
        concat!(
            "POST /tickets HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n",
            $($rest),*
        )
    };
}

macro_rules! chunked {
    ($($rest:literal)*) => { post!("transfer-encoding: chunked\r\n\r\n" $($rest)*) };
}

macro_rules! get {
    ($($rest:literal)*) => { concat!("GET /service HTTP/1.1\r\nhost: localhost\r\n", $($rest),*) };
}

/// Requests that are taken, and the connection with them.
const TAKEN: &[(u16, &str)] = &[
    (201, post!("content-length: 25\r\n\r\nBODY")),
    (201, post!("content-length: 25\r\ncontent-length: 25\r\n\r\nBODY")),
    (201, post!("content-length:\t0025 \t\r\n\r\nBODY")),
    (201, post!("content-length: 25\r\ncontent-type: application/json\r\n\r\nBODY")),
    (201, post!("content-length: 25\r\nexpect: something\r\n\r\nBODY")),
    (201, post!("content-length: 25\r\nx-a: a\tb\r\nx-a: \u{e9}\r\n\r\nBODY")),
    (422, post!("content-length: 25\r\nidempotency-key: a\r\nidempotency-key: b\r\n\r\nBODY")),
    (400, post!("content-length: 0\r\n\r\n")),
    (400, post!("\r\n")),
    (201, post!("transfer-encoding: Chunked\r\n\r\n19\r\nBODY\r\n0\r\n\r\n")),
    (201, chunked!("00000019\r\nBODY\r\n0\r\n\r\n")),
    (201, chunked!("19 \r\nBODY\r\n0\r\n\r\n")),
    (201, chunked!("19;a=b;c\r\nBODY\r\n0;d\r\n\r\n")),
    (201, chunked!("19\r\nBODY\r\n0\r\nx-a: b\r\n\r\n")),
    // What a trailer says of a length or a host is nothing.
    (201, chunked!("19\r\nBODY\r\n0\r\ncontent-length: 5\r\nhost: evil.example\r\n\r\n")),
    (200, get!("\r\n")),
    (200, "\r\n\r\nGET /service HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    // RFC 9112 §2.2 lets a line end without its CR.
    (200, "GET /service HTTP/1.1\nhost: localhost\n\n"),
    (200, "GET http://localhost/service HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    (403, "GET http://evil.example/service HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    (403, "GET http://localhost/service HTTP/1.1\r\nhost: evil.example\r\n\r\n"),
    (403, "GET http://a@localhost/service HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    (403, "GET /service HTTP/1.1\r\nhost:\r\n\r\n"),
    (200, "GET /service#part HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    (404, "GET /t\u{c3}\u{a9} HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    (404, "GET * HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    (404, "OPTIONS * HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    (405, "get /service HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    (200, "GET /service HTTP/1.0\r\nhost: localhost\r\nconnection: keep-alive\r\n\r\n"),
    // The body of a GET is one, and no second request.
    (200, get!("content-length: 25\r\n\r\nBODY")),
    (200, get!("transfer-encoding: chunked\r\n\r\n19\r\nBODY\r\n0\r\n\r\n")),
    // Other protocols are not taken up.
    (200, get!("connection: upgrade\r\nupgrade: websocket\r\n\r\n")),
    (
        200,
        get!("connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AA\r\n\r\n"),
    ),
];

/// Requests that end their connection: answered once or, where the status is 0, not at all.
const ENDED: &[(u16, &str)] = &[
    // RFC 9112 §6.3 lets one of two lengths be obeyed, and asks that the connection ends.
    (201, post!("content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n19\r\nBODY\r\n0\r\n\r\n")),
    (201, post!("transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n19\r\nBODY\r\n0\r\n\r\n")),
    (201, post!("content-length: 25\r\nconnection: close\r\nconnection: keep-alive\r\n\r\nBODY")),
    (400, post!("content-length: 25\r\ncontent-length: 5\r\n\r\nBODY")),
    (400, post!("content-length: +25\r\n\r\nBODY")),
    (400, post!("content-length: -25\r\n\r\nBODY")),
    (400, post!("content-length: 25, 25\r\n\r\nBODY")),
    (400, post!("content-length: 0x19\r\n\r\nBODY")),
    (400, post!("content-length: 2 5\r\n\r\nBODY")),
    (400, post!("content-length:\r\n\r\nBODY")),
    (400, post!("content-length: 99999999999999999999\r\n\r\nBODY")),
    (431, post!("content-length: 18446744073709551615\r\n\r\nBODY")),
    (400, post!("content-length : 25\r\n\r\nBODY")),
    (400, post!("content-length\t: 25\r\n\r\nBODY")),
    (400, post!("content-length:\r\n 25\r\n\r\nBODY")),
    (400, post!("transfer-encoding : chunked\r\n\r\n19\r\nBODY\r\n0\r\n\r\n")),
    (400, post!("transfer-encoding\t: chunked\r\n\r\n19\r\nBODY\r\n0\r\n\r\n")),
    (400, post!("transfer-encoding:\r\n chunked\r\n\r\n19\r\nBODY\r\n0\r\n\r\n")),
    (400, post!("transfer-encoding: \u{b}chunked\r\n\r\n19\r\nBODY\r\n0\r\n\r\n")),
    (400, post!("transfer-encoding: chunked, identity\r\n\r\n19\r\nBODY\r\n0\r\n\r\n")),
    (
        400,
        post!(
            "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n19\r\nBODY\r\n0\r\n\r\n"
        ),
    ),
    (400, post!("transfer-encoding: identity\r\ncontent-length: 25\r\n\r\nBODY")),
    (400, post!("transfer-encoding: xchunked\r\n\r\n19\r\nBODY\r\n0\r\n\r\n")),
    (400, post!("transfer-encoding: \"chunked\"\r\n\r\n19\r\nBODY\r\n0\r\n\r\n")),
    (400, post!("transfer-encoding: chunked;q=1\r\n\r\n19\r\nBODY\r\n0\r\n\r\n")),
    (400, post!("transfer-encoding: ,chunked\r\n\r\n19\r\nBODY\r\n0\r\n\r\n")),
    (400, post!("transfer-encoding: gzip, chunked\r\n\r\n19\r\nBODY\r\n0\r\n\r\n")),
    (400, post!("transfer-encoding: chunked, chunked\r\n\r\n19\r\nBODY\r\n0\r\n\r\n")),
    (
        400,
        post!(
            "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n19\r\nBODY\r\n0\r\n\r\n"
        ),
    ),
    (
        400,
        "POST /tickets HTTP/1.0\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n19\r\nBODY\r\n0\r\n\r\n",
    ),
    (400, chunked!("+19\r\nBODY\r\n0\r\n\r\n")),
    (400, chunked!("-19\r\nBODY\r\n0\r\n\r\n")),
    (400, chunked!("0x19\r\nBODY\r\n0\r\n\r\n")),
    (400, chunked!(" 19\r\nBODY\r\n0\r\n\r\n")),
    (400, chunked!("10000000000000019\r\nBODY\r\n0\r\n\r\n")),
    (400, chunked!("18\r\nBODY\r\n0\r\n\r\n")),
    (400, chunked!("\r\nBODY\r\n0\r\n\r\n")),
    (400, chunked!("19\r\nBODY0\r\n\r\n")),
    (400, chunked!("19\nBODY\n0\n\n")),
    (400, chunked!("19\rBODY\r0\r\r")),
    (400, chunked!("19\r\nBODY\n0\r\n\r\n")),
    (400, chunked!("19;a\nb\r\nBODY\r\n0\r\n\r\n")),
    (400, chunked!("19\r\nBODY\r\n0\r\nx a\r\n\r\n")),
    (400, "GET /service HTTP/1.1\r\n\r\n"),
    (400, get!("host: localhost\r\n\r\n")),
    (400, get!("host: evil.example\r\n\r\n")),
    (400, "GET /service HTTP/1.1\r\nhost: a@localhost\r\n\r\n"),
    (400, "GET /service HTTP/1.1\r\nhost: local host\r\n\r\n"),
    (400, "GET /service HTTP/1.1\r\nhost: localhost, localhost\r\n\r\n"),
    (400, "GET /service HTTP/1.1\r\nhost: localhost/a\r\n\r\n"),
    (400, "CONNECT localhost:80 HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    (400, "CONNECT evil.example:80 HTTP/1.1\r\nhost: evil.example\r\n\r\n"),
    (400, "GET /service\r\n"),
    (400, "GET /service HTTP/0.9\r\n\r\n"),
    (200, "GET /service HTTP/1.0\r\nhost: localhost\r\n\r\n"),
    (400, "GET /service HTTP/1.2\r\nhost: localhost\r\n\r\n"),
    (400, "GET /service HTTP/2.0\r\nhost: localhost\r\n\r\n"),
    (0, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0"),
    (400, "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}"),
    (400, get!("x\0y: a\r\n\r\n")),
    (400, get!("x: a\0b\r\n\r\n")),
    (400, get!("x: a\u{1}b\r\n\r\n")),
    (400, get!("x: a\u{7f}b\r\n\r\n")),
    (400, get!("x\u{e9}: a\r\n\r\n")),
    (400, get!("x: a\rb: c\r\n\r\n")),
    (400, get!(": a\r\n\r\n")),
    (400, get!("abc\r\n\r\n")),
    (400, get!("x y: a\r\n\r\n")),
    (400, get!("x: a\r\n b\r\n\r\n")),
    (400, "GET /service HTTP/1.1\r\n x: a\r\nhost: localhost\r\n\r\n"),
    (400, "GET /service?\0 HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    (400, "GET /t\u{e9} HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    (400, "GET /\u{7f} HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    (400, "GET /ser vice HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    (400, "GET  /service HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    (400, "GET\t/service HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    (400, " GET /service HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    (400, "GET /service HTTP/1.1 \r\nhost: localhost\r\n\r\n"),
    (400, "GET /service HTTP/1.1\rhost: localhost\r\r"),
    (400, "G@T /service HTTP/1.1\r\nhost: localhost\r\n\r\n"),
];

/// Requests that are as long as they may be, or longer.
fn long() -> Vec<(u16, bool, String)> {
    let with = |rest: String| format!("GET /service HTTP/1.1\r\nhost: localhost\r\n{rest}\r\n");
    let chunk = |rest: String| format!("{}{rest}", chunked!());
    let target =
        |length| format!("GET /service?{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "a".repeat(length));
    vec![
        (200, true, with("a: b\r\n".repeat(99))),
        (431, false, with("a: b\r\n".repeat(100))),
        (200, true, with(format!("a: {}\r\n", "b".repeat(15_000)))),
        (431, false, with(format!("a: {}\r\n", "b".repeat(17_000)))),
        (431, false, with(format!("a: {}\r\n", "b".repeat(500_000)))),
        (431, false, with(format!("{}: a\r\n", "b".repeat(17_000)))),
        (200, true, target(15_000)),
        (431, false, target(17_000)),
        (431, false, target(70_000)),
        (405, true, format!("{} /service HTTP/1.1\r\nhost: localhost\r\n\r\n", "A".repeat(5_000))),
        (400, false, chunk(format!("19;{}\r\nBODY\r\n0\r\n\r\n", "a".repeat(20_000)))),
        (400, false, chunk(format!("19\r\nBODY\r\n0\r\na: {}\r\n\r\n", "b".repeat(20_000)))),
        (400, false, chunk(format!("19\r\nBODY\r\n0\r\n{}\r\n", "a: b\r\n".repeat(1_100)))),
    ]
}

/// As Latin-1, so that a case can spell any byte.
fn bytes(text: &str) -> Vec<u8> {
    text.chars().map(|one| u8::try_from(u32::from(one)).expect("it is Latin-1")).collect()
}

fn message(text: &str) -> String {
    json!({ "ticket_message": text }).to_string()
}

async fn messages(client: &Client) -> BTreeSet<String> {
    let tickets = client.get("/tickets").await.expect(200);
    let tickets = tickets.data().as_array().expect("a list").clone();
    let text = |ticket: &Value| ticket["ticket_message"].as_str().expect("a text").to_owned();
    tickets.iter().map(text).collect()
}

#[tokio::test]
async fn a_request_is_read_in_one_way_or_ends_its_connection() {
    let server = Server::start(Options::default());
    let port = server.port();
    let fixed = |goes_on| move |&(status, text): &(u16, &str)| (status, goes_on, text.to_owned());
    let cases = TAKEN.iter().map(fixed(true)).chain(ENDED.iter().map(fixed(false))).chain(long());
    let mut expected = BTreeSet::new();

    for (number, (status, goes_on, case)) in cases.enumerate() {
        let (own, next) = (format!("o{number:03}"), format!("n{number:03}"));
        let request = (case.clone() + NEXT).replace("BODY", &message(&own));
        let request = bytes(&request.replace("NEXT", &message(&next)));

        let heard = Wire::connect(port).await.exchange(&request, SOON).await;

        let case = case.get(..case.len().min(200)).unwrap_or(&case).escape_debug();
        let statuses: Vec<_> = heard.iter().map(|answer| answer.status).collect();
        let first = (status != 0).then_some(status);
        let meant: Vec<_> = first.into_iter().chain(goes_on.then_some(201)).collect();
        assert_eq!(statuses, meant, "{case}");
        expected.extend((status == 201).then_some(own));
        expected.extend(goes_on.then_some(next));
    }

    assert_eq!(messages(&server.client()).await, expected);
}

/// Where others may call, a desk is as strict about the host that a request names.
#[tokio::test]
async fn a_desk_behind_a_proxy_takes_requests_for_one_host_alone() {
    let mut server = Server::start(Options::default());
    server.restart_with(["--no-auth"]);
    let table = [
        (200, "GET /service HTTP/1.1\r\nhost: desk.example\r\nconnection: close\r\n\r\n"),
        (200, "GET /service HTTP/1.0\r\n\r\n"),
        (400, "GET /service HTTP/1.1\r\n\r\n"),
        (400, "GET /service HTTP/1.1\r\nhost: desk.example\r\nhost: desk.example\r\n\r\n"),
        (400, "GET /service HTTP/1.1\r\nhost: a@desk.example\r\n\r\n"),
        (400, "CONNECT desk.example:443 HTTP/1.1\r\nhost: desk.example:443\r\n\r\n"),
    ];

    for (status, request) in table {
        let heard = Wire::connect(server.port()).await.exchange(request.as_bytes(), SOON).await;
        let [answer] = &heard[..] else { panic!("{request}: {heard:?}") };
        assert_eq!(answer.status, status, "{request}");
        let body: Value = serde_json::from_slice(&answer.body).expect("it is JSON");
        assert_eq!(body["code"] == "bad_request", status == 400, "{request}");
    }
}

#[tokio::test]
async fn who_asks_before_it_sends_is_told_to_go_on() {
    let server = Server::start(Options::default());
    let mut wire = Wire::connect(server.port()).await;
    let asks = post!("connection: close\r\nexpect: 100-continue\r\ncontent-length: 25\r\n\r\n");
    wire.write(asks).await.expect("it is open");
    let told = wire.read(1_000).await;
    assert_eq!(Heard::all(&told)[0].status, 100);

    wire.write(message("then")).await.expect("it is open");

    let heard = wire.read_to_end(SOON).await.expect("it ends");
    assert_eq!(Heard::all(&heard)[0].status, 201);
}

#[tokio::test]
async fn many_requests_in_one_write_are_answered_in_order() {
    let server = Server::start(Options::default());
    let count = 1_000;
    let one = |number: usize| {
        post!("content-length: 25\r\n\r\n").to_owned() + &message(&format!("{number:04}"))
    };
    let mut request: String = (0..count).map(one).collect();
    request += &NEXT.replace("NEXT", &message("last"));

    let heard = Wire::connect(server.port()).await.exchange(request.as_bytes(), SOON).await;

    let tickets = server.client().get("/tickets").await.expect(200);
    let tickets = tickets.data().as_array().expect("a list").clone();
    assert_eq!((heard.len(), tickets.len()), (count + 1, count + 1));
    for (number, (answer, ticket)) in heard.iter().zip(&tickets).enumerate() {
        let body: Value = serde_json::from_slice(&answer.body).expect("it is JSON");
        assert_eq!((answer.status, &body["data"]["id"]), (201, &ticket["id"]));
        let message = if number < count { format!("{number:04}") } else { "last".to_owned() };
        assert_eq!(ticket["ticket_message"], message);
    }
}

/// Tickets whose list is longer than what sockets take in by themselves.
async fn fill(client: &Client, mib: usize) {
    let message = "x".repeat(65_536);
    for _ in 0..mib * 16 {
        client.open_ticket(&message).await;
    }
}

/// Bytes of the answer to a request for all tickets.
async fn list_length(port: u16) -> usize {
    let mut wire = Wire::connect(port).await;
    let request = "GET /tickets HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    wire.write(request).await.expect("it is open");
    wire.read_to_end(SOON).await.expect("it ends").len()
}

/// Leaves in one phase of a call, which is told by its number.
async fn leave(port: u16, phase: usize, with_reset: bool, ticket: &str) {
    let mut wire = Wire::connect(port).await;
    let ticket = message(ticket);
    let head = post!("content-length: 25\r\n\r\n");
    let list = "GET /tickets HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let wait = "GET /events?wait=60 HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let stream = "GET /events HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n";
    let (said, hears) = match phase {
        0 => (String::new(), 0),
        1 => ("POST /tick".to_owned(), 0),
        2 => (head[..60].to_owned(), 0),
        3 => (head.to_owned(), 0),
        4 => (head.to_owned() + &ticket[..20], 0),
        5 => (chunked!("19\r\n").to_owned() + &ticket, 0),
        6 => (head.to_owned() + &ticket, 0),
        7 => (head.to_owned() + &ticket + head, 0),
        8 => (head.to_owned() + &ticket, 1),
        9 => (list.to_owned(), 0),
        10 => (list.to_owned(), 1_000),
        11 => (wait.to_owned(), 0),
        12 => (stream.to_owned(), 1),
        13 => (list.repeat(20), 1_000),
        other => panic!("no phase {other}"),
    };
    // A desk may have closed what it could not read.
    let _ = wire.write(said).await;
    if hears > 0 {
        wire.read(hears).await;
    }
    if with_reset {
        wire.reset();
    }
}

#[tokio::test]
async fn callers_that_leave_in_the_middle_leave_nothing_behind() {
    const PHASES: usize = 14;
    let server = Server::start(Options::default());
    let client = server.client();
    fill(&client, 4).await;
    // What it opens once and keeps, such as files to read the database with, is open by then.
    for _ in 0..2 {
        let mut readers = JoinSet::new();
        (0..16).for_each(|_| {
            readers.spawn(list_length(server.port()));
        });
        readers.join_all().await;
    }
    let idle = server.open_files();

    let mut callers = JoinSet::new();
    for number in 0..40 * PHASES {
        let (phase, port) = (number % PHASES, server.port());
        let with_reset = (number / PHASES).is_multiple_of(2);
        callers.spawn(async move { leave(port, phase, with_reset, &format!("{number:04}")).await });
    }
    callers.join_all().await;

    let given_up = Instant::now() + SOON;
    // One more may be open: a kept file of the database.
    while server.open_files() > idle + 1 {
        assert!(Instant::now() < given_up, "{} files, before {idle}", server.open_files());
        sleep(Duration::from_millis(50)).await;
    }
    let whole: BTreeSet<_> = (0..40 * PHASES).map(|number| format!("{number:04}")).collect();
    let mut told = messages(&client).await;
    told.remove(&"x".repeat(65_536));
    assert!(told.is_subset(&whole), "{told:?}");
    let heard = |number: &usize| number % PHASES == 8;
    let heard: BTreeSet<_> =
        (0..40 * PHASES).filter(heard).map(|one| format!("{one:04}")).collect();
    assert!(told.is_superset(&heard), "{told:?}");
    let may = |message: &String| {
        (6..=8).contains(&(message.parse::<usize>().expect("a number") % PHASES))
    };
    assert!(told.iter().all(may), "{told:?}");
}

/// One byte each second, until the desk has ended the connection; what it said.
async fn trickle(port: u16, first: &'static str, rest: &'static str) -> Option<Vec<u8>> {
    let mut wire = Wire::connect(port).await;
    wire.write(first).await.expect("it is open");
    let given_up = Instant::now() + GIVEN_UP;
    let mut seconds = interval(Duration::from_secs(1));
    for byte in rest.bytes().cycle() {
        tokio::select! {
            heard = wire.read(10_000) => return Some(heard),
            () = sleep_until(given_up) => return None,
            _ = seconds.tick() => {}
        }
        // It may be closed by then, which the next look tells.
        let _ = wire.write([byte]).await;
    }
    None
}

/// Reads so many bytes each second of a list, and then all that is left: how many they were.
async fn sip(port: u16, each_second: usize) -> usize {
    let mut wire = Wire::connect_narrow(port).await;
    let request = "GET /tickets HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    wire.write(request).await.expect("it is open");
    let mut sum = 0;
    for _ in 0..GIVEN_UP.as_secs() {
        sleep(Duration::from_secs(1)).await;
        if each_second > 0 {
            sum += wire.read(each_second).await.len();
        }
    }
    sum + wire.read_to_end(SOON).await.expect("it ends").len()
}

/// A caller that means well, each second on a connection of its own and on a kept one.
async fn means_well(client: Client, kept: Client, seconds: u64) -> usize {
    let mut opened = 0;
    for _ in 0..seconds {
        client.open_ticket("well").await;
        kept.open_ticket("kept").await;
        opened += 2;
        sleep(Duration::from_secs(1)).await;
    }
    opened
}

/// All at once, so that the test takes as long as one of them.
#[tokio::test]
async fn slow_callers_are_ended_at_every_phase_and_patient_ones_are_not() {
    let server = Server::start(Options::default());
    let (client, port) = (server.client(), server.port());
    let receiver = Receiver::kind();
    let webhook = client.register(&receiver.url()).await;
    fill(&client, 24).await;
    let whole = list_length(port).await;
    let mut stream = Wire::connect(port).await;
    let request = "GET /events HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n";
    stream.write(request).await.expect("it is open");
    let well = tokio::spawn(means_well(client.clone(), server.client().with_pool(), 45));
    let nothing = async |said: &str| {
        let mut wire = Wire::connect(port).await;
        wire.write(said).await.expect("it is open");
        wire.read_to_end(GIVEN_UP).await
    };
    let waiting = client.request(Method::GET, "/events?wait=45").send();

    let (silent, line, headers, body, chunks, hasty, idle, deaf, slow, waited) = tokio::join!(
        nothing(""),
        trickle(port, "", "GET /service"),
        trickle(port, "GET /service HTTP/1.1\r\nhost: localhost\r\n", "a: b\r\n"),
        trickle(port, post!("content-length: 1000\r\n\r\n"), "x"),
        trickle(port, chunked!(), "1\r\nx\r\n"),
        nothing(post!("content-length: 1000\r\n\r\nx")),
        nothing(get!("\r\n")),
        sip(port, 0),
        sip(port, 1_024),
        waiting,
    );

    for (what, ended) in [("silent", silent), ("line", line), ("headers", headers)] {
        assert_eq!(ended.as_deref(), Some(&b""[..]), "{what}");
    }
    for (what, ended) in [("body", body), ("chunks", chunks), ("hasty", hasty)] {
        let heard = Heard::all(&ended.unwrap_or_else(|| panic!("{what} goes on")));
        assert_eq!(heard[0].status, 408, "{what}");
    }
    let idle = Heard::all(&idle.expect("an idle connection ends"));
    assert_eq!(idle.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200]);
    assert!(deaf < whole, "who reads nothing was told all");
    assert!(slow < whole, "who reads little was told all: {slow} of {whole}");
    assert_eq!(waited.expect("a long poll is answered").status(), 200);
    let opened = well.await.expect("each call is answered");
    client.open_ticket("last").await;
    let mut shown = String::new();
    while !shown.contains("\"last\"") {
        let read = timeout(SOON, stream.read(10_000)).await.expect("the stream goes on");
        assert!(!read.is_empty(), "a stream that nobody read was ended");
        shown += &String::from_utf8_lossy(&read);
    }
    assert_eq!(shown.matches("event: ticket_opened").count(), opened + 1);
    client.wait_told(&webhook.id, SOON).await;
    assert_eq!(receiver.count(), opened + 1 + 24 * 16);
}

/// Callers send what makes the desk hold the most, and then nothing more.
#[tokio::test]
async fn what_callers_begin_and_do_not_end_takes_little_memory() {
    const CALLERS: usize = 600;
    let server = Server::start(Options::default());
    let (client, port) = (server.client(), server.port());
    client.open_ticket(&"x".repeat(65_536)).await;
    let before = server.peak_memory_kib();

    let (mut heads, mut bodies) = (Vec::new(), JoinSet::new());
    for _ in 0..CALLERS {
        let mut wire = Wire::connect(port).await;
        wire.write(get!("a: ").to_owned() + &"b".repeat(16_000)).await.expect("it is open");
        heads.push(wire);
        let mut wire = Wire::connect(port).await;
        wire.write(post!("content-length: 1000000\r\n\r\n")).await.expect("it is open");
        bodies.spawn(async move {
            // As much as is taken from it.
            let _ = wire.write(vec![b'x'; 900_000]).await;
            wire.read(1).await
        });
    }
    let mut asking = Wire::connect(port).await;
    let request = "GET /tickets HTTP/1.1\r\nhost: localhost\r\n\r\n";
    // Answers that nobody reads hold back the requests behind them.
    let asked = timeout(Duration::from_secs(5), asking.write(request.repeat(200_000)));
    assert!(asked.await.is_err(), "it took in 8 MB of requests");
    // Who means well is let in with both, while others have all the room there is.
    client.open_ticket("small").await;
    client.open_ticket(&"x".repeat(65_536)).await;

    let grown = server.peak_memory_kib() - before;
    assert!(grown < 192 << 10, "{grown} KiB more, and before {before}");
}
