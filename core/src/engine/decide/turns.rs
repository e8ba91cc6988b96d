//! What goes next inside a lane, judged as it is its turn.

use std::sync::Arc;

use crate::delivery::lane::Lane;
use crate::delivery::ordering_key::{Scope, Subject};
use crate::delivery::slot::Slot;
use crate::engine::decide::deliveries::MOST_READ;
use crate::engine::decide::replays;
use crate::engine::decision::Decision;
use crate::engine::facts::Asked;
use crate::model::event::Event;
use crate::model::id::WebhookId;
use crate::model::reason::Reason;
use crate::model::seq::Seq;
use crate::webhook::Webhook;

/// Events that a replay passes inside a lane before everybody else has a turn: each of them costs a
/// look-up.
const MOST_REPLAYED: u32 = 64;

/// Whether the event is to be sent under `subject`, judged as it is its turn.
pub(super) fn wants(
    decision: &Decision<'_>,
    webhook: &Webhook,
    subject: Subject,
    event: &Event,
) -> Asked<bool> {
    match subject {
        Subject::Live(_) => Ok(webhook.hears(event)),
        Subject::Again(_) => Ok(true),
        Subject::Replay(_) => replays::wants(decision, webhook, event),
        Subject::Stopped(_) => Ok(false),
    }
}

/// Whether a head is to be let go of: nobody has tried it, and it is no longer wanted.
pub(super) fn is_unwanted(decision: &Decision<'_>, webhook: &Webhook, lane: &Lane) -> Asked<bool> {
    let untried = lane.why == Reason::Turn;
    Ok(untried && !wants(decision, webhook, lane.subject, &*decision.event(lane.head)?)?)
}

/// The event is done with. The next of its subject takes the place if there is room and leave, else
/// it waits as a lane that is due now.
pub(super) fn settle(decision: &mut Decision<'_>, webhook: &Arc<Webhook>, slot: Slot) -> Asked<()> {
    let now = decision.now();
    decision.held_mut(webhook.id)?.let_go(slot.subject);
    let Some(next) = next_in_lane(decision, webhook, &slot)? else { return Ok(()) };
    let behind = slot.behind.filter(|last| *last > next.seq);
    let number = requests_so_far(decision, webhook.id, slot.subject, next.seq)?;
    let first = Slot { number: number + 1, ..Slot::first(next.seq, slot.subject, behind, now) };
    let wanted = wants(decision, webhook, slot.subject, &next)?;
    if wanted {
        replays::count(decision, webhook.id, slot.subject)?;
    }
    let stays = wanted && !decision.is_going(next.seq);
    if stays && decision.has_leave(webhook)? && decision.has_room(webhook)? {
        decision.send(webhook, first)
    } else {
        let lane = first.waiting(webhook.id, 0, now, Reason::Turn);
        decision.wait(Lane { number, ..lane })
    }
}

/// The next event of the subject that the webhook hears of. Those that it no longer hears of are
/// done with; after very many of them the next one is given all the same, to go on from later.
pub(super) fn next_in_lane(
    decision: &mut Decision<'_>,
    webhook: &Webhook,
    slot: &Slot,
) -> Asked<Option<Arc<Event>>> {
    let Some(behind) = slot.behind else { return Ok(None) };
    // A replay of what was delivered passes nearly all of it, far from what is kept in memory.
    let most = if slot.subject.is_replay() { MOST_REPLAYED } else { MOST_READ };
    let mut last = slot.seq;
    for passed in 0.. {
        let next = match slot.subject {
            Subject::Live(Scope::Topic(topic)) | Subject::Replay(Scope::Topic(topic)) => {
                decision.next_about(topic, last, behind)?
            }
            Subject::Live(Scope::Everything) | Subject::Replay(Scope::Everything) => {
                Some(last.next()).filter(|next| *next <= behind)
            }
            Subject::Live(Scope::Event(_))
            | Subject::Replay(Scope::Event(_))
            | Subject::Again(_)
            | Subject::Stopped(_) => None,
        };
        let Some(next) = next else { return Ok(None) };
        let event = decision.event(next)?;
        let is_enough = passed >= most && may_wait(decision, webhook, slot.subject, &event)?;
        if is_enough || wants(decision, webhook, slot.subject, &event)? {
            return Ok(Some(event));
        }
        disown(decision, webhook.id, slot.subject, next)?;
        decision.reader_mut(webhook.id)?.let_go(slot.subject);
        last = next;
    }
    Ok(None)
}

/// Whether the event may wait under `subject`, wanted or not: it does not wait elsewhere.
fn may_wait(
    decision: &Decision<'_>,
    webhook: &Webhook,
    subject: Subject,
    event: &Event,
) -> Asked<bool> {
    match subject {
        Subject::Live(_) | Subject::Again(_) | Subject::Stopped(_) => Ok(true),
        Subject::Replay(_) => replays::is_settled(decision, webhook, event),
    }
}

/// Requests made for an event whose turn it is: what is read of the log was never tried before.
pub(super) fn requests_so_far(
    decision: &Decision<'_>,
    webhook: WebhookId,
    subject: Subject,
    seq: Seq,
) -> Asked<u32> {
    match subject {
        Subject::Live(_) => Ok(0),
        Subject::Again(_) | Subject::Replay(_) | Subject::Stopped(_) => {
            Ok(decision.tried(webhook, seq)?.number)
        }
    }
}

/// An event that was counted among what the webhook is owed is not wanted after all.
pub(super) fn disown(
    decision: &mut Decision<'_>,
    webhook: WebhookId,
    subject: Subject,
    seq: Seq,
) -> Asked<()> {
    match subject {
        Subject::Live(_) => {
            let event = decision.event(seq)?;
            decision.reader_mut(webhook)?.owed.remove(event.id);
        }
        Subject::Again(_) | Subject::Replay(_) | Subject::Stopped(_) => {}
    }
    Ok(())
}
