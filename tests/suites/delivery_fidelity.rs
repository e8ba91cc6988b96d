//! Fidelity of deliveries: a message comes back out of the signed body as it was given, and a
//! webhook's extra headers are all that they add to a request.

use std::collections::HashMap;

use fastrand::Rng;
use hookdesk_tests::{
    Answer, Client, Delivery, MINUTE, Options, Receiver, Server, Webhook, libraries_verify,
};
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Bytes of the longest message.
const MAX_LENGTH: usize = 65_536;
/// Messages that are drawn, beside those that are named.
const DRAWN: u64 = 300;

/// Characters that somebody on the way has an own opinion of: escapes of JSON, HTML, URLs and shells,
/// line breaks that are none in JSON, byte order marks, noncharacters, private ones, marks that
/// turn text around, and the first and last of each length in UTF-8.
const ODD: &str = "\"\\/\u{8}\u{c}\n\r\t\u{1}\u{1b}\u{1f}\u{7f}\u{80}\u{85}\u{a0}\u{ad}<>&'%+`${}\u{7ff}\
    \u{800}\u{301}\u{200b}\u{200d}\u{2028}\u{2029}\u{202e}\u{d7ff}\u{e000}\u{f8ff}\u{fdd0}\u{feff}\
    \u{fffd}\u{fffe}\u{ffff}\u{10000}\u{1f525}\u{1ffff}\u{10ffff}";

fn character(rng: &mut Rng) -> char {
    match rng.u32(..6) {
        0 => rng.char(' '..='~'),
        1 => rng.char('\u{1}'..='\u{ff}'),
        2 => rng.char('\u{100}'..='\u{ffff}'),
        3 => rng.char('\u{10000}'..='\u{10ffff}'),
        _ => ODD.chars().nth(rng.usize(..ODD.chars().count())).expect("the place is inside"),
    }
}

/// A message of any characters, mostly short.
fn drawn(rng: &mut Rng) -> String {
    let longest = rng.choice([8, 8, 64, 64, 1_000, 20_000]).expect("there are some");
    let most = rng.usize(4..=longest);
    let mut text = character(rng).to_string();
    while text.len() + 4 <= most {
        text.push(character(rng));
    }
    text
}

/// The message as a string of JSON, each character raw or in one of its escapes.
fn spelled(message: &str, rng: &mut Rng) -> String {
    let mut text = String::from("\"");
    let often = rng.u32(..3);
    for c in message.chars() {
        let must = matches!(c, '"' | '\\' | '\0'..='\u{1f}');
        if !must && rng.u32(..2) >= often {
            text.push(c);
        } else if c == '/' || (rng.bool() && matches!(c, '"' | '\\')) {
            text.extend(['\\', c]);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let upper = rng.bool();
                let escape = format!("\\u{unit:04x}");
                text += &if upper { escape.to_uppercase().replace('U', "u") } else { escape };
            }
        }
    }
    text.push('"');
    text
}

/// Messages with something that is deep, long or last about them.
fn named() -> Vec<String> {
    let deep = (0..10).fold("\"\\\u{1}".to_owned(), |text, _| json!(text).to_string());
    let full = |piece: &str| piece.repeat(MAX_LENGTH / piece.len());
    vec![
        deep,
        full("x"),
        full("\u{1}"),
        full("\""),
        full("\\"),
        full("\u{10ffff}"),
        full("\u{800}") + "x",
        ODD.to_owned(),
        r"\u0000 \ud800 \n".to_owned(),
        r#"","data":{"ticket_message":"another"}}"#.to_owned(),
        "\r\n\r\nPOST / HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(),
        " \t\n".to_owned(),
    ]
}

async fn open(client: &Client, spelled: &str) -> Answer {
    let body = format!("{{\"ticket_message\":{spelled}}}");
    let request = client.request(Method::POST, "/tickets").body(body);
    client.send(request.header("content-type", "application/json")).await
}

/// What the library of Rust says, over the bytes as they came.
fn verifies_in_rust(delivery: &Delivery, secret: &str) {
    let mut headers = HeaderMap::new();
    for (name, value) in &delivery.headers {
        let name = HeaderName::try_from(name).expect("it was received");
        headers.append(name, HeaderValue::from_str(value).expect("it was received"));
    }
    let library = standardwebhooks::Webhook::new(secret).expect("it is a secret");
    library.verify(&delivery.body, &headers).expect("it verifies");
    let mut changed = delivery.body.clone();
    *changed.last_mut().expect("it has a body") = b' ';
    assert!(library.verify(&changed, &headers).is_err(), "anything verifies");
}

#[tokio::test]
async fn every_message_comes_out_of_the_bytes_that_were_signed() {
    let server = Server::start(Options::default());
    let client = server.client().with_pool();
    let receiver = Receiver::kind();
    let Webhook { id, secret } = client.register(&receiver.url()).await;
    let mut rng = Rng::with_seed(20_230_101);
    let mut said = HashMap::new();
    let all = named().into_iter().chain((0..DRAWN).map(|seed| drawn(&mut Rng::with_seed(seed))));
    for message in all {
        let spelled = spelled(&message, &mut rng);
        let ticket = open(&client, &spelled).await.expect(201).string("/data/id");
        said.insert(ticket, message);
    }

    client.wait_told(&id, MINUTE).await;

    let told = receiver.deliveries();
    assert_eq!(told.len(), said.len());
    let mut entries = Vec::new();
    for delivery in &told {
        let message = &said[delivery.ticket().expect("a ticket's event")];
        let body = delivery.json();
        let data = json!({ "ticket_message": message });
        assert_eq!(body["data"], data, "{delivery}");
        let (created, message) = (&body["created"], &data["ticket_message"]);
        let whole = format!(
            "{{\"event\":\"ticket_opened\",\"created\":{created},\"data\":{{\"ticket_message\":{message}}}}}"
        );
        assert!(delivery.body == whole.as_bytes(), "{delivery}");
        assert!(delivery.signed_with(&secret), "{delivery}");
        verifies_in_rust(delivery, &secret);
        let mut entry = delivery.to_verify(&secret, true);
        entry["message"] = message.clone();
        entries.push(entry);
    }
    libraries_verify(&entries);
}

#[tokio::test]
async fn a_message_that_is_no_text_or_has_no_end_is_refused() {
    let server = Server::start(Options::default());
    let client = server.client().with_pool();
    let receiver = Receiver::kind();
    let webhook = client.register(&receiver.url()).await;
    let long = format!("\"{}\"", "\u{800}".repeat(MAX_LENGTH / 3 + 1));
    let long_escaped = format!("\"{}\"", r"\u0001".repeat(MAX_LENGTH + 1));
    for (spelled, status, code) in [
        (r#""\ud800""#, 400, "bad_json"),
        (r#""\udfff""#, 400, "bad_json"),
        (r#""a\uDBFFb""#, 400, "bad_json"),
        (r#""\udc00\ud800""#, 400, "bad_json"),
        (r#""\ud800\u0041""#, 400, "bad_json"),
        (r#""\ud800\ud800""#, 400, "bad_json"),
        (r#""\ud83d\u"#, 400, "bad_json"),
        (r#""\u00g0""#, 400, "bad_json"),
        (r#""\x41""#, 400, "bad_json"),
        ("\"a\nb\"", 400, "bad_json"),
        ("\"a\0b\"", 400, "bad_json"),
        (r#""a\u0000b""#, 422, "bad_field"),
        (r#""\u0000""#, 422, "bad_field"),
        (r#""""#, 422, "bad_field"),
        (&long, 422, "bad_field"),
        (&long_escaped, 422, "bad_field"),
    ] {
        let answer = open(&client, spelled).await;
        let shown = spelled.get(..40).unwrap_or(spelled);
        assert_eq!((answer.status, answer.code()), (status, Some(code)), "{shown}");
    }
    client.ping().await;
    client.wait_told(&webhook.id, MINUTE).await;
    assert_eq!(receiver.count(), 1, "only the ping is told");
}

/// A receiver that keeps all bytes of each connection, up to its end, and reads none of them itself.
struct RawReceiver {
    port: u16,
    connections: mpsc::UnboundedReceiver<Vec<u8>>,
}

impl RawReceiver {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let (heard, connections) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let heard = heard.clone();
                tokio::spawn(async move { heard.send(overhear(stream).await) });
            }
        });
        Self { port, connections }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    async fn next(&mut self) -> String {
        let bytes = timeout(MINUTE, self.connections.recv()).await.expect("one comes in time");
        String::from_utf8(bytes.expect("it goes on")).expect("what we send is text")
    }
}

/// All that comes over a connection. What came at first is answered as one request, after which a
/// sender who had more to say would say it.
async fn overhear(mut stream: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"}}") {
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return bytes;
        }
    }
    let answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    stream.write_all(answer).await.expect("the sender listens");
    stream.shutdown().await.expect("the sender listens");
    stream.read_to_end(&mut bytes).await.expect("it ends");
    bytes
}

/// Names of headers that are the connection's or ours, in spellings that a gateway may take for them.
const OURS: [&str; 31] = [
    "host",
    "Host",
    "HOST",
    "content-length",
    "Content-Length",
    "content_length",
    "transfer-encoding",
    "Transfer_Encoding",
    "transfer.encoding",
    "connection",
    "Connection",
    "keep-alive",
    "Proxy-Connection",
    "proxy-authorization",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "content-type",
    "content-encoding",
    "accept",
    "user-agent",
    "webhook-id",
    "Webhook-Id",
    "webhook_id",
    "Webhook-Signature",
    "webhook.timestamp",
    "webhook-anything",
    "hookdesk-attempt",
    "HOOKDESK-TICKET",
    "hookdesk_ticket_version",
];

/// What is no name of a header.
const NO_NAMES: [&str; 13] =
    ["", " ", "x a", "x:", ":x", "x(a", "x,a", "x;a", "x=a", "x@a", "x[a", "x{a", "é"];

/// Headers as a caller writes them, and the part of them that is refused.
fn tries() -> Vec<(String, &'static str)> {
    let mut tries = Vec::new();
    for code in (0..0x20).chain([0x7f, 0x80, 0x85, 0xe9, 0x10a, 0x10d, 0x560a, 0x2028, 0xff1a]) {
        for value in ["a{}b", "{}", "a{}", "{}a", "a{}webhook-id: evt_1", "a{}{}POST / HTTP/1.1"] {
            let value = value.replace("{}", &format!("\\u{code:04x}"));
            tries.push((format!("{{\"x-a\":\"{value}\"}}"), "headers/x-a"));
        }
        let name = format!("x\\u{code:04x}a");
        tries.push((format!("{{\"{name}\":\"a\"}}"), "headers/x"));
    }
    tries.push((r#"{"x-a":"a\r\n\r\nPOST / HTTP/1.1"}"#.to_owned(), "headers/x-a"));
    tries.push((r#"{"x-a":"a\r\n folded"}"#.to_owned(), "headers/x-a"));
    for value in ["", " a", "a ", "\\ta", &"a".repeat(1_001)] {
        tries.push((format!("{{\"x-a\":\"{value}\"}}"), "headers/x-a"));
    }
    for name in OURS {
        tries.push((format!("{{\"{name}\":\"a\"}}"), "headers/"));
    }
    for name in NO_NAMES.into_iter().chain([&*"x".repeat(65)]) {
        tries.push((format!("{{\"{name}\":\"a\"}}"), "headers/"));
    }
    tries.push((r#"{"x-a":"1","X-A":"2"}"#.to_owned(), "headers/"));
    let many: HashMap<_, _> = (0..17).map(|n| (format!("x-{n}"), "a")).collect();
    tries.push((json!(many).to_string(), "headers"));
    tries
}

#[tokio::test]
async fn no_header_that_would_be_more_than_one_line_or_not_its_own_is_taken() {
    let server = Server::start(Options::default());
    let client = server.client().with_pool();
    let webhook = client.register("http://127.0.0.1:9/hook").await;
    let tries = tries();
    assert!(tries.len() > 300);
    for (headers, pointer) in tries {
        let settings =
            format!("{{\"callback_url\":\"http://127.0.0.1:9/\",\"headers\":{headers}}}");
        let amendment = format!("{{\"headers\":{headers}}}");
        let amended = format!("/webhooks/{}", webhook.id);
        for (method, path, body) in
            [(Method::POST, "/webhooks/register", settings), (Method::PATCH, &amended, amendment)]
        {
            let request = client.request(method, path).header("content-type", "application/json");
            let answer = client.send(request.body(body)).await;
            assert_eq!((answer.status, answer.code()), (422, Some("bad_field")), "{headers}");
            let found = answer.string("/errors/0/pointer");
            assert!(found.starts_with(&format!("#/{pointer}")), "{headers}: {found}");
        }
    }
    assert_eq!(client.webhook(&webhook.id).await["headers"], json!({}));
}

/// Whether what came over a connection is one request with just these extra headers.
fn assert_one_request(request: &str, port: u16, path: &str, extra: &Value) {
    let (head, body) = request.split_once("\r\n\r\n").expect("a head and a body");
    let mut lines = head.split("\r\n");
    assert_eq!(lines.next(), Some(&*format!("POST {path} HTTP/1.1")));
    let lines: Vec<_> =
        lines.map(|line| line.split_once(": ").unwrap_or_else(|| panic!("{line:?}"))).collect();
    let value = |name| lines.iter().find(|(of, _)| *of == name).expect("it is there").1.to_owned();
    let mut expected = HashMap::from([
        ("accept".to_owned(), "*/*".to_owned()),
        ("content-length".to_owned(), body.len().to_string()),
        ("content-type".to_owned(), "application/json".to_owned()),
        ("hookdesk-attempt".to_owned(), "1".to_owned()),
        ("host".to_owned(), format!("127.0.0.1:{port}")),
        ("user-agent".to_owned(), format!("HookDesk/{}", env!("CARGO_PKG_VERSION"))),
    ]);
    for ours in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        expected.insert(ours.to_owned(), value(ours));
    }
    for (name, value) in extra.as_object().expect("an object") {
        let value = value.as_str().expect("a string").to_owned();
        assert_eq!(expected.insert(name.to_ascii_lowercase(), value), None, "{name}");
    }
    assert_eq!(lines.len(), expected.len(), "{head}");
    let came = lines.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    assert_eq!(came.collect::<HashMap<_, _>>(), expected);
    let body: Value = serde_json::from_str(body).expect("one body and nothing behind it");
    assert_eq!(body["event"], "ping");
}

#[tokio::test]
async fn a_request_has_the_headers_that_it_should_and_no_others() {
    let server = Server::start(Options::default());
    let client = server.client();
    let many: HashMap<_, _> = (0..16).map(|n| (format!("x-{n:062}"), "v".repeat(1_000))).collect();
    for (path, extra) in [
        ("/hook", json!({})),
        ("/hook", json!({ "Authorization": "Bearer a.b-c_d~e+f/g=" })),
        ("/hook", json!({ "X-Api-Key": "a: b, c; d=\"e\" (f) \\r\\n %0d%0aHost: x" })),
        ("/hook", json!({ "!#$%&'*+-.^`|~1": "a", "x_y": "1", "x-y": "2", "x.y": "3" })),
        ("/hook", json!({ "hosts": "a", "x-host": "b", "webhooks": "c", "forwarded": "for=d" })),
        ("/hook", json!({ "cookie": "a=b; c=d", "date": "now", "range": "bytes=0-1" })),
        ("/%0d%0aHost:%20x?a=%0A&b=%00;c", json!({ "x": "y" })),
        ("/a//b;c=d/$&+,=:@!*()[]?e=f?g/h", json!({ "x": "y" })),
        ("/hook", json!(many)),
    ] {
        let mut endpoint = RawReceiver::start().await;
        let settings = json!({ "callback_url": endpoint.url(path), "headers": extra });
        let webhook = client.register_with(settings).await;
        let ping = client.post(&format!("/webhooks/{}/ping", webhook.id), None).await.expect(202);

        let request = endpoint.next().await;

        assert_one_request(&request, endpoint.port, path, &extra);
        assert!(request.contains(&ping.string("/data/id")));
        client.wait_told(&webhook.id, MINUTE).await;
        client.unregister(&webhook.id).await;
        assert!(endpoint.connections.try_recv().is_err(), "another connection was made");
    }
}
