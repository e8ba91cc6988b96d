//! The audit: append-only rows that say who changed what of the desk, and when.
//!
//! A row is written in the commit of what it tells of. It has no secret, no value of a header, and
//! neither path nor query of a callback URL.

use serde::{Deserialize, Serialize};

use crate::model::call_source::CallSource;
use crate::model::digest::Digest;
use crate::model::id::{AuditId, EventId, KeyId, SecretId, WebhookId};
use crate::model::millis::Millis;
use crate::model::partner::Partner;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    pub id: AuditId,
    pub at: Millis,
    pub actor: Actor,
    pub source: CallSource,
    pub change: AuditChange,
}

/// Who made a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The holder of an API key, which had this name then.
    Key { id: KeyId, name: Option<String> },
    /// A browser that is signed in: with which key, and under which name. Of one that followed a link
    /// they are the key of whoever made the link, and the partner.
    Session { key: Option<KeyId>, name: Option<String> },
    /// The holder of the key that the host is configured with.
    Binding,
    /// A user of the desk's own machine, on the command line.
    CommandLine { uid: u32 },
    /// A caller of a desk that asks for no key.
    Anyone,
}

impl Actor {
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Key { .. } => "key",
            Self::Session { .. } => "session",
            Self::Binding => "binding",
            Self::CommandLine { .. } => "command_line",
            Self::Anyone => "anyone",
        }
    }
}

/// What was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditChange {
    pub action: AuditAction,
    pub object: AuditObject,
    /// The object before the change, whole, if there was one that can be shown.
    pub before: Option<AuditState>,
    pub after: Option<AuditState>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub enum AuditAction {
    KeyCreated,
    KeyChanged,
    KeyRevoked,
    /// A link was made, that signs a browser in as the partner.
    LinkCreated,
    /// All sessions and links of a partner were ended.
    SessionsEnded,
    /// Its keys and webhooks have rows of their own.
    PartnerRemoved,
    WebhookRegistered,
    WebhookChanged,
    /// It became a partner's.
    WebhookHandedOver,
    WebhookEnabled,
    WebhookUnregistered,
    SecretRotated,
    SecretEnded,
    EventResent,
    ReplayStarted,
    ReplayStopped,
    ServiceAnnounced,
    /// Calls of one peer were refused within a minute, as the keys that they showed are not right.
    KeysRefused,
}

impl AuditAction {
    pub const ALL: [Self; 18] = [
        Self::KeyCreated,
        Self::KeyChanged,
        Self::KeyRevoked,
        Self::LinkCreated,
        Self::SessionsEnded,
        Self::PartnerRemoved,
        Self::WebhookRegistered,
        Self::WebhookChanged,
        Self::WebhookHandedOver,
        Self::WebhookEnabled,
        Self::WebhookUnregistered,
        Self::SecretRotated,
        Self::SecretEnded,
        Self::EventResent,
        Self::ReplayStarted,
        Self::ReplayStopped,
        Self::ServiceAnnounced,
        Self::KeysRefused,
    ];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::KeyCreated => "key_created",
            Self::KeyChanged => "key_changed",
            Self::KeyRevoked => "key_revoked",
            Self::LinkCreated => "link_created",
            Self::SessionsEnded => "sessions_ended",
            Self::PartnerRemoved => "partner_removed",
            Self::WebhookRegistered => "webhook_registered",
            Self::WebhookChanged => "webhook_changed",
            Self::WebhookHandedOver => "webhook_handed_over",
            Self::WebhookEnabled => "webhook_enabled",
            Self::WebhookUnregistered => "webhook_unregistered",
            Self::SecretRotated => "secret_rotated",
            Self::SecretEnded => "secret_ended",
            Self::EventResent => "event_resent",
            Self::ReplayStarted => "replay_started",
            Self::ReplayStopped => "replay_stopped",
            Self::ServiceAnnounced => "service_announced",
            Self::KeysRefused => "keys_refused",
        }
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }
}

/// The object of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditObject {
    Key(KeyId),
    Webhook(WebhookId),
    /// An event's delivery to a webhook.
    Delivery(WebhookId, EventId),
    Partner(Partner),
    Service,
    /// A peer, which the row's source names.
    Peer,
}

/// An object as the audit shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub enum AuditState {
    Webhook(Box<AuditedWebhook>),
    Key(AuditedKey),
    Partner(AuditedPartner),
    Service(AuditedService),
    Refusals(AuditedRefusals),
}

/// A webhook's settings, secrets and replay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct AuditedWebhook {
    pub callback_url: AuditedUrl,
    #[cfg_attr(feature = "typescript", tsify(type = "string | null"))]
    pub partner: Option<Partner>,
    #[cfg_attr(feature = "typescript", tsify(type = "EventType[]"))]
    pub events: Vec<String>,
    #[cfg_attr(feature = "typescript", tsify(type = "Ordering"))]
    pub ordering: String,
    pub description: Option<String>,
    /// The names of its extra headers.
    pub headers: Vec<String>,
    /// Whether this call set the headers, whose values are not recorded.
    pub headers_set: bool,
    pub retry_schedule: Vec<u32>,
    pub timeout_ms: u32,
    pub max_in_flight: u32,
    pub rate_limit: Option<u32>,
    #[cfg_attr(feature = "typescript", tsify(type = "WebhookStatus"))]
    pub status: String,
    pub secrets: Vec<AuditedSecret>,
    /// The running replay.
    pub replay: Option<AuditedReplay>,
}

/// A callback URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct AuditedUrl {
    pub origin: Option<String>,
    /// Tells that the rest of the URL changed. Webhooks with the same URL have different ones.
    #[cfg_attr(feature = "typescript", tsify(type = "string"))]
    pub digest: Digest,
}

/// A signing secret, without the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct AuditedSecret {
    pub id: SecretId,
    pub ends_at: Option<String>,
}

/// A replay as it was started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct AuditedReplay {
    /// Positions in the log: events after this one …
    pub after: u64,
    /// … and up to this one.
    pub to: u64,
    #[cfg_attr(feature = "typescript", tsify(type = "ReplayFilter"))]
    pub only: String,
    pub per_second: Option<u32>,
    pub count: u64,
}

/// An API key's settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct AuditedKey {
    pub name: Option<String>,
    #[cfg_attr(feature = "typescript", tsify(type = "Scope[]"))]
    pub scopes: Vec<String>,
    #[cfg_attr(feature = "typescript", tsify(type = "string | null"))]
    pub partner: Option<Partner>,
    #[cfg_attr(feature = "typescript", tsify(type = "EventType[] | null"))]
    pub events: Option<Vec<String>>,
    pub rate_limit: Option<u32>,
    pub expires_at: Option<String>,
}

/// How much of the desk a partner has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct AuditedPartner {
    pub webhooks: u64,
    pub keys: u64,
}

/// The service that tickets are about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct AuditedService {
    pub available: bool,
}

/// Calls of a peer that were refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct AuditedRefusals {
    pub refused_calls: u64,
}

/// A part of the audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditFilter {
    /// What was done to a webhook.
    Webhook(WebhookId),
    /// What was done with an API key, in browsers too that signed in with it.
    Key(KeyId),
}

impl AuditFilter {
    #[must_use]
    pub fn takes(self, row: &AuditRow) -> bool {
        match self {
            Self::Webhook(wanted) => match row.change.object {
                AuditObject::Webhook(id) | AuditObject::Delivery(id, _) => id == wanted,
                AuditObject::Key(_)
                | AuditObject::Partner(_)
                | AuditObject::Service
                | AuditObject::Peer => false,
            },
            Self::Key(wanted) => match row.actor {
                Actor::Key { id, .. } | Actor::Session { key: Some(id), .. } => id == wanted,
                Actor::Session { key: None, .. }
                | Actor::Binding
                | Actor::CommandLine { .. }
                | Actor::Anyone => false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_read_back_by_its_name() {
        for action in AuditAction::ALL {
            assert_eq!(AuditAction::parse(action.name()), Some(action));
            assert_eq!(serde_json::to_value(action).unwrap(), action.name());
        }
        assert_eq!(AuditAction::parse("ping"), None);
    }
}
