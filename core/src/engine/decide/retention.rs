//! Retention: old events are deleted in small steps. First lanes and readers move past them, with a
//! record of expired events, and then the floor rises.
//!
//! It is decided before all other commands of a batch, so that the store's lanes are current.

use std::sync::Arc;

use crate::delivery::lane::Lane;
use crate::delivery::ordering_key::{OrderingKey, OrderingScope};
use crate::delivery::replay::ReplayRun;
use crate::delivery::slot::Slot;
use crate::engine::decide::eligible::running;
use crate::engine::decide::{checkpoint, turns};
use crate::engine::decision::{Decision, Stop};
use crate::engine::facts::Task;
use crate::engine::need::Need;
use crate::engine::outcome::Reply;
use crate::model::audit_policy::AuditPolicy;
use crate::model::event::{Event, EventType};
use crate::model::id::WebhookId;
use crate::model::idempotency_record::IdempotencyRecord;
use crate::model::millis::Millis;
use crate::model::reason::Reason;
use crate::model::retention::Retention;
use crate::model::seq::Seq;
use crate::webhook::Webhook;

pub(super) fn retain(decision: &mut Decision<'_>) -> Result<Reply, Stop> {
    let now = decision.now();
    let floor = decision.log()?.floor;
    let too_old = too_old(decision, floor)?;
    let too_many = too_many(decision, floor)?;
    let target = too_old.max(too_many);
    let (to, lanes) = reach(decision, floor, target)?;
    decision.pending_floor(target);
    // Whether the store is small enough shows only after each step.
    let goes_on = to < target || !lanes.is_empty() || too_many > floor;
    let goes_on = save_idle(decision, to)? || {
        remove_pending(decision, floor, to, &lanes)?;
        goes_on
    };
    let answers_at = forget_idempotency_records(decision)?;
    let audit_at = forget_audit(decision)?;
    let next = if goes_on {
        Some(now.plus(Retention::PACE_MS))
    } else if decision.retention().is_for_good() {
        None
    } else {
        Some(now.plus(Retention::LOOK_MS))
    };
    decision.retain_at(next.into_iter().chain(answers_at).chain(audit_at).min());
    Ok(Reply::Noted)
}

/// Where very many readers skipped the events up to `to` without a write, saves some of them in this
/// step alone.
fn save_idle(decision: &mut Decision<'_>, to: Seq) -> Result<bool, Need> {
    let most = decision.quotas().expired_lanes as usize;
    let (rows, log) = (decision.webhook_rows()?, decision.log()?);
    let is_even =
        |id: &WebhookId| rows.get(id).is_some_and(|row| row.reader.is_even(&row.webhook, &log));
    let idle: Vec<_> = decision.read_before(to).filter(is_even).take(most + 1).collect();
    if idle.len() <= most {
        return Ok(false);
    }
    for id in idle.into_iter().take(most) {
        checkpoint::write_place(decision, id)?;
    }
    Ok(true)
}

/// Deletes outdated idempotency records. Returns when there may be more to delete.
fn forget_idempotency_records(decision: &mut Decision<'_>) -> Result<Option<Millis>, Need> {
    let now = decision.now();
    let Some(oldest) = decision.oldest_idempotency_record()? else { return Ok(None) };
    let ends_at = oldest.plus(IdempotencyRecord::KEPT_MS);
    if ends_at > now {
        return Ok(Some(ends_at));
    }
    let outdated = Millis(now.0.saturating_sub(IdempotencyRecord::KEPT_MS));
    decision.forget_idempotency_records(outdated, Retention::ANSWERS);
    Ok(Some(now.plus(Retention::PACE_MS)))
}

/// Deletes audit rows that are too old. Returns when there may be more to delete.
fn forget_audit(decision: &mut Decision<'_>) -> Result<Option<Millis>, Need> {
    let now = decision.now();
    let Some(kept_ms) = decision.audit_policy().kept_ms() else { return Ok(None) };
    let Some(oldest) = decision.oldest_audit()? else { return Ok(None) };
    let ends_at = oldest.plus(kept_ms);
    if ends_at > now {
        return Ok(Some(ends_at.min(now.plus(Retention::FURTHEST_MS))));
    }
    decision.forget_audit(Millis(now.0.saturating_sub(kept_ms)), AuditPolicy::ROWS);
    Ok(Some(now.plus(Retention::PACE_MS)))
}

/// The position up to which events are too old.
fn too_old(decision: &Decision<'_>, floor: Seq) -> Result<Seq, Need> {
    let Some(oldest) = decision.retention().oldest(decision.now()) else { return Ok(floor) };
    let head = decision.log()?.head;
    let first_kept = decision.created_from(oldest)?;
    Ok(first_kept.map_or(head, |first| Seq(first.0 - 1)))
}

/// The position up to which events are too many: the same share of them as the store has surplus
/// bytes.
fn too_many(decision: &Decision<'_>, floor: Seq) -> Result<Seq, Need> {
    let Some(most) = decision.retention().bytes else { return Ok(floor) };
    let (head, size) = (decision.log()?.head, decision.size()?);
    let events = u128::from(head.0 - floor.0);
    let surplus = u128::from(size.saturating_sub(most));
    let share = (events * surplus).div_ceil(u128::from(size.max(1)));
    Ok(Seq(floor.0 + u64::try_from(share).unwrap_or(0)))
}

/// The floor after one step, and the lanes whose heads are at or below it.
fn reach(decision: &Decision<'_>, floor: Seq, target: Seq) -> Result<(Seq, Vec<Lane>), Need> {
    let webhook_rows = decision.webhook_rows()?;
    let step = Retention::step(decision.quotas().deleted_rows, webhook_rows.len());
    let sending = decision.sending()?.into_iter().filter_map(|id| webhook_rows.get(&id));
    let slots = sending.flat_map(|row| &row.reader.sending);
    // The floor waits for requests in flight.
    let in_flight = slots.map(|slot| Seq(slot.seq.0 - 1)).min().unwrap_or(target);
    let to = target.min(in_flight).min(Seq(floor.0 + step));
    if to <= floor {
        return Ok((floor, Vec::new()));
    }
    let mut lanes = decision.lanes_to(to)?;
    let Some(last) = lanes.last().copied() else { return Ok((to, lanes)) };
    if lanes.len() < decision.quotas().expired_lanes as usize {
        return Ok((to, lanes));
    }
    // There are more of them: up to where all are known, or the first of many for one event.
    let known = Seq(last.head.0 - 1);
    if known > floor {
        lanes.retain(|lane| lane.head <= known);
    }
    Ok((known.max(floor), lanes))
}

/// Moves lanes and readers past `to`, and raises the floor.
fn remove_pending(
    decision: &mut Decision<'_>,
    floor: Seq,
    to: Seq,
    lanes: &[Lane],
) -> Result<(), Stop> {
    let last = lanes.last().map_or(to, |lane| lane.head.max(to));
    if last <= floor {
        return Ok(());
    }
    let events = decision.outlines(floor, last)?;
    ask_ahead(decision, lanes, last)?;
    for lane in lanes {
        expire_lane(decision, lane, &events, last)?;
    }
    if to > floor {
        move_readers(decision, to, &events)?;
        move_replays(decision, to)?;
        decision.raise_floor(to)?;
    }
    Ok(())
}

/// Needs the next event of every lane at once, to save round trips.
fn ask_ahead(decision: &Decision<'_>, lanes: &[Lane], to: Seq) -> Result<(), Stop> {
    let mut needs = Vec::new();
    for lane in lanes {
        let last_queued = lane.last_queued.filter(|last_queued| *last_queued > to);
        let (OrderingKey::Live(scope) | OrderingKey::Replay(scope)) = lane.ordering_key else {
            continue;
        };
        if let (OrderingScope::Topic(topic), Some(last_queued)) = (scope, last_queued) {
            needs.extend(decision.next_about(topic, to, last_queued).err());
        }
    }
    if needs.is_empty() { Ok(()) } else { Err(Stop::Need(needs)) }
}

/// Expires a lane's events up to `to`; it goes on after them.
fn expire_lane(
    decision: &mut Decision<'_>,
    lane: &Lane,
    events: &[Event],
    to: Seq,
) -> Result<(), Need> {
    let (id, now) = (lane.webhook, decision.now());
    let Some(webhook) = decision.webhook(id)? else { return Ok(()) };
    let reader = decision.reader_mut(id)?;
    let ordering = reader.ordering;
    reader.remove_waiting(lane.ordering_key);
    let last = lane.last_queued.unwrap_or(lane.head).min(to);
    let within = |event: &&Event| {
        let is_it = event.seq == lane.head;
        let scope = OrderingScope::of(event, ordering);
        is_it
            || lane.ordering_key == OrderingKey::Live(scope)
            || lane.ordering_key == OrderingKey::Replay(scope)
    };
    // A head that was not attempted is judged now, as it is when its turn comes.
    let is_tried = lane.why != Reason::Turn;
    let is_lost = |event: &Event| (is_tried && event.seq == lane.head) || webhook.hears(event);
    let abandons = events.iter().any(|event| event.seq == lane.head && is_lost(event));
    let gone = events.iter().filter(|event| (lane.head..=last).contains(&event.seq));
    for event in gone.filter(within) {
        reader.remove_pending(lane.ordering_key);
        match lane.ordering_key {
            OrderingKey::Live(_) if is_lost(event) => reader.expire(event.id),
            OrderingKey::Live(_) => reader.owed.remove(event.id),
            OrderingKey::Resend(_) | OrderingKey::Replay(_) | OrderingKey::Cancelled(_) => {}
        }
    }
    let last_queued = lane.last_queued.filter(|last_queued| *last_queued > to);
    let rest = Slot::first(to, lane.ordering_key, last_queued, now);
    if let Some(next) = turns::next_in_lane(decision, &webhook, &rest)? {
        let head = next.seq;
        let last_queued = last_queued.filter(|last_queued| *last_queued > head);
        let number = turns::requests_so_far(decision, id, lane.ordering_key, head)?;
        let (step, due, why) = (0, now, Reason::Turn);
        decision.reader_mut(id)?.add_waiting(lane.ordering_key);
        decision.put_lane(Lane { head, number, step, due, last_queued, why, ..*lane });
    } else {
        decision.drop_lane(lane);
    }
    if abandons { abandon(decision, &webhook, lane) } else { Ok(()) }
}

fn abandon(decision: &mut Decision<'_>, webhook: &Arc<Webhook>, lane: &Lane) -> Result<(), Need> {
    match lane.ordering_key {
        OrderingKey::Live(_) | OrderingKey::Resend(_) => decision.append_webhook_event(
            webhook,
            EventType::DeliveryAbandoned,
            Some(lane.head),
            Reason::Expired,
        ),
        OrderingKey::Replay(_) | OrderingKey::Cancelled(_) => Ok(()),
    }
}

/// Moves readers that are below `to` up to it, and records their unread events as expired. Where one
/// stands is taken from its rows, whatever is known besides.
fn move_readers(decision: &mut Decision<'_>, to: Seq, events: &[Event]) -> Result<(), Need> {
    for id in decision.read_before(to) {
        let Some(webhook) = decision.webhook(id)? else { continue };
        let (Some(reader), log) = (decision.reader(id)?, decision.log()?) else { continue };
        let is_even = reader.is_even(&webhook, &log);
        let mut place = if is_even { decision.place(reader) } else { reader.checkpoint() };
        let reader = decision.reader_mut(id)?;
        (reader.read_to, reader.tallies) = (place.read_to, place.tallies);
        let first = events.partition_point(|event| event.seq <= place.read_to);
        let unread = events.iter().skip(first).take_while(|event| event.seq <= to);
        for event in unread {
            place = place.past(event);
            reader.read(place, event);
            if webhook.hears(event) {
                reader.owed.add(event.id);
                reader.expire(event.id);
            }
        }
    }
    Ok(())
}

/// Moves running replays that are below `to` up to it: a host that reads on for one elsewhere, with the
/// floor as it was, then finds the reader changed.
fn move_replays(decision: &mut Decision<'_>, to: Seq) -> Result<(), Need> {
    for id in decision.with(Task::EndReplay)? {
        let Some(run) = running(decision, id)? else { continue };
        let read_to = to.min(run.range.to);
        if run.read_to < read_to {
            decision.reader_mut(id)?.replay.run = Some(ReplayRun { read_to, ..run });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
