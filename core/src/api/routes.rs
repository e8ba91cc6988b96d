//! The route table: what each route is, what it needs of its caller, and what a call may send.

use crate::api::body::check_head;
use crate::api::query::Query;
use crate::api::{Call, Code, Problem, Response};
use crate::model::access::Access;
use crate::model::service::Availability;

/// The operation of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
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
    CreateLink,
    EndSessions,
    SignIn,
    SignOut,
    /// Who the caller is, and what it may do.
    ReadCaller,
}

/// A method on the paths of a pattern, and what its calls may send.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub method: &'static str,
    /// `{…}` stands for one segment.
    pub pattern: &'static str,
    pub operation: Operation,
    pub access: Access,
    /// Names of the parameters that its query may have.
    pub parameters: &'static [&'static str],
    /// Whether it is nothing without a body.
    needs_body: bool,
}

impl Route {
    const fn new(
        method: &'static str,
        pattern: &'static str,
        operation: Operation,
        access: Access,
    ) -> Self {
        Self { method, pattern, operation, access, parameters: &[], needs_body: false }
    }

    const fn with_query(self, parameters: &'static [&'static str]) -> Self {
        Self { parameters, ..self }
    }

    const fn with_body(self) -> Self {
        Self { needs_body: true, ..self }
    }
}

const fn get(pattern: &'static str, operation: Operation, access: Access) -> Route {
    Route::new("GET", pattern, operation, access)
}

const fn post(pattern: &'static str, operation: Operation, access: Access) -> Route {
    Route::new("POST", pattern, operation, access)
}

const fn patch(pattern: &'static str, operation: Operation, access: Access) -> Route {
    Route::new("PATCH", pattern, operation, access)
}

const fn delete(pattern: &'static str, operation: Operation, access: Access) -> Route {
    Route::new("DELETE", pattern, operation, access)
}

/// Of two patterns that match a path the first is taken, so literal ones come first.
const ROUTES: [Route; 42] = [
    post("/webhooks/register", Operation::Register, Access::ChangeWebhooks).with_body(),
    delete("/webhooks/unregister/{id}", Operation::Unregister, Access::ChangeWebhooks),
    get("/webhooks", Operation::ListWebhooks, Access::ReadWebhooks)
        .with_query(&["after", "limit", "partner"]),
    post("/webhooks/ping", Operation::PingAll, Access::PingAll),
    get("/webhooks/{id}", Operation::ReadWebhook, Access::ReadWebhooks),
    patch("/webhooks/{id}", Operation::AmendWebhook, Access::ChangeWebhooks).with_body(),
    post("/webhooks/{id}/ping", Operation::PingOne, Access::ChangeWebhooks),
    post("/webhooks/{id}/enable", Operation::Enable, Access::ChangeWebhooks),
    post("/webhooks/{id}/secret/rotate", Operation::Rotate, Access::ChangeWebhooks),
    get("/webhooks/{id}/secrets", Operation::ListSecrets, Access::ReadWebhooks),
    delete("/webhooks/{id}/secrets/{secret_id}", Operation::EndSecret, Access::ChangeWebhooks),
    get("/webhooks/{id}/deliveries", Operation::ListDeliveries, Access::ReadWebhooks)
        .with_query(&["after", "limit", "state"]),
    get("/webhooks/{id}/deliveries/{event_id}", Operation::ReadDelivery, Access::ReadWebhooks)
        .with_query(&["after", "limit"]),
    post("/webhooks/{id}/deliveries/{event_id}/resend", Operation::Resend, Access::ChangeWebhooks),
    post("/webhooks/{id}/replay", Operation::Replay, Access::ChangeWebhooks).with_body(),
    get("/webhooks/{id}/replay", Operation::ReadReplay, Access::ReadWebhooks),
    delete("/webhooks/{id}/replay", Operation::StopReplay, Access::ChangeWebhooks),
    post("/tickets", Operation::OpenTicket, Access::ChangeTickets).with_body(),
    get("/tickets", Operation::ListTickets, Access::ReadTickets)
        .with_query(&["after", "limit", "order", "status"]),
    get("/tickets/{id}", Operation::ReadTicket, Access::ReadTickets),
    patch("/tickets/{id}", Operation::UpdateTicket, Access::ChangeTickets).with_body(),
    delete("/tickets/{id}", Operation::CloseTicket, Access::ChangeTickets),
    post(
        "/service/unavailable",
        Operation::Announce(Availability::Unavailable),
        Access::ChangeTickets,
    ),
    post("/service/available", Operation::Announce(Availability::Available), Access::ChangeTickets),
    get("/service", Operation::ReadService, Access::ReadTickets),
    get("/events", Operation::PullEvents, Access::ReadLog).with_query(&["after", "limit", "wait"]),
    get("/events/{id}", Operation::ReadEvent, Access::ReadLog),
    get("/health/live", Operation::Live, Access::Open),
    get("/health/ready", Operation::Ready, Access::Open),
    post("/keys", Operation::CreateKey, Access::Admin).with_body(),
    get("/keys", Operation::ListKeys, Access::Admin).with_query(&["after", "limit"]),
    patch("/keys/{id}", Operation::AmendKey, Access::Admin).with_body(),
    delete("/keys/{id}", Operation::RevokeKey, Access::Admin),
    get("/partners", Operation::ListPartners, Access::ReadPartners).with_query(&["after", "limit"]),
    delete("/partners/{partner}", Operation::RemovePartner, Access::Admin),
    post("/partners/{partner}/link", Operation::CreateLink, Access::Admin),
    delete("/partners/{partner}/sessions", Operation::EndSessions, Access::Admin),
    get("/audit", Operation::ListAudit, Access::Admin)
        .with_query(&["after", "key", "limit", "webhook"]),
    get("/me", Operation::ReadCaller, Access::AnyKey),
    post("/session", Operation::SignIn, Access::Open).with_body(),
    get("/session", Operation::ReadCaller, Access::AnyKey),
    delete("/session", Operation::SignOut, Access::AnyKey),
];

/// Bytes of a path that is compared with those that there are.
const MAX_HINT: usize = 256;

/// Method, pattern and rule of every route.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = (&'static str, &'static str, Access)> {
    ROUTES.into_iter().map(|route| (route.method, route.pattern, route.access))
}

/// What the call's route needs of its caller, or why there is no such route.
pub(super) fn access(call: &Call<'_>) -> Result<Access, Problem> {
    if call.method == "OPTIONS" {
        return options(call).map(|_| Access::AnyKey);
    }
    find(call).map(|found| found.route.access)
}

/// Refuses what the head alone decides, whatever the body.
pub(super) fn check(call: &Call<'_>) -> Result<(), Problem> {
    if call.method == "OPTIONS" {
        return options(call).map(|_| ());
    }
    let Found { route, .. } = find(call)?;
    Query::of(call, route.parameters)?;
    if route.needs_body { check_head(call) } else { Ok(()) }
}

/// A call's route, and the ids in its path.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub route: &'static Route,
    pub ids: [&'a str; 2],
}

pub(super) fn find<'a>(call: &Call<'a>) -> Result<Found<'a>, Problem> {
    let (pattern, ids) = matching(call.path).ok_or_else(|| no_such_path(call.path))?;
    // HEAD is a GET whose body the host leaves out (RFC 9110 §9.3.2).
    let method = if call.method == "HEAD" { "GET" } else { call.method };
    if let Some(route) = on(pattern).find(|route| route.method == method) {
        return Ok(Found { route, ids });
    }
    let allow = allowed(pattern);
    let detail = format!("This path knows {allow}.{}", hint(call.path));
    let header = Some(("allow", allow));
    Err(Problem { header, ..Problem::new(Code::MethodNotAllowed, detail) })
}

/// The routes of a pattern.
fn on(pattern: &'static str) -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().filter(move |route| route.pattern == pattern)
}

fn no_such_path(path: &str) -> Problem {
    Problem::new(Code::NotFound, format!("There is no such path.{}", hint(path)))
}

fn matching(path: &str) -> Option<(&'static str, [&str; 2])> {
    ROUTES.iter().find_map(|route| Some((route.pattern, fit(route.pattern, path)?)))
}

/// The methods of a pattern.
fn allowed(pattern: &'static str) -> String {
    let mut methods: Vec<&str> = on(pattern).map(|route| route.method).collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.push("OPTIONS");
    methods.join(", ")
}

/// The methods of a path, or of the server (RFC 9110 §9.3.7).
pub(super) fn options(call: &Call<'_>) -> Result<Response, Problem> {
    let allow = match call.path {
        "*" => "DELETE, GET, HEAD, OPTIONS, PATCH, POST".to_owned(),
        path => allowed(matching(path).ok_or_else(|| no_such_path(path))?.0),
    };
    Ok(Response::options(allow))
}

/// The path that was probably meant: with single slashes, none at the end, and its words in lower
/// case; nothing if there is none.
fn hint(path: &str) -> String {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let meant = ROUTES.iter().find_map(|route| resembling(route.pattern, &segments));
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

#[cfg(test)]
mod tests;
