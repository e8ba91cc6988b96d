//! Fuzz target for a whole desk: inputs as a page or a Worker gives them, and receivers' responses.

use std::sync::LazyLock;

use hookdesk_core::{Answer, RequestKey};
use hookdesk_web::{Driver, Effects, Input, JsMoment, NotedStore, Options};
use serde_json::{Value, json};

/// When things happen, in milliseconds.
const START_MS: u64 = 1_700_000_000_000;
/// Inputs of one text: what is found with more is found with these.
const MAX_INPUTS: usize = 64;

/// A desk, and the names that texts may use of what was last heard of.
#[derive(Clone)]
pub struct Scene {
    store: NotedStore,
    now_ms: u64,
    names: Names,
}

#[derive(Clone, Default)]
struct Names {
    ticket: String,
    webhook: String,
    event: String,
    secret: String,
    key: Option<RequestKey>,
}

/// A desk with a webhook that has a ticket's event in flight.
pub static SCENE: LazyLock<Scene> = LazyLock::new(|| {
    let mut scene =
        Scene { store: NotedStore::default(), now_ms: START_MS, names: Names::default() };
    let mut driver = scene.driver();
    let register = json!({ "callback_url": "https://example.com/hook", "description": "first" });
    scene.call(&mut driver, "POST", "/webhooks/register", &register);
    scene.call(&mut driver, "POST", "/tickets", &json!({ "ticket_message": "My order is late" }));
    scene.store = driver.store_mut().clone();
    scene
});

impl Scene {
    /// The desk. It has nothing in mind, and is the same host as before.
    pub fn driver(&self) -> Driver<NotedStore> {
        let options = Options { pins_addresses: true, ..Options::default() };
        let at = at(START_MS);
        Driver::new(self.store.clone(), &options, &at).expect("the options make sense")
    }

    /// Something happens a second later.
    pub fn happen(
        &mut self,
        driver: &mut Driver<NotedStore>,
        mut input: Value,
    ) -> Result<Effects, &'static str> {
        self.now_ms += 1_000;
        input["at"] = time(self.now_ms);
        let input: Input = serde_json::from_value(input).expect("this is an input");
        let effects = driver.handle(input)?;
        self.hear(&effects);
        Ok(effects)
    }

    /// A call with a JSON body.
    pub fn call(
        &mut self,
        driver: &mut Driver<NotedStore>,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Effects {
        let headers = [("content-type", "application/json")];
        let body = body.to_string();
        let call = json!({ "method": method, "path": path, "headers": headers, "body": body });
        self.happen(driver, json!({ "call": call })).expect("a call is an input")
    }

    pub fn key(&self) -> RequestKey {
        self.names.key.expect("a request is in flight")
    }

    pub fn webhook(&self) -> &str {
        &self.names.webhook
    }

    pub fn event(&self) -> &str {
        &self.names.event
    }

    /// A text with the names in it: `$ticket`, `$webhook`, `$event`, `$secret`, and `$key` and `$at`
    /// for values.
    pub fn fill(&self, text: &str) -> String {
        let key = self.names.key.map(|key| json!(key).to_string());
        text.replace("$ticket", &self.names.ticket)
            .replace("$webhook", &self.names.webhook)
            .replace("$event", &self.names.event)
            .replace("$secret", &self.names.secret)
            .replace("$key", key.as_deref().unwrap_or("null"))
            .replace("$at", &time(self.now_ms).to_string())
    }

    /// Takes in what followed, and sees that it is well made.
    pub fn hear(&mut self, effects: &Effects) {
        assert_eq!(effects.fault, None);
        for request in &effects.requests {
            self.names.key = Some(request.key);
            let id = request.headers.iter().find(|(name, _)| name == "webhook-id");
            self.names.event = id.map(|(_, id)| id.clone()).unwrap_or_default();
            let body: Value = serde_json::from_str(&request.body).expect("bodies are JSON");
            assert!(body["event"].is_string() && body["data"].is_object(), "{body}");
        }
        let Some(response) = &effects.response else { return };
        assert!((200..600).contains(&response.status));
        let body: Value = serde_json::from_str(&response.body).expect("answers are JSON");
        if response.status >= 400 {
            assert_eq!(body["status"], response.status, "{body}");
            assert!(body["code"].is_string() && body["detail"].is_string(), "{body}");
        } else {
            assert!(!body["data"].is_null(), "{body}");
        }
        for (name, value) in &response.headers {
            let printable = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
            assert!(printable, "{name}: {value:?}");
        }
        let Some(id) = body["data"]["id"].as_str() else { return };
        let place = match id.get(..4) {
            Some("tkt_") => &mut self.names.ticket,
            Some("whk_") => &mut self.names.webhook,
            Some("sec_") => &mut self.names.secret,
            _ => &mut self.names.event,
        };
        id.clone_into(place);
    }
}

fn time(now_ms: u64) -> Value {
    json!({ "nowMs": now_ms, "chance": format!("{now_ms:096x}") })
}

fn at(now_ms: u64) -> JsMoment {
    serde_json::from_value(time(now_ms)).expect("this is a time")
}

/// Inputs in JSON, one a line, as they cross the border to WebAssembly. What they come to is
/// decided, and decided the same by a desk that knows nothing but what is stored.
pub fn input(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let mut scene = SCENE.clone();
    let mut driver = scene.driver();
    for line in text.lines().take(MAX_INPUTS) {
        scene.now_ms += 1_000;
        let Ok(input) = serde_json::from_str::<Input>(&scene.fill(line)) else { continue };
        if let Ok(effects) = driver.handle(input) {
            scene.hear(&effects);
        }
    }
}

/// A receiver's answer: its status or the class of failure in the first line, `Retry-After` in the
/// second, and the body.
pub fn answer(bytes: &[u8]) {
    let mut parts = bytes.splitn(3, |byte| *byte == b'\n');
    let mut line = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let (first, retry_after) = (line(), line());
    let body = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let mut scene = SCENE.clone();
    let mut driver = scene.driver();
    let mut report = json!({ "key": scene.key(), "durationMs": 7, "body": body });
    match first.parse::<u16>() {
        Ok(status) => report["status"] = status.into(),
        Err(_) => report["failure"] = first.clone().into(),
    }
    if !retry_after.is_empty() {
        report["retryAfter"] = retry_after.into();
    }
    let at = time(scene.now_ms + 1_000);
    if serde_json::from_value::<Input>(json!({ "at": at, "report": report })).is_err() {
        return;
    }
    let (webhook, event) = (scene.webhook().to_owned(), scene.event().to_owned());
    scene.happen(&mut driver, json!({ "report": report })).expect("a report is an input");
    let now_ms = scene.now_ms;
    let shown = scene.call(
        &mut driver,
        "GET",
        &format!("/webhooks/{webhook}/deliveries/{event}"),
        &json!({}),
    );
    let shown = shown.response.expect("a call is answered");
    let shown: Value = serde_json::from_str(&shown.body).expect("answers are JSON");
    let attempt = &shown["data"][0];
    assert_eq!(attempt["number"], 1, "{shown}");
    if let Some(excerpt) = attempt["response_excerpt"].as_str() {
        assert!(excerpt.len() <= Answer::EXCERPT && !excerpt.contains('\0'));
        for mark in ["whsec_", "v1,"] {
            let mut behind = excerpt.split(mark).skip(1);
            assert!(
                behind.all(|rest| "...".starts_with(rest) || rest.starts_with("...")),
                "{excerpt}"
            );
        }
    }
    if let Some(again) = attempt["next_attempt_at"].as_str() {
        let again = hookdesk_core::Millis::parse(again).expect("times are RFC 3339");
        // Never sooner than the first step of the ladder or our own pause, never later than a day.
        let wait_ms = again.since(hookdesk_core::Millis(now_ms));
        assert!((1_000..=86_400_000).contains(&wait_ms), "{wait_ms} ms: {shown}");
    }
}
