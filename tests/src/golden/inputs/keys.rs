//! Callers with keys, and calls about keys and partners.

use serde_json::{Value, json};

use super::{Caller, MAX_WEBHOOKS, bare, post, query_of, remember, with_body};

/// The key that the desk is configured with.
pub const BINDING: &str = "golden-binding-0123456789";
const PARTNERS: [&str; 3] = ["acme", "Acme", "b.example"];

#[derive(Clone, Debug)]
pub(super) struct ApiKey {
    id: String,
    text: String,
}

impl Caller {
    /// A key's text is shown once: a repeated answer has none.
    pub(super) fn hear_of_key(&mut self, id: &str, body: &str) {
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        if let Some(text) = body["data"]["key"].as_str() {
            remember(&mut self.keys, ApiKey { id: id.to_owned(), text: text.to_owned() });
        }
    }

    /// Mostly the operator, with the key that the desk is configured with.
    pub(super) fn by_somebody(&mut self, mut call: Value) -> Value {
        let known = self.keys.len();
        let token = match self.rng.u32(..100) {
            0..4 => return call,
            4..8 => "hdk_wrong".to_owned(),
            8..32 if known > 0 => self.keys[self.rng.usize(..known)].text.clone(),
            _ => BINDING.to_owned(),
        };
        let headers = call["headers"].as_array_mut().expect("a call has headers");
        headers.push(json!(["authorization", format!("Bearer {token}")]));
        call
    }

    pub(super) fn key_call(&mut self) -> Value {
        let id = self.known(|caller| &caller.keys, |key| key.id.clone(), "key_1");
        let partner = self.pick(&PARTNERS);
        match self.rng.u32(..20) {
            0..6 => self.create_key(partner),
            6 => bare("DELETE", format!("/keys/{id}")),
            7 => with_body("PATCH", format!("/keys/{id}"), &json!({ "scopes": ["read"] })),
            8 => with_body("PATCH", format!("/keys/{id}"), &json!({ "events": ["ping"] })),
            9 => query_of(bare("GET", "/keys"), "limit=3"),
            10 => query_of(bare("GET", "/partners"), "limit=2"),
            11 => query_of(bare("GET", "/webhooks"), &format!("partner={partner}")),
            12 => bare("DELETE", format!("/partners/{partner}")),
            13 => {
                let path = format!("/webhooks/{}", self.webhook());
                with_body("PATCH", path, &json!({ "partner": partner }))
            }
            14..17 if self.webhooks.len() < MAX_WEBHOOKS => {
                let body = json!({ "callback_url": self.url(), "partner": partner });
                post("/webhooks/register", body)
            }
            _ => bare("GET", "/me"),
        }
    }

    fn create_key(&mut self, partner: &str) -> Value {
        const SCOPES: [&str; 4] = ["read", "webhooks", "tickets", "admin"];
        let mut body = json!({ "scopes": [self.pick(&SCOPES), "read"] });
        if self.rng.u32(..3) > 0 {
            body = json!({ "scopes": ["read", "webhooks"], "partner": partner });
        }
        if self.rng.u32(..4) == 0 {
            body["events"] = json!(["ticket_opened", "ticket_closed"]);
        }
        if self.rng.u32(..4) == 0 {
            body["expires_at"] = "2023-11-15T12:00:00Z".into();
        }
        post("/keys", body)
    }
}
