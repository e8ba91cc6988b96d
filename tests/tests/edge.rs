//! The Worker and its object: killed, left to its alarm, held to its six requests, asked for a key,
//! broken and mended. What it has in common with the binary is tested by the other suites, which
//! `.ci/edge-tests` runs against it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hookdesk_tests::{Answer, Client, Delivery, Gate, Host, Options, Reaction, Receiver, Server};
use reqwest::Method;
use rusqlite::Connection;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

const SOON: Duration = Duration::from_secs(30);
/// From its start until an object that was killed over requests sends them again: its alarm is at
/// most 5 s away, and that it gives them up itself takes 15 s and more.
const WATCHED: Duration = Duration::from_secs(13);
/// What a Worker may have open at once.
const OPEN_FETCHES: usize = 6;
const KEY: &str = "0123456789abcdef";
const NOBODY: &str = "0197000000017abcaeeeeeeeeeeeeeee";

fn edge() -> (Server, Client) {
    let server = Server::start(Options { host: Host::Edge, ..Options::default() });
    let client = server.client();
    (server, client)
}

fn ids(deliveries: &[Delivery]) -> BTreeSet<String> {
    deliveries.iter().map(|one| one.event().to_owned()).collect()
}

/// Callers who open tickets until the server is gone; gives what was acknowledged.
fn storm(client: &Client, callers: usize) -> JoinSet<Vec<String>> {
    let mut storm = JoinSet::new();
    for caller in 0..callers {
        let client = client.clone();
        storm.spawn(async move {
            let mut acknowledged = Vec::new();
            loop {
                let body = json!({ "ticket_message": format!("{caller}") });
                let call = client.request(Method::POST, "/tickets");
                let call = call.header("content-type", "application/json").body(body.to_string());
                match client.attempt(call).await {
                    Ok(answer) if answer.status == 201 => {
                        acknowledged.push(answer.string("/data/id"));
                    }
                    Ok(_) | Err(_) => return acknowledged,
                }
            }
        });
    }
    storm
}

#[tokio::test]
#[ignore = "wants the Worker built: .ci/edge-tests"]
async fn killed_under_load_it_tells_all_that_was_acknowledged() {
    let (mut server, client) = edge();
    let receiver = Receiver::kind();
    client.register(&receiver.url()).await;
    let mut acknowledged = BTreeSet::new();

    for _ in 0..3 {
        let before = receiver.count();
        let storm = storm(&client, 4);
        receiver.wait_for(|all| all.len() > before + 50, SOON).await;
        server.kill();
        acknowledged.extend(storm.join_all().await.into_iter().flatten());
        server.restart();
    }

    // Nobody calls: what was in flight and what is owed goes by the object's own alarm.
    let tickets = |all: &[Delivery]| -> BTreeSet<String> {
        all.iter().filter_map(|one| one.ticket().map(str::to_owned)).collect()
    };
    let told = receiver.wait_for(|all| acknowledged.is_subset(&tickets(all)), SOON).await;
    assert!(acknowledged.len() > 100, "{}", acknowledged.len());
    let mut attempts: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for one in &told {
        attempts.entry(one.event()).or_default().push(one.attempt());
    }
    for (event, numbers) in attempts {
        // Each kill may cost one more, and each is a number of its own.
        assert!(numbers.len() <= 4, "{event}: {numbers:?}");
        assert!(numbers.is_sorted_by(|one, next| one < next), "{event}: {numbers:?}");
    }
}

#[tokio::test]
#[ignore = "wants the Worker built: .ci/edge-tests"]
async fn what_was_in_flight_when_it_was_killed_is_sent_again_though_nobody_calls() {
    let (mut server, client) = edge();
    let receiver = Receiver::start(|_| Reaction::Hang);
    client.register(&receiver.url()).await;
    for number in 0..Host::AT_ONCE {
        client.open_ticket(&number.to_string()).await;
    }
    let first = receiver.wait_for(|all| all.len() == Host::AT_ONCE, SOON).await;

    server.kill();
    receiver.behave(|_| Reaction::Status(200));
    server.restart();

    let told = receiver.wait_for(|all| all.len() == 2 * Host::AT_ONCE, WATCHED).await;
    let again = &told[Host::AT_ONCE..];
    assert_eq!(ids(again), ids(&first));
    assert!(again.iter().all(|one| one.attempt() == 2));
}

#[tokio::test]
#[ignore = "wants the Worker built: .ci/edge-tests"]
async fn the_alarm_alone_wakes_it_for_a_retry() {
    let (mut server, client) = edge();
    let receiver = Receiver::start(|_| Reaction::Status(500));
    let settings = json!({ "callback_url": receiver.url(), "retry_schedule": [2, 4] });
    let webhook = client.register_with(settings).await;
    client.open_ticket("one").await;
    client.wait_webhook(&webhook.id, |state| state["waiting_lanes"] == 1, SOON).await;

    // From here on nobody calls.
    receiver.wait_for(|all| all.len() == 2, SOON).await;
    sleep(Duration::from_millis(300)).await;
    server.kill();
    receiver.behave(|_| Reaction::Status(200));
    server.restart();

    let told = receiver.wait_for(|all| all.len() == 3, SOON).await;
    assert_eq!(ids(&told).len(), 1);
    assert_eq!(told.iter().map(Delivery::attempt).collect::<Vec<_>>(), [1, 2, 3]);
    let waited = |later: usize| told[later].at - told[later - 1].at;
    // A schedule's waits are blurred by a fifth.
    assert!(waited(1) >= Duration::from_millis(1_500), "{:?}", waited(1));
    assert!(waited(2) >= Duration::from_millis(3_000), "{:?}", waited(2));
}

#[tokio::test]
#[ignore = "wants the Worker built: .ci/edge-tests"]
async fn at_most_six_requests_are_open_at_once() {
    let (_server, client) = edge();
    let gate = Gate::closed();
    let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let receivers: Vec<Receiver> = (0..8)
        .map(|_| {
            let (held, open, most) = (gate.clone(), Arc::clone(&open), Arc::clone(&most));
            Receiver::start(move |_| {
                let now = open.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                held.then(Reaction::Status(200))
            })
        })
        .collect();
    let mut webhooks = Vec::new();
    for receiver in &receivers {
        webhooks.push(client.register(&receiver.url()).await);
    }

    for number in 0..20 {
        client.open_ticket(&number.to_string()).await;
    }

    // The receivers hold what they have, so that all that is open has been counted.
    let mut in_flight = 0;
    for webhook in &webhooks {
        in_flight += client.webhook(&webhook.id).await["in_flight"].as_u64().expect("a number");
    }
    assert_eq!(in_flight, OPEN_FETCHES as u64);
    while open.load(Ordering::SeqCst) < OPEN_FETCHES {
        sleep(Duration::from_millis(10)).await;
    }
    sleep(Duration::from_millis(500)).await;
    assert_eq!(most.load(Ordering::SeqCst), OPEN_FETCHES);
    gate.open();
    for webhook in &webhooks {
        client.wait_told(&webhook.id, SOON).await;
    }
    assert!(receivers.iter().all(|receiver| ids(&receiver.deliveries()).len() == 20));
}

#[tokio::test]
#[ignore = "wants the Worker built: .ci/edge-tests"]
async fn without_open_mode_it_asks_for_its_key_and_calls_public_names_alone() {
    let environment = vec![("HOOKDESK_KEY".to_owned(), KEY.to_owned())];
    let options = Options { host: Host::Edge, bare: true, environment, ..Options::default() };
    let server = Server::start(options);
    let (stranger, client) = (server.client(), server.client().with_key(KEY));
    let wrong = server.client().with_key("0123456789abcdeF");

    for (caller, detail) in [
        (&stranger, "Send an API key, as in Authorization: Bearer KEY."),
        (&wrong, "This API key is not one of this desk's."),
    ] {
        let problem =
            r#"{"type":"urn:hookdesk:problem:unauthorized","title":"An API key is needed","#;
        let problem =
            format!(r#"{problem}"status":401,"detail":"{detail}","code":"unauthorized"}}"#);
        for path in ["/tickets", "/webhooks", "/nowhere"] {
            let answer = caller.get(path).await.expect(401);
            assert_eq!(answer.header("content-type"), Some("application/problem+json"));
            assert_eq!(answer.text, problem);
        }
    }
    for url in [
        "http://127.0.0.1:9000/hook",
        "http://localhost:9000/hook",
        "http://[::1]/hook",
        "http://10.0.0.1/hook",
        "http://169.254.169.254/latest",
        "https://1.1.1.1/hook",
        "https://[2606:4700:4700::1111]/hook",
        "https://db/hook",
    ] {
        let answer = client.post("/webhooks/register", json!({ "callback_url": url })).await;
        assert_eq!((answer.status, answer.code()), (422, Some("bad_callback_url")), "{url}");
    }
    client.register("https://partner.com/hook").await;
}

#[tokio::test]
#[ignore = "wants the Worker built: .ci/edge-tests"]
async fn a_worker_that_is_neither_open_nor_has_a_key_hears_nobody() {
    let mut server = Server::start(Options { host: Host::Edge, bare: true, ..Options::default() });
    server.expect_errors();

    let answer = server.client().get("/tickets").await.expect(503);

    assert_eq!(answer.code(), Some("store_unavailable"));
    server.wait_log("a Worker needs an API key: bind HOOKDESK_KEY as a secret", SOON);
}

/// What a refusal tells its caller.
fn plain(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let told = ["content-type", "allow", "retry-after", "www-authenticate", "cache-control"];
    let headers = told
        .iter()
        .filter_map(|name| answer.header(name).map(|value| ((*name).to_owned(), value.to_owned())));
    (answer.status, headers.collect(), answer.text.clone())
}

/// Calls that are refused: method, path, headers and body.
type Bad = (&'static str, String, Vec<(&'static str, String)>, Vec<u8>);

fn bad_calls(ticket: &str, webhook: &str) -> Vec<Bad> {
    let json = || vec![("content-type", "application/json".to_owned())];
    let text = |method, path: &str, body: &str| {
        (method, path.to_owned(), json(), body.as_bytes().to_vec())
    };
    let bare = |method, path: &str| (method, path.to_owned(), Vec::new(), Vec::new());
    let with =
        |name, value: &str| ("GET", "/tickets".to_owned(), vec![(name, value.to_owned())], vec![]);
    let keyed = |key: &str| {
        let headers = [json(), vec![("idempotency-key", key.to_owned())]].concat();
        ("POST", "/tickets".to_owned(), headers, br#"{"ticket_message":"x"}"#.to_vec())
    };
    let of_webhook = |path: &str| format!("/webhooks/{webhook}{path}");
    vec![
        text("POST", "/tickets", "{"),
        text("POST", "/tickets", "[]"),
        text("POST", "/tickets", "{}"),
        text("POST", "/tickets", r#"{"ticket_message":1}"#),
        text("POST", "/tickets", r#"{"ticket_message":""}"#),
        text("POST", "/tickets", r#"{"ticket_message":"\u0000"}"#),
        text("POST", "/tickets", &json!({ "ticket_message": "x".repeat(65_537) }).to_string()),
        text("POST", "/tickets", &"x".repeat((1 << 20) + 1)),
        ("POST", "/tickets".to_owned(), json(), b"{\"ticket_message\":\"\xff\"}".to_vec()),
        (
            "POST",
            "/tickets".to_owned(),
            vec![("content-type", "text/plain".to_owned())],
            b"{}".to_vec(),
        ),
        ("POST", "/tickets".to_owned(), vec![], b"{}".to_vec()),
        text("PATCH", &format!("/tickets/{ticket}"), r#"{"ticket_message":"late"}"#),
        text("POST", "/webhooks/register", "{}"),
        text("POST", "/webhooks/register", r#"{"callback_url":"ftp://a"}"#),
        text("POST", "/webhooks/register", r#"{"callback_url":"http://u:p@a.example/"}"#),
        text("POST", "/webhooks/register", r#"{"callback_url":"http://10.0.0.1/"}"#),
        text("POST", "/webhooks/register", r#"{"callback_url":"http:\\a.example/"}"#),
        text(
            "POST",
            "/webhooks/register",
            r#"{"callback_url":1,"events":["x"],"ordering":"y","timeout_ms":1,"headers":{"host":"a"}}"#,
        ),
        text("PATCH", &of_webhook(""), r#"{"status":"disabled","max_in_flight":0}"#),
        text("POST", &of_webhook("/replay"), r#"{"since":"yesterday"}"#),
        text("POST", &of_webhook("/secret/rotate"), r#"{"overlap_seconds":-1}"#),
        bare("GET", &of_webhook("/deliveries?state=lost")),
        bare("GET", &of_webhook("/deliveries/evt_1")),
        bare("GET", &of_webhook("/replay")),
        bare("POST", &of_webhook(&format!("/deliveries/evt_{NOBODY}/resend"))),
        bare("DELETE", &of_webhook("/secrets/1")),
        bare("GET", &format!("/tickets/tkt_{NOBODY}")),
        bare("DELETE", &format!("/tickets/tkt_{NOBODY}")),
        bare("DELETE", &format!("/webhooks/unregister/whk_{NOBODY}")),
        bare("GET", "/nowhere"),
        bare("GET", "/tickets/"),
        bare("GET", "//tickets"),
        bare("GET", "/TICKETS"),
        bare("GET", "/webhooks/ping"),
        bare("PUT", "/tickets"),
        bare("OPTIONS", "/tickets"),
        bare("POST", "/service"),
        bare("GET", "/tickets?limit=0"),
        bare("GET", "/tickets?limit=1001"),
        bare("GET", "/tickets?after=whk_1"),
        bare("GET", "/tickets?status=lost"),
        bare("GET", "/tickets?status=%zz"),
        bare("GET", "/events?after=evt_1"),
        bare("GET", "/events/evt_1"),
        with("origin", "https://page.example"),
        with("forwarded", "for=203.0.113.9"),
        with("x-forwarded-for", "203.0.113.9"),
        with("host", "desk.example"),
        keyed("a b"),
        keyed(&"k".repeat(256)),
        (
            "POST",
            "/webhooks/ping".to_owned(),
            vec![("user-agent", "HookDesk/1".to_owned()), ("webhook-id", "evt_1".to_owned())],
            vec![],
        ),
    ]
}

/// The same refusals of one desk: in them, its own ids as one word each.
async fn refusals(client: &Client) -> Vec<String> {
    let ticket = client.open_ticket("closed").await;
    client.close_ticket(&ticket).await;
    let webhook = client.register("http://127.0.0.1:1/hook").await.id;
    let mut all = Vec::new();
    for (method, path, headers, body) in bad_calls(&ticket, &webhook) {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = client.request(method.clone(), &path).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = client.send(request).await;
        let (status, headers, text) = plain(&answer);
        assert!((400..600).contains(&status), "{method} {path} answered {status} {text}");
        let told = format!("{method} {path}: {status} {headers:?} {text}");
        all.push(told.replace(&ticket, "TICKET").replace(&webhook, "WEBHOOK"));
    }
    all
}

#[tokio::test]
#[ignore = "wants the Worker built: .ci/edge-tests"]
async fn it_refuses_in_the_same_words_as_the_binary() {
    let (_server, edge) = edge();
    let native = Server::start(Options { host: Host::Native, ..Options::default() });

    let (of_edge, of_native) = (refusals(&edge).await, refusals(&native.client()).await);

    for (edge, native) in of_edge.iter().zip(&of_native) {
        assert_eq!(edge, native);
    }
    assert_eq!(of_edge.len(), of_native.len());
}

/// The object's file, beside the object that has it open.
fn beside(server: &Server) -> Connection {
    let file = Connection::open(server.database()).expect("it is there");
    file.busy_timeout(SOON).expect("it takes options");
    file
}

/// Registers under an idempotency key, with what is kept for its repetition then damaged so that
/// giving it again breaks the desk.
async fn register_as_a_trap(server: &Server, settings: &Value) -> (Answer, Connection) {
    let answer = register_again(&server.client(), settings).await.expect(201);
    let file = beside(server);
    let trap = "ALTER TABLE keys ADD COLUMN kept TEXT; UPDATE keys SET kept = body, body = '[]'";
    file.execute_batch(trap).expect("it is a desk's");
    (answer, file)
}

async fn register_again(client: &Client, settings: &Value) -> Answer {
    let request = client.request(Method::POST, "/webhooks/register");
    let request = request.header("idempotency-key", "again");
    client.send(request.header("content-type", "application/json").body(settings.to_string())).await
}

#[tokio::test]
#[ignore = "wants the Worker built: .ci/edge-tests"]
async fn a_desk_that_broke_goes_on_in_a_new_instance() {
    let (mut server, client) = edge();
    server.expect_errors();
    let receiver = Receiver::kind();
    let settings = json!({ "callback_url": receiver.url() });
    let (first, file) = register_as_a_trap(&server, &settings).await;
    let process = server.pid();

    let broken = register_again(&client, &settings).await;
    server.wait_log("HookDesk broke at", SOON);
    file.execute_batch("UPDATE keys SET body = kept").expect("it is a desk's");
    let again = register_again(&client, &settings).await.expect(201);
    client.open_ticket("one").await;

    assert_eq!((broken.status, broken.code()), (503, Some("store_unavailable")));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.data(), first.data());
    receiver.wait_for(|all| all.len() == 1, SOON).await;
    client.wait_told(&first.string("/data/id"), SOON).await;
    assert_eq!(server.pid(), process);
}

#[tokio::test]
#[ignore = "wants the Worker built: .ci/edge-tests"]
async fn a_desk_that_broke_is_woken_by_its_alarm_though_nobody_calls() {
    let (mut server, client) = edge();
    server.expect_errors();
    let receiver = Receiver::start(|delivery| match delivery.attempt() {
        1 => Reaction::Status(500),
        _ => Reaction::Status(200),
    });
    let settings = json!({ "callback_url": receiver.url(), "retry_schedule": [2] });
    register_as_a_trap(&server, &settings).await;
    client.open_ticket("one").await;
    receiver.wait_for(|all| all.len() == 1, SOON).await;

    let broken = register_again(&client, &settings).await;
    server.wait_log("HookDesk broke at", SOON);

    assert_eq!(broken.status, 503);
    let told = receiver.wait_for(|all| all.len() == 2, SOON).await;
    assert_eq!(told[1].attempt(), 2);
}

#[tokio::test]
#[ignore = "wants the Worker built: .ci/edge-tests"]
async fn rows_that_were_lost_are_a_fault_until_they_are_back() {
    // With retention it would seem that all there was is old.
    let arguments = ["--retain-s", "0"].map(str::to_owned).to_vec();
    let mut server = Server::start(Options { host: Host::Edge, arguments, ..Options::default() });
    let client = server.client();
    server.expect_errors();
    let receiver = Receiver::kind();
    let webhook = client.register(&receiver.url()).await;
    client.amend(&webhook.id, json!({ "status": "paused" })).await;
    client.open_ticket("one").await;
    let lost = client.events().await.remove(0);
    server.terminate();
    let file = beside(&server);
    file.execute_batch("CREATE TABLE kept AS SELECT * FROM events; DELETE FROM events")
        .expect("it is a desk's");
    server.restart();

    let settings = json!({ "status": "active" });
    let fault = client.patch(&format!("/webhooks/{}", webhook.id), settings.clone()).await;
    server.wait_log("its rows do not fit together", SOON);
    file.execute_batch("INSERT INTO events SELECT * FROM kept").expect("it is a desk's");
    client.amend(&webhook.id, settings).await;

    assert_eq!((fault.status, fault.code()), (503, Some("store_unavailable")));
    let told = receiver.wait_for(|all| all.len() == 1, SOON).await;
    assert_eq!(told[0].event(), lost);
}

#[tokio::test]
#[ignore = "wants the Worker built: .ci/edge-tests"]
async fn a_store_that_is_held_by_another_loses_nothing() {
    let (mut server, client) = edge();
    server.expect_errors();
    let gate = Gate::closed();
    let held = gate.clone();
    let receiver = Receiver::start(move |_| held.then(Reaction::Status(200)));
    let webhook = client.register(&receiver.url()).await;
    client.open_ticket("one").await;
    receiver.wait_for(|all| all.len() == 1, SOON).await;

    let file = beside(&server);
    file.execute_batch("BEGIN IMMEDIATE").expect("nobody writes");
    gate.open();
    let body = json!({ "ticket_message": "two" });
    let refused = client.post("/tickets", body).await;
    file.execute_batch("ROLLBACK").expect("it was begun");

    assert_eq!((refused.status, refused.code()), (503, Some("store_unavailable")));
    let state: Value = client.wait_told(&webhook.id, SOON).await;
    assert_eq!(state["owed"]["count"], 1);
    client.open_ticket("three").await;
    client.wait_told(&webhook.id, SOON).await;
    assert_eq!(ids(&receiver.deliveries()).len(), 2);
}

#[tokio::test]
#[ignore = "wants the Worker built: .ci/edge-tests"]
async fn readers_of_long_lists_who_stall_harm_nobody_else() {
    // More than the desk keeps lists for.
    const READERS: usize = 80;
    let (mut server, client) = edge();
    // The runtime logs each answer that ends in the middle, as those of the first readers do.
    server.expect_errors();
    let message = "m".repeat(60_000);
    for _ in 0..60 {
        client.open_ticket(&message).await;
    }
    let gate = Gate::closed();
    let held = gate.clone();
    let receiver = Receiver::start(move |_| held.then(Reaction::Status(200)));
    let webhook = client.register(&receiver.url()).await;
    client.open_ticket("one").await;
    receiver.wait_for(|all| all.len() == 1, SOON).await;

    let mut stalled = Vec::new();
    for _ in 0..READERS {
        let mut reader =
            TcpStream::connect(("127.0.0.1", server.port())).await.expect("it accepts");
        let call = format!("GET /tickets HTTP/1.1\r\nhost: 127.0.0.1:{}\r\n\r\n", server.port());
        reader.write_all(call.as_bytes()).await.expect("it is taken in");
        stalled.push(reader);
    }
    let whole = client.get("/tickets").await.expect(200);
    sleep(Duration::from_secs(6)).await;
    drop(stalled);
    gate.open();

    assert_eq!(whole.data().as_array().map(Vec::len), Some(61));
    client.wait_told(&webhook.id, SOON).await;
    let attempts: Vec<_> = receiver.deliveries().iter().map(Delivery::attempt).collect();
    assert_eq!(attempts, [1], "what was open was let go of");
}
