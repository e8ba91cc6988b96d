//! The route table, and for each route the command or query that a call becomes.

use crate::api::body::{Fields, check_head};
use crate::api::listing::{ListKind, Order};
use crate::api::query::{Query, bad_parameter};
use crate::api::settings;
use crate::api::view::Health;
use crate::api::{
    Action, Api, AttemptsQuery, Call, Code, DeliveriesQuery, DeliveryState, EventsQuery,
    FieldError, Listing, Problem, Reading, ReplayRequest, Response, Taken, audit, keys, partners,
};
use crate::engine::command::{Command, Handover, Registration, Rotation};
use crate::guard::CallbackUrl;
use crate::model::access::Access;
use crate::model::id::{EventId, SecretId, TicketId, WebhookId};
use crate::model::millis::Millis;
use crate::model::partner::Partner;
use crate::model::reach::Reach;
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
    CreateKey,
    ListKeys,
    AmendKey,
    RevokeKey,
    ListPartners,
    RemovePartner,
    ListAudit,
    /// Who the caller is, and what it may do.
    ReadCaller,
}

/// Method, path, purpose, and what it needs of its caller. `{…}` stands for one segment; of two
/// patterns that match a path the first is taken, so literal ones come first.
const ROUTES: [(&str, &str, Purpose, Access); 37] = [
    ("POST", "/webhooks/register", Purpose::Register, Access::ChangeWebhooks),
    ("DELETE", "/webhooks/unregister/{id}", Purpose::Unregister, Access::ChangeWebhooks),
    ("GET", "/webhooks", Purpose::ListWebhooks, Access::ReadWebhooks),
    ("POST", "/webhooks/ping", Purpose::PingAll, Access::PingAll),
    ("GET", "/webhooks/{id}", Purpose::ReadWebhook, Access::ReadWebhooks),
    ("PATCH", "/webhooks/{id}", Purpose::AmendWebhook, Access::ChangeWebhooks),
    ("POST", "/webhooks/{id}/ping", Purpose::PingOne, Access::ChangeWebhooks),
    ("POST", "/webhooks/{id}/enable", Purpose::Enable, Access::ChangeWebhooks),
    ("POST", "/webhooks/{id}/secret/rotate", Purpose::Rotate, Access::ChangeWebhooks),
    ("GET", "/webhooks/{id}/secrets", Purpose::ListSecrets, Access::ReadWebhooks),
    ("DELETE", "/webhooks/{id}/secrets/{secret_id}", Purpose::EndSecret, Access::ChangeWebhooks),
    ("GET", "/webhooks/{id}/deliveries", Purpose::ListDeliveries, Access::ReadWebhooks),
    ("GET", "/webhooks/{id}/deliveries/{event_id}", Purpose::ReadDelivery, Access::ReadWebhooks),
    (
        "POST",
        "/webhooks/{id}/deliveries/{event_id}/resend",
        Purpose::Resend,
        Access::ChangeWebhooks,
    ),
    ("POST", "/webhooks/{id}/replay", Purpose::Replay, Access::ChangeWebhooks),
    ("GET", "/webhooks/{id}/replay", Purpose::ReadReplay, Access::ReadWebhooks),
    ("DELETE", "/webhooks/{id}/replay", Purpose::StopReplay, Access::ChangeWebhooks),
    ("POST", "/tickets", Purpose::OpenTicket, Access::ChangeTickets),
    ("GET", "/tickets", Purpose::ListTickets, Access::ReadTickets),
    ("GET", "/tickets/{id}", Purpose::ReadTicket, Access::ReadTickets),
    ("PATCH", "/tickets/{id}", Purpose::UpdateTicket, Access::ChangeTickets),
    ("DELETE", "/tickets/{id}", Purpose::CloseTicket, Access::ChangeTickets),
    (
        "POST",
        "/service/unavailable",
        Purpose::Announce(Availability::Unavailable),
        Access::ChangeTickets,
    ),
    (
        "POST",
        "/service/available",
        Purpose::Announce(Availability::Available),
        Access::ChangeTickets,
    ),
    ("GET", "/service", Purpose::ReadService, Access::ReadTickets),
    ("GET", "/events", Purpose::PullEvents, Access::ReadLog),
    ("GET", "/events/{id}", Purpose::ReadEvent, Access::ReadLog),
    ("GET", "/health/live", Purpose::Live, Access::Open),
    ("GET", "/health/ready", Purpose::Ready, Access::Open),
    ("POST", "/keys", Purpose::CreateKey, Access::Admin),
    ("GET", "/keys", Purpose::ListKeys, Access::Admin),
    ("PATCH", "/keys/{id}", Purpose::AmendKey, Access::Admin),
    ("DELETE", "/keys/{id}", Purpose::RevokeKey, Access::Admin),
    ("GET", "/partners", Purpose::ListPartners, Access::ReadPartners),
    ("DELETE", "/partners/{partner}", Purpose::RemovePartner, Access::Admin),
    ("GET", "/audit", Purpose::ListAudit, Access::Admin),
    ("GET", "/me", Purpose::ReadCaller, Access::AnyKey),
];

/// Bytes of a path that is compared with those that there are.
const MAX_HINT: usize = 256;

type Made = Result<Action, Problem>;

pub(super) fn take(
    api: &Api,
    call: &Call<'_>,
    (now, reach): (Millis, &Reach),
    fresh: impl FnOnce() -> [u8; Secret::LENGTH],
) -> Result<Taken, Problem> {
    if call.method == "OPTIONS" {
        return options(call).map(Taken::from);
    }
    let Route { purpose, ids: [id, inner_id], .. } = find(call)?;
    let query = &Query::of(call, purpose.parameters())?;
    let action = match purpose {
        Purpose::Register => register(api, call, reach, fresh),
        Purpose::Unregister => Ok(Action::Decide(Command::Unregister { id: webhook_id(id)? })),
        Purpose::ListWebhooks => {
            let partner = query.get("partner").map(partner_filter).transpose()?;
            list(query, ListKind::Webhooks { partner })
        }
        Purpose::PingAll => Ok(Action::Decide(Command::Ping)),
        Purpose::ReadWebhook => Ok(Action::Read(Reading::Webhook(webhook_id(id)?))),
        Purpose::AmendWebhook => amend(api, call, reach, webhook_id(id)?, fresh),
        Purpose::PingOne => bare(call, Command::PingOne { id: webhook_id(id)? }),
        Purpose::Enable => bare(call, Command::Enable { id: webhook_id(id)? }),
        Purpose::Rotate => rotate(call, webhook_id(id)?, fresh),
        Purpose::ListSecrets => Ok(Action::Read(Reading::Secrets(webhook_id(id)?))),
        Purpose::EndSecret => {
            let webhook = webhook_id(id)?;
            let secret = SecretId::parse(inner_id).ok_or(Refusal::UnknownSecret)?;
            Ok(Action::Decide(Command::EndSecret { webhook, secret }))
        }
        Purpose::ListDeliveries => list_deliveries(query, webhook_id(id)?),
        Purpose::ReadDelivery => {
            let (webhook, event) = (webhook_id(id)?, delivered(inner_id)?);
            read_delivery(query, webhook, event)
        }
        Purpose::Resend => {
            let (id, event) = (webhook_id(id)?, delivered(inner_id)?);
            bare(call, Command::Resend { id, event })
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
            let (only, order) = (ticket_filter(query)?, order(query)?);
            list(query, ListKind::Tickets { only, order })
        }
        Purpose::ReadTicket => Ok(Action::Read(Reading::Ticket(ticket_id(id)?))),
        Purpose::UpdateTicket => {
            let id = ticket_id(id)?;
            Ok(Action::Decide(Command::UpdateTicket { id, message: ticket_message(call)? }))
        }
        Purpose::CloseTicket => Ok(Action::Decide(Command::CloseTicket { id: ticket_id(id)? })),
        Purpose::Announce(availability) => Ok(Action::Decide(Command::Announce(availability))),
        Purpose::ReadService => Ok(Action::Read(Reading::Service)),
        Purpose::PullEvents => Ok(Action::ReadEvents(EventsQuery::of(call, query, api.can_wait)?)),
        Purpose::ReadEvent => {
            let event = EventId::parse(id).ok_or(Refusal::UnknownEvent)?;
            Ok(Action::Read(Reading::Event(event)))
        }
        Purpose::Live => {
            Ok(Action::Answer(Response::data(200, Health { status: "live", paused: false })))
        }
        Purpose::Ready => Ok(Action::Read(Reading::Ready)),
        Purpose::CreateKey => return keys::create(call, now, fresh),
        Purpose::ListKeys => keys::list(query, &api.callers),
        Purpose::AmendKey => keys::amend(call, id, now),
        Purpose::RevokeKey => keys::revoke(id),
        Purpose::ListPartners => partners::list(query),
        Purpose::RemovePartner => partners::remove(id),
        Purpose::ListAudit => audit::list(query),
        Purpose::ReadCaller => Ok(Action::Read(Reading::Caller)),
    };
    action.map(Taken::from)
}

/// Method, pattern and rule of every route.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = (&'static str, &'static str, Access)> {
    ROUTES.into_iter().map(|(method, pattern, _, access)| (method, pattern, access))
}

/// What the call's route needs of its caller, or why there is no such route.
pub(super) fn access(call: &Call<'_>) -> Result<Access, Problem> {
    if call.method == "OPTIONS" {
        return options(call).map(|_| Access::AnyKey);
    }
    find(call).map(|route| route.access)
}

/// Refuses what the head alone decides, whatever the body.
pub(super) fn check(call: &Call<'_>) -> Result<(), Problem> {
    if call.method == "OPTIONS" {
        return options(call).map(|_| ());
    }
    let Route { purpose, .. } = find(call)?;
    Query::of(call, purpose.parameters())?;
    if purpose.needs_body() { check_head(call) } else { Ok(()) }
}

impl Purpose {
    /// Names of the parameters that its query may have.
    fn parameters(self) -> &'static [&'static str] {
        match self {
            Self::ListTickets => &["after", "limit", "order", "status"],
            Self::ListWebhooks => &["after", "limit", "partner"],
            Self::ReadDelivery | Self::ListKeys | Self::ListPartners => &["after", "limit"],
            Self::ListAudit => &["after", "key", "limit", "webhook"],
            Self::ListDeliveries => &["after", "limit", "state"],
            Self::PullEvents => &["after", "limit", "wait"],
            Self::Register
            | Self::Unregister
            | Self::PingAll
            | Self::ReadWebhook
            | Self::AmendWebhook
            | Self::PingOne
            | Self::Enable
            | Self::Rotate
            | Self::ListSecrets
            | Self::EndSecret
            | Self::Resend
            | Self::Replay
            | Self::ReadReplay
            | Self::StopReplay
            | Self::OpenTicket
            | Self::ReadTicket
            | Self::UpdateTicket
            | Self::CloseTicket
            | Self::Announce(_)
            | Self::ReadService
            | Self::ReadEvent
            | Self::Live
            | Self::Ready
            | Self::CreateKey
            | Self::AmendKey
            | Self::RevokeKey
            | Self::RemovePartner
            | Self::ReadCaller => &[],
        }
    }

    /// Whether it is nothing without a body.
    fn needs_body(self) -> bool {
        matches!(
            self,
            Self::Register
                | Self::AmendWebhook
                | Self::Replay
                | Self::OpenTicket
                | Self::UpdateTicket
                | Self::CreateKey
                | Self::AmendKey
        )
    }
}

/// A call's route, and the ids in its path.
#[derive(Debug)]
struct Route<'a> {
    purpose: Purpose,
    access: Access,
    ids: [&'a str; 2],
}

fn find<'a>(call: &Call<'a>) -> Result<Route<'a>, Problem> {
    let (pattern, ids) = matching(call.path).ok_or_else(|| no_such_path(call.path))?;
    // HEAD is a GET whose body the host leaves out (RFC 9110 §9.3.2).
    let method = if call.method == "HEAD" { "GET" } else { call.method };
    let mut known = ROUTES.iter().filter(|(_, of, ..)| *of == pattern);
    if let Some((.., purpose, access)) = known.find(|(of, ..)| *of == method) {
        return Ok(Route { purpose: *purpose, access: *access, ids });
    }
    let allow = allowed(pattern);
    let detail = format!("This path knows {allow}.{}", hint(call.path));
    let header = Some(("allow", allow));
    Err(Problem { header, ..Problem::new(Code::MethodNotAllowed, detail) })
}

fn no_such_path(path: &str) -> Problem {
    Problem::new(Code::NotFound, format!("There is no such path.{}", hint(path)))
}

fn matching(path: &str) -> Option<(&'static str, [&str; 2])> {
    ROUTES.iter().find_map(|(_, pattern, ..)| Some((*pattern, fit(pattern, path)?)))
}

/// The methods of a pattern.
fn allowed(pattern: &str) -> String {
    let known = ROUTES.iter().filter(|(_, of, ..)| *of == pattern);
    let mut methods: Vec<&str> = known.map(|(of, ..)| *of).collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.push("OPTIONS");
    methods.join(", ")
}

/// The methods of a path, or of the server (RFC 9110 §9.3.7).
fn options(call: &Call<'_>) -> Made {
    let allow = match call.path {
        "*" => "DELETE, GET, HEAD, OPTIONS, PATCH, POST".to_owned(),
        path => allowed(matching(path).ok_or_else(|| no_such_path(path))?.0),
    };
    Ok(Action::Answer(Response::options(allow)))
}

/// The path that was probably meant: with single slashes, none at the end, and its words in lower
/// case; nothing if there is none.
fn hint(path: &str) -> String {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let meant = ROUTES.iter().find_map(|(_, pattern, ..)| resembling(pattern, &segments));
    let meant = meant.filter(|meant| meant != path && path.len() <= MAX_HINT);
    meant.map(|meant| format!(" Do you mean {meant}?")).unwrap_or_default()
}

/// The path of the pattern with the ids of `segments` (each has a prefix), if they differ from it in
/// case at most.
fn resembling(pattern: &str, segments: &[&str]) -> Option<String> {
    let wanted: Vec<&str> = pattern.split('/').skip(1).collect();
    if wanted.len() != segments.len() {
        return None;
    }
    let mut path = String::new();
    for (wanted, segment) in wanted.into_iter().zip(segments) {
        path.push('/');
        if wanted.starts_with('{') && segment.contains('_') {
            path.push_str(segment);
        } else if wanted.eq_ignore_ascii_case(segment) {
            path.push_str(wanted);
        } else {
            return None;
        }
    }
    Some(path)
}

/// The segments of `path` at the pattern's `{id}` and at a second id, empty if it has none; `None`
/// when they do not match.
fn fit<'a>(pattern: &str, path: &'a str) -> Option<[&'a str; 2]> {
    let [mut id, mut inner_id] = [""; 2];
    let mut segments = path.split('/');
    for wanted in pattern.split('/') {
        let segment = segments.next()?;
        match wanted {
            "{id}" | "{partner}" | "{event_id}" | "{secret_id}" if segment.is_empty() => {
                return None;
            }
            "{id}" | "{partner}" => id = segment,
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

/// The guide's own body: partners may send more fields, as they always could.
fn ticket_message(call: &Call<'_>) -> Result<TicketMessage, Problem> {
    let mut fields = Fields::lenient(call, &["ticket_message"])?;
    let message = fields.parsed("ticket_message", TicketMessage::parse);
    fields.finish(message)
}

fn partner_filter(name: &str) -> Result<Partner, Problem> {
    partners::name(name).map_err(|rule| bad_parameter("partner", rule))
}

fn register(
    api: &Api,
    call: &Call<'_>,
    reach: &Reach,
    fresh: impl FnOnce() -> [u8; Secret::LENGTH],
) -> Made {
    let mut fields = Fields::of(call, &settings::NAMES)?;
    let url = fields.parsed("callback_url", bounded_url);
    let own_secret = own_secret(&mut fields);
    let partner = fields.optional("partner", |name| partners::name(&name)).flatten();
    let settings = settings::take(&mut fields);
    let is_partners = partner.is_some() || reach.partner().is_some();
    let callback_url = callback_url(api, is_partners, &fields.finish(url)?)?;
    // An invalid secret of the caller has ended the call by now.
    let secret = own_secret.unwrap_or_else(|| Secret::new(fresh()));
    Ok(Action::Decide(Command::Register(Registration { callback_url, secret, settings, partner })))
}

fn rotate(
    call: &Call<'_>,
    webhook: WebhookId,
    fresh: impl FnOnce() -> [u8; Secret::LENGTH],
) -> Made {
    let mut fields = Fields::of_any(call, &["overlap_seconds", "secret"])?;
    let own_secret = own_secret(&mut fields);
    let range = 0..=Secrets::MAX_OVERLAP_S;
    let seconds = fields.whole("overlap_seconds", &range, Secrets::OVERLAP_S);
    fields.finish(Some(()))?;
    let secret = own_secret.unwrap_or_else(|| Secret::new(fresh()));
    let overlap_ms = u64::from(seconds.unwrap_or(Secrets::OVERLAP_S)) * 1_000;
    Ok(Action::Decide(Command::Rotate(Rotation { webhook, secret, overlap_ms })))
}

/// A call that has no fields: its body is empty, or an object without any.
fn bare(call: &Call<'_>, command: Command) -> Made {
    Fields::of_any(call, &[])?.finish(Some(Action::Decide(command)))
}

/// A secret of the caller's own, if it sends one.
fn own_secret(fields: &mut Fields) -> Option<Secret> {
    let brings_one = fields.is_given("secret") && !fields.is_null("secret");
    brings_one.then(|| fields.parsed("secret", Secret::own)).flatten()
}

fn amend(
    api: &Api,
    call: &Call<'_>,
    reach: &Reach,
    id: WebhookId,
    fresh: impl FnOnce() -> [u8; Secret::LENGTH],
) -> Made {
    let mut fields = Fields::of(call, &settings::NAMES)?;
    let moves = fields.is_given("callback_url");
    let url = if moves { fields.parsed("callback_url", bounded_url) } else { None };
    if fields.is_given("secret") {
        fields.fail("secret", "is changed by rotating it, not here");
    }
    let owner = fields.optional("partner", |name| partners::name(&name));
    if owner == Some(None) {
        fields.fail("partner", "is not taken away: unregister the webhook");
    }
    let mut settings = settings::take(&mut fields);
    fields.finish(Some(()))?;
    let is_partners = reach.partner().is_some();
    settings.callback_url = url.map(|url| callback_url(api, is_partners, &url)).transpose()?;
    Ok(Action::Decide(match owner.flatten() {
        Some(partner) => {
            let to = Handover { partner, secret: Secret::new(fresh()) };
            Command::HandOver { id, settings, to }
        }
        None => Command::Amend { id, settings },
    }))
}

fn bounded_url(text: String) -> Result<String, BadText> {
    BadText::check(&text, CallbackUrl::MAX_LENGTH).map(|()| text)
}

fn callback_url(api: &Api, is_partners: bool, text: &str) -> Result<CallbackUrl, Problem> {
    let targets = if is_partners { api.targets.public_only() } else { api.targets.clone() };
    CallbackUrl::parse(text, &targets).map_err(|bad| {
        let detail = bad.to_string();
        // A field's error does not name its subject, as the pointer does.
        let told = detail.trim_start_matches("The callback URL ").trim_end_matches('.').to_owned();
        let error = FieldError { pointer: "#/callback_url".to_owned(), detail: told };
        Problem { errors: vec![error], ..Problem::new(Code::BadCallbackUrl, detail) }
    })
}

fn ticket_filter(query: &Query<'_>) -> Result<Option<TicketFilter>, Problem> {
    match query.get("status") {
        None => Ok(None),
        Some("open") => Ok(Some(TicketFilter::Open)),
        Some("closed") => Ok(Some(TicketFilter::Closed)),
        Some(_) => Err(bad_parameter("status", "must be open or closed")),
    }
}

fn order(query: &Query<'_>) -> Result<Order, Problem> {
    match query.get("order") {
        None | Some("oldest") => Ok(Order::Oldest),
        Some("newest") => Ok(Order::Newest),
        Some(_) => Err(bad_parameter("order", "must be oldest or newest")),
    }
}

fn list(query: &Query<'_>, of: ListKind) -> Made {
    let after = query.cursor(|cursor| of.place(cursor))?;
    Ok(Action::List(Listing::new(of, after, query.limit()?)))
}

fn read_delivery(query: &Query<'_>, webhook: WebhookId, event: EventId) -> Made {
    let after = query.cursor(|number| number.parse().ok())?;
    let limit = query.limit()?.unwrap_or(DeliveriesQuery::LIMIT);
    Ok(Action::Read(Reading::Attempts(AttemptsQuery { webhook, event, after, limit })))
}

fn list_deliveries(query: &Query<'_>, webhook: WebhookId) -> Made {
    let only = match query.get("state") {
        None => None,
        Some(name) => Some(DeliveryState::parse(name).ok_or_else(|| {
            let states = DeliveryState::ALL.map(DeliveryState::name).join(", ");
            bad_parameter("state", format!("must be one of {states}"))
        })?),
    };
    let after = query.cursor(EventId::parse)?;
    let limit = query.limit()?.unwrap_or(DeliveriesQuery::LIMIT);
    Ok(Action::Read(Reading::Deliveries(DeliveriesQuery { webhook, only, after, limit })))
}

#[cfg(test)]
mod tests;
