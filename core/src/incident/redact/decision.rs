//! Redaction of decisions: replies, events and requests.

use std::borrow::Cow;
use std::sync::Arc;

use crate::delivery::request::Request;
use crate::engine::desk::Committed;
use crate::engine::outcome::Reply;
use crate::incident::redact::Redactor;
use crate::incident::redact::private_text::{body, text, url};
use crate::incident::redact::rows::{event, ticket};
use crate::model::partner::PartnerCounts;
use crate::webhook::extra_headers::ExtraHeaders;
use crate::webhook::sign::Secret;

impl Redactor {
    /// A decision.
    pub fn decided(&self, decided: &Committed) -> Committed {
        let reply = match &decided.reply {
            Ok(Reply::Repeated { first, secret }) => Ok(Reply::Repeated {
                first: Arc::new(self.idempotency_record(first)),
                secret: secret.as_ref().map(Secret::blank),
            }),
            Ok(Reply::Ticket(of)) => Ok(Reply::Ticket(ticket(of))),
            Ok(Reply::Registered(of)) => Ok(Reply::Registered(Arc::new(self.webhook(of)))),
            Ok(Reply::Webhook { webhook: of, shows_headers }) => Ok(Reply::Webhook {
                webhook: Arc::new(self.webhook(of)),
                shows_headers: *shows_headers,
            }),
            Ok(Reply::Rotated(of)) => Ok(Reply::Rotated(Arc::new(self.webhook(of)))),
            Ok(Reply::PartnerRemoved(of)) => {
                let partner = self.partner(of.partner);
                Ok(Reply::PartnerRemoved(PartnerCounts { partner, ..*of }))
            }
            Ok(Reply::KeyCreated(of)) => Ok(Reply::KeyCreated(Arc::new(self.api_key(of)))),
            Ok(Reply::Key(of)) => Ok(Reply::Key(Arc::new(self.api_key(of)))),
            Ok(Reply::LinkCreated(of)) => Ok(Reply::LinkCreated(Arc::new(self.api_key(of)))),
            Ok(Reply::SignedIn { session: of, granted }) => Ok(Reply::SignedIn {
                session: Arc::new(self.api_key(of)),
                granted: self.key_settings(granted),
            }),
            Ok(Reply::SessionsEnded(of, count)) => {
                Ok(Reply::SessionsEnded(self.partner(*of), *count))
            }
            Ok(
                Reply::Opened(_)
                | Reply::Announced(_)
                | Reply::Unregistered(_)
                | Reply::Replay { .. }
                | Reply::Stopped(_)
                | Reply::SecretEnded(_)
                | Reply::KeyRevoked(_)
                | Reply::SignedOut(_)
                | Reply::Noted,
            )
            | Err(_) => decided.reply.clone(),
        };
        Committed {
            reply,
            requests: decided.requests.iter().map(request).collect(),
            cancels: decided.cancels.clone(),
            renews_connections: decided.renews_connections,
            events: decided.events.iter().map(|of| Arc::new(event(of))).collect(),
            next_wake: decided.next_wake,
        }
    }
}

fn request(of: &Request) -> Request {
    let header = |(name, value): &(_, String)| {
        let name: &Cow<'static, str> = name;
        let value = if ExtraHeaders::is_ours(name) { value.clone() } else { text(value) };
        (name.clone(), value)
    };
    Request {
        key: of.key,
        url: url(&of.url),
        headers: of.headers.iter().map(header).collect(),
        body: body(&of.body).into(),
        timeout_ms: of.timeout_ms,
        public_only: of.public_only,
    }
}
