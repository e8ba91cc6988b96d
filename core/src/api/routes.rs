//! The route table, and for each route the command or query that a call becomes.

use crate::api::body::Fields;
use crate::api::listing::{ListKind, Order};
use crate::api::query::{bad_parameter, cursor, limit, parameter};
use crate::api::settings;
use crate::api::view::Health;
use crate::api::{
    Action, Api, AttemptsQuery, Call, Code, DeliveriesQuery, DeliveryState, EventsQuery,
    FieldError, Listing, Problem, Reading, ReplayRequest, Response,
};
use crate::engine::command::{Command, Registration, Rotation};
use crate::guard::CallbackUrl;
use crate::model::id::{EventId, SecretId, TicketId, WebhookId};
use crate::model::refusal::Refusal;
use crate::model::service::Availability;
use crate::model::text::BadText;
use crate::model::ticket::{TicketFilter, TicketMessage};
use crate::webhook::secrets::Secrets;
use crate::webhook::sign::Secret;

/// The operation of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Register,
    Unregister,
    ListWebhooks,
    PingAll,
    ReadWebhook,
    AmendWebhook,
    PingOne,
    Enable,
    Rotate,
    ListSecrets,
    EndSecret,
    ListDeliveries,
    ReadDelivery,
    Resend,
    Replay,
    ReadReplay,
    StopReplay,
    OpenTicket,
    ListTickets,
    ReadTicket,
    UpdateTicket,
    CloseTicket,
    Announce(Availability),
    ReadService,
    PullEvents,
    ReadEvent,
    Live,
    Ready,
}

/// Method, path, purpose. `{…}` stands for one segment; of two patterns that match a path the first
/// is taken, so literal ones come first.
const ROUTES: [(&str, &str, Purpose); 29] = [
    ("POST", "/webhooks/register", Purpose::Register),
    ("DELETE", "/webhooks/unregister/{id}", Purpose::Unregister),
    ("GET", "/webhooks", Purpose::ListWebhooks),
    ("POST", "/webhooks/ping", Purpose::PingAll),
    ("GET", "/webhooks/{id}", Purpose::ReadWebhook),
    ("PATCH", "/webhooks/{id}", Purpose::AmendWebhook),
    ("POST", "/webhooks/{id}/ping", Purpose::PingOne),
    ("POST", "/webhooks/{id}/enable", Purpose::Enable),
    ("POST", "/webhooks/{id}/secret/rotate", Purpose::Rotate),
    ("GET", "/webhooks/{id}/secrets", Purpose::ListSecrets),
    ("DELETE", "/webhooks/{id}/secrets/{secret_id}", Purpose::EndSecret),
    ("GET", "/webhooks/{id}/deliveries", Purpose::ListDeliveries),
    ("GET", "/webhooks/{id}/deliveries/{event_id}", Purpose::ReadDelivery),
    ("POST", "/webhooks/{id}/deliveries/{event_id}/resend", Purpose::Resend),
    ("POST", "/webhooks/{id}/replay", Purpose::Replay),
    ("GET", "/webhooks/{id}/replay", Purpose::ReadReplay),
    ("DELETE", "/webhooks/{id}/replay", Purpose::StopReplay),
    ("POST", "/tickets", Purpose::OpenTicket),
    ("GET", "/tickets", Purpose::ListTickets),
    ("GET", "/tickets/{id}", Purpose::ReadTicket),
    ("PATCH", "/tickets/{id}", Purpose::UpdateTicket),
    ("DELETE", "/tickets/{id}", Purpose::CloseTicket),
    ("POST", "/service/unavailable", Purpose::Announce(Availability::Unavailable)),
    ("POST", "/service/available", Purpose::Announce(Availability::Available)),
    ("GET", "/service", Purpose::ReadService),
    ("GET", "/events", Purpose::PullEvents),
    ("GET", "/events/{id}", Purpose::ReadEvent),
    ("GET", "/health/live", Purpose::Live),
    ("GET", "/health/ready", Purpose::Ready),
];

type Taken = Result<Action, Problem>;

pub(super) fn take(
    api: &Api,
    call: &Call<'_>,
    fresh: impl FnOnce() -> [u8; Secret::LENGTH],
) -> Taken {
    let (purpose, [id, inner_id]) = find(call)?;
    match purpose {
        Purpose::Register => register(api, call, fresh),
        Purpose::Unregister => Ok(Action::Decide(Command::Unregister { id: webhook_id(id)? })),
        Purpose::ListWebhooks => list(call, ListKind::Webhooks),
        Purpose::PingAll => Ok(Action::Decide(Command::Ping)),
        Purpose::ReadWebhook => Ok(Action::Read(Reading::Webhook(webhook_id(id)?))),
        Purpose::AmendWebhook => amend(api, call, webhook_id(id)?),
        Purpose::PingOne => Ok(Action::Decide(Command::PingOne { id: webhook_id(id)? })),
        Purpose::Enable => Ok(Action::Decide(Command::Enable { id: webhook_id(id)? })),
        Purpose::Rotate => rotate(call, webhook_id(id)?, fresh),
        Purpose::ListSecrets => Ok(Action::Read(Reading::Secrets(webhook_id(id)?))),
        Purpose::EndSecret => {
            let webhook = webhook_id(id)?;
            let secret = SecretId::parse(inner_id).ok_or(Refusal::UnknownSecret)?;
            Ok(Action::Decide(Command::EndSecret { webhook, secret }))
        }
        Purpose::ListDeliveries => list_deliveries(call, webhook_id(id)?),
        Purpose::ReadDelivery => {
            let (webhook, event) = (webhook_id(id)?, delivered(inner_id)?);
            Ok(Action::Read(Reading::Attempts(AttemptsQuery { webhook, event })))
        }
        Purpose::Resend => {
            let (id, event) = (webhook_id(id)?, delivered(inner_id)?);
            Ok(Action::Decide(Command::Resend { id, event }))
        }
        Purpose::Replay => {
            Ok(Action::CountReplay(Box::new(ReplayRequest::take(call, webhook_id(id)?)?)))
        }
        Purpose::ReadReplay => Ok(Action::Read(Reading::Replay(webhook_id(id)?))),
        Purpose::StopReplay => Ok(Action::Decide(Command::StopReplay { id: webhook_id(id)? })),
        Purpose::OpenTicket => {
            Ok(Action::Decide(Command::OpenTicket { message: ticket_message(call)? }))
        }
        Purpose::ListTickets => {
            let (only, order) = (ticket_filter(call)?, order(call)?);
            list(call, ListKind::Tickets { only, order })
        }
        Purpose::ReadTicket => Ok(Action::Read(Reading::Ticket(ticket_id(id)?))),
        Purpose::UpdateTicket => {
            let id = ticket_id(id)?;
            Ok(Action::Decide(Command::UpdateTicket { id, message: ticket_message(call)? }))
        }
        Purpose::CloseTicket => Ok(Action::Decide(Command::CloseTicket { id: ticket_id(id)? })),
        Purpose::Announce(availability) => Ok(Action::Decide(Command::Announce(availability))),
        Purpose::ReadService => Ok(Action::Read(Reading::Service)),
        Purpose::PullEvents => Ok(Action::ReadEvents(EventsQuery::of(call, api.can_wait)?)),
        Purpose::ReadEvent => {
            let event = EventId::parse(id).ok_or(Refusal::UnknownEvent)?;
            Ok(Action::Read(Reading::Event(event)))
        }
        Purpose::Live => Ok(Action::Answer(Response::data(200, Health { status: "live" }))),
        Purpose::Ready => Ok(Action::Read(Reading::Ready)),
    }
}

/// The call's purpose, and the ids in its path.
fn find<'a>(call: &Call<'a>) -> Result<(Purpose, [&'a str; 2]), Problem> {
    let Some((pattern, ids)) =
        ROUTES.iter().find_map(|(_, pattern, _)| Some((*pattern, fit(pattern, call.path)?)))
    else {
        return Err(Problem::new(Code::NotFound, "There is no such path."));
    };
    // HEAD is a GET whose body the host leaves out (RFC 9110 §9.3.2).
    let method = if call.method == "HEAD" { "GET" } else { call.method };
    let known = ROUTES.iter().filter(|(_, of, _)| *of == pattern);
    if let Some((.., purpose)) = known.clone().find(|(of, ..)| *of == method) {
        return Ok((*purpose, ids));
    }
    let mut allow: Vec<&str> = known.map(|(of, ..)| *of).collect();
    if allow.contains(&"GET") {
        allow.push("HEAD");
    }
    let allow = allow.join(", ");
    let detail = format!("This path knows {allow}.");
    Err(Problem { allow: Some(allow), ..Problem::new(Code::MethodNotAllowed, detail) })
}

/// The segments of `path` at the pattern's `{id}` and at a second id, empty if it has none; `None`
/// when they do not match.
fn fit<'a>(pattern: &str, path: &'a str) -> Option<[&'a str; 2]> {
    let [mut id, mut inner_id] = [""; 2];
    let mut segments = path.split('/');
    for wanted in pattern.split('/') {
        let segment = segments.next()?;
        match wanted {
            "{id}" | "{event_id}" | "{secret_id}" if segment.is_empty() => return None,
            "{id}" => id = segment,
            "{event_id}" | "{secret_id}" => inner_id = segment,
            literal if literal == segment => {}
            _ => return None,
        }
    }
    segments.next().is_none().then_some([id, inner_id])
}

fn ticket_id(text: &str) -> Result<TicketId, Problem> {
    TicketId::parse(text).ok_or_else(|| Refusal::UnknownTicket.into())
}

fn webhook_id(text: &str) -> Result<WebhookId, Problem> {
    WebhookId::parse(text).ok_or_else(|| Refusal::UnknownWebhook.into())
}

fn delivered(text: &str) -> Result<EventId, Problem> {
    EventId::parse(text).ok_or_else(|| Refusal::UnknownDelivery.into())
}

fn ticket_message(call: &Call<'_>) -> Result<TicketMessage, Problem> {
    let mut fields = Fields::of(call)?;
    let message = fields.parsed("ticket_message", TicketMessage::parse);
    fields.finish(message)
}

fn register(api: &Api, call: &Call<'_>, fresh: impl FnOnce() -> [u8; Secret::LENGTH]) -> Taken {
    let mut fields = Fields::of(call)?;
    let url = fields.parsed("callback_url", bounded_url);
    let own_secret = own_secret(&mut fields);
    let settings = settings::take(&mut fields);
    let callback_url = callback_url(api, &fields.finish(url)?)?;
    // An invalid secret of the caller has ended the call by now.
    let secret = own_secret.unwrap_or_else(|| Secret::new(fresh()));
    Ok(Action::Decide(Command::Register(Registration { callback_url, secret, settings })))
}

fn rotate(
    call: &Call<'_>,
    webhook: WebhookId,
    fresh: impl FnOnce() -> [u8; Secret::LENGTH],
) -> Taken {
    let mut fields = Fields::of_any(call)?;
    let own_secret = own_secret(&mut fields);
    let range = 0..=Secrets::MAX_OVERLAP_S;
    let seconds = fields.whole("overlap_seconds", &range, Secrets::OVERLAP_S);
    fields.finish(Some(()))?;
    let secret = own_secret.unwrap_or_else(|| Secret::new(fresh()));
    let overlap_ms = u64::from(seconds.unwrap_or(Secrets::OVERLAP_S)) * 1_000;
    Ok(Action::Decide(Command::Rotate(Rotation { webhook, secret, overlap_ms })))
}

/// A secret of the caller's own, if it sends one.
fn own_secret(fields: &mut Fields) -> Option<Secret> {
    let brings_one = fields.is_given("secret") && !fields.is_null("secret");
    brings_one.then(|| fields.parsed("secret", Secret::own)).flatten()
}

fn amend(api: &Api, call: &Call<'_>, id: WebhookId) -> Taken {
    let mut fields = Fields::of(call)?;
    let moves = fields.is_given("callback_url");
    let url = if moves { fields.parsed("callback_url", bounded_url) } else { None };
    if fields.is_given("secret") {
        fields.fail("secret", "is changed by rotating it, not here");
    }
    let mut settings = settings::take(&mut fields);
    fields.finish(Some(()))?;
    settings.callback_url = url.map(|url| callback_url(api, &url)).transpose()?;
    Ok(Action::Decide(Command::Amend { id, settings }))
}

fn bounded_url(text: String) -> Result<String, BadText> {
    BadText::check(&text, CallbackUrl::MAX_LENGTH).map(|()| text)
}

fn callback_url(api: &Api, text: &str) -> Result<CallbackUrl, Problem> {
    CallbackUrl::parse(text, &api.targets).map_err(|bad| {
        let detail = bad.to_string();
        // A field's error does not name its subject, as the pointer does.
        let told = detail.trim_start_matches("The callback URL ").trim_end_matches('.').to_owned();
        let error = FieldError { pointer: "#/callback_url".to_owned(), detail: told };
        Problem { errors: vec![error], ..Problem::new(Code::BadCallbackUrl, detail) }
    })
}

fn ticket_filter(call: &Call<'_>) -> Result<Option<TicketFilter>, Problem> {
    match parameter(call.query, "status") {
        None => Ok(None),
        Some("open") => Ok(Some(TicketFilter::Open)),
        Some("closed") => Ok(Some(TicketFilter::Closed)),
        Some(_) => Err(bad_parameter("status", "must be open or closed")),
    }
}

fn order(call: &Call<'_>) -> Result<Order, Problem> {
    match parameter(call.query, "order") {
        None | Some("oldest") => Ok(Order::Oldest),
        Some("newest") => Ok(Order::Newest),
        Some(_) => Err(bad_parameter("order", "must be oldest or newest")),
    }
}

fn list(call: &Call<'_>, of: ListKind) -> Taken {
    let after = cursor(call, |cursor| of.place(cursor))?;
    Ok(Action::List(Listing::new(of, after, limit(call)?)))
}

fn list_deliveries(call: &Call<'_>, webhook: WebhookId) -> Taken {
    let only = match parameter(call.query, "state") {
        None => None,
        Some(name) => Some(DeliveryState::parse(name).ok_or_else(|| {
            let states = DeliveryState::ALL.map(DeliveryState::name).join(", ");
            bad_parameter("state", format!("must be one of {states}"))
        })?),
    };
    let after = cursor(call, EventId::parse)?;
    let limit = limit(call)?.unwrap_or(DeliveriesQuery::LIMIT);
    Ok(Action::Read(Reading::Deliveries(DeliveriesQuery { webhook, only, after, limit })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Call, Callers, MAX_BODY};
    use crate::guard::Targets;

    fn take_with(method: &str, path: &str, content_type: &str, body: &[u8]) -> Action {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let api = Api { callers: Callers::All, can_wait: false, targets: Targets::public() };
        let headers = vec![("content-type", content_type)];
        api.open(&Call { method, path, query, headers, body }, || [1; 32])
    }

    fn refused(next: Action) -> (u16, String) {
        match next {
            Action::Answer(response) => (response.status, response.body),
            other @ (Action::Decide(_)
            | Action::CountReplay(_)
            | Action::Read(_)
            | Action::List(_)
            | Action::ReadEvents(_)) => {
                panic!("taken: {other:?}")
            }
        }
    }

    #[test]
    fn every_route_is_found_and_knows_its_methods() {
        for (method, pattern, purpose) in ROUTES {
            let path =
                pattern.replace("{id}", "x").replace("{event_id}", "x").replace("{secret_id}", "x");
            let call = Call { method, path: &path, query: "", headers: vec![], body: b"" };
            assert_eq!(find(&call).map(|(of, _)| of), Ok(purpose));
            let other = Call { method: "PUT", ..call };
            let problem = find(&other).unwrap_err();
            assert!(problem.allow.is_some_and(|allow| allow.contains(method)), "{pattern}");
        }
    }

    #[test]
    fn paths_that_are_not_ours_are_not_found() {
        for path in ["", "/", "/ticket", "/tickets/", "/tickets/a/b", "//tickets", "/Tickets"] {
            let (status, body) = refused(take_with("GET", path, "", b""));
            assert_eq!((status, body.contains("not_found")), (404, true), "{path}");
        }
    }

    #[test]
    fn bad_bodies_are_told_apart() {
        let long = format!("{{\"ticket_message\":\"{}\"}}", "x".repeat(65_537));
        let huge = vec![b' '; MAX_BODY + 1];
        let table: [(&str, &[u8], u16, &str); 12] = [
            ("text/plain", b"{}", 415, "unsupported_media_type"),
            ("", b"{}", 415, "unsupported_media_type"),
            ("application/json", &huge, 413, "too_large"),
            ("application/json", b"", 400, "bad_json"),
            ("application/json", b"{\"ticket_message\":", 400, "bad_json"),
            ("application/json", b"{\"ticket_message\":\"\xff\"}", 400, "bad_json"),
            ("application/json", b"[]", 422, "\"#\""),
            ("application/json; charset=utf-8", b"{}", 422, "is missing"),
            ("application/json", b"{\"ticket_message\":7}", 422, "must be a string"),
            ("application/json", b"{\"ticket_message\":\"\"}", 422, "must not be empty"),
            ("application/json", b"{\"ticket_message\":\"a\\u0000\"}", 422, "U+0000"),
            ("application/json", long.as_bytes(), 422, "#/ticket_message"),
        ];
        for (content_type, body, status, words) in table {
            let said = refused(take_with("POST", "/tickets", content_type, body));
            assert_eq!(said.0, status, "{}", said.1);
            assert!(said.1.contains(words), "{words}: {}", said.1);
        }
    }

    #[test]
    fn bad_settings_are_all_named_at_once() {
        let body = br#"{"callback_url": 1, "ordering": "x", "retry_schedule": [1, -1],
            "timeout_ms": 999, "max_in_flight": 1.5, "events": ["x"], "headers": {"host": "a"}, "rate_limit": 0,
            "status": "disabled", "secret": "whsec_AAAA"}"#;
        let (status, body) =
            refused(take_with("POST", "/webhooks/register", "application/json", body));
        assert_eq!(status, 422);
        for pointer in [
            "callback_url",
            "ordering",
            "retry_schedule/1",
            "timeout_ms",
            "max_in_flight",
            "events/0",
            "headers/host",
            "rate_limit",
            "status",
            "secret",
        ] {
            assert!(body.contains(&format!("\"#/{pointer}\"")), "{pointer}: {body}");
        }
    }

    #[test]
    fn lists_take_limits_and_cursors_of_their_own_kind() {
        for query in [
            "limit=0",
            "limit=1001",
            "limit=",
            "limit=x",
            "limit=-1",
            "after=",
            "after=whk_1",
            "after=whk_0197000000017abcaeeeeeeeeeeeeeee",
            "status=ajar",
            "order=any",
            "status",
        ] {
            let (status, body) = refused(take_with("GET", &format!("/tickets?{query}"), "", b""));
            assert_eq!((status, body.contains("bad_field")), (422, true), "{query}");
        }
        let query = "/tickets?limit=1000&after=tkt_0197000000017abcaeeeeeeeeeeeeeee&status=open";
        assert!(matches!(take_with("GET", query, "", b""), Action::List(_)));
    }
}
