//! Replies and refusals rendered as HTTP responses, the first time and for repeated calls.

use crate::api::link_url::LinkUrl;
use crate::api::problem::Problem;
use crate::api::session_cookie::{SessionCookie, SetCookie};
use crate::api::{Response, headers, view};
use crate::engine::command::Idempotent;
use crate::engine::desk::Desk;
use crate::engine::limits::Memory;
use crate::engine::outcome::Reply;
use crate::model::api_key::KeyText;
use crate::model::idempotency_record::IdempotencyRecord;
use crate::model::millis::Millis;
use crate::model::refusal::Refusal;
use crate::webhook::Webhook;
use crate::webhook::sign::Secret;

impl<S> Desk<S> {
    /// A desk that renders the records of idempotent calls as this API does.
    #[must_use]
    pub fn new(store: S, memory: Memory) -> Self {
        Self::rendering(store, memory, idempotency_record)
    }
}

/// The status of the response to a command. Unlike [`answer`] it needs no body that a secret could
/// be put into, which a stored response that was redacted does not have.
pub(crate) fn status(decided: &Result<Reply, Refusal>) -> u16 {
    without_secret(decided).status
}

/// What a response shows besides the reply: it is stored nowhere, and a call that is repeated under an
/// idempotency key does not see it again.
#[derive(Clone, Debug)]
pub enum Shown {
    /// The text of an API key that was made.
    Key(KeyText),
    /// The URL of a link that was made.
    Link(LinkUrl),
    /// A browser that signed in keeps this.
    Cookie(SetCookie),
    /// A browser that signed out forgets this.
    NoCookie(SessionCookie),
}

/// The response to a call that was decided and committed, with what [`Opened`](crate::api::Opened)
/// had to show.
#[must_use]
#[expect(clippy::needless_pass_by_value, reason = "an answer is given once")]
pub fn answer(decided: Result<Reply, Refusal>, shown: Option<Shown>) -> Response {
    let response = without_secret(&decided);
    match (&decided, shown) {
        (Ok(Reply::KeyCreated(_)), Some(Shown::Key(key))) => {
            return with_last(response, &view::KeySecret { key: key.reveal() });
        }
        (Ok(Reply::LinkCreated(_)), Some(Shown::Link(url))) => {
            return with_last(response, &view::LinkSecret { url: url.reveal() });
        }
        (Ok(Reply::SignedIn { .. }), Some(Shown::Cookie(cookie))) => {
            return response.with(("set-cookie", cookie.header()));
        }
        (Ok(Reply::SignedOut(_)), Some(Shown::NoCookie(cookie))) => {
            return response.with(("set-cookie", cookie.end()));
        }
        _ => {}
    }
    let secret = if let Ok(Reply::Repeated { first: _, secret }) = &decided {
        secret.as_ref()
    } else {
        introduced(&decided).map(|webhook| &webhook.secrets.current().secret)
    };
    match secret {
        Some(secret) => with_secret(response, secret),
        None => response,
    }
}

/// The record of the response for repeated calls.
fn idempotency_record(
    once: &Idempotent,
    at: Millis,
    decided: &Result<Reply, Refusal>,
) -> IdempotencyRecord {
    let Response { status, headers, body } = without_secret(decided);
    let location = headers.into_iter().find(|(name, _)| *name == "location");
    IdempotencyRecord {
        key: once.key,
        request: once.request,
        at,
        status,
        location: location.map(|(_, value)| value),
        body,
        shown: introduced(decided).map(|webhook| (webhook.id, webhook.secrets.current().id)),
    }
}

fn without_secret(decided: &Result<Reply, Refusal>) -> Response {
    match decided {
        Ok(Reply::Opened(id)) => {
            Response::data(201, view::Named { id }).at(format!("/tickets/{id}"))
        }
        Ok(Reply::Ticket(ticket)) => Response::data(200, view::TicketView::from(ticket)),
        Ok(Reply::Announced(id)) => Response::data(202, view::Named { id }),
        Ok(Reply::Registered(webhook)) => {
            Response::data(201, view::WebhookView::new(webhook, true))
                .at(format!("/webhooks/{}", webhook.id))
        }
        Ok(Reply::Webhook { webhook, shows_headers }) => {
            Response::data(200, view::WebhookView::new(webhook, *shows_headers))
        }
        Ok(Reply::Unregistered(id)) => Response::data(200, view::Named { id }),
        Ok(Reply::Rotated(webhook)) => {
            Response::data(201, view::SecretView::from(webhook.secrets.current()))
        }
        Ok(Reply::SecretEnded(id)) => Response::data(200, view::Named { id }),
        Ok(Reply::Replay { counted, starts }) => {
            Response::data(if *starts { 202 } else { 200 }, view::CountView::from(*counted))
        }
        Ok(Reply::Stopped(run)) => Response::data(200, view::RunView::new(run, 0)),
        Ok(Reply::KeyCreated(key)) => {
            Response::data(201, view::KeyView::from(&**key)).at(format!("/keys/{}", key.id))
        }
        Ok(Reply::Key(key)) => Response::data(200, view::KeyView::from(&**key)),
        Ok(Reply::KeyRevoked(id)) => Response::data(200, view::Named { id }),
        Ok(Reply::LinkCreated(link)) => Response::data(201, view::LinkView::from(&**link)),
        Ok(Reply::SignedIn { session, granted }) => {
            Response::data(201, view::CallerView::of(session, granted))
        }
        Ok(Reply::SignedOut(_)) => Response::data(200, view::Empty {}),
        Ok(Reply::SessionsEnded(partner, ended)) => {
            Response::data(200, view::EndedView { partner: *partner, ended: *ended })
        }
        Ok(Reply::PartnerRemoved(counts)) => Response::data(200, view::PartnerView::from(counts)),
        Ok(Reply::Noted) => Response::data(202, view::Empty {}),
        Ok(Reply::Repeated { first, secret: _ }) => again(first),
        Err(refusal) => Problem::from(*refusal).into(),
    }
}

/// The webhook whose current secret is new to its owner.
fn introduced(decided: &Result<Reply, Refusal>) -> Option<&Webhook> {
    match decided {
        Ok(Reply::Registered(webhook) | Reply::Rotated(webhook)) => Some(webhook),
        Ok(
            Reply::Opened(_)
            | Reply::Ticket(_)
            | Reply::Announced(_)
            | Reply::Webhook { .. }
            | Reply::Unregistered(_)
            | Reply::SecretEnded(_)
            | Reply::Replay { .. }
            | Reply::Stopped(_)
            | Reply::KeyCreated(_)
            | Reply::Key(_)
            | Reply::KeyRevoked(_)
            | Reply::PartnerRemoved(_)
            | Reply::LinkCreated(_)
            | Reply::SignedIn { .. }
            | Reply::SignedOut(_)
            | Reply::SessionsEnded(..)
            | Reply::Noted
            | Reply::Repeated { .. },
        )
        | Err(_) => None,
    }
}

fn again(first: &IdempotencyRecord) -> Response {
    let is_problem = first.status >= 400;
    let content_type = if is_problem { "application/problem+json" } else { "application/json" };
    let mut headers = headers(content_type);
    headers.extend(first.location.clone().map(|location| ("location", location)));
    headers.push(("idempotent-replayed", "true".to_owned()));
    Response { status: first.status, headers, body: first.body.clone() }
}

fn with_secret(response: Response, secret: &Secret) -> Response {
    with_last(response, &view::SecretText { secret: &secret.reveal() })
}

/// The response with a text that is stored nowhere as the last key of its data.
fn with_last(response: Response, text: &impl serde::Serialize) -> Response {
    let last = serde_json::to_string(text).expect("a text always has a JSON form");
    let open = response.body.strip_suffix("}}").expect("what shows a secret is an object of data");
    let body = format!("{open},{}}}", last.trim_start_matches('{'));
    Response { body, ..response }
}
