//! Readings: calls that show one thing, or one page, and change nothing.

use crate::api::authorization::{self, reached};
use crate::api::keys::{self, KeysQuery};
use crate::api::replay_request::running;
use crate::api::{
    AttemptsQuery, AuditQuery, DeliveriesQuery, PartnersQuery, Problem, Response, view,
};
use crate::engine::store::Rows;
use crate::model::caller::Authorization;
use crate::model::id::{EventId, SecretId, TicketId, WebhookId};
use crate::model::millis::Millis;
use crate::model::refusal::Refusal;

/// A query that is answered from the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    Ticket(TicketId),
    Webhook(WebhookId),
    /// The names and times of a webhook's live secrets.
    Secrets(WebhookId),
    Service,
    Deliveries(DeliveriesQuery),
    Attempts(AttemptsQuery),
    /// The running replay of a webhook.
    Replay(WebhookId),
    Event(EventId),
    Keys(KeysQuery),
    Partners(PartnersQuery),
    Audit(AuditQuery),
    /// Who the caller is, and what it may do.
    Caller,
    /// Whether the host is ready: it responds with [`ready`].
    Ready,
}

impl Reading {
    /// The response at `now` to the caller, from rows as of one moment.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn answer<R: Rows + ?Sized>(
        self,
        authorization: Option<Authorization>,
        rows: &mut R,
        now: Millis,
    ) -> Result<Response, R::Fault> {
        let reach = match authorization::judge_over(authorization, rows, now)? {
            Ok(reach) => reach,
            Err(refusal) => return Ok(Problem::from(refusal).into()),
        };
        Ok(match self {
            Self::Partners(query) => query.answer(rows)?,
            Self::Audit(query) => query.answer(rows)?,
            Self::Keys(query) => query.answer(rows)?,
            Self::Caller => keys::caller(authorization, rows, now)?,
            Self::Ticket(id) => match rows.ticket(id)? {
                Some(ticket) => Response::data(200, view::TicketView::from(&ticket)),
                None => Problem::from(Refusal::UnknownTicket).into(),
            },
            Self::Webhook(id) => match reached(rows, &reach, id)? {
                Some((webhook, reader)) => {
                    let log = rows.log()?;
                    let shown = view::WebhookView::shown_to(&reach, &webhook);
                    Response::data(200, view::StateView::new(shown, (&webhook, &reader), &log, now))
                }
                None => Problem::from(Refusal::UnknownWebhook).into(),
            },
            Self::Secrets(id) => match reached(rows, &reach, id)? {
                Some((webhook, _)) => {
                    let live = webhook.secrets.live(now).map(view::SecretView::from);
                    Response::page(live.collect(), None::<SecretId>)
                }
                None => Problem::from(Refusal::UnknownWebhook).into(),
            },
            Self::Service => Response::data(200, view::ServiceView::from(&rows.service()?)),
            Self::Deliveries(query) => query.answer(&reach, rows, now)?,
            Self::Attempts(query) => query.answer(&reach, rows, now)?,
            Self::Replay(id) => running(reached(rows, &reach, id)?.as_ref()),
            Self::Event(id) => {
                let floor = rows.log()?.floor;
                let found = rows.events(id.seq(), 1)?;
                match found.first().filter(|event| event.id == id && event.seq > floor) {
                    Some(event) => Response::data(200, view::EventView::from(event)),
                    None => Problem::from(Refusal::UnknownEvent).into(),
                }
            }
            Self::Ready => ready(rows, false, None)?,
        })
    }
}

/// The response of a host that is asked whether it is ready, if its last commit succeeded;
/// otherwise [`Problem::unwritable`] is. Whether it is `paused` does not change that: it takes calls.
///
/// # Errors
/// When the store cannot be read.
pub fn ready<R: Rows + ?Sized>(
    rows: &mut R,
    paused: bool,
    standing: Option<&Standing>,
) -> Result<Response, R::Fault> {
    rows.log()?;
    let host = standing.map(Standing::view);
    Ok(Response::data(200, view::DeskHealthView { status: "ready", paused, host }))
}

/// The same of a host that forwards calls to the one that leads.
#[must_use]
pub fn ready_to_forward(paused: bool, standing: &Standing) -> Response {
    Response::data(
        200,
        view::DeskHealthView { status: "ready", paused, host: Some(standing.view()) },
    )
}

/// What a host is to its desk, where several may share one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub host: String,
    /// The host that leads: this one, or another.
    pub leader: String,
    /// Since when, by the clock of `host`.
    pub since: Millis,
}

impl Standing {
    fn view(&self) -> view::HostView<'_> {
        let Self { host, leader, since } = self;
        view::HostView { id: host, leads: host == leader, leader, since: view::Time(*since) }
    }
}
