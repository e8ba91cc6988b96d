//! Operations: for each route, the command or query that a call becomes.

use crate::api::body::Fields;
use crate::api::listing::{ListKind, Order};
use crate::api::query::{Query, bad_parameter};
use crate::api::routes::{self, Found, Operation};
use crate::api::settings;
use crate::api::view::DeskHealthView;
use crate::api::{
    Action, Api, AttemptsQuery, Call, Code, DeliveriesQuery, DeliveryState, EventsQuery,
    FieldError, Listing, LiveKeys, Problem, Reading, ReplayRequest, Response, Taken, audit, keys,
    partners, sessions,
};
use crate::engine::command::{Command, Handover, Registration, Rotation};
use crate::guard::CallbackUrl;
use crate::model::id::{EventId, SecretId, TicketId, WebhookId};
use crate::model::partner::Partner;
use crate::model::reach::Reach;
use crate::model::refusal::Refusal;
use crate::model::text::BadText;
use crate::model::ticket::{TicketFilter, TicketMessage};
use crate::webhook::secrets::Secrets;
use crate::webhook::sign::Secret;

pub(super) fn take(
    api: &Api,
    call: &Call<'_>,
    (keys, reach): (LiveKeys<'_>, &Reach),
    fresh: impl FnOnce() -> [u8; Secret::LENGTH],
) -> Result<Taken, Problem> {
    if call.method == "OPTIONS" {
        return routes::options(call).map(|response| Action::Answer(response).into());
    }
    let Found { route, ids: [id, inner_id] } = routes::find(call)?;
    let query = &Query::of(call, route.parameters)?;
    let now = keys.now;
    let action = match route.operation {
        Operation::Register => register(api, call, reach, fresh),
        Operation::Unregister => Ok(Action::Decide(Command::Unregister { id: webhook_id(id)? })),
        Operation::ListWebhooks => {
            let partner = query.get("partner").map(partner_filter).transpose()?;
            list(query, ListKind::Webhooks { partner })
        }
        Operation::PingAll => Ok(Action::Decide(Command::Ping)),
        Operation::ReadWebhook => Ok(Action::Read(Reading::Webhook(webhook_id(id)?))),
        Operation::AmendWebhook => amend(api, call, reach, webhook_id(id)?, fresh),
        Operation::PingOne => bare(call, Command::PingOne { id: webhook_id(id)? }),
        Operation::Enable => bare(call, Command::Enable { id: webhook_id(id)? }),
        Operation::Rotate => rotate(call, webhook_id(id)?, fresh),
        Operation::ListSecrets => Ok(Action::Read(Reading::Secrets(webhook_id(id)?))),
        Operation::EndSecret => {
            let webhook = webhook_id(id)?;
            let secret = SecretId::parse(inner_id).ok_or(Refusal::UnknownSecret)?;
            Ok(Action::Decide(Command::EndSecret { webhook, secret }))
        }
        Operation::ListDeliveries => list_deliveries(query, webhook_id(id)?),
        Operation::ReadDelivery => {
            let (webhook, event) = (webhook_id(id)?, delivered(inner_id)?);
            read_delivery(query, webhook, event)
        }
        Operation::Resend => {
            let (id, event) = (webhook_id(id)?, delivered(inner_id)?);
            bare(call, Command::Resend { id, event })
        }
        Operation::Replay => {
            Ok(Action::CountReplay(Box::new(ReplayRequest::take(call, webhook_id(id)?)?)))
        }
        Operation::ReadReplay => Ok(Action::Read(Reading::Replay(webhook_id(id)?))),
        Operation::StopReplay => Ok(Action::Decide(Command::StopReplay { id: webhook_id(id)? })),
        Operation::OpenTicket => {
            Ok(Action::Decide(Command::OpenTicket { message: ticket_message(call)? }))
        }
        Operation::ListTickets => {
            let (only, order) = (ticket_filter(query)?, order(query)?);
            list(query, ListKind::Tickets { only, order })
        }
        Operation::ReadTicket => Ok(Action::Read(Reading::Ticket(ticket_id(id)?))),
        Operation::UpdateTicket => {
            let id = ticket_id(id)?;
            Ok(Action::Decide(Command::UpdateTicket { id, message: ticket_message(call)? }))
        }
        Operation::CloseTicket => Ok(Action::Decide(Command::CloseTicket { id: ticket_id(id)? })),
        Operation::Announce(availability) => Ok(Action::Decide(Command::Announce(availability))),
        Operation::ReadService => Ok(Action::Read(Reading::Service)),
        Operation::PullEvents => {
            Ok(Action::ReadEvents(EventsQuery::of(call, query, api.can_wait)?))
        }
        Operation::ReadEvent => {
            let event = EventId::parse(id).ok_or(Refusal::UnknownEvent)?;
            Ok(Action::Read(Reading::Event(event)))
        }
        Operation::Live => Ok(Action::Answer(Response::data(
            200,
            DeskHealthView { status: "live", paused: false, host: None },
        ))),
        Operation::Ready => Ok(Action::Read(Reading::Ready)),
        Operation::CreateKey => return keys::create(call, now, fresh),
        Operation::ListKeys => keys::list(query, &api.callers),
        Operation::AmendKey => keys::amend(call, id, now),
        Operation::RevokeKey => keys::revoke(id),
        Operation::ListPartners => partners::list(query),
        Operation::RemovePartner => partners::remove(id),
        Operation::ListAudit => audit::list(query),
        Operation::CreateLink => return sessions::create_link(api, call, id, fresh),
        Operation::EndSessions => sessions::end_all(id),
        Operation::SignIn => return sessions::sign_in(api, call, keys, fresh),
        Operation::SignOut => return sessions::sign_out(api, call, keys),
        Operation::ReadCaller => Ok(Action::Read(Reading::Caller)),
    };
    action.map(Taken::from)
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
) -> Result<Action, Problem> {
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
) -> Result<Action, Problem> {
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
fn bare(call: &Call<'_>, command: Command) -> Result<Action, Problem> {
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
) -> Result<Action, Problem> {
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

fn list(query: &Query<'_>, of: ListKind) -> Result<Action, Problem> {
    let after = query.cursor(|cursor| of.place(cursor))?;
    Ok(Action::List(Listing::new(of, after, query.limit()?)))
}

fn read_delivery(query: &Query<'_>, webhook: WebhookId, event: EventId) -> Result<Action, Problem> {
    let after = query.cursor(|number| number.parse().ok())?;
    let limit = query.limit()?.unwrap_or(DeliveriesQuery::LIMIT);
    Ok(Action::Read(Reading::Attempts(AttemptsQuery { webhook, event, after, limit })))
}

fn list_deliveries(query: &Query<'_>, webhook: WebhookId) -> Result<Action, Problem> {
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
