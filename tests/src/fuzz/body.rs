//! Fuzz target for messages: the text in a caller's JSON is the text in the signed body.

use std::collections::BTreeMap;

use hookdesk_core::{Known, Verdict, verify};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::desk::SCENE;

/// The secret of the webhook that hears of it.
const SECRET: &str = "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

/// The body of a call that opens a ticket.
pub fn read(bytes: &[u8]) {
    let Ok(body) = str::from_utf8(bytes) else { return };
    let mut scene = SCENE.clone();
    let mut driver = scene.driver();
    let own = json!({ "callback_url": "https://example.com/own", "secret": SECRET });
    scene.call(&mut driver, "POST", "/webhooks/register", &own);
    let headers = [("content-type", "application/json")];
    let call = json!({ "method": "POST", "path": "/tickets", "headers": headers, "body": body });
    let effects = scene.happen(&mut driver, json!({ "call": call })).expect("a call is an input");
    let response = effects.response.expect("a call is answered");

    // Of several fields of one name the last counts; others may hold any JSON.
    let Ok(fields) = serde_json::from_str::<BTreeMap<String, &RawValue>>(body) else {
        assert!(response.status >= 400, "{body} is taken");
        return;
    };
    let meant = fields.get("ticket_message").map(|json| serde_json::from_str::<String>(json.get()));
    let message = meant.as_ref().and_then(|meant| meant.as_deref().ok());
    let is_one = |text: &&str| (1..=65_536).contains(&text.len()) && !text.contains('\0');
    let Some(message) = message.filter(is_one) else {
        assert!(matches!(response.status, 400 | 413 | 422), "{body} is taken");
        return assert!(effects.requests.is_empty());
    };
    assert_eq!(response.status, 201, "{body}: {}", response.body);
    let request = effects.requests.iter().find(|request| request.url.as_str().ends_with("own"));
    let request = request.expect("the webhook is told");
    let told: Value = serde_json::from_str(&request.body).expect("bodies are JSON");
    assert_eq!(told["data"], json!({ "ticket_message": message }));
    assert!(request.body.starts_with(r#"{"event":"ticket_opened","created":""#));
    assert!(!request.body.bytes().any(|byte| byte < b' '), "{:?}", request.body);

    let headers: Vec<_> = request.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    let now = request.key.sent_at;
    let verdict = verify(&headers, request.body.as_bytes(), &[Known::current(SECRET)], now);
    assert_eq!(verdict, Verdict::Good { secret: 0 });
}
