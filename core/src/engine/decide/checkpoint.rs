//! Checkpoints: a reader advances past events that its webhook is not subscribed to.
//!
//! That alone is not worth a write, until there are many, until the difference between skipped and
//! unread events matters, or until the host stops.

use std::sync::Arc;

use crate::delivery::checkpoint::Checkpoint;
use crate::delivery::ordering_key::OrderingKey;
use crate::engine::decide::eligible::is_busy;
use crate::engine::decision::{Decision, Stop};
use crate::engine::facts::{Task, WebhookRows};
use crate::engine::need::Need;
use crate::model::id::WebhookId;
use crate::model::seq::Seq;
use crate::webhook::Webhook;

/// Events, at most, that a reader skips in one wake, after which others have a turn.
const MAX_SKIPPED: u64 = 1_000;

/// Advances every reader past events that are filtered out, up to the first that its webhook is
/// subscribed to or that is queued behind another.
pub(super) fn advance_all(decision: &mut Decision<'_>) -> Result<(), Stop> {
    let head = decision.log()?.head;
    let mut needs = Vec::new();
    let mut lagging = Vec::new();
    for id in decision.with(Task::Skip)? {
        let Some(WebhookRows { webhook, reader }) = decision.webhook_rows()?.get(&id) else {
            continue;
        };
        if decision.place(reader).read_to < head {
            lagging.push(Arc::clone(webhook));
        }
    }
    for webhook in lagging {
        if let Err(need) = advance_past_unsubscribed(decision, &webhook) {
            needs.push(need);
        }
    }
    if needs.is_empty() { Ok(()) } else { Err(Stop::Need(needs)) }
}

/// Advances one reader past events that are filtered out.
pub(super) fn advance_past_unsubscribed(
    decision: &mut Decision<'_>,
    webhook: &Webhook,
) -> Result<(), Need> {
    if let Some(place) = past_unsubscribed(decision, webhook)? {
        decision.note_checkpoint(webhook.id, place);
    }
    Ok(())
}

/// Saves the checkpoint of a webhook before its subscription changes: skipped events stay skipped,
/// also for a host that has only the rows.
pub(super) fn save_checkpoint(decision: &mut Decision<'_>, webhook: &Webhook) -> Result<(), Need> {
    let moved = past_unsubscribed(decision, webhook)?;
    let Some(reader) = decision.reader(webhook.id)? else { return Ok(()) };
    let place = moved.unwrap_or_else(|| decision.place(reader));
    if place.read_to > reader.read_to {
        write_checkpoint(decision, webhook.id, place)?;
    }
    Ok(())
}

/// Saves the checkpoint before a skipped event at `seq` is sent or waits, as otherwise another host
/// would take the event for unread.
pub(super) fn save_to(
    decision: &mut Decision<'_>,
    webhook: &Webhook,
    seq: Seq,
) -> Result<(), Need> {
    if decision.reader(webhook.id)?.is_some_and(|reader| reader.read_to < seq) {
        save_checkpoint(decision, webhook)?;
    }
    Ok(())
}

/// The checkpoint after the next events that are filtered out, if there are any.
fn past_unsubscribed(
    decision: &mut Decision<'_>,
    webhook: &Webhook,
) -> Result<Option<Checkpoint>, Need> {
    let head = decision.log()?.head;
    let Some(reader) = decision.reader(webhook.id)? else { return Ok(None) };
    let ordering = reader.ordering;
    let mut place = decision.place(reader);
    let start = place.read_to;
    while place.read_to < head {
        if place.read_to.0 - start.0 >= MAX_SKIPPED {
            decision.wake_at(decision.now());
            break;
        }
        let event = decision.event(place.read_to.next())?;
        let ordering_key = OrderingKey::of(&event, ordering);
        if webhook.hears(&event) || is_busy(decision, webhook.id, ordering_key)? {
            decision.note_stop(webhook.id, place.read_to);
            break;
        }
        place = place.past(&event);
    }
    Ok(Some(place).filter(|place| place.read_to > start))
}

/// Saves the positions that are far beyond those of their rows, so that little is read again after a
/// crash; all of them when the host sends nothing, as it may be about to end. Where the rows show
/// that nothing is unread, nothing would be read.
pub(super) fn save_far(decision: &mut Decision<'_>) -> Result<(), Need> {
    let log = decision.log()?;
    let far = if decision.sends_nothing() { 1 } else { decision.quotas().unsaved };
    for id in decision.uneven_before(Seq((log.head.0 + 1).saturating_sub(far)))? {
        let Some(webhook) = decision.webhook(id)? else { continue };
        let Some(reader) = decision.reader(id)? else { continue };
        let is_far = decision.place(reader).read_to.0 - reader.read_to.0 >= far;
        let is_even = reader.is_even(&webhook, &log);
        if is_far && !is_even {
            write_place(decision, id)?;
        }
    }
    Ok(())
}

/// Writes the position that a reader has, and that was noted alone.
pub(super) fn write_place(decision: &mut Decision<'_>, id: WebhookId) -> Result<(), Need> {
    let Some(reader) = decision.reader(id)? else { return Ok(()) };
    let place = decision.place(reader);
    write_checkpoint(decision, id, place)
}

fn write_checkpoint(
    decision: &mut Decision<'_>,
    id: WebhookId,
    place: Checkpoint,
) -> Result<(), Need> {
    let reader = decision.reader_mut(id)?;
    reader.read_to = place.read_to;
    reader.tallies = place.tallies;
    Ok(())
}
