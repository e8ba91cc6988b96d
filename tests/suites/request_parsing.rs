//! Parsing of HTTP requests: each is read in one way or refused, whatever a proxy in front may read
//! (request smuggling).

use std::collections::BTreeSet;
use std::time::Duration;

use hookdesk_tests::{MINUTE, Options, RawAnswer, RawConnection, Server, ticket_body};
use serde_json::Value;

/// What follows the request of each case: another one, which is told from it by its message. The
/// desk must hear of it if it takes the request for whole, and never otherwise.
const NEXT: &str = "POST /tickets HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                    content-type: application/json\r\ncontent-length: 25\r\n\r\nNEXT";

/// Less than the 30 s that a body has.
const SILENCE: Duration = Duration::from_secs(20);

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
    (204, "OPTIONS * HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    (204, "OPTIONS /tickets HTTP/1.1\r\nhost: localhost\r\n\r\n"),
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
    // What the head alone decides ends the connection, if there is a body.
    (415, post!("content-type: text/plain\r\ncontent-length: 25\r\n\r\nBODY")),
    (
        415,
        post!(
            "content-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n19\r\nBODY\r\n0\r\n\r\n"
        ),
    ),
    (404, "POST /ticket HTTP/1.1\r\nhost: localhost\r\ncontent-length: 25\r\n\r\nBODY"),
    (405, "PUT /tickets HTTP/1.1\r\nhost: localhost\r\ncontent-length: 25\r\n\r\nBODY"),
    (403, post!("sec-fetch-site: cross-site\r\ncontent-length: 25\r\n\r\nBODY")),
    (413, post!("content-length: 1048577\r\n\r\nBODY")),
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
    (505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0"),
    (400, "PRI * HTTP/2.0\r\n\r\nS\r\n\r\n"),
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
        // It has no such parameter.
        (422, true, target(15_000)),
        (414, false, target(17_000)),
        (414, false, target(70_000)),
        (414, false, format!("\r\n{}", target(17_000))),
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
    ticket_body(text).to_string()
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

        let heard = RawConnection::connect(port).await.exchange(&request, MINUTE).await;

        let case = case.get(..case.len().min(200)).unwrap_or(&case).escape_debug();
        let statuses: Vec<_> = heard.iter().map(|answer| answer.status).collect();
        let first = (status != 0).then_some(status);
        let meant: Vec<_> = first.into_iter().chain(goes_on.then_some(201)).collect();
        assert_eq!(statuses, meant, "{case}");
        expected.extend((status == 201).then_some(own));
        expected.extend(goes_on.then_some(next));
    }

    assert_eq!(server.client().messages().await, expected);
}

#[tokio::test]
async fn a_target_that_is_too_long_is_named_on_a_connection_in_use_too() {
    let server = Server::start(Options::default());
    let target = "a".repeat(17_000);
    let long = format!("GET /{target} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    // The answer is one piece without a body, and two with one.
    for (status, request) in
        [(200, get!("\r\n")), (204, "OPTIONS /tickets HTTP/1.1\r\nhost: localhost\r\n\r\n")]
    {
        let mut connection = RawConnection::connect(server.port()).await;
        connection.write(request).await.expect("it is open");
        let first = connection.read(1_000).await;

        let second = connection.exchange(long.as_bytes(), MINUTE).await;

        let heard = RawAnswer::all(&first).into_iter().chain(second);
        assert_eq!(heard.map(|answer| answer.status).collect::<Vec<_>>(), [status, 414]);
    }
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
        let heard =
            RawConnection::connect(server.port()).await.exchange(request.as_bytes(), MINUTE).await;
        let [answer] = &heard[..] else { panic!("{request}: {heard:?}") };
        assert_eq!(answer.status, status, "{request}");
        let body: Value = serde_json::from_slice(&answer.body).expect("it is JSON");
        assert_eq!(body["code"] == "bad_request", status == 400, "{request}");
    }
}

#[tokio::test]
async fn who_asks_before_it_sends_is_told_to_go_on() {
    let server = Server::start(Options::default());
    let mut connection = RawConnection::connect(server.port()).await;
    let asks = post!("connection: close\r\nexpect: 100-continue\r\ncontent-length: 25\r\n\r\n");
    connection.write(asks).await.expect("it is open");
    let told = connection.read(1_000).await;
    assert_eq!(RawAnswer::all(&told)[0].status, 100);

    connection.write(message("then")).await.expect("it is open");

    let heard = connection.read_to_end(MINUTE).await.expect("it ends");
    assert_eq!(RawAnswer::all(&heard)[0].status, 201);
}

/// The body never comes, and none is asked for.
#[tokio::test]
async fn what_the_head_decides_is_answered_at_once_and_without_100_continue() {
    let server = Server::start(Options::default());
    for (status, head) in [
        (400, "GET / HTTP/1.1\r\ncontent-length: 5"),
        (404, "POST /ticket HTTP/1.1\r\nhost: localhost\r\ncontent-length: 900000"),
        (403, "POST /tickets HTTP/1.1\r\nhost: desk.example\r\ncontent-length: 900000"),
        (415, "POST /tickets HTTP/1.1\r\nhost: localhost\r\ncontent-length: 900000"),
        (405, "PUT /console HTTP/1.1\r\nhost: localhost\r\ncontent-length: 900000"),
        (413, post!("content-length: 9000000")),
    ] {
        for expect in ["", "expect: 100-continue\r\n"] {
            let request = format!("{head}\r\n{expect}\r\n");

            let connection = RawConnection::connect(server.port()).await;
            let heard = connection.exchange(request.as_bytes(), SILENCE).await;

            let statuses: Vec<_> = heard.iter().map(|answer| answer.status).collect();
            assert_eq!(statuses, [status], "{request}");
        }
    }
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

    let heard =
        RawConnection::connect(server.port()).await.exchange(request.as_bytes(), MINUTE).await;

    let tickets = server.client().get("/tickets").await.expect(200);
    let tickets = tickets.items().to_vec();
    assert_eq!((heard.len(), tickets.len()), (count + 1, count + 1));
    for (number, (answer, ticket)) in heard.iter().zip(&tickets).enumerate() {
        let body: Value = serde_json::from_slice(&answer.body).expect("it is JSON");
        assert_eq!((answer.status, &body["data"]["id"]), (201, &ticket["id"]));
        let message = if number < count { format!("{number:04}") } else { "last".to_owned() };
        assert_eq!(ticket["ticket_message"], message);
    }
}
