//! Who is sent what, and when: the rules of readers and lanes.
//!
//! A wake first puts what nobody sends any more back into its lanes, then fills the windows in
//! turn. A report settles its event or lets it wait, and passes the place on inside the lane.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::answer::Meaning;
use crate::attempt::{Attempt, AttemptKey};
use crate::command::Report;
use crate::decision::{Decision, Stop};
use crate::event::Seq;
use crate::facts::{Asked, Partner};
use crate::id::WebhookId;
use crate::lane::{Lane, Subject};
use crate::moment::Millis;
use crate::outcome::Reply;
use crate::reader::Slot;
use crate::reason::Reason;
use crate::webhook::{Webhook, WebhookStatus};

type Decided = Result<Reply, Stop>;

/// Events that one webhook reads past in one wake without sending, because all of them stand
/// behind others: some milliseconds of work, after which everybody else has a turn.
const MOST_READ: u32 = 1_000;

pub(super) fn wake(decision: &mut Decision<'_>) -> Decided {
    reclaim(decision)?;
    fill(decision)?;
    set_alarm(decision)?;
    Ok(Reply::Noted)
}

/// Whatever this host does not send, or no longer, waits in its lane again: due now, so that it is
/// sent inside the rules. The receiver is not charged.
fn reclaim(decision: &mut Decision<'_>) -> Result<(), Stop> {
    let now = decision.now();
    let mut lost = Vec::new();
    for Partner { webhook, reader } in decision.partners()?.values() {
        let taken_over = reader.holder != Some(decision.moment.holder);
        for slot in &reader.sending {
            if taken_over {
                lost.push((webhook.id, *slot, Reason::TakenOver));
            } else if slot.lost_at(webhook.timeout_ms) <= now {
                lost.push((webhook.id, *slot, Reason::Lost));
            }
        }
    }
    for (webhook, slot, why) in lost {
        let key = AttemptKey { seq: slot.seq, webhook, number: slot.number };
        decision.end(key)?;
        decision.wait(slot.waiting(webhook, slot.step, now, why))?;
        decision.record(Attempt::unheard(key, slot.since, why, now));
    }
    Ok(())
}

/// Fills all windows, one request at a time to each webhook in turn, beginning behind the one that
/// was served last.
fn fill(decision: &mut Decision<'_>) -> Result<(), Stop> {
    let mut needs = Vec::new();
    let mut turns = turns(decision)?;
    while let Some(webhook) = turns.pop_front() {
        if decision.is_full() {
            break;
        }
        match send_one(decision, &webhook) {
            Ok(true) => {
                decision.turn = Some(webhook.id);
                turns.push_back(webhook);
            }
            Ok(false) => {}
            Err(need) => needs.push(need),
        }
    }
    if needs.is_empty() { Ok(()) } else { Err(Stop::Need(needs)) }
}

fn turns(decision: &Decision<'_>) -> Asked<VecDeque<Arc<Webhook>>> {
    let partners = decision.partners()?;
    let active = |partner: &&Partner| partner.webhook.is_active();
    let webhook = |partner: &Partner| Arc::clone(&partner.webhook);
    let Some(last) = decision.turn else {
        return Ok(partners.values().filter(active).map(webhook).collect());
    };
    let after = partners.range(last..).filter(|(id, _)| **id != last);
    let before = partners.range(..=last);
    Ok(after.chain(before).map(|(_, partner)| partner).filter(active).map(webhook).collect())
}

/// Sends one request, if there is room and something to send: a lane that is due, else the next
/// event of a subject that neither waits nor sends.
fn send_one(decision: &mut Decision<'_>, webhook: &Arc<Webhook>) -> Asked<bool> {
    if !decision.has_room(webhook)? {
        return Ok(false);
    }
    let now = decision.now();
    match decision.first_lane(webhook.id)? {
        Some(lane) if lane.is_due(now, &webhook.retry_schedule) => {
            decision.leave(&lane)?;
            decision.send(webhook, lane.slot(now))?;
            Ok(true)
        }
        Some(_) | None => read_on(decision, webhook),
    }
}

/// Reads on until an event can be sent. One whose subject waits or sends stands behind it there.
fn read_on(decision: &mut Decision<'_>, webhook: &Arc<Webhook>) -> Asked<bool> {
    let head = decision.log()?.head;
    for _ in 0..MOST_READ {
        let Some(reader) = decision.reader(webhook.id)? else {
            return Ok(false);
        };
        if reader.read_to >= head || reader.waiting >= Lane::MOST {
            return Ok(false);
        }
        let event = decision.event(reader.read_to.next())?;
        let subject = Subject::of(&event, webhook.ordering);
        let lane = decision.lane(webhook.id, subject)?;
        let now = decision.now();
        let reader = decision.reader_mut(webhook.id)?;
        reader.read_to = event.seq;
        reader.pending += 1;
        if let Some(slot) = reader.sending_for(subject) {
            slot.behind = Some(event.seq);
        } else if let Some(lane) = lane {
            decision.put_lane(Lane { behind: Some(event.seq), ..lane });
        } else {
            decision.send(webhook, Slot::first(event.seq, subject, None, now))?;
            return Ok(true);
        }
    }
    decision.wake_at(decision.now());
    Ok(false)
}

/// Asks to be woken when the next lane falls due, or the next request is to be given up.
fn set_alarm(decision: &mut Decision<'_>) -> Asked<()> {
    let now = decision.now();
    let ids: Vec<WebhookId> = decision.partners()?.keys().copied().collect();
    for id in ids {
        let Some(webhook) = decision.webhook(id)? else {
            continue;
        };
        let slots = decision.reader(id)?.map_or(&[][..], |reader| &reader.sending);
        if let Some(at) = slots.iter().map(|slot| slot.lost_at(webhook.timeout_ms)).min() {
            decision.wake_at(at);
        }
        if !webhook.is_active() {
            continue;
        }
        // A lane that is due already waits for room, and whoever makes room will wake us.
        match decision.first_lane(id)? {
            Some(lane) if lane.due > now => decision.wake_at(lane.due),
            Some(_) | None => {}
        }
    }
    Ok(())
}

/// The end of a request. A word about one that is no longer in flight, or from a host that no
/// longer sends for this webhook, is recorded and changes nothing else.
pub(super) fn report(decision: &mut Decision<'_>, report: &Report) -> Decided {
    let key = report.key;
    let Some(webhook) = decision.webhook(key.webhook)? else {
        return Ok(Reply::Noted);
    };
    let ours = decision
        .reader(key.webhook)?
        .filter(|reader| reader.holder == Some(decision.moment.holder))
        .is_some_and(|reader| reader.sends(key.seq, key.number));
    if !ours {
        record(decision, report, Reason::Late, None);
        return Ok(Reply::Noted);
    }
    let Some(slot) = decision.end(key)? else {
        return Ok(Reply::Noted);
    };
    match report.answer.meaning() {
        Meaning::Delivered => {
            record(decision, report, Reason::Delivered, None);
            settle(decision, &webhook, slot)?;
        }
        Meaning::Failed => fail(decision, &webhook, slot, report, Reason::Retry)?,
        Meaning::Gone => {
            let webhook = disable(decision, &webhook, Reason::Gone);
            fail(decision, &webhook, slot, report, Reason::Gone)?;
        }
        Meaning::Unsent => {
            let due = decision.now().plus(Lane::OUR_WAIT_MS);
            decision.wait(slot.waiting(webhook.id, slot.step, due, Reason::OurFault))?;
            record(decision, report, Reason::OurFault, Some(due));
        }
    }
    Ok(Reply::Noted)
}

fn record(decision: &mut Decision<'_>, report: &Report, why: Reason, again_at: Option<Millis>) {
    decision.record(Attempt {
        key: report.key,
        at: report.sent_at,
        duration_ms: Some(report.duration_ms),
        answer: report.answer.clone(),
        reason: why,
        next_attempt_at: again_at,
    });
}

/// A step of the ladder; at its end the event is abandoned.
fn fail(
    decision: &mut Decision<'_>,
    webhook: &Arc<Webhook>,
    slot: Slot,
    report: &Report,
    why: Reason,
) -> Asked<()> {
    let Some(wait_ms) = webhook.retry_schedule.wait_ms(slot.step, webhook.id, slot.seq) else {
        record(decision, report, Reason::RetriesUsedUp, None);
        return settle(decision, webhook, slot);
    };
    let due = decision.now().plus(wait_ms);
    record(decision, report, why, Some(due));
    decision.wait(slot.waiting(webhook.id, slot.step + 1, due, why))
}

fn disable(decision: &mut Decision<'_>, webhook: &Arc<Webhook>, reason: Reason) -> Arc<Webhook> {
    match webhook.status {
        WebhookStatus::Active => {
            let status = WebhookStatus::Disabled { reason, at: decision.now() };
            let disabled = Webhook::clone(webhook).with_status(status);
            decision.put_webhook(disabled, webhook.rev)
        }
        WebhookStatus::Disabled { .. } => Arc::clone(webhook),
    }
}

/// The event is done with. The next of its subject takes the place if there is room and leave, else
/// it waits as a lane that is due now.
fn settle(decision: &mut Decision<'_>, webhook: &Arc<Webhook>, slot: Slot) -> Asked<()> {
    let now = decision.now();
    decision.reader_mut(webhook.id)?.pending -= 1;
    let Some(next) = next_in_lane(decision, &slot)? else {
        return Ok(());
    };
    let behind = slot.behind.filter(|last| *last > next);
    let first = Slot::first(next, slot.subject, behind, now);
    if webhook.is_active() && decision.has_room(webhook)? {
        decision.send(webhook, first)
    } else {
        let lane = first.waiting(webhook.id, 0, now, Reason::Turn);
        decision.wait(Lane { number: 0, ..lane })
    }
}

fn next_in_lane(decision: &Decision<'_>, slot: &Slot) -> Asked<Option<Seq>> {
    let Some(behind) = slot.behind else {
        return Ok(None);
    };
    match slot.subject {
        Subject::Topic(topic) => decision.next_about(topic, slot.seq, behind),
        Subject::Everything => Ok(Some(slot.seq.next()).filter(|next| *next <= behind)),
        Subject::Event(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests;
