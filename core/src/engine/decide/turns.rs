//! Turns: the choice of the next event of a lane, judged when its turn comes.

use std::sync::Arc;

use crate::delivery::lane::Lane;
use crate::delivery::ordering_key::{OrderingKey, OrderingScope};
use crate::delivery::slot::Slot;
use crate::engine::decide::checkpoint;
use crate::engine::decide::eligible::{is_settled, wants};
use crate::engine::decision::Decision;
use crate::engine::need::Need;
use crate::model::event::Event;
use crate::model::id::WebhookId;
use crate::model::reason::Reason;
use crate::model::seq::Seq;
use crate::webhook::Webhook;

/// Whether a head is to be dropped: it was not attempted, and it is filtered out.
pub(super) fn is_unwanted(
    decision: &Decision<'_>,
    webhook: &Webhook,
    lane: &Lane,
) -> Result<bool, Need> {
    let untried = lane.why == Reason::Turn;
    Ok(untried && !wants(decision, webhook, lane.ordering_key, &*decision.event(lane.head)?)?)
}

/// Settles an event. The next one of its ordering key takes the slot if the webhook may be sent it
/// and has room, else it waits in a lane that is due now.
pub(super) fn settle(
    decision: &mut Decision<'_>,
    webhook: &Arc<Webhook>,
    slot: Slot,
) -> Result<(), Need> {
    let now = decision.now();
    decision.claim(webhook.id)?.remove_pending(slot.ordering_key);
    let Some(next) = next_in_lane(decision, webhook, &slot)? else { return Ok(()) };
    let last_queued = slot.last_queued.filter(|last| *last > next.seq);
    let number = requests_so_far(decision, webhook.id, slot.ordering_key, next.seq)?;
    let first =
        Slot { number: number + 1, ..Slot::first(next.seq, slot.ordering_key, last_queued, now) };
    let wanted = wants(decision, webhook, slot.ordering_key, &next)?;
    let stays = wanted && !decision.is_expiring(next.seq);
    if stays && decision.may_send_now(webhook)? && decision.has_room(webhook)? {
        count_replayed(decision, webhook.id, slot.ordering_key)?;
        decision.send(webhook, first)
    } else {
        let lane = first.waiting(webhook.id, 0, now, Reason::Turn);
        decision.add_waiting_lane(Lane { number, ..lane })
    }
}

/// The next eligible event of the ordering key. Ineligible ones are settled; after very many of
/// them the next one is returned all the same, to go on from later.
pub(super) fn next_in_lane(
    decision: &mut Decision<'_>,
    webhook: &Webhook,
    slot: &Slot,
) -> Result<Option<Arc<Event>>, Need> {
    let Some(last_queued) = slot.last_queued else { return Ok(None) };
    // A replay of delivered events passes nearly all of them, far from those in memory.
    let quotas = decision.quotas();
    let most = if slot.ordering_key.is_replay() { quotas.replay_reads } else { quotas.reads };
    let mut last = slot.seq;
    for passed in 0.. {
        let next = match slot.ordering_key {
            OrderingKey::Live(OrderingScope::Topic(topic))
            | OrderingKey::Replay(OrderingScope::Topic(topic)) => {
                decision.next_about(topic, last, last_queued)?
            }
            OrderingKey::Live(OrderingScope::Everything)
            | OrderingKey::Replay(OrderingScope::Everything) => {
                Some(last.next()).filter(|next| *next <= last_queued)
            }
            OrderingKey::Live(OrderingScope::Event(_))
            | OrderingKey::Replay(OrderingScope::Event(_))
            | OrderingKey::Resend(_)
            | OrderingKey::Cancelled(_) => None,
        };
        let Some(next) = next else { return Ok(None) };
        let event = decision.event(next)?;
        let is_enough = passed >= most && may_wait(decision, webhook, slot.ordering_key, &event)?;
        if is_enough || wants(decision, webhook, slot.ordering_key, &event)? {
            checkpoint::save_to(decision, webhook, event.seq)?;
            return Ok(Some(event));
        }
        remove_from_owed(decision, webhook.id, slot.ordering_key, next)?;
        decision.reader_mut(webhook.id)?.remove_pending(slot.ordering_key);
        last = next;
    }
    Ok(None)
}

/// Whether the event may wait under `ordering_key`, eligible or not: it does not wait elsewhere.
fn may_wait(
    decision: &Decision<'_>,
    webhook: &Webhook,
    ordering_key: OrderingKey,
    event: &Event,
) -> Result<bool, Need> {
    match ordering_key {
        OrderingKey::Live(_) | OrderingKey::Resend(_) | OrderingKey::Cancelled(_) => Ok(true),
        OrderingKey::Replay(_) => is_settled(decision, webhook, event),
    }
}

/// Requests made for an event before its turn: a live event has none.
pub(super) fn requests_so_far(
    decision: &Decision<'_>,
    webhook: WebhookId,
    ordering_key: OrderingKey,
    seq: Seq,
) -> Result<u32, Need> {
    match ordering_key {
        OrderingKey::Live(_) => Ok(0),
        OrderingKey::Resend(_) | OrderingKey::Replay(_) | OrderingKey::Cancelled(_) => {
            Ok(decision.attempt_summary(webhook, seq)?.number)
        }
    }
}

/// Removes a filtered event from the owed digest.
pub(super) fn remove_from_owed(
    decision: &mut Decision<'_>,
    webhook: WebhookId,
    ordering_key: OrderingKey,
    seq: Seq,
) -> Result<(), Need> {
    match ordering_key {
        OrderingKey::Live(_) => {
            let event = decision.event(seq)?;
            decision.reader_mut(webhook)?.owed.remove(event.id);
        }
        OrderingKey::Resend(_) | OrderingKey::Replay(_) | OrderingKey::Cancelled(_) => {}
    }
    Ok(())
}

/// Sends the head of a waiting lane.
pub(super) fn send_head(
    decision: &mut Decision<'_>,
    webhook: &Arc<Webhook>,
    lane: &Lane,
    probe: bool,
) -> Result<(), Need> {
    decision.remove_waiting_lane(lane)?;
    if lane.why == Reason::Turn {
        count_replayed(decision, webhook.id, lane.ordering_key)?;
    }
    decision.send(webhook, Slot { probe, ..lane.slot(decision.now()) })
}

/// Counts an event of which a running replay sends the first request. A resend counts one that another
/// host still sends for, so nothing is claimed.
pub(super) fn count_replayed(
    decision: &mut Decision<'_>,
    id: WebhookId,
    ordering_key: OrderingKey,
) -> Result<(), Need> {
    if let Some(run) = &mut decision.reader_mut(id)?.replay.run
        && ordering_key.is_replay()
    {
        run.sent += 1;
    }
    Ok(())
}
