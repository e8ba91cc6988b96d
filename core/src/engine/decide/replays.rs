//! Events once more: one that somebody points at, or a part of the log.
//!
//! Both touch only what is settled: delivered, given up or skipped. What is owed goes in its turn,
//! and nothing is sent past it.

use std::sync::Arc;

use crate::delivery::lane::Lane;
use crate::delivery::ordering_key::{Scope, Subject};
use crate::delivery::replay::{Count, Range, Run, paced};
use crate::delivery::slot::Slot;
use crate::engine::decide::deliveries;
use crate::engine::decide::webhooks::find;
use crate::engine::decision::{Decision, Stop};
use crate::engine::facts::{Asked, Partner};
use crate::engine::outcome::Reply;
use crate::model::event::Event;
use crate::model::id::{EventId, WebhookId};
use crate::model::reason::Reason;
use crate::model::refusal::Refusal;
use crate::model::seq::Seq;
use crate::webhook::Webhook;

type Decided = Result<Reply, Stop>;

/// Events that one wake reads for a replay without sending any of them, because they were delivered
/// or are owed: some milliseconds of work, with three look-ups each where many lanes wait, after
/// which everybody else has a turn.
const MOST_PASSED: u32 = 64;

/// Sends an event once more, with the full ladder; a head that waits is due at once.
pub(super) fn resend(decision: &mut Decision<'_>, id: WebhookId, event: EventId) -> Decided {
    let webhook = find(decision, id)?;
    let event = find_event(decision, &webhook, event)?;
    let now = decision.now();
    let Some(reader) = decision.reader(id)? else { return Err(Refusal::UnknownWebhook.into()) };
    if reader.sending.iter().any(|slot| slot.seq == event.seq) {
        return Err(Refusal::NotItsTurn.into());
    }
    let lanes = [
        Subject::of(&event, reader.ordering),
        Subject::Again(event.seq),
        Subject::replayed(&event, reader.ordering),
    ];
    let mut waiting = None;
    for subject in lanes {
        let lane = decision.lane(id, subject)?;
        waiting = waiting.or(lane.filter(|lane| lane.head == event.seq));
    }
    deliveries::skim_now(decision, &webhook)?;
    let lane = match waiting {
        Some(lane) => lane,
        None if is_owed(decision, &webhook, &event)? => return Err(Refusal::NotItsTurn.into()),
        None if decision.reader(id)?.is_some_and(|reader| reader.waiting >= Lane::MOST) => {
            return Err(Refusal::TooManyLanes.into());
        }
        None => {
            let subject = Subject::Again(event.seq);
            let number = decision.tried(id, event.seq)?.number;
            write_down(decision, &webhook, event.seq)?;
            let slot = Slot { number, ..Slot::first(event.seq, subject, None, now) };
            let reader = decision.reader_mut(id)?;
            reader.take_on(subject);
            reader.wait(subject);
            slot.waiting(id, 0, now, Reason::Resend)
        }
    };
    decision.put_lane(Lane { due: now.min(lane.due), why: Reason::Resend, ..lane });
    decision.reader_mut(id)?.health.probe_now(now);
    Ok(Reply::Announced(event.id))
}

/// Begins a replay, unless only its count is wanted.
pub(super) fn start(
    decision: &mut Decision<'_>,
    id: WebhookId,
    range: Range,
    counted: Count,
    dry_run: bool,
) -> Decided {
    find(decision, id)?;
    let now = decision.now();
    if !dry_run {
        let reader = decision.reader_mut(id)?;
        if reader.replay.run.is_some() {
            return Err(Refusal::ReplayRunning.into());
        }
        reader.replay.run = Some(Run::new(range, counted, now));
    }
    Ok(Reply::Replay { counted, starts: !dry_run })
}

/// Ends a replay. What it has in flight comes to its end, and nothing more follows.
pub(super) fn stop(decision: &mut Decision<'_>, id: WebhookId) -> Decided {
    find(decision, id)?;
    let Some(run) = running(decision, id)? else { return Err(Refusal::NoReplay.into()) };
    decision.stop_replay(id)?;
    Ok(Reply::Stopped(run))
}

/// Ends replays of which all is done with.
pub(super) fn finish(decision: &mut Decision<'_>) -> Asked<()> {
    let over = |partner: &&Partner| partner.reader.replay.is_over();
    let over = decision.partners()?.values().filter(over).map(|partner| partner.webhook.id);
    for id in over.collect::<Vec<_>>() {
        decision.reader_mut(id)?.replay.run = None;
    }
    Ok(())
}

/// Reads on for the replay that runs, until an event can be sent.
pub(super) fn read_on(
    decision: &mut Decision<'_>,
    webhook: &Arc<Webhook>,
    probe: bool,
) -> Asked<bool> {
    let (id, now) = (webhook.id, decision.now());
    for _ in 0..MOST_PASSED {
        let Some(reader) = decision.reader(id)? else { return Ok(false) };
        if reader.replay.is_over() {
            decision.held_mut(id)?.replay.run = None;
            return Ok(false);
        }
        let may_go = reader.replays_at(webhook, now).is_some_and(|at| at <= now);
        let Some(run) = reader.replay.run.filter(|_| may_go) else { return Ok(false) };
        let ordering = reader.ordering;
        let log = decision.log()?;
        let next = run.read_to.max(log.floor).next();
        if next > run.range.to {
            passed(decision, id, run.range.to)?;
            continue;
        }
        if decision.is_going(next) {
            return Ok(false);
        }
        if next > log.head {
            // It was counted over more of the log than this host has read.
            return Ok(false);
        }
        let event = decision.event(next)?;
        let subject = Subject::replayed(&event, ordering);
        if is_busy(decision, id, subject)? {
            if subject == Subject::Replay(Scope::Everything) {
                // Where all are in one order, each goes when it is read.
                return Ok(false);
            }
            if wants(decision, webhook, &event)? {
                // It goes when what is before it is done with, and takes its share of the pace now.
                keep_pace(decision, id)?;
            }
            note_behind(decision, id, subject, event.seq)?;
            passed(decision, id, event.seq)?;
        } else if wants(decision, webhook, &event)? {
            let number = decision.tried(id, event.seq)?.number + 1;
            write_down(decision, webhook, event.seq)?;
            passed(decision, id, event.seq)?;
            begin(decision, id, subject)?;
            let first = Slot::first(event.seq, subject, None, now);
            decision.send(webhook, Slot { number, probe, ..first })?;
            return Ok(true);
        } else {
            passed(decision, id, event.seq)?;
        }
    }
    decision.wake_at(now);
    Ok(false)
}

/// Whether a replay that runs sends the event once more, judged as it is its turn.
pub(super) fn wants(decision: &Decision<'_>, webhook: &Webhook, event: &Event) -> Asked<bool> {
    let Some(run) = running(decision, webhook.id)? else { return Ok(false) };
    if !(webhook.hears(event) && webhook.id.is_older_than(event.id)) {
        return Ok(false);
    }
    if !is_settled(decision, webhook, event)? {
        return Ok(false);
    }
    Ok(run.range.only.takes(decision.tried(webhook.id, event.seq)?.delivered))
}

/// Whether the event is neither owed nor to be sent once more already.
pub(super) fn is_settled(decision: &Decision<'_>, webhook: &Webhook, event: &Event) -> Asked<bool> {
    let elsewhere =
        is_owed(decision, webhook, event)? || is_resent(decision, webhook.id, event.seq)?;
    Ok(!elsewhere)
}

/// Whether a subject sends or waits.
fn is_busy(decision: &Decision<'_>, id: WebhookId, subject: Subject) -> Asked<bool> {
    let sends = decision.reader(id)?.is_some_and(|reader| reader.is_sending(subject));
    Ok(sends || decision.lane(id, subject)?.is_some())
}

/// An event whose subject waits or sends already stands behind it there, and is judged when its
/// turn comes.
fn note_behind(
    decision: &mut Decision<'_>,
    id: WebhookId,
    subject: Subject,
    seq: Seq,
) -> Asked<()> {
    let lane = decision.lane(id, subject)?;
    let reader = decision.held_mut(id)?;
    reader.take_on(subject);
    if let Some(slot) = reader.sending_for(subject) {
        slot.behind = Some(seq);
    } else if let Some(lane) = lane {
        decision.put_lane(Lane { behind: Some(seq), ..lane });
    }
    Ok(())
}

/// What was skipped without being written down is written down before it is sent once more: else
/// another host would take it for unread.
fn write_down(decision: &mut Decision<'_>, webhook: &Webhook, seq: Seq) -> Asked<()> {
    if decision.reader(webhook.id)?.is_some_and(|reader| reader.read_to < seq) {
        deliveries::save_skim(decision, webhook)?;
    }
    Ok(())
}

/// The replay was read up to `seq`.
fn passed(decision: &mut Decision<'_>, id: WebhookId, seq: Seq) -> Asked<()> {
    if let Some(run) = &mut decision.held_mut(id)?.replay.run {
        run.read_to = seq;
    }
    Ok(())
}

/// One more event is sent, at the replay's pace.
fn begin(decision: &mut Decision<'_>, id: WebhookId, subject: Subject) -> Asked<()> {
    decision.held_mut(id)?.take_on(subject);
    count(decision, id, subject)?;
    keep_pace(decision, id)
}

/// The next event of `subject` is begun with.
pub(super) fn count(decision: &mut Decision<'_>, id: WebhookId, subject: Subject) -> Asked<()> {
    if let Some(run) = &mut decision.held_mut(id)?.replay.run
        && subject.is_replay()
    {
        run.sent += 1;
    }
    Ok(())
}

fn keep_pace(decision: &mut Decision<'_>, id: WebhookId) -> Asked<()> {
    let now = decision.now();
    if let Some(run) = &mut decision.held_mut(id)?.replay.run {
        run.from_us = paced(run.from_us, run.range.per_second, now);
    }
    Ok(())
}

fn running(decision: &Decision<'_>, id: WebhookId) -> Asked<Option<Run>> {
    Ok(decision.reader(id)?.and_then(|reader| reader.replay.run))
}

fn is_owed(decision: &Decision<'_>, webhook: &Webhook, event: &Event) -> Asked<bool> {
    let Some(reader) = decision.reader(webhook.id)? else { return Ok(false) };
    let lane = decision.lane(webhook.id, Subject::of(event, reader.ordering))?;
    Ok(reader.owes(event, decision.place(reader).read_to, lane.as_ref()))
}

fn is_resent(decision: &Decision<'_>, id: WebhookId, seq: Seq) -> Asked<bool> {
    let slots = decision.reader(id)?.map(|reader| reader.sending.iter());
    let sends = slots.into_iter().flatten().any(|slot| slot.seq == seq);
    Ok(sends || decision.lane(id, Subject::Again(seq))?.is_some())
}

/// An event that the log has, and that happened after the webhook was registered, for all or for
/// this webhook.
fn find_event(decision: &Decision<'_>, webhook: &Webhook, id: EventId) -> Result<Arc<Event>, Stop> {
    let log = decision.log()?;
    let is_kept = log.floor < id.seq() && id.seq() <= log.head;
    if !(is_kept && webhook.id.is_older_than(id)) {
        return Err(Refusal::UnknownDelivery.into());
    }
    let event = decision.event(id.seq())?;
    let is_for_it = event.only_for.is_none_or(|of| of == webhook.id);
    if event.id == id && is_for_it { Ok(event) } else { Err(Refusal::UnknownDelivery.into()) }
}

#[cfg(test)]
mod tests;
