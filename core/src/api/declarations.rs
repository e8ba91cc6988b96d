//! TypeScript declarations of JSON that is read field by field, or written by the log: the bodies of
//! calls, and those of deliveries. `tests/package` compares each with what the desk takes and sends.

#![allow(dead_code, reason = "only their declarations are used")]

use tsify::Tsify;

use crate::delivery::replay::ReplayFilter;
use crate::model::id::{EventId, WebhookId};
use crate::model::reason::Reason;

/// Settings of a webhook. One that is left out stays as it is, and `null` is the default.
#[derive(Tsify)]
#[serde(default)]
struct Settings {
    #[tsify(type = "readonly EventType[] | null")]
    events: (),
    #[tsify(type = "Ordering | null")]
    ordering: (),
    description: Option<String>,
    #[tsify(type = "Readonly<Record<string, string>> | null")]
    headers: (),
    /// Seconds before each retry.
    #[tsify(type = "readonly number[] | null")]
    retry_schedule: (),
    timeout_ms: Option<u32>,
    max_in_flight: Option<u32>,
    /// Requests per second.
    rate_limit: Option<u32>,
    #[tsify(type = "\"active\" | \"paused\" | null")]
    status: (),
}

/// The body of `POST /webhooks/register`.
#[derive(Tsify)]
struct Registration {
    callback_url: String,
    /// A secret of the caller's own: `whsec_` and the base64 of 24 to 64 bytes.
    #[serde(default)]
    secret: Option<String>,
    /// The partner whose webhook it is to be: named with a key of the operator's alone.
    #[serde(default)]
    partner: Option<String>,
    #[serde(flatten)]
    settings: Settings,
}

/// The body of `PATCH /webhooks/{id}`.
#[derive(Tsify)]
struct SettingsChange {
    #[tsify(optional)]
    callback_url: String,
    /// Gives a webhook of the operator's own to a partner, for good. Its secrets end.
    #[tsify(optional)]
    partner: String,
    #[serde(flatten)]
    settings: Settings,
}

/// The body of `POST /webhooks/{id}/secret/rotate`.
#[derive(Tsify)]
#[serde(default)]
struct Rotation {
    /// Seconds for which the old secret signs too.
    overlap_seconds: Option<u32>,
    secret: Option<String>,
}

/// The body of `POST /webhooks/{id}/replay`.
#[derive(Tsify)]
struct Replay {
    /// A time (RFC 3339) or an event's id; belongs to the range.
    since: String,
    /// The same; without it the range ends with the newest event.
    #[serde(default)]
    until: Option<String>,
    only: ReplayFilter,
    #[serde(default)]
    per_second: Option<u32>,
    /// Counts, and sends nothing.
    #[serde(default)]
    dry_run: Option<bool>,
}

/// The body of `POST /keys`.
#[derive(Tsify)]
struct NewKey {
    #[tsify(type = "readonly Scope[]")]
    scopes: (),
    /// Makes it the key of a partner, which opens that partner's webhooks alone.
    #[serde(default)]
    partner: Option<String>,
    /// The event types that the partner may be told of.
    #[serde(default)]
    #[tsify(type = "readonly EventType[] | null")]
    events: (),
    /// Calls per second.
    #[serde(default)]
    rate_limit: Option<u32>,
    /// A time (RFC 3339) in the future.
    #[serde(default)]
    expires_at: Option<String>,
    /// For people.
    #[serde(default)]
    name: Option<String>,
}

/// The body of `PATCH /keys/{id}`. A field that is left out stays as it is.
#[derive(Tsify)]
#[serde(default)]
struct KeyChange {
    #[tsify(type = "readonly Scope[]")]
    scopes: (),
    #[tsify(type = "readonly EventType[] | null")]
    events: (),
    rate_limit: Option<u32>,
    expires_at: Option<String>,
    name: Option<String>,
}

/// The body of `POST /tickets` and `PATCH /tickets/{id}`.
#[derive(Tsify)]
struct TicketMessage {
    ticket_message: String,
}

/// The body of a delivery.
#[derive(Tsify)]
#[serde(tag = "event", rename_all = "snake_case")]
enum EventBody {
    Ping { created: String, data: NoData },
    TicketOpened { created: String, data: TicketMessage },
    TicketUpdated { created: String, data: TicketMessage },
    TicketClosed { created: String, data: NoData },
    ServiceUnavailable { created: String, data: NoData },
    ServiceAvailable { created: String, data: NoData },
    WebhookDown { created: String, data: WebhookData },
    WebhookRecovered { created: String, data: WebhookData },
    WebhookDisabled { created: String, data: WebhookData },
    DeliveryAbandoned { created: String, data: AbandonedData },
}

/// The data of an event that its type says all about.
#[derive(Tsify)]
#[tsify(type = "Record<string, never>")]
struct NoData;

/// The data of an event about a webhook.
#[derive(Tsify)]
struct WebhookData {
    webhook_id: WebhookId,
    reason: Reason,
}

/// The data of an event about an event that was given up for a webhook.
#[derive(Tsify)]
struct AbandonedData {
    webhook_id: WebhookId,
    event_id: EventId,
    reason: Reason,
}
