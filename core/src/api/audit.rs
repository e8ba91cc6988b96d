//! Calls about the audit: who changed what.

use std::net::IpAddr;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::api::query::{Query, bad_parameter};
use crate::api::view::Time;
use crate::api::{Action, Problem, Reading, Response};
use crate::engine::store::Rows;
use crate::model::audit::{Actor, AuditAction, AuditFilter, AuditObject, AuditRow, AuditState};
use crate::model::id::{AuditId, EventId, KeyId, RequestId, WebhookId};
use crate::model::partner::Partner;

/// A page of the audit, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditQuery {
    only: Option<AuditFilter>,
    after: Option<AuditId>,
    limit: u32,
}

impl AuditQuery {
    /// Rows of a page if the caller names no limit.
    const LIMIT: u32 = 100;

    pub(super) fn answer<R: Rows + ?Sized>(self, rows: &mut R) -> Result<Response, R::Fault> {
        let mut audit = rows.audit(self.only, self.after, self.limit + 1)?;
        let goes_on = audit.len() > self.limit as usize;
        audit.truncate(self.limit as usize);
        let next = audit.last().map(|last| last.id).filter(|_| goes_on);
        Ok(Response::page(audit.iter().map(AuditView::from).collect(), next))
    }
}

pub(super) fn list(query: &Query<'_>) -> Result<Action, Problem> {
    let (after, limit) = (query.cursor(AuditId::parse)?, query.limit()?);
    let limit = limit.unwrap_or(AuditQuery::LIMIT);
    Ok(Action::Read(Reading::Audit(AuditQuery { only: filter(query)?, after, limit })))
}

fn filter(query: &Query<'_>) -> Result<Option<AuditFilter>, Problem> {
    match (query.get("webhook"), query.get("key")) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(bad_parameter("key", "excludes webhook")),
        (Some(id), None) => {
            let id = WebhookId::parse(id).map(AuditFilter::Webhook);
            id.map(Some).ok_or_else(|| bad_parameter("webhook", "must be a webhook's id"))
        }
        (None, Some(id)) => {
            let id = KeyId::parse(id).map(AuditFilter::Key);
            id.map(Some).ok_or_else(|| bad_parameter("key", "must be an API key's id"))
        }
    }
}

/// A change of the desk by a caller.
#[derive(Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
struct AuditView<'a> {
    id: AuditId,
    at: Time,
    by: ActorView<'a>,
    /// The address of the connection, where the host knows it.
    #[cfg_attr(feature = "typescript", tsify(type = "string | null"))]
    peer: Option<IpAddr>,
    /// The `request-id` of the response.
    request_id: Option<RequestId>,
    action: AuditAction,
    webhook_id: Option<WebhookId>,
    event_id: Option<EventId>,
    key_id: Option<KeyId>,
    partner: Option<Partner>,
    /// What the change replaced; all of the object if it is gone.
    #[cfg_attr(feature = "typescript", tsify(type = "Partial<AuditState> | null"))]
    before: Option<Map<String, Value>>,
    /// What replaced it; all of the object if it is new.
    #[cfg_attr(feature = "typescript", tsify(type = "Partial<AuditState> | null"))]
    after: Option<Map<String, Value>>,
}

/// Who made a change.
#[derive(Serialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
struct ActorView<'a> {
    /// `key`, `session`, `binding`, `command_line`, or `anyone` on a desk that asks for no key.
    caller: &'static str,
    id: Option<KeyId>,
    /// The name that the key had then.
    name: Option<&'a str>,
    /// The user of the desk's machine.
    uid: Option<u32>,
}

impl<'a> From<&'a AuditRow> for AuditView<'a> {
    fn from(row: &'a AuditRow) -> Self {
        let change = &row.change;
        let (before, after) = differing(change.before.as_ref(), change.after.as_ref());
        let mut view = Self {
            id: row.id,
            at: Time(row.at),
            by: ActorView::from(&row.actor),
            peer: row.source.peer,
            request_id: row.source.request,
            action: change.action,
            webhook_id: None,
            event_id: None,
            key_id: None,
            partner: None,
            before,
            after,
        };
        match change.object {
            AuditObject::Webhook(id) => view.webhook_id = Some(id),
            AuditObject::Delivery(id, event) => {
                (view.webhook_id, view.event_id) = (Some(id), Some(event));
            }
            AuditObject::Key(id) => view.key_id = Some(id),
            AuditObject::Partner(partner) => view.partner = Some(partner),
            AuditObject::Service | AuditObject::Peer => {}
        }
        view
    }
}

impl<'a> From<&'a Actor> for ActorView<'a> {
    fn from(actor: &'a Actor) -> Self {
        let unnamed = Self { caller: actor.kind(), id: None, name: None, uid: None };
        match actor {
            Actor::Key { id, name } => Self { id: Some(*id), name: name.as_deref(), ..unnamed },
            Actor::Session { key, name } => Self { id: *key, name: name.as_deref(), ..unnamed },
            Actor::CommandLine { uid } => Self { uid: Some(*uid), ..unnamed },
            Actor::Binding | Actor::Anyone => unnamed,
        }
    }
}

type Fields = Option<Map<String, Value>>;

/// The fields of two states that differ; all of the one if there is no other.
fn differing(before: Option<&AuditState>, after: Option<&AuditState>) -> (Fields, Fields) {
    match (before.map(fields), after.map(fields)) {
        (Some(before), Some(after)) => {
            let kept = |of: &Map<String, Value>, other: &Map<String, Value>| {
                let differing = of.iter().filter(|(name, value)| other.get(*name) != Some(*value));
                differing.map(|(name, value)| (name.clone(), value.clone())).collect()
            };
            (Some(kept(&before, &after)), Some(kept(&after, &before)))
        }
        one => one,
    }
}

fn fields(state: &AuditState) -> Map<String, Value> {
    match serde_json::to_value(state) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) | Err(_) => Map::new(),
    }
}

#[cfg(test)]
mod tests;
