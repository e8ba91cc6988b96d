//! Webhook requests: complete, signed POSTs that a host only has to send.

use std::borrow::Cow;
use std::sync::Arc;

use crate::delivery::attempt::AttemptKey;
use crate::guard::CallbackUrl;
use crate::model::event::{Event, Topic};
use crate::model::id::WebhookId;
use crate::model::millis::Millis;
use crate::model::seq::Seq;
use crate::webhook::Webhook;
use serde::Deserialize;
use serde::Serialize;

/// The `User-Agent` header, to receivers and to other desks.
pub const USER_AGENT: &str = concat!("HookDesk/", env!("CARGO_PKG_VERSION"));

/// A complete, signed webhook request: a POST.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct Request {
    pub key: RequestKey,
    pub url: CallbackUrl,
    /// In sending order.
    pub headers: Vec<(Cow<'static, str>, String)>,
    pub body: Arc<str>,
    /// Milliseconds for resolving, connecting, sending, and reading the answer's head.
    pub timeout_ms: u32,
    /// Whether it must go to a public address, whatever else the desk may call: the webhook is a
    /// partner's.
    pub public_only: bool,
}

/// The key of a request, which its report repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct RequestKey {
    pub webhook: WebhookId,
    /// The event's position in the log.
    pub seq: Seq,
    /// Counts the requests for this event and webhook: 1, 2, 3 …
    pub number: u32,
    #[serde(rename = "sentAtMs")]
    pub sent_at: Millis,
}

impl RequestKey {
    #[must_use]
    pub fn attempt(self) -> AttemptKey {
        AttemptKey { seq: self.seq, webhook: self.webhook, number: self.number }
    }
}

impl Request {
    #[must_use]
    pub fn new(webhook: &Webhook, event: &Event, key: AttemptKey, now: Millis) -> Self {
        let AttemptKey { seq, webhook: id, number } = key;
        let mut headers = vec![
            ("content-type", "application/json".to_owned()),
            ("user-agent", USER_AGENT.to_owned()),
            ("webhook-id", event.id.to_string()),
            ("webhook-timestamp", now.unix_seconds().to_string()),
            ("webhook-signature", webhook.secrets.signatures(event, now)),
            ("hookdesk-attempt", number.to_string()),
        ];
        if let (Some(Topic::Ticket(ticket)), Some(version)) = (event.topic, event.version) {
            headers.push(("hookdesk-ticket", ticket.to_string()));
            headers.push(("hookdesk-ticket-version", version.to_string()));
        }
        let ours = headers.into_iter().map(|(name, value)| (Cow::Borrowed(name), value));
        let extra = webhook.headers.as_slice().iter();
        let extra = extra.map(|(name, value)| (Cow::Owned(name.clone()), value.clone()));
        Self {
            key: RequestKey { webhook: id, seq, number, sent_at: now },
            url: webhook.callback_url.clone(),
            headers: ours.chain(extra).collect(),
            body: Arc::clone(&event.body),
            timeout_ms: webhook.timeout_ms,
            public_only: webhook.partner.is_some(),
        }
    }
}
