//! Delivery scheduling: which event is sent to which webhook, and when.
//!
//! A wake first puts events of lost requests back into their lanes, then fills the windows in turn.
//! [`attempt_results`](super::attempt_results) handle the end of a request, which settles its event or schedules a
//! retry, and [`turns`](super::turns) choose the next event of a lane.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::delivery::lane::Lane;
use crate::delivery::ordering_key::OrderingKey;
use crate::delivery::reader::Reader;
use crate::delivery::slot::Slot;
use crate::engine::decide::eligible::is_busy;
use crate::engine::decide::turns::{is_unwanted, remove_from_owed, settle};
use crate::engine::decide::{checkpoint, replays};
use crate::engine::decision::{Decision, Stop};
use crate::engine::facts::WebhookRows;
use crate::engine::need::Need;
use crate::engine::outcome::Reply;
use crate::model::id::WebhookId;
use crate::model::millis::Millis;
use crate::model::reason::Reason;
use crate::webhook::Webhook;

/// Milliseconds between wakes of a host that shares its store, to take over webhooks and events of
/// other hosts.
const LOOK_ROUND_MS: u64 = 1_000;

pub(super) fn wake(decision: &mut Decision<'_>) -> Result<Reply, Stop> {
    reclaim(decision)?;
    reorder(decision)?;
    replays::finish(decision)?;
    checkpoint::advance_all(decision)?;
    if decision.sends_nothing() {
        checkpoint::save_all(decision)?;
    }
    fill(decision)?;
    set_alarm(decision)?;
    Ok(Reply::Noted)
}

/// Takes over requests in flight of other hosts, and gives up lost ones.
fn reclaim(decision: &mut Decision<'_>) -> Result<(), Stop> {
    let now = decision.now();
    let (mut foreign, mut lost) = (Vec::new(), Vec::new());
    for WebhookRows { webhook, reader } in decision.webhook_rows()?.values() {
        if reader.holder != Some(decision.moment.holder) {
            if decision.may_claim(webhook, reader) && !reader.sending.is_empty() {
                foreign.push(webhook.id);
            }
            continue;
        }
        let overdue = |slot: &&Slot| slot.lost_at(webhook.timeout_ms) <= now;
        lost.extend(reader.sending.iter().filter(overdue).map(|slot| (webhook.id, *slot)));
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
    let mut drained = Vec::new();
    for WebhookRows { webhook, .. } in decision.webhook_rows()?.values() {
        let reader = decision.reader(webhook.id)?;
        let drained_now = |r: &Reader| r.is_reordering(webhook) && r.is_idle();
        if reader.is_some_and(drained_now) {
            drained.push(Arc::clone(webhook));
        }
    }
    for webhook in drained {
        decision.reader_mut(webhook.id)?.ordering = webhook.ordering;
    }
    Ok(())
}

/// Fills all windows, one request at a time to each webhook in turn, beginning after the one that
/// was served last.
fn fill(decision: &mut Decision<'_>) -> Result<(), Stop> {
    let mut needs = Vec::new();
    let mut waiting = in_turn(decision)?;
    while let Some(webhook) = waiting.pop_front() {
        if decision.is_full() {
            break;
        }
        match send_one(decision, &webhook) {
            Ok(true) => {
                decision.turn = Some(webhook.id);
                waiting.push_back(webhook);
            }
            Ok(false) => {}
            Err(need) => needs.push(need),
        }
    }
    if needs.is_empty() { Ok(()) } else { Err(Stop::Need(needs)) }
}

fn in_turn(decision: &Decision<'_>) -> Result<VecDeque<Arc<Webhook>>, Need> {
    let webhook_rows = decision.webhook_rows()?;
    let active = |row: &&WebhookRows| {
        row.webhook.is_active() && decision.may_claim(&row.webhook, &row.reader)
    };
    let webhook = |row: &WebhookRows| Arc::clone(&row.webhook);
    let Some(last) = decision.turn else {
        return Ok(webhook_rows.values().filter(active).map(webhook).collect());
    };
    let after = webhook_rows.range(last..).filter(|(id, _)| **id != last);
    let before = webhook_rows.range(..=last);
    Ok(after.chain(before).map(|(_, row)| row).filter(active).map(webhook).collect())
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
            let slot = lane.slot(decision.now());
            decision.remove_waiting_lane(&lane)?;
            decision.send(webhook, slot)?;
            Ok(true)
        }
        None => {
            Ok(read_on(decision, webhook, false)? || replays::read_on(decision, webhook, false)?)
        }
    }
}

/// Drops a head that is filtered out. The next wake goes on after it.
fn drop_head(
    decision: &mut Decision<'_>,
    webhook: &Arc<Webhook>,
    lane: &Lane,
) -> Result<bool, Need> {
    decision.remove_waiting_lane(lane)?;
    remove_from_owed(decision, webhook.id, lane.ordering_key, lane.head)?;
    settle(decision, webhook, lane.slot(decision.now()))?;
    decision.wake_at(decision.now());
    Ok(false)
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
    let slot = Slot { probe: true, ..lane.slot(now) };
    decision.remove_waiting_lane(&lane)?;
    decision.send(webhook, slot)?;
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
            checkpoint::skip(decision, webhook.id, place)?;
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

/// Schedules the next wake for when time alone makes an event due, or a request lost.
fn set_alarm(decision: &mut Decision<'_>) -> Result<(), Need> {
    if let Some(at) = decision.retains_at() {
        decision.wake_at(at);
    }
    if decision.shares_store() {
        decision.wake_at(decision.now().plus(LOOK_ROUND_MS));
    }
    let ids: Vec<WebhookId> = decision.webhook_rows()?.keys().copied().collect();
    for id in ids {
        let Some(webhook) = decision.webhook(id)? else { continue };
        let Some(reader) = decision.reader(id)? else { continue };
        if !decision.may_claim(&webhook, reader) {
            if let Some(at) = reader.claimable_at(decision.moment.holder, webhook.timeout_ms) {
                decision.wake_at(at);
            }
            continue;
        }
        let slots = &reader.sending;
        if let Some(at) = slots.iter().map(|slot| slot.lost_at(webhook.timeout_ms)).min() {
            decision.wake_at(at);
        }
        if let Some(at) = sends_at(decision, &webhook)? {
            decision.wake_at(at);
        }
    }
    Ok(())
}

/// When the webhook will have an event to send. Events that are due already wait for room, and the
/// report that frees a slot comes with a wake.
fn sends_at(decision: &Decision<'_>, webhook: &Webhook) -> Result<Option<Millis>, Need> {
    let now = decision.now();
    let Some(reader) = decision.reader(webhook.id)?.filter(|_| webhook.is_active()) else {
        return Ok(None);
    };
    let from = match reader.health.down {
        Some(_) if reader.probes() => return Ok(None),
        Some(down) => reader.sends_from(now).max(down.probes_from(&decision.health_policy(), now)),
        None => reader.sends_from(now),
    };
    let lane = decision.first_lane(webhook.id)?.map(|lane| lane.due.max(from));
    let reads = decision.place(reader).read_to < decision.log()?.head
        && reader.may_read(webhook, decision.quotas());
    let replay_at = reader.replays_at(webhook, decision.quotas(), now).map(|at| at.max(from));
    let times = lane.into_iter().chain(reads.then_some(from)).chain(replay_at);
    Ok(times.filter(|at| *at > now).min())
}

#[cfg(test)]
pub(super) mod tests;
