//! Refusals of a Worker, compared with those of the binary.

use std::collections::BTreeMap;

use hookdesk_tests::{Answer, Client, Host, Options, Server, ticket_body};
use reqwest::Method;
use serde::Deserialize;

use super::edge;

/// What a refusal tells its caller.
fn plain(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let told = ["content-type", "allow", "retry-after", "www-authenticate", "cache-control"];
    let headers = told
        .iter()
        .filter_map(|name| answer.header(name).map(|value| ((*name).to_owned(), value.to_owned())));
    (answer.status, headers.collect(), answer.text.clone())
}

/// A call that is refused, as `data/refused_calls.jsonl` has it. In its path, TICKET and WEBHOOK
/// stand for ids of the desk that is called.
#[derive(Deserialize)]
struct BadCall {
    method: String,
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// A body that is sent with the content type of JSON.
    json: Option<String>,
    /// Any other body.
    body: Option<String>,
}

/// Method, path, headers and body.
type Call = (String, String, BTreeMap<String, String>, Vec<u8>);

impl BadCall {
    fn call(self) -> Call {
        let Self { method, path, mut headers, json, body } = self;
        if json.is_some() {
            headers.insert("content-type".to_owned(), "application/json".to_owned());
        }
        (method, path, headers, json.or(body).unwrap_or_default().into_bytes())
    }
}

fn bad_calls() -> Vec<Call> {
    let lines = include_str!("../../data/refused_calls.jsonl").lines();
    let mut calls: Vec<Call> =
        lines.map(|line| serde_json::from_str::<BadCall>(line).expect(line).call()).collect();
    // What is too long, or no text, would not be plain in a file.
    let ticket = |headers: &[(&str, &str)], body: Vec<u8>| {
        let headers = headers.iter().chain(&[("content-type", "application/json")]);
        let headers = headers.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        ("POST".to_owned(), "/tickets".to_owned(), headers.collect(), body)
    };
    let message = |length| ticket_body(&"x".repeat(length)).to_string().into_bytes();
    calls.extend([
        ticket(&[], message(65_537)),
        ticket(&[], vec![b'x'; (1 << 20) + 1]),
        ticket(&[], b"{\"ticket_message\":\"\xff\"}".to_vec()),
        ticket(&[("idempotency-key", &"k".repeat(256))], message(1)),
    ]);
    calls
}

/// The same refusals of one desk: in them, its own ids as one word each.
async fn refusals(client: &Client) -> Vec<String> {
    let ticket = client.open_ticket("closed").await;
    client.close_ticket(&ticket).await;
    let webhook = client.register("http://127.0.0.1:1/hook").await.id;
    let mut all = Vec::new();
    for (method, path, headers, body) in bad_calls() {
        let path = path.replace("TICKET", &ticket).replace("WEBHOOK", &webhook);
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
#[ignore = "wants the Worker built: .ci/host-tests edge"]
async fn it_refuses_in_the_same_words_as_the_binary() {
    let (_server, edge) = edge();
    let native = Server::start(Options { host: Host::Native, ..Options::default() });

    let (of_edge, of_native) = (refusals(&edge).await, refusals(&native.client()).await);

    for (edge, native) in of_edge.iter().zip(&of_native) {
        assert_eq!(edge, native);
    }
    assert_eq!(of_edge.len(), of_native.len());
}
