//! An HTTP client of the API: thin enough that a test still sees every status, header and byte.
//!
//! The shorthands do what most tests only pass through, and fail unless the answer is the
//! documented one.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, header::HeaderMap, redirect, retry};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

mod raw;
mod stream;

pub use stream::{Frame, Stream};

/// Until the whole answer is there: longer than any long poll that a test asks for.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// Between two looks at a webhook's state: many a second, and still nearly no load.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A time before all events: a replay since then is one of everything.
pub const SINCE_EVER: &str = "1970-01-01T00:00:00Z";

/// A caller of one desk; cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    base: String,
    key: Option<String>,
    headers: Vec<(&'static str, String)>,
    http: reqwest::Client,
}

/// A webhook as its registration shows it, the only time that its secret is seen.
#[derive(Clone, Debug)]
pub struct Webhook {
    pub id: String,
    pub secret: String,
}

impl Client {
    /// A caller of the desk at this URL, which has no slash at its end: `server.url("")`.
    ///
    /// Each request has a connection of its own. One kept from before a restart may not yet be seen
    /// to be dead, and the request that is lost on it would look like the server's fault.
    pub fn new(base: impl Into<String>) -> Self {
        Self { base: base.into(), key: None, headers: Vec::new(), http: caller(0) }
    }

    /// The same caller with connections that are kept: for many requests to a server that stays up.
    pub fn with_pool(mut self) -> Self {
        self.http = caller(usize::MAX);
        self
    }

    /// The same caller with an API key.
    pub fn with_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The same caller with another header in each request.
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    /// POST with a JSON body, or with `None`.
    pub async fn post(&self, path: &str, body: impl Into<Option<Value>>) -> Answer {
        self.call(Method::POST, path, body.into()).await
    }

    pub async fn patch(&self, path: &str, body: impl Into<Option<Value>>) -> Answer {
        self.call(Method::PATCH, path, body.into()).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None).await
    }

    /// The beginning of any other request, to be completed and given to [`Client::send`].
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    /// # Panics
    /// If no whole answer comes.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        self.attempt(request).await.unwrap_or_else(|error| panic!("no answer: {error:?}"))
    }

    /// Sends a request to a server that may be killed over it.
    ///
    /// # Errors
    /// If no whole answer comes.
    pub async fn attempt(&self, request: RequestBuilder) -> reqwest::Result<Answer> {
        let (http, request) = request.build_split();
        let request = request?;
        let asked = format!("{} {}", request.method(), request.url());
        let response = http.execute(request).await?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await?;
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer { asked, status, headers, text, json })
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        self.send(request).await
    }
}

/// The documented requests.
impl Client {
    pub async fn register(&self, callback_url: &str) -> Webhook {
        let settings = json!({ "callback_url": callback_url });
        self.register_with(settings).await
    }

    /// Registers with all of these settings, `callback_url` among them.
    pub async fn register_with(&self, settings: Value) -> Webhook {
        let answer = self.post("/webhooks/register", settings).await.expect(201);
        Webhook { id: answer.string("/data/id"), secret: answer.string("/data/secret") }
    }

    /// Registers with these seconds between attempts.
    pub async fn register_with_schedule(
        &self,
        callback_url: &str,
        retry_schedule: Value,
    ) -> Webhook {
        let settings = json!({ "callback_url": callback_url, "retry_schedule": retry_schedule });
        self.register_with(settings).await
    }

    pub async fn unregister(&self, webhook: &str) {
        let answer = self.delete(&format!("/webhooks/unregister/{webhook}")).await;
        answer.expect(200);
    }

    /// A webhook's settings and state.
    pub async fn webhook(&self, webhook: &str) -> Value {
        let answer = self.get(&format!("/webhooks/{webhook}")).await;
        answer.expect(200).data().clone()
    }

    /// Waits until `enough` says so of a webhook's state, and gives that.
    ///
    /// # Panics
    /// If that takes longer than `within`, with the last state.
    pub async fn wait_webhook(
        &self,
        webhook: &str,
        enough: impl Fn(&Value) -> bool,
        within: Duration,
    ) -> Value {
        let path = format!("/webhooks/{webhook}");
        let told = |answer: &Answer| answer.status == 200 && enough(answer.data());
        self.wait(&path, told, within).await.data().clone()
    }

    /// Waits until `enough` says so of what a path answers, and gives that.
    ///
    /// # Panics
    /// If that takes longer than `within`, with the last answer.
    pub async fn wait(
        &self,
        path: &str,
        enough: impl Fn(&Answer) -> bool,
        within: Duration,
    ) -> Answer {
        let deadline = Instant::now() + within;
        loop {
            let answer = self.get(path).await;
            if enough(&answer) {
                return answer;
            }
            let text = answer.text;
            assert!(Instant::now() < deadline, "{path}: not within {within:?}; the last: {text}");
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Waits until a webhook is owed nothing.
    pub async fn wait_told(&self, webhook: &str, within: Duration) -> Value {
        self.wait_webhook(webhook, |state| state["backlog"] == 0, within).await
    }

    /// What became of each event for a webhook, newest first, as far as `query` asks.
    pub async fn deliveries(&self, webhook: &str, query: &str) -> Vec<Value> {
        let answer = self.get(&format!("/webhooks/{webhook}/deliveries{query}")).await;
        answer.expect(200).items().to_vec()
    }

    /// Asks for an event once more.
    pub async fn resend(&self, webhook: &str, event: &str) -> Answer {
        self.post(&format!("/webhooks/{webhook}/deliveries/{event}/resend"), None).await
    }

    /// Asks for a part of the log once more.
    pub async fn replay(&self, webhook: &str, part: Value) -> Answer {
        self.post(&format!("/webhooks/{webhook}/replay"), part).await
    }

    /// Waits until no replay of a webhook runs, and it is owed nothing.
    pub async fn wait_replayed(&self, webhook: &str, within: Duration) {
        let path = format!("/webhooks/{webhook}/replay");
        self.wait(&path, |answer| answer.status == 404, within).await;
        self.wait_told(webhook, within).await;
    }

    /// Changes some settings of a webhook.
    pub async fn amend(&self, webhook: &str, settings: Value) {
        self.patch(&format!("/webhooks/{webhook}"), settings).await.expect(200);
    }

    /// The ids of all events that are kept, oldest first: 1 000 at the most.
    pub async fn events(&self) -> Vec<String> {
        let list = self.get("/events?limit=1000").await.expect(200);
        ids(list.items()).into_iter().map(str::to_owned).collect()
    }

    /// Has all webhooks pinged, and gives the event's id.
    pub async fn ping(&self) -> String {
        self.announce("/webhooks/ping").await
    }

    /// POSTs to a path that only makes an event, and gives the event's id.
    pub async fn announce(&self, path: &str) -> String {
        self.post(path, None).await.expect(202).string("/data/id")
    }

    /// What the tickets of the first page say.
    ///
    /// # Panics
    /// If the desk does not list them.
    pub async fn messages(&self) -> BTreeSet<String> {
        let tickets = self.get("/tickets").await.expect(200);
        let text = |ticket: &Value| ticket["ticket_message"].as_str().expect("a text").to_owned();
        tickets.items().iter().map(text).collect()
    }

    /// Opens a ticket and gives its id.
    pub async fn open_ticket(&self, message: &str) -> String {
        let answer = self.post("/tickets", ticket_body(message)).await;
        answer.expect(201).string("/data/id")
    }

    /// Opens so many tickets one after another, whose messages are 0, 1, 2 …, and gives their ids.
    pub async fn open_tickets(&self, count: usize) -> Vec<String> {
        let mut opened = Vec::new();
        for number in 0..count {
            opened.push(self.open_ticket(&number.to_string()).await);
        }
        opened
    }

    /// Opens a ticket whose message is its number, under a key that makes it one however often it is
    /// tried.
    ///
    /// # Panics
    /// If it is not taken within a minute.
    pub async fn insist_on_ticket(&self, number: usize) {
        let body = ticket_body(&number.to_string()).to_string();
        let deadline = Instant::now() + ANSWER_LIMIT;
        while Instant::now() < deadline {
            let request = self.request(Method::POST, "/tickets").body(body.clone());
            let request = request.header("content-type", "application/json");
            let request = request.header("idempotency-key", format!("ticket-{number}"));
            if self.attempt(request).await.is_ok_and(|answer| answer.status == 201) {
                return;
            }
            sleep(LOOK_AGAIN).await;
        }
        panic!("ticket {number} is not taken");
    }

    /// Gives the ticket as it then is.
    pub async fn update_ticket(&self, ticket: &str, message: &str) -> Value {
        let answer = self.patch(&format!("/tickets/{ticket}"), ticket_body(message)).await;
        answer.expect(200).data().clone()
    }

    /// Gives the ticket as it then is.
    pub async fn close_ticket(&self, ticket: &str) -> Value {
        let answer = self.delete(&format!("/tickets/{ticket}")).await;
        answer.expect(200).data().clone()
    }
}

/// The body of a call that opens or updates a ticket.
pub fn ticket_body(message: &str) -> Value {
    json!({ "ticket_message": message })
}

/// The ids of a list's items.
///
/// # Panics
/// If one has none.
pub fn ids(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["id"].as_str().expect("an id")).collect()
}

fn caller(idle_connections: usize) -> reqwest::Client {
    let builder = reqwest::Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .pool_max_idle_per_host(idle_connections)
        .timeout(ANSWER_LIMIT);
    builder.build().expect("the options are sound")
}

/// What a desk answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The request, for messages.
    pub asked: String,
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    /// Null if the text is no JSON.
    pub json: Value,
}

impl Answer {
    /// # Panics
    /// If the status is another.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        let (asked, text) = (&self.asked, &self.text);
        assert_eq!(self.status, status, "{asked} answered {text}");
        self
    }

    /// What a success carries.
    pub fn data(&self) -> &Value {
        &self.json["data"]
    }

    /// The items of a list.
    ///
    /// # Panics
    /// If it is none.
    #[track_caller]
    pub fn items(&self) -> &[Value] {
        self.data().as_array().expect("a list")
    }

    /// What kind of problem a failure is.
    pub fn code(&self) -> Option<&str> {
        self.json["code"].as_str()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("our headers are ASCII"))
    }

    /// The string at this JSON pointer.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn string(&self, pointer: &str) -> String {
        match self.json.pointer(pointer) {
            Some(Value::String(found)) => found.clone(),
            _ => panic!("{}: no string at {pointer} in {}", self.asked, self.text),
        }
    }
}
