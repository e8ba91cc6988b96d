//! Resend of one event, and replay of a range of the log.
//!
//! Both send only events that are settled: delivered, abandoned or skipped. Pending events are sent
//! in their turn, and nothing overtakes them.

use std::sync::Arc;

use crate::delivery::lane::Lane;
use crate::delivery::ordering_key::{OrderingKey, OrderingScope};
use crate::delivery::replay::{ReplayCount, ReplayRange, ReplayRun, paced};
use crate::delivery::slot::Slot;
use crate::engine::decide::checkpoint;
use crate::engine::decide::eligible::{is_busy, is_owed, replay_wants, running};
use crate::engine::decide::turns::count_replayed;
use crate::engine::decide::webhooks::find;
use crate::engine::decision::{Decision, Stop};
use crate::engine::facts::Task;
use crate::engine::need::Need;
use crate::engine::outcome::Reply;
use crate::model::event::{Event, EventType};
use crate::model::id::{EventId, WebhookId};
use crate::model::reason::Reason;
use crate::model::refusal::Refusal;
use crate::model::seq::Seq;
use crate::webhook::Webhook;

/// Resends an event, with the full retry schedule; a head that waits is due at once.
pub(super) fn resend(
    decision: &mut Decision<'_>,
    id: WebhookId,
    event: EventId,
) -> Result<Reply, Stop> {
    let webhook = find(decision, id)?;
    let event = find_event(decision, &webhook, event)?;
    if decision.reach.partner().is_some()
        && !(webhook.hears(&event) && decision.reach.grants(event.kind))
    {
        return Err(Refusal::UnknownDelivery.into());
    }
    let now = decision.now();
    let Some(reader) = decision.reader(id)? else { return Err(Refusal::UnknownWebhook.into()) };
    if reader.sending.iter().any(|slot| slot.seq == event.seq) {
        return Err(Refusal::NotItsTurn.into());
    }
    let lanes = [
        OrderingKey::of(&event, reader.ordering),
        OrderingKey::Resend(event.seq),
        OrderingKey::replayed(&event, reader.ordering),
    ];
    let mut waiting = None;
    for ordering_key in lanes {
        let lane = decision.lane(id, ordering_key)?;
        waiting = waiting.or(lane.filter(|lane| lane.head == event.seq));
    }
    checkpoint::advance_past_unsubscribed(decision, &webhook)?;
    let lane = match waiting {
        Some(lane) => {
            if lane.why == Reason::Turn {
                count_replayed(decision, id, lane.ordering_key)?;
            }
            lane
        }
        None if is_owed(decision, &webhook, &event)? => return Err(Refusal::NotItsTurn.into()),
        None if too_many_wait(decision, id)? => return Err(Refusal::TooManyLanes.into()),
        None => {
            let ordering_key = OrderingKey::Resend(event.seq);
            let number = decision.attempt_summary(id, event.seq)?.number;
            checkpoint::save_to(decision, &webhook, event.seq)?;
            let slot = Slot { number, ..Slot::first(event.seq, ordering_key, None, now) };
            let reader = decision.reader_mut(id)?;
            reader.add_pending(ordering_key);
            reader.add_waiting(ordering_key);
            slot.waiting(id, 0, now, Reason::Resend)
        }
    };
    decision.put_lane(Lane { due: now.min(lane.due), why: Reason::Resend, ..lane });
    decision.reader_mut(id)?.health.probe_now(now);
    Ok(Reply::Announced(event.id))
}

/// Whether no lane more may wait.
fn too_many_wait(decision: &Decision<'_>, id: WebhookId) -> Result<bool, Need> {
    let most = decision.quotas().lanes;
    Ok(decision.reader(id)?.is_some_and(|reader| reader.waiting >= most))
}

/// Starts a replay, unless it is a dry run.
pub(super) fn start(
    decision: &mut Decision<'_>,
    id: WebhookId,
    range: ReplayRange,
    counted: ReplayCount,
    dry_run: bool,
) -> Result<Reply, Stop> {
    let webhook = find(decision, id)?;
    let granted = |kind: &EventType| decision.reach.grants(*kind);
    if let Some(kind) = webhook.events.types().find(|kind| !granted(kind)) {
        return Err(Refusal::ReplayNotGranted(kind).into());
    }
    let now = decision.now();
    if !dry_run {
        if replays_elsewhere(decision, &webhook)? {
            return Err(Refusal::ReplayRunning.into());
        }
        let reader = decision.reader_mut(id)?;
        if reader.replay.run.is_some() {
            return Err(Refusal::ReplayRunning.into());
        }
        reader.replay.run = Some(ReplayRun::new(range, counted, now));
    }
    Ok(Reply::Replay { counted, starts: !dry_run })
}

/// Whether a replay of another webhook of its partner runs.
fn replays_elsewhere(decision: &Decision<'_>, webhook: &Webhook) -> Result<bool, Need> {
    let Some(partner) = webhook.partner else { return Ok(false) };
    for id in decision.webhooks_of(partner)? {
        if id != webhook.id && running(decision, id)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Stops a replay. Its requests in flight are completed, and nothing more is sent.
pub(super) fn stop(decision: &mut Decision<'_>, id: WebhookId) -> Result<Reply, Stop> {
    find(decision, id)?;
    let Some(run) = running(decision, id)? else { return Err(Refusal::NoReplay.into()) };
    decision.stop_replay(id)?;
    Ok(Reply::Stopped(run))
}

/// Ends replays that are over.
pub(super) fn finish(decision: &mut Decision<'_>) -> Result<(), Need> {
    for id in decision.with(Task::EndReplay)? {
        if decision.webhook_rows()?.get(&id).is_some_and(|row| row.reader.replay.is_over()) {
            decision.reader_mut(id)?.replay.run = None;
        }
    }
    Ok(())
}

/// Reads on for the running replay, until an event can be sent.
pub(super) fn read_on(
    decision: &mut Decision<'_>,
    webhook: &Arc<Webhook>,
    probe: bool,
) -> Result<bool, Need> {
    let (id, now) = (webhook.id, decision.now());
    for _ in 0..decision.quotas().replay_reads {
        let Some(reader) = decision.reader(id)? else { return Ok(false) };
        if reader.replay.is_over() {
            decision.claim(id)?.replay.run = None;
            return Ok(false);
        }
        let may_go = reader.replays_at(webhook, decision.quotas(), now).is_some_and(|at| at <= now);
        let Some(run) = reader.replay.run.filter(|_| may_go) else { return Ok(false) };
        let (ordering, log) = (reader.ordering, decision.log()?);
        let floor = reader.floor(&log);
        let next = run.read_to.max(floor).next();
        if next > run.range.to {
            passed(decision, id, run.range.to)?;
            continue;
        }
        if decision.is_expiring(next) {
            return Ok(false);
        }
        if next > log.head {
            // It was counted over more of the log than this host has loaded.
            return Ok(false);
        }
        let event = decision.event(next)?;
        let ordering_key = OrderingKey::replayed(&event, ordering);
        if is_busy(decision, id, ordering_key)? {
            if ordering_key == OrderingKey::Replay(OrderingScope::Everything) {
                // Where all events are in one order, each is sent when it is read.
                return Ok(false);
            }
            if replay_wants(decision, webhook, &event)? {
                // It is sent once those before it are settled, and takes its share of the pace now.
                keep_pace(decision, id)?;
            }
            note_behind(decision, id, ordering_key, event.seq)?;
            passed(decision, id, event.seq)?;
        } else if replay_wants(decision, webhook, &event)? {
            let number = decision.attempt_summary(id, event.seq)?.number + 1;
            checkpoint::save_to(decision, webhook, event.seq)?;
            passed(decision, id, event.seq)?;
            begin(decision, id, ordering_key)?;
            let first = Slot::first(event.seq, ordering_key, None, now);
            decision.send(webhook, Slot { number, probe, ..first })?;
            return Ok(true);
        } else {
            passed(decision, id, event.seq)?;
        }
    }
    decision.wake_at(now);
    Ok(false)
}

/// Queues an event behind others of its ordering key; it is judged when its turn comes.
fn note_behind(
    decision: &mut Decision<'_>,
    id: WebhookId,
    ordering_key: OrderingKey,
    seq: Seq,
) -> Result<(), Need> {
    let lane = decision.lane(id, ordering_key)?;
    let reader = decision.claim(id)?;
    reader.add_pending(ordering_key);
    if let Some(slot) = reader.sending_for(ordering_key) {
        slot.last_queued = Some(seq);
    } else if let Some(lane) = lane {
        decision.put_lane(Lane { last_queued: Some(seq), ..lane });
    }
    Ok(())
}

/// Advances the replay to `seq`.
fn passed(decision: &mut Decision<'_>, id: WebhookId, seq: Seq) -> Result<(), Need> {
    if let Some(run) = &mut decision.claim(id)?.replay.run {
        run.read_to = seq;
    }
    Ok(())
}

/// Counts an event that the replay sends, and keeps its pace.
fn begin(
    decision: &mut Decision<'_>,
    id: WebhookId,
    ordering_key: OrderingKey,
) -> Result<(), Need> {
    decision.claim(id)?.add_pending(ordering_key);
    count_replayed(decision, id, ordering_key)?;
    keep_pace(decision, id)
}

fn keep_pace(decision: &mut Decision<'_>, id: WebhookId) -> Result<(), Need> {
    let now = decision.now();
    if let Some(run) = &mut decision.claim(id)?.replay.run {
        run.from_us = paced(run.from_us, run.range.per_second, now);
    }
    Ok(())
}

/// An event that is kept, was appended after the webhook was registered, and is for all or for this
/// webhook.
fn find_event(decision: &Decision<'_>, webhook: &Webhook, id: EventId) -> Result<Arc<Event>, Stop> {
    let log = decision.log()?;
    let floor = decision.reader(webhook.id)?.map_or(log.floor, |reader| reader.floor(&log));
    let is_kept = floor < id.seq() && id.seq() <= log.head;
    if !(is_kept && webhook.id.is_older_than(id)) {
        return Err(Refusal::UnknownDelivery.into());
    }
    let event = decision.event(id.seq())?;
    let is_for_it = event.only_for.is_none_or(|of| of == webhook.id);
    if event.id == id && is_for_it { Ok(event) } else { Err(Refusal::UnknownDelivery.into()) }
}

#[cfg(test)]
mod tests;
