//! The codes of problems, each with its status, its title, and when to call again.

use serde::Serialize;

/// The kind of a problem: a closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify), tsify(rename = "ProblemCode"))]
pub enum Code {
    /// The request's end or its host is ambiguous.
    BadRequest,
    /// The body is not JSON.
    BadJson,
    /// The call has no API key, or an invalid one.
    Unauthorized,
    /// The API key does not grant the call.
    Forbidden,
    /// A caller that is not on this machine called an open desk.
    NotLocal,
    /// A browser sent the call for a page of another origin, or under a name that is not the
    /// desk's.
    CrossSite,
    /// There is no such path, or nothing with this id.
    NotFound,
    /// The path exists, and the method is not among those of the response's `Allow`.
    MethodNotAllowed,
    /// The body did not arrive in time.
    TooSlow,
    /// The ticket is closed, and a closed ticket does not change.
    TicketClosed,
    /// The desk has as many webhooks as it may.
    TooManyWebhooks,
    /// The webhook is paused or disabled.
    WebhookNotActive,
    /// The event is pending for the webhook already, and waits for those before it.
    NotItsTurn,
    /// As many tickets and single events wait for the webhook as may.
    TooManyLanes,
    /// A replay of the webhook is running, and only one may.
    ReplayRunning,
    /// The webhook has as many live secrets as it may.
    TooManySecrets,
    /// The desk has as many API keys as it may.
    TooManyKeys,
    /// The key is an option of the host, and not one that the desk can change.
    BoundKey,
    /// The desk is not told by which URL browsers reach it.
    NoPublicUrl,
    /// No other secret of the webhook is live.
    LastSecret,
    /// The idempotency key was used for another call in the last 24 hours.
    IdempotencyKeyReused,
    /// The body is longer than [`MAX_BODY`](crate::api::MAX_BODY) bytes.
    TooLarge,
    /// The body is not declared as JSON.
    UnsupportedMediaType,
    /// A field is missing, mistyped or out of range: see `errors`.
    BadField,
    /// The callback URL cannot be called, or must not be: see `errors`.
    BadCallbackUrl,
    /// The caller makes more calls than it may: see `Retry-After`.
    RateLimited,
    /// Too many calls wait: call again later.
    Overloaded,
    /// The store fails: call again later. Nothing was done.
    StoreUnavailable,
    /// The desk's options are wrong, and it does nothing until its operator has mended them.
    Misconfigured,
    /// A desk's delivery came in as a call.
    LoopDetected,
}

impl Code {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::BadJson => "bad_json",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotLocal => "not_local",
            Self::CrossSite => "cross_site",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::TooSlow => "too_slow",
            Self::TicketClosed => "ticket_closed",
            Self::TooManyWebhooks => "too_many_webhooks",
            Self::WebhookNotActive => "webhook_not_active",
            Self::NotItsTurn => "not_its_turn",
            Self::TooManyLanes => "too_many_lanes",
            Self::ReplayRunning => "replay_running",
            Self::TooManySecrets => "too_many_secrets",
            Self::TooManyKeys => "too_many_keys",
            Self::BoundKey => "bound_key",
            Self::NoPublicUrl => "no_public_url",
            Self::LastSecret => "last_secret",
            Self::IdempotencyKeyReused => "idempotency_key_reused",
            Self::TooLarge => "too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::BadField => "bad_field",
            Self::BadCallbackUrl => "bad_callback_url",
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::StoreUnavailable => "store_unavailable",
            Self::Misconfigured => "misconfigured",
            Self::LoopDetected => "loop_detected",
        }
    }

    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::BadRequest | Self::BadJson => 400,
            Self::Unauthorized => 401,
            Self::Forbidden | Self::NotLocal | Self::CrossSite => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::TooSlow => 408,
            Self::TicketClosed
            | Self::TooManyWebhooks
            | Self::WebhookNotActive
            | Self::NotItsTurn
            | Self::TooManyLanes
            | Self::ReplayRunning
            | Self::TooManySecrets
            | Self::TooManyKeys
            | Self::BoundKey
            | Self::NoPublicUrl
            | Self::LastSecret => 409,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::BadField | Self::BadCallbackUrl | Self::IdempotencyKeyReused => 422,
            Self::RateLimited | Self::Overloaded => 429,
            Self::StoreUnavailable | Self::Misconfigured => 503,
            Self::LoopDetected => 508,
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::BadRequest => "The request is not clear",
            Self::BadJson => "The body is not JSON",
            Self::Unauthorized => "An API key is needed",
            Self::Forbidden => "The API key does not allow it",
            Self::NotLocal => "Only callers on this machine",
            Self::CrossSite => "Not from another site",
            Self::NotFound => "Not found",
            Self::MethodNotAllowed => "Method not allowed",
            Self::TooSlow => "The body came too slowly",
            Self::TicketClosed => "The ticket is closed",
            Self::TooManyWebhooks => "Too many webhooks",
            Self::WebhookNotActive => "The webhook is not active",
            Self::NotItsTurn => "It is not its turn",
            Self::TooManyLanes => "Too much waits already",
            Self::ReplayRunning => "A replay runs already",
            Self::TooManySecrets => "Too many live secrets",
            Self::TooManyKeys => "Too many API keys",
            Self::BoundKey => "The key is an option of the host",
            Self::NoPublicUrl => "The desk has no public URL",
            Self::LastSecret => "The last live secret",
            Self::IdempotencyKeyReused => "The key belongs to another call",
            Self::TooLarge => "The body is too large",
            Self::UnsupportedMediaType => "The body is not declared as JSON",
            Self::BadField => "A field is not as it must be",
            Self::BadCallbackUrl => "The callback URL cannot be used",
            Self::RateLimited => "Too many calls of this caller",
            Self::Overloaded => "Too many calls at once",
            Self::StoreUnavailable => "The store does not answer",
            Self::Misconfigured => "The desk is not set up",
            Self::LoopDetected => "A desk calls a desk",
        }
    }

    /// Seconds after which to call again, if time alone may help.
    pub(super) fn retry_after_s(self) -> Option<u32> {
        match self {
            Self::Overloaded => Some(1),
            Self::StoreUnavailable => Some(5),
            Self::BadRequest
            | Self::BadJson
            | Self::Unauthorized
            | Self::Forbidden
            | Self::NotLocal
            | Self::CrossSite
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::TooSlow
            | Self::TicketClosed
            | Self::TooManyWebhooks
            | Self::WebhookNotActive
            | Self::NotItsTurn
            | Self::TooManyLanes
            | Self::ReplayRunning
            | Self::TooManySecrets
            | Self::TooManyKeys
            | Self::BoundKey
            | Self::NoPublicUrl
            | Self::LastSecret
            | Self::IdempotencyKeyReused
            | Self::TooLarge
            | Self::UnsupportedMediaType
            | Self::BadField
            | Self::BadCallbackUrl
            | Self::Misconfigured
            | Self::RateLimited
            | Self::LoopDetected => None,
        }
    }
}
