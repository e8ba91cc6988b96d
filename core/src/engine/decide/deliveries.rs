//! Delivery scheduling: which event is sent to which webhook, and when.
//!
//! A wake first puts events of lost requests back into their lanes, then fills the windows in turn.
//! [`attempt_results`](super::attempt_results) handle the end of a request, which settles its event
//! or schedules a retry, and [`turns`](super::turns) choose the next event of a lane.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::delivery::lane::Lane;
use crate::delivery::ordering_key::OrderingKey;
use crate::delivery::reader::Reader;
use crate::delivery::slot::Slot;
use crate::engine::decide::eligible::is_busy;
use crate::engine::decide::turns::{is_unwanted, remove_from_owed, send_head, settle};
use crate::engine::decide::{checkpoint, replays};
use crate::engine::decision::{Decision, Stop};
use crate::engine::facts::{Task, WebhookRows};
use crate::engine::need::Need;
use crate::engine::outcome::Reply;
use crate::model::id::WebhookId;
use crate::model::reason::Reason;
use crate::webhook::Webhook;

pub(super) fn wake(decision: &mut Decision<'_>) -> Result<Reply, Stop> {
    load(decision)?;
    reclaim(decision)?;
    reorder(decision)?;
    replays::finish(decision)?;
    checkpoint::advance_all(decision)?;
    checkpoint::save_far(decision)?;
    fill(decision)?;
    if let Some(at) = decision.retains_at() {
        decision.wake_at(at);
    }
    Ok(Reply::Noted)
}

/// Needs what the schedule is made of: webhooks, the log, and the first lanes of those that may be
/// sent one.
fn load(decision: &Decision<'_>) -> Result<(), Stop> {
    decision.webhook_rows()?;
    decision.log()?;
    let needs: Vec<_> = decision.to_load().filter_map(|id| decision.first_lane(id).err()).collect();
    if needs.is_empty() { Ok(()) } else { Err(Stop::Need(needs)) }
}

/// Takes over requests in flight of the previous host, and gives up lost ones.
fn reclaim(decision: &mut Decision<'_>) -> Result<(), Stop> {
    let now = decision.now();
    let (mut foreign, mut lost) = (Vec::new(), Vec::new());
    let is_ours = |reader: &Reader| reader.holder == Some(decision.moment.holder);
    for id in decision.sent_to_by_others()? {
        let Some(WebhookRows { reader, .. }) = decision.webhook_rows()?.get(&id) else { continue };
        foreign.extend((!is_ours(reader) && !reader.sending.is_empty()).then_some(id));
    }
    for id in decision.with(Task::GiveUp)? {
        let Some(WebhookRows { webhook, reader }) = decision.webhook_rows()?.get(&id) else {
            continue;
        };
        let overdue = |slot: &&Slot| is_ours(reader) && slot.lost_at(webhook.timeout_ms) <= now;
        lost.extend(reader.sending.iter().filter(overdue).map(|slot| (id, *slot)));
    }
    for webhook in foreign {
        decision.claim(webhook)?;
    }
    for (webhook, slot) in lost {
        decision.requeue_lost(webhook, slot, Reason::Lost)?;
    }
    Ok(())
}

/// Puts another ordering into effect when nothing is in flight or waits.
fn reorder(decision: &mut Decision<'_>) -> Result<(), Need> {
    for id in decision.with(Task::Reorder)? {
        let Some(webhook) = decision.webhook(id)? else { continue };
        let drained = |reader: &Reader| reader.is_reordering(&webhook) && reader.is_idle();
        if decision.reader(id)?.is_some_and(drained) {
            decision.reader_mut(id)?.ordering = webhook.ordering;
        }
    }
    Ok(())
}

/// Fills all windows, one request at a time to each webhook in turn, beginning after the one that
/// was served last.
fn fill(decision: &mut Decision<'_>) -> Result<(), Stop> {
    let mut needs = Vec::new();
    let (mut first, mut again) = (decision.in_turn()?, VecDeque::new());
    while let Some(id) = first.next().or_else(|| again.pop_front()) {
        if decision.is_full() {
            break;
        }
        let Some(webhook) = active(decision, id)? else { continue };
        match send_one(decision, &webhook) {
            Ok(true) => {
                decision.turn = Some(id);
                again.push_back(id);
            }
            Ok(false) => {}
            Err(need) => needs.push(need),
        }
    }
    if needs.is_empty() { Ok(()) } else { Err(Stop::Need(needs)) }
}

/// The webhook, if it is active.
fn active(decision: &Decision<'_>, id: WebhookId) -> Result<Option<Arc<Webhook>>, Need> {
    let row = decision.webhook_rows()?.get(&id);
    Ok(row.filter(|row| row.webhook.is_active()).map(|row| Arc::clone(&row.webhook)))
}

/// Sends one request, if the webhook may be sent one, has room and has an event to send: a lane
/// that is due, else the next event of an ordering key that neither waits nor sends.
fn send_one(decision: &mut Decision<'_>, webhook: &Arc<Webhook>) -> Result<bool, Need> {
    if !decision.has_room(webhook)? {
        return Ok(false);
    }
    if !decision.may_send_now(webhook)? {
        return probe(decision, webhook);
    }
    match due_lane(decision, webhook)? {
        Some(lane) if is_unwanted(decision, webhook, &lane)? => drop_head(decision, webhook, &lane),
        Some(lane) => {
            send_head(decision, webhook, &lane, false)?;
            Ok(true)
        }
        None => {
            Ok(read_on(decision, webhook, false)? || replays::read_on(decision, webhook, false)?)
        }
    }
}

/// Drops a head that is filtered out. The next wake goes on after it, unless the one behind it is sent
/// at once, as the webhook's turn.
fn drop_head(
    decision: &mut Decision<'_>,
    webhook: &Arc<Webhook>,
    lane: &Lane,
) -> Result<bool, Need> {
    decision.remove_waiting_lane(lane)?;
    remove_from_owed(decision, webhook.id, lane.ordering_key, lane.head)?;
    let before = decision.requests();
    settle(decision, webhook, lane.slot(decision.now()))?;
    decision.wake_at(decision.now());
    Ok(decision.requests() > before)
}

fn due_lane(decision: &Decision<'_>, webhook: &Webhook) -> Result<Option<Lane>, Need> {
    let now = decision.now();
    let first = decision.first_lane(webhook.id)?;
    let first = first.filter(|lane| !decision.is_expiring(lane.head));
    Ok(first.filter(|lane| lane.is_due(now, &webhook.retry_schedule)))
}

/// Probes a receiver that is down: one request at a time, alternating between the head that has
/// been due longest and the next unread event, so that poisoned heads cannot block the rest.
fn probe(decision: &mut Decision<'_>, webhook: &Arc<Webhook>) -> Result<bool, Need> {
    let (now, health_policy) = (decision.now(), decision.health_policy());
    let Some(reader) = decision.reader(webhook.id)? else { return Ok(false) };
    let Some(down) = reader.health.down else { return Ok(false) };
    let from = reader.sends_from(now).max(down.probes_from(&health_policy, now));
    if reader.probes() || now < from {
        return Ok(false);
    }
    let unread_first = down.probes % 2 == 1 || due_lane(decision, webhook)?.is_none();
    if unread_first && read_on(decision, webhook, true)? {
        return Ok(true);
    }
    let Some(lane) = due_lane(decision, webhook)? else {
        return replays::read_on(decision, webhook, true);
    };
    if is_unwanted(decision, webhook, &lane)? {
        return drop_head(decision, webhook, &lane);
    }
    send_head(decision, webhook, &lane, true)?;
    Ok(true)
}

/// Reads on until an event can be sent. One whose ordering key waits or sends is queued behind it,
/// and the subscription is checked when its turn comes.
fn read_on(decision: &mut Decision<'_>, webhook: &Arc<Webhook>, probe: bool) -> Result<bool, Need> {
    let (now, head) = (decision.now(), decision.log()?.head);
    for _ in 0..decision.quotas().reads {
        let Some(reader) = decision.reader(webhook.id)? else { return Ok(false) };
        let (place, ordering) = (decision.place(reader), reader.ordering);
        let next = place.read_to.next();
        if next > head || decision.is_expiring(next) || !reader.may_read(webhook, decision.quotas())
        {
            return Ok(false);
        }
        let event = decision.event(next)?;
        let place = place.past(&event);
        let ordering_key = OrderingKey::of(&event, ordering);
        if !webhook.hears(&event) && !is_busy(decision, webhook.id, ordering_key)? {
            decision.note_checkpoint(webhook.id, place);
            continue;
        }
        let lane = decision.lane(webhook.id, ordering_key)?;
        let reader = decision.claim(webhook.id)?;
        reader.read(place, &event);
        reader.add_pending(ordering_key);
        reader.owed.add(event.id);
        if let Some(slot) = reader.sending_for(ordering_key) {
            slot.last_queued = Some(event.seq);
        } else if let Some(lane) = lane {
            decision.put_lane(Lane { last_queued: Some(event.seq), ..lane });
        } else {
            let first = Slot::first(event.seq, ordering_key, None, now);
            decision.send(webhook, Slot { probe, ..first })?;
            return Ok(true);
        }
    }
    decision.wake_at(now);
    Ok(false)
}

#[cfg(test)]
pub(super) mod tests;
