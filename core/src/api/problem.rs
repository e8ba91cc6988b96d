//! Problem documents of RFC 9457, with a stable `code` and, for invalid fields, pointers to them.

use serde::Serialize;

use crate::api::{Code, MAX_BODY, Response, headers};
use crate::delivery::lane::Lane;
use crate::model::access::Access;
use crate::model::api_key::ApiKey;
use crate::model::event::EventType;
use crate::model::millis::Millis;
use crate::model::refusal::Refusal;
use crate::model::scope::Scope;
use crate::webhook::Webhook;
use crate::webhook::secrets::Secrets;

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

    /// The store did not answer a commit, and it could not be found out what came of it.
    #[must_use]
    pub fn unknown() -> Self {
        let detail = "The store does not answer. It is not known whether this was done: call again \
                      with the same idempotency key, or look.";
        Self::new(Code::StoreUnavailable, detail)
    }

    /// No host leads the desk, or the one that does cannot be reached.
    #[must_use]
    pub fn leaderless() -> Self {
        let detail =
            "No host leads the desk at the moment. Nothing was done. Call again in a few seconds.";
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
