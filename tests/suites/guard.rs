//! The guard against server-side request forgery: which callback URLs are accepted, and which
//! addresses are connected to.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};

use hookdesk_core::guard::CallbackUrl;
use hookdesk_tests::corpus::{Ability, Row, Setting, by_setting, corpus};
use hookdesk_tests::golden::Runtime;
use hookdesk_tests::{
    Answer, Attempt, FakeDns, Options, Reaction, Receiver, SOON, Server, SilentListener,
};
use hookdesk_web::{Driver, NotedStore};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

#[test]
fn the_corpus_is_judged_as_it_says() {
    let rows = corpus();
    let refused = rows.iter().filter(|row| row.verdict != "ok").count();
    assert!(refused >= 500 && rows.len() - refused >= 250, "{refused} of {}", rows.len());
    let judged = rows.iter().map(|row| (row, row.judged()));
    let wrong: Vec<String> = judged
        .filter(|(row, judged)| row.verdict != *judged)
        .map(|(row, judged)| format!("{judged}, of {row:?}"))
        .collect();
    assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
}

fn register(at: &Value, row: &Row) -> Value {
    let body = json!({ "callback_url": row.url }).to_string();
    let headers = [["content-type", "application/json"], ["host", "127.0.0.1"]];
    let path = "/webhooks/register";
    json!({ "at": at, "call": { "method": "POST", "path": path, "headers": headers, "body": body } })
}

/// A value of JSON as what a desk in WebAssembly is given.
fn given<T: DeserializeOwned>(value: &Value) -> T {
    T::deserialize(value).expect("it is of this shape")
}

#[test]
fn the_corpus_meets_the_same_answers_in_webassembly() {
    let at = json!({ "nowMs": 1_700_000_000_000_u64, "chance": "00".repeat(48) });
    let mut compared = 0;
    for (setting, rows) in by_setting(corpus()) {
        let options = setting.options();
        let inputs: Vec<Value> = rows.iter().map(|row| register(&at, row)).collect();
        let mut node = Runtime::start("node", &json!({ "at": at, "options": options }), None);
        node.play(&inputs);
        node.played();
        let native = Driver::new(NotedStore::noting(), &given(&options), &given(&at));
        let mut native = native.expect("the options are good");

        for ((row, input), in_node) in rows.iter().zip(&inputs).zip(node.outputs()) {
            let effects = native.handle(given(input)).expect("it is a call");
            let answered = effects.response.as_ref().expect("a call is answered").status;
            let expected = if row.refusal().is_some() { 422 } else { 201 };
            assert_eq!(answered, expected, "{row:?}");
            let effects = serde_json::to_string(&effects).expect("it can be written");
            assert_eq!(in_node, effects, "{row:?}");
            compared += 1;
        }
    }
    assert_eq!(compared, corpus().len());
}

/// Whether a field of the API refuses a text before the guard sees it.
fn is_no_text(url: &str) -> bool {
    url.is_empty() || url.contains('\0') || url.len() > CallbackUrl::MAX_LENGTH
}

#[tokio::test]
async fn the_corpus_is_refused_by_a_running_desk_and_nobody_is_called() {
    let listener = SilentListener::everywhere();
    let at_once = corpus().into_iter().filter(|row| row.leads_to.is_none());
    let native = at_once.filter(|row| row.setting.ability != Ability::ByNameOnly);
    for (setting, rows) in by_setting(native) {
        let server =
            Server::start(Options { arguments: setting.arguments(), ..Options::default() });
        let client = server.client().with_pool();
        for row in rows {
            let settings = json!({ "callback_url": row.heard_at(listener.port()) });
            let answer = client.post("/webhooks/register", settings).await;
            if row.verdict == "ok" {
                answer.expect(201);
                continue;
            }
            let answer: Answer = answer.expect(422);
            if is_no_text(&row.url) {
                assert_eq!(answer.code(), Some("bad_field"), "{row:?}");
                continue;
            }
            assert_eq!(answer.code(), Some("bad_callback_url"), "{row:?}");
            let refused = CallbackUrl::parse(&row.heard_at(listener.port()), &setting.targets());
            let told = refused.expect_err("it is refused").to_string();
            assert_eq!(answer.string("/detail"), told, "{row:?}");
        }
    }
    listener.assert_silent();
}

/// A desk that asks a fake DNS for addresses.
fn desk(setting: &Setting, dns: &FakeDns) -> Server {
    let dns = Some(dns.address());
    Server::start(Options { arguments: setting.arguments(), dns, ..Options::default() })
}

fn failures(attempts: &[Attempt], webhook: &str) -> Vec<Option<String>> {
    let of_it = attempts.iter().filter(|one| one.webhook == webhook);
    of_it.map(|one| one.failure.clone()).collect()
}

#[tokio::test]
async fn names_that_lead_where_they_must_not_are_blocked_when_they_are_called() {
    let listener = SilentListener::everywhere();
    let named = corpus().into_iter().filter(|row| row.leads_to.is_some() && row.verdict != "ok");
    let mut blocked = 0;
    for (setting, rows) in by_setting(named) {
        let host = |row: &Row| row.url.split(['/', ':']).nth(3).map(str::to_owned);
        let known: HashMap<String, Vec<IpAddr>> = rows
            .iter()
            .map(|row| (host(row).expect("a host"), row.leads_to.clone().expect("it is named")))
            .collect();
        assert_eq!(known.len(), rows.len(), "a name leads to two places");
        let dns = FakeDns::start(move |name, _| known[name].clone());
        let mut server = desk(&setting, &dns);
        let client = server.client();
        let mut webhooks = Vec::new();
        for row in &rows {
            let callback_url = row.heard_at(listener.port());
            let settings = json!({ "callback_url": callback_url, "retry_schedule": [] });
            webhooks.push((row, client.register_with(settings).await));
        }

        client.ping().await;

        for (_, webhook) in &webhooks {
            client.wait_told(&webhook.id, SOON).await;
        }
        server.terminate();
        let attempts = server.attempts();
        for (row, webhook) in webhooks {
            let expected = if row.verdict == "nowhere" { "dns" } else { "blocked" };
            let expected = [Some(expected.to_owned())];
            assert_eq!(failures(&attempts, &webhook.id), expected, "{row:?}");
            let asked = dns.asked(&host(row).expect("a host"));
            // A name of this machine is refused before anyone is asked.
            assert_eq!(asked, 1, "{row:?}");
            blocked += 1;
        }
    }
    listener.assert_silent();
    assert!(blocked >= 60, "{blocked}");
}

/// An address that is allowed below, and one that is not. Both are this machine's.
const VETTED: Ipv4Addr = Ipv4Addr::LOCALHOST;
const FORBIDDEN: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

fn vetted_alone() -> Setting {
    Setting { ability: Ability::Public, allow: vec![VETTED.to_string()] }
}

/// A receiver at the vetted address, and a listener at the same port of the forbidden one.
fn receiver_and_listener(
    react: impl Fn() -> Reaction + Send + Sync + 'static,
) -> (Receiver, SilentListener) {
    let receiver = Receiver::start(move |_| react());
    let listener = SilentListener::open(FORBIDDEN, receiver.port());
    (receiver, listener)
}

fn settings(receiver: &Receiver) -> Value {
    let callback_url = format!("http://partner.example:{}/hook", receiver.port());
    json!({ "callback_url": callback_url, "retry_schedule": [] })
}

#[tokio::test]
async fn a_name_that_changes_its_meaning_between_two_questions_is_called_where_it_was_vetted() {
    // Whoever vets one answer and calls another would ask twice for one delivery.
    let dns = FakeDns::start(|_, number| {
        vec![IpAddr::from(if number % 2 == 1 { VETTED } else { FORBIDDEN })]
    });
    let (receiver, listener) = receiver_and_listener(|| Reaction::Answer {
        status: 200,
        headers: vec![("connection".to_owned(), "close".to_owned())],
        body: Vec::new(),
    });
    let mut server = desk(&vetted_alone(), &dns);
    let client = server.client();
    let webhook = client.register_with(settings(&receiver)).await;

    for expected in 1..=4 {
        client.ping().await;
        client.wait_told(&webhook.id, SOON).await;
        assert_eq!(dns.asked("partner.example"), expected);
    }

    server.terminate();
    let blocked = || Some("blocked".to_owned());
    let found = failures(&server.attempts(), &webhook.id);
    assert_eq!(found, [None, blocked(), None, blocked()]);
    assert_eq!(receiver.count(), 2);
    listener.assert_silent();
}

#[tokio::test]
async fn a_mixed_answer_is_refused_whole_in_either_order() {
    let dns = FakeDns::start(|_, number| {
        let mixed = [VETTED, FORBIDDEN].map(IpAddr::from);
        if number % 2 == 1 { mixed.to_vec() } else { mixed.into_iter().rev().collect() }
    });
    let (receiver, listener) = receiver_and_listener(|| Reaction::Status(200));
    let mut server = desk(&vetted_alone(), &dns);
    let client = server.client();
    let webhook = client.register_with(settings(&receiver)).await;

    for _ in 0..2 {
        client.ping().await;
        client.wait_told(&webhook.id, SOON).await;
    }

    server.terminate();
    let blocked = Some("blocked".to_owned());
    assert_eq!(failures(&server.attempts(), &webhook.id), [blocked.clone(), blocked]);
    assert_eq!((receiver.count(), dns.asked("partner.example")), (0, 2));
    listener.assert_silent();
}

#[tokio::test]
async fn a_connection_that_is_kept_goes_where_it_was_vetted_and_the_next_is_vetted_anew() {
    let dns = FakeDns::start(|_, number| {
        vec![IpAddr::from(if number == 1 { VETTED } else { FORBIDDEN })]
    });
    let (mut receiver, listener) = receiver_and_listener(|| Reaction::Status(200));
    let mut server = desk(&vetted_alone(), &dns);
    let client = server.client();
    let webhook = client.register_with(settings(&receiver)).await;
    for _ in 0..3 {
        client.ping().await;
        client.wait_told(&webhook.id, SOON).await;
    }
    let kept: BTreeSet<u64> = receiver.deliveries().iter().map(|one| one.connection).collect();
    let (told, asked) = (receiver.count(), dns.asked("partner.example"));
    // With its end the connection is gone, and the name leads elsewhere.
    receiver.stop();

    client.ping().await;

    client.wait_told(&webhook.id, SOON).await;
    server.terminate();
    assert_eq!((told, kept.len(), asked), (3, 1, 1));
    let found = failures(&server.attempts(), &webhook.id);
    assert_eq!(found, [None, None, None, Some("blocked".to_owned())]);
    listener.assert_silent();
}

#[tokio::test]
async fn a_redirect_to_where_nobody_may_go_is_not_followed() {
    let dns = FakeDns::start(|_, _| vec![VETTED.into()]);
    let listener = SilentListener::open(FORBIDDEN, 0);
    let allowed = SilentListener::open(VETTED, 0);
    let mut server = desk(&vetted_alone(), &dns);
    let client = server.client();
    let mut receivers = Vec::new();
    for status in [300, 301, 302, 303, 305, 307, 308] {
        for elsewhere in [(FORBIDDEN, listener.port()), (VETTED, allowed.port())] {
            let location = format!("http://{}:{}/", elsewhere.0, elsewhere.1);
            let receiver = Receiver::start(move |_| Reaction::Answer {
                status,
                headers: vec![
                    ("location".to_owned(), location.clone()),
                    ("refresh".to_owned(), format!("0; url={location}")),
                ],
                body: Vec::new(),
            });
            let webhook = client.register_with(settings(&receiver)).await;
            receivers.push((status, receiver, webhook));
        }
    }

    client.ping().await;

    for (_, _, webhook) in &receivers {
        client.wait_told(&webhook.id, SOON).await;
    }
    server.terminate();
    let attempts = server.attempts();
    for (status, receiver, webhook) in &receivers {
        let of_it: Vec<_> = attempts.iter().filter(|one| one.webhook == webhook.id).collect();
        assert_eq!((of_it.len(), of_it[0].status), (1, Some(*status)));
        assert_eq!(receiver.count(), 1, "{status}");
    }
    listener.assert_silent();
    allowed.assert_silent();
}

#[tokio::test]
async fn a_url_that_was_taken_when_more_could_be_called_is_called_no_more() {
    let listener = SilentListener::everywhere();
    let mut server = Server::start(Options::default());
    let client = server.client();
    let mut webhooks = Vec::new();
    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"] {
        let callback_url = format!("http://{host}:{}/hook", listener.port());
        let settings = json!({ "callback_url": callback_url, "retry_schedule": [] });
        webhooks.push(client.register_with(settings).await);
    }
    server.terminate();

    server.restart_with(["--no-auth"]);
    client.ping().await;

    for webhook in &webhooks {
        client.wait_told(&webhook.id, SOON).await;
    }
    server.terminate();
    let attempts = server.attempts();
    for webhook in webhooks {
        assert_eq!(failures(&attempts, &webhook.id), [Some("blocked".to_owned())]);
    }
    listener.assert_silent();
}
