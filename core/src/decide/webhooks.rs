//! Who is told.

use std::sync::Arc;

use crate::command::Registration;
use crate::decision::{Decision, Stop};
use crate::event::EventType;
use crate::id::WebhookId;
use crate::log::News;
use crate::outcome::{Refusal, Reply};
use crate::reader::Reader;
use crate::webhook::{Webhook, WebhookStatus};

type Decided = Result<Reply, Stop>;

/// A new webhook hears of what happens from here on.
pub(super) fn register(decision: &mut Decision<'_>, registration: &Registration) -> Decided {
    if decision.partners()?.len() >= Webhook::MOST {
        return Err(Refusal::TooManyWebhooks.into());
    }
    let head = decision.log()?.head;
    let stamp = decision.tick()?;
    let id = WebhookId::new(stamp, &decision.moment.chance);
    let webhook = Arc::new(Webhook {
        id,
        callback_url: registration.callback_url.clone(),
        secret: registration.secret.clone(),
        ordering: registration.ordering,
        retry_schedule: registration.retry_schedule.clone(),
        timeout_ms: registration.timeout_ms,
        max_in_flight: registration.max_in_flight,
        status: WebhookStatus::Active,
        created_at: stamp.at,
        rev: 0,
    });
    decision.register(Arc::clone(&webhook), Reader::new(id, head));
    Ok(Reply::Registered(webhook))
}

/// From here on nothing is sent to it, bar what is in flight.
pub(super) fn unregister(decision: &mut Decision<'_>, id: WebhookId) -> Decided {
    let webhook = decision.webhook(id)?.ok_or(Refusal::UnknownWebhook)?;
    let rev = decision.reader(id)?.map_or(0, |reader| reader.rev);
    decision.unregister(&webhook, rev);
    Ok(Reply::Unregistered(id))
}

/// A ping to all is owed to every webhook, like any event.
pub(super) fn ping(decision: &mut Decision<'_>) -> Decided {
    let stamp = decision.tick()?;
    let news = News { kind: EventType::Ping, topic: None, version: None, ticket_message: None };
    let event = decision.tell(stamp, news)?;
    Ok(Reply::Announced(event.id))
}
