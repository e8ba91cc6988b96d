//! Problem documents of RFC 9457, with a stable `code` and, for invalid fields, pointers to them.

use serde::Serialize;

use crate::api::{MAX_BODY, Response, headers};
use crate::delivery::lane::Lane;
use crate::model::access::Access;
use crate::model::api_key::ApiKey;
use crate::model::event::EventType;
use crate::model::millis::Millis;
use crate::model::refusal::Refusal;
use crate::model::scope::Scope;
use crate::webhook::Webhook;
use crate::webhook::secrets::Secrets;

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
            | Self::LastSecret => 409,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::BadField | Self::BadCallbackUrl | Self::IdempotencyKeyReused => 422,
            Self::RateLimited | Self::Overloaded => 429,
            Self::StoreUnavailable | Self::Misconfigured => 503,
            Self::LoopDetected => 508,
        }
    }

    fn title(self) -> &'static str {
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
    fn retry_after_s(self) -> Option<u32> {
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

/// An invalid field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct FieldError {
    /// A JSON pointer into the body as a URI fragment (RFC 6901 §6), `?name` for a query parameter,
    /// or the name of a header.
    pub pointer: String,
    pub detail: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub code: Code,
    pub detail: String,
    pub errors: Vec<FieldError>,
    /// What would have been taken, as `Allow` or `Accept-Encoding`; or when, as `Retry-After`.
    pub header: Option<(&'static str, String)>,
}

impl Problem {
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), header: None }
    }

    /// The body is longer than [`MAX_BODY`](crate::api::MAX_BODY) bytes.
    #[must_use]
    pub fn too_large() -> Self {
        Self::new(Code::TooLarge, format!("A body has at most {MAX_BODY} bytes."))
    }

    /// The store failed during a read.
    #[must_use]
    pub fn unreadable() -> Self {
        let detail = "The store does not answer. Call again in a few seconds.";
        Self::new(Code::StoreUnavailable, detail)
    }

    /// The store failed during a commit.
    #[must_use]
    pub fn undone() -> Self {
        let detail = "The store does not answer. Nothing was done. Call again in a few seconds.";
        Self::new(Code::StoreUnavailable, detail)
    }

    /// The store's last commit failed, and none has succeeded since.
    #[must_use]
    pub fn unwritable() -> Self {
        let detail = "The store could not be written, and is tried again every half second.";
        Self::new(Code::StoreUnavailable, detail)
    }

    /// The operator's options are wrong: `why` says which, and quotes nothing private.
    #[must_use]
    pub fn misconfigured(why: &str) -> Self {
        Self::new(
            Code::Misconfigured,
            format!("The desk's options are wrong ({why}). Its operator must mend them."),
        )
    }

    /// A problem with fields, whose `detail` is that of the first.
    pub(super) fn fields(code: Code, errors: Vec<FieldError>) -> Self {
        let first = errors.first();
        let detail = first.map(|error| format!("{} {}.", error.pointer, error.detail));
        Self { code, detail: detail.unwrap_or_default(), errors, header: None }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unauthorized => {
                let detail = "This API key is none of this desk's: it is unknown, was revoked or \
                              has expired.";
                Self::new(Code::Unauthorized, detail)
            }
            Refusal::Forbidden(access) => forbidden(access),
            Refusal::NotForPartners => {
                let detail = "The API key of a partner opens that partner's webhooks, and nothing \
                              that is about more.";
                Self::new(Code::Forbidden, detail)
            }
            Refusal::AdminGivesPartners => {
                let detail =
                    "To give a webhook to a partner takes an API key with a scope of admin.";
                Self::new(Code::Forbidden, detail)
            }
            Refusal::ReplayNotGranted(kind) => replay_not_granted(kind),
            Refusal::NotForPartnerKeys => {
                bad_field("scopes", "of a partner's key are read and webhooks")
            }
            Refusal::NotAPartnersKey => bad_field("events", "are for the key of a partner"),
            Refusal::PartnerIsTheCaller => bad_field("partner", "is the one whose API key calls"),
            Refusal::PartnerIsSet => bad_field("partner", "does not change"),
            Refusal::NotGranted(kind) => bad_field(
                "events",
                &format!("has {}, which this API key is not granted", kind.name()),
            ),
            Refusal::NotForPartnerWebhooks(kind) => {
                bad_field("events", &format!("has {}, which no partner is told of", kind.name()))
            }
            Refusal::NotPublic => {
                let detail = "must lead to a public address, as the webhook is a partner's";
                Self { code: Code::BadCallbackUrl, ..bad_field("callback_url", detail) }
            }
            Refusal::UnknownPartner => {
                Self::new(Code::NotFound, "There is no partner of this name.")
            }
            Refusal::TooManyPartnerWebhooks { most } => {
                let detail = format!(
                    "A partner has at most {most} webhooks here. Unregister one that is not needed."
                );
                Self::new(Code::TooManyWebhooks, detail)
            }
            Refusal::UnknownKey => Self::new(Code::NotFound, "There is no API key with this id."),
            Refusal::TooManyKeys => too_many_keys(),
            Refusal::UnknownTicket => Self::new(Code::NotFound, "There is no ticket with this id."),
            Refusal::UnknownWebhook => {
                Self::new(Code::NotFound, "There is no webhook with this id.")
            }
            Refusal::UnknownDelivery => {
                let detail = "This webhook has no delivery of an event with this id.";
                Self::new(Code::NotFound, detail)
            }
            Refusal::UnknownEvent => {
                let detail = "There is no event with this id, or it is no longer kept.";
                Self::new(Code::NotFound, detail)
            }
            Refusal::UnknownSecret => {
                let detail = "This webhook has no live secret with this id.";
                Self::new(Code::NotFound, detail)
            }
            Refusal::TooManySecrets { next_ends_at } => too_many_secrets(next_ends_at),
            Refusal::LastSecret => {
                let detail = "No other secret is live, and a webhook needs one. Rotate it instead.";
                Self::new(Code::LastSecret, detail)
            }
            Refusal::KeyReused => {
                let detail = "This Idempotency-Key came with another method, path or body in the \
                              last 24 hours. Choose a new key for a new call.";
                Self::new(Code::IdempotencyKeyReused, detail)
            }
            Refusal::TicketClosed => {
                let detail = "A closed ticket does not change. Open a new one.";
                Self::new(Code::TicketClosed, detail)
            }
            Refusal::WebhookNotActive => {
                let detail = "The webhook is paused or disabled. A paused one goes on when its status is \
                              PATCHed to active, a disabled one when its /enable is POSTed to.";
                Self::new(Code::WebhookNotActive, detail)
            }
            Refusal::NotItsTurn => {
                let detail = "The event is being sent, or waits behind others of its ticket: it is \
                              owed already, and goes in its turn.";
                Self::new(Code::NotItsTurn, detail)
            }
            Refusal::TooManyLanes => too_many_lanes(),
            Refusal::ReplayRunning => {
                let detail = "One replay of a webhook runs at a time. GET its /replay to see how far \
                              it is, DELETE it to stop it.";
                Self::new(Code::ReplayRunning, detail)
            }
            Refusal::NoReplay => Self::new(Code::NotFound, "No replay of this webhook runs."),
            Refusal::TooManyWebhooks => too_many_webhooks(),
        }
    }
}

/// A problem with one field of the body.
fn bad_field(name: &str, detail: &str) -> Problem {
    let error = FieldError { pointer: format!("#/{name}"), detail: detail.to_owned() };
    Problem::fields(Code::BadField, vec![error])
}

fn replay_not_granted(kind: EventType) -> Problem {
    let detail = format!(
        "The webhook hears {}, which this API key is not granted. The desk's operator can replay it.",
        kind.name()
    );
    Problem::new(Code::Forbidden, detail)
}

fn forbidden(access: Access) -> Problem {
    let scopes: Vec<_> = access.scopes().iter().map(Scope::name).collect();
    let detail = format!("This call needs an API key with a scope of {}.", scopes.join(", "));
    Problem::new(Code::Forbidden, detail)
}

fn too_many_keys() -> Problem {
    let most = ApiKey::MAX;
    let detail = format!("A desk has at most {most} API keys. Revoke one that is not needed.");
    Problem::new(Code::TooManyKeys, detail)
}

fn too_many_secrets(next_ends_at: Millis) -> Problem {
    let (most, at) = (Secrets::MAX, next_ends_at.rfc3339());
    let detail = format!(
        "A webhook has at most {most} live secrets. The next one ends at {at}; DELETE one to end it \
         earlier."
    );
    Problem::new(Code::TooManySecrets, detail)
}

fn too_many_lanes() -> Problem {
    let detail = format!(
        "{} tickets and single events wait for the webhook. Resend when fewer do, or replay a part \
         of the log, which waits in the log.",
        Lane::MAX
    );
    Problem::new(Code::TooManyLanes, detail)
}

fn too_many_webhooks() -> Problem {
    let most = Webhook::MAX;
    let detail = format!("A desk has at most {most} webhooks. Unregister one that is not needed.");
    Problem::new(Code::TooManyWebhooks, detail)
}

/// A problem document of RFC 9457.
#[derive(Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
struct ProblemView<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    #[cfg_attr(feature = "typescript", tsify(type = "ProblemCode"))]
    code: Code,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    errors: &'a [FieldError],
}

impl From<Problem> for Response {
    fn from(problem: Problem) -> Self {
        let code = problem.code;
        let document = ProblemView {
            r#type: format!("urn:hookdesk:problem:{}", code.name()),
            title: code.title(),
            status: code.status(),
            detail: &problem.detail,
            code,
            errors: &problem.errors,
        };
        let body = serde_json::to_string(&document).expect("texts always have a JSON form");
        let mut headers = headers("application/problem+json");
        headers.extend(problem.header);
        if code == Code::Unauthorized {
            headers.push(("www-authenticate", "Bearer".to_owned()));
        }
        headers.extend(code.retry_after_s().map(|s| ("retry-after", s.to_string())));
        Self { status: code.status(), headers, body }
    }
}
