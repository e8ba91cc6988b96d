//! Eligibility: whether an event may be delivered to a webhook, judged when its turn comes.

use crate::delivery::ordering_key::OrderingKey;
use crate::delivery::replay::ReplayRun;
use crate::engine::decision::Decision;
use crate::engine::need::Need;
use crate::model::event::Event;
use crate::model::id::WebhookId;
use crate::model::seq::Seq;
use crate::webhook::Webhook;

/// Whether the event is to be sent under `ordering_key`, judged when its turn comes.
pub(super) fn wants(
    decision: &Decision<'_>,
    webhook: &Webhook,
    ordering_key: OrderingKey,
    event: &Event,
) -> Result<bool, Need> {
    match ordering_key {
        OrderingKey::Live(_) => Ok(webhook.hears(event)),
        OrderingKey::Resend(_) => Ok(true),
        OrderingKey::Replay(_) => replay_wants(decision, webhook, event),
        OrderingKey::Cancelled(_) => Ok(false),
    }
}

/// Whether a running replay sends the event again, judged when its turn comes.
pub(super) fn replay_wants(
    decision: &Decision<'_>,
    webhook: &Webhook,
    event: &Event,
) -> Result<bool, Need> {
    let Some(run) = running(decision, webhook.id)? else { return Ok(false) };
    if !(webhook.hears(event) && webhook.id.is_older_than(event.id)) {
        return Ok(false);
    }
    if !is_settled(decision, webhook, event)? {
        return Ok(false);
    }
    Ok(run.range.only.takes(decision.attempt_summary(webhook.id, event.seq)?.delivered))
}

/// Whether the event is neither pending nor being resent.
pub(super) fn is_settled(
    decision: &Decision<'_>,
    webhook: &Webhook,
    event: &Event,
) -> Result<bool, Need> {
    let elsewhere =
        is_owed(decision, webhook, event)? || is_resent(decision, webhook.id, event.seq)?;
    Ok(!elsewhere)
}

pub(super) fn is_owed(
    decision: &Decision<'_>,
    webhook: &Webhook,
    event: &Event,
) -> Result<bool, Need> {
    let Some(reader) = decision.reader(webhook.id)? else { return Ok(false) };
    let lane = decision.lane(webhook.id, OrderingKey::of(event, reader.ordering))?;
    Ok(reader.owes(event, decision.place(reader).read_to, lane.as_ref()))
}

fn is_resent(decision: &Decision<'_>, id: WebhookId, seq: Seq) -> Result<bool, Need> {
    let slots = decision.reader(id)?.map(|reader| reader.sending.iter());
    let sends = slots.into_iter().flatten().any(|slot| slot.seq == seq);
    Ok(sends || decision.lane(id, OrderingKey::Resend(seq))?.is_some())
}

/// Whether an ordering key waits or sends.
pub(super) fn is_busy(
    decision: &Decision<'_>,
    webhook: WebhookId,
    ordering_key: OrderingKey,
) -> Result<bool, Need> {
    let Some(reader) = decision.reader(webhook)? else { return Ok(false) };
    let waits = reader.waiting > 0;
    Ok(reader.is_sending(ordering_key)
        || (waits && decision.lane(webhook, ordering_key)?.is_some()))
}

pub(super) fn running(decision: &Decision<'_>, id: WebhookId) -> Result<Option<ReplayRun>, Need> {
    Ok(decision.reader(id)?.and_then(|reader| reader.replay.run))
}
