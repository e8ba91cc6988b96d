//! Fuzz target for HTTP calls: a request line, headers and a body become a command, and each
//! command that is accepted is decided.

use hookdesk_core::api::{self, Action, Api, Call, Callers, LiveKeys, MAX_BODY, OwnNames};
use hookdesk_core::guard::Targets;
use hookdesk_core::{Millis, Secret};
use serde_json::{Value, json};

use super::desk::SCENE;
use super::header;

/// A call as a text: the request line without its version, header lines, an empty line, the body.
pub fn read(bytes: &[u8]) {
    let scene = SCENE.clone();
    let head = bytes.windows(2).position(|two| two == b"\n\n").unwrap_or(bytes.len());
    let Ok(text) = str::from_utf8(&bytes[..head]) else { return };
    let text = scene.fill(text);
    let body = bytes.get(head + 2..).unwrap_or_default();
    let mut lines = text.split('\n');
    let request = lines.next().unwrap_or_default();
    let (method, target) = request.split_once(' ').unwrap_or((request, ""));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: Vec<_> = lines.filter_map(|line| line.split_once(": ")).collect();
    let call = Call { method, path, query, headers, body };
    for callers in [Callers::Local, Callers::All, Callers::with_key("correct horse battery")] {
        let names = OwnNames::Known { loopback: true, public: Vec::new() };
        let targets = Targets::public().with_loopback();
        let api = Api { can_wait: true, ..Api::new(callers, names, targets) };
        let keys = LiveKeys::none(Millis(0));
        let admitted = api.admit(&call, keys).is_ok();
        let _ = api.show(&call);
        match api.open(&call, keys, || [1; Secret::LENGTH]).action {
            Action::Answer(response) => well_made(&response),
            Action::Decide(_)
            | Action::CountReplay(_)
            | Action::Read(_)
            | Action::List(_)
            | Action::ReadEvents(_) => {
                assert!(admitted && body.len() <= MAX_BODY, "it was not let in");
            }
        }
    }
    let Ok(body) = str::from_utf8(body) else { return };
    let call = json!({
        "method": method, "path": path, "query": query, "headers": call.headers, "body": body,
    });
    let (mut scene, mut driver) = (scene.clone(), scene.driver());
    scene.happen(&mut driver, json!({ "call": call })).expect("a call is an input");
}

fn well_made(response: &api::Response) {
    if response.status == 204 {
        assert!(response.body.is_empty(), "{}", response.body);
        return;
    }
    let body: Value = serde_json::from_str(&response.body).expect("answers are JSON");
    if response.status >= 400 {
        assert_eq!(body["status"], response.status, "{body}");
        assert!(body["code"].is_string(), "{body}");
        let allow = response.headers.iter().any(|(name, _)| *name == "allow");
        assert_eq!(allow, response.status == 405);
    }
}

/// The body of a registration: settings that are taken are within their ranges, and shown so that
/// giving them again comes to the same.
pub fn settings(bytes: &[u8]) {
    let Ok(body) = str::from_utf8(bytes) else { return };
    let mut scene = SCENE.clone();
    let mut driver = scene.driver();
    let headers = [("content-type", "application/json")];
    let register = |body: &str| {
        json!({ "call": {
            "method": "POST", "path": "/webhooks/register", "headers": headers, "body": body,
        } })
    };
    let mut registered = |body: &str| {
        let effects = scene.happen(&mut driver, register(body)).expect("a call is an input");
        let response = effects.response.expect("a call is answered");
        let answer: Value = serde_json::from_str(&response.body).expect("answers are JSON");
        (response.status, answer)
    };
    let (status, answer) = registered(body);
    if status != 201 {
        assert!(matches!(status, 400 | 413 | 422), "{answer}");
        return;
    }
    let settings = settings_of(&answer["data"]);
    in_range(&settings);
    let (status, again) = registered(&settings.to_string());
    assert_eq!(status, 201, "{settings}: {again}");
    assert_eq!(settings_of(&again["data"]), settings);
    let path = format!("/webhooks/{}", again["data"]["id"].as_str().expect("it has an id"));
    let amended = scene.call(&mut driver, "PATCH", &path, &settings);
    let amended = amended.response.expect("a call is answered");
    assert_eq!(amended.status, 200, "{}", amended.body);
    let amended: Value = serde_json::from_str(&amended.body).expect("answers are JSON");
    assert_eq!(settings_of(&amended["data"]), settings);
}

/// What of a webhook can be set.
fn settings_of(shown: &Value) -> Value {
    const SET: [&str; 10] = [
        "callback_url",
        "status",
        "events",
        "ordering",
        "description",
        "headers",
        "retry_schedule",
        "timeout_ms",
        "max_in_flight",
        "rate_limit",
    ];
    SET.iter().map(|name| ((*name).to_owned(), shown[*name].clone())).collect()
}

/// The ranges of the contract, written down anew.
fn in_range(settings: &Value) {
    let whole = |name: &str, range: std::ops::RangeInclusive<u64>| {
        let value = settings[name].as_u64();
        assert!(value.is_some_and(|value| range.contains(&value)), "{name}: {settings}");
    };
    whole("timeout_ms", 1_000..=30_000);
    whole("max_in_flight", 1..=256);
    if !settings["rate_limit"].is_null() {
        whole("rate_limit", 1..=10_000);
    }
    let waits = settings["retry_schedule"].as_array().expect("a list");
    let right = |wait: &Value| wait.as_u64().is_some_and(|wait| wait <= 604_800);
    assert!(waits.len() <= 20 && waits.iter().all(right), "{settings}");
    assert!(settings["events"].as_array().is_some_and(|events| !events.is_empty()), "{settings}");
    assert!(settings["description"].as_str().is_none_or(|text| text.len() <= 1_000));
    let headers = settings["headers"].as_object().expect("an object");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let pairs: Vec<_> = headers.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    header::check(&pairs);
}
