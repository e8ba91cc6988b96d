//! Who is sent what, and when: the rules of readers and lanes.
//!
//! A wake first puts what nobody sends any more back into its lanes, then fills the windows in
//! turn. A report settles its event or lets it wait, and passes the place on inside the lane.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::answer::{Answer, Meaning, Trouble};
use crate::attempt::Attempt;
use crate::command::Report;
use crate::decide::replays;
use crate::decision::{Decision, Stop};
use crate::event::{Event, EventType, Seq};
use crate::facts::{Asked, Partner};
use crate::health::Verdict;
use crate::id::WebhookId;
use crate::lane::{Lane, Scope, Subject};
use crate::moment::Millis;
use crate::outcome::Reply;
use crate::reader::{Reader, Skim, Slot};
use crate::reason::Reason;
use crate::retry_after;
use crate::webhook::{Ordering, Webhook, WebhookStatus};

type Decided = Result<Reply, Stop>;

/// Events that one webhook reads past in one wake without sending, because all of them stand
/// behind others or are for others: some milliseconds of work, after which everybody else has a
/// turn.
const MOST_READ: u32 = 1_000;

/// Events for others that a reader may be past without a write. After a crash they are read again.
const MOST_SKIMMED: u64 = 1_000;

/// Milliseconds after which a host that is not alone looks for what others left to it, if nobody
/// tells it.
const LOOK_ROUND_MS: u64 = 1_000;

pub(super) fn wake(decision: &mut Decision<'_>) -> Decided {
    reclaim(decision)?;
    reorder(decision)?;
    replays::finish(decision)?;
    skim(decision)?;
    fill(decision)?;
    set_alarm(decision)?;
    Ok(Reply::Noted)
}

/// Takes over what another host had in flight, and gives up what nobody reported.
fn reclaim(decision: &mut Decision<'_>) -> Result<(), Stop> {
    let now = decision.now();
    let (mut foreign, mut lost) = (Vec::new(), Vec::new());
    for Partner { webhook, reader } in decision.partners()?.values() {
        if reader.holder != Some(decision.moment.holder) {
            if decision.may_hold(webhook, reader) && !reader.sending.is_empty() {
                foreign.push(webhook.id);
            }
            continue;
        }
        let overdue = |slot: &&Slot| slot.lost_at(webhook.timeout_ms) <= now;
        lost.extend(reader.sending.iter().filter(overdue).map(|slot| (webhook.id, *slot)));
    }
    for webhook in foreign {
        decision.held_mut(webhook)?;
    }
    for (webhook, slot) in lost {
        decision.give_up(webhook, slot, Reason::Lost)?;
    }
    Ok(())
}

/// Another ordering comes into force when nothing is in flight or waits.
fn reorder(decision: &mut Decision<'_>) -> Asked<()> {
    let mut drained = Vec::new();
    for Partner { webhook, .. } in decision.partners()?.values() {
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
    let active = |partner: &&Partner| {
        partner.webhook.is_active() && decision.may_hold(&partner.webhook, &partner.reader)
    };
    let webhook = |partner: &Partner| Arc::clone(&partner.webhook);
    let Some(last) = decision.turn else {
        return Ok(partners.values().filter(active).map(webhook).collect());
    };
    let after = partners.range(last..).filter(|(id, _)| **id != last);
    let before = partners.range(..=last);
    Ok(after.chain(before).map(|(_, partner)| partner).filter(active).map(webhook).collect())
}

/// Sends one request, if there is leave, room and something to send: a lane that is due, else the
/// next event of a subject that neither waits nor sends.
fn send_one(decision: &mut Decision<'_>, webhook: &Arc<Webhook>) -> Asked<bool> {
    if !decision.has_room(webhook)? {
        return Ok(false);
    }
    if !decision.has_leave(webhook)? {
        return probe(decision, webhook);
    }
    match due_lane(decision, webhook)? {
        Some(lane) if is_unwanted(decision, webhook, &lane)? => drop_head(decision, webhook, &lane),
        Some(lane) => {
            let slot = lane.slot(decision.now());
            decision.leave(&lane)?;
            decision.send(webhook, slot)?;
            Ok(true)
        }
        None => {
            Ok(read_on(decision, webhook, false)? || replays::read_on(decision, webhook, false)?)
        }
    }
}

/// Whether a head is to be let go of: nobody has tried it, and it is no longer wanted; or its replay
/// was stopped.
fn is_unwanted(decision: &Decision<'_>, webhook: &Webhook, lane: &Lane) -> Asked<bool> {
    if is_stopped(decision, webhook.id, lane.subject)? {
        return Ok(true);
    }
    let untried = lane.why == Reason::Turn;
    Ok(untried && !wants(decision, webhook, lane.subject, &*decision.event(lane.head)?)?)
}

/// Whether the event is to be sent under `subject`, judged as it is its turn.
fn wants(
    decision: &Decision<'_>,
    webhook: &Webhook,
    subject: Subject,
    event: &Event,
) -> Asked<bool> {
    match subject {
        Subject::Live(_) => Ok(webhook.hears(event)),
        Subject::Again(_) => Ok(true),
        Subject::Replay(_) => replays::wants(decision, webhook, event),
    }
}

/// Whether the event may wait under `subject`, wanted or not: it does not wait elsewhere.
fn may_wait(
    decision: &Decision<'_>,
    webhook: &Webhook,
    subject: Subject,
    event: &Event,
) -> Asked<bool> {
    match subject {
        Subject::Live(_) | Subject::Again(_) => Ok(true),
        Subject::Replay(_) => replays::is_settled(decision, webhook, event),
    }
}

/// Whether the replay that `subject` is part of was stopped.
fn is_stopped(decision: &Decision<'_>, webhook: WebhookId, subject: Subject) -> Asked<bool> {
    let runs = decision.reader(webhook)?.is_some_and(|reader| reader.replay.run.is_some());
    Ok(subject.is_replay() && !runs)
}

/// Lets go of a head that is not wanted, and goes on behind it in the next wake.
fn drop_head(decision: &mut Decision<'_>, webhook: &Arc<Webhook>, lane: &Lane) -> Asked<bool> {
    decision.leave(lane)?;
    disown(decision, webhook.id, lane.subject, lane.head)?;
    settle(decision, webhook, lane.slot(decision.now()))?;
    decision.wake_at(decision.now());
    Ok(false)
}

fn due_lane(decision: &Decision<'_>, webhook: &Webhook) -> Asked<Option<Lane>> {
    let now = decision.now();
    let first = decision.first_lane(webhook.id)?;
    Ok(first.filter(|lane| lane.is_due(now, &webhook.retry_schedule)))
}

/// Asks how a receiver fares that is down: one request at a time, in turn the head that has been
/// due longest and the next unread event, so that poisoned heads cannot hold the rest.
fn probe(decision: &mut Decision<'_>, webhook: &Arc<Webhook>) -> Asked<bool> {
    let (now, figures) = (decision.now(), decision.figures());
    let Some(reader) = decision.reader(webhook.id)? else { return Ok(false) };
    let Some(down) = reader.health.down else { return Ok(false) };
    let from = reader.sends_from(now).max(down.probes_from(&figures, now));
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
    decision.leave(&lane)?;
    decision.send(webhook, slot)?;
    Ok(true)
}

/// Reads on until an event can be sent. One whose subject waits or sends stands behind it there,
/// and whether the webhook hears of it is asked when its turn comes.
fn read_on(decision: &mut Decision<'_>, webhook: &Arc<Webhook>, probe: bool) -> Asked<bool> {
    let (now, head) = (decision.now(), decision.log()?.head);
    for _ in 0..MOST_READ {
        let Some(reader) = decision.reader(webhook.id)? else { return Ok(false) };
        let (place, ordering) = (decision.place(reader), reader.ordering);
        if place.read_to >= head || !reader.may_read(webhook) {
            return Ok(false);
        }
        let event = decision.event(place.read_to.next())?;
        let place = place.past(&event);
        let subject = Subject::of(&event, ordering);
        if !webhook.hears(&event) && !is_busy(decision, webhook.id, subject)? {
            skip(decision, webhook.id, place)?;
            continue;
        }
        let lane = decision.lane(webhook.id, subject)?;
        let reader = decision.held_mut(webhook.id)?;
        reader.read(place, &event);
        reader.take_on(subject);
        reader.owed.add(event.id);
        if let Some(slot) = reader.sending_for(subject) {
            slot.behind = Some(event.seq);
        } else if let Some(lane) = lane {
            decision.put_lane(Lane { behind: Some(event.seq), ..lane });
        } else {
            let first = Slot::first(event.seq, subject, None, now);
            decision.send(webhook, Slot { probe, ..first })?;
            return Ok(true);
        }
    }
    decision.wake_at(now);
    Ok(false)
}

/// An event that is for others. That alone is not worth a write, until there are many.
fn skip(decision: &mut Decision<'_>, id: WebhookId, place: Skim) -> Asked<()> {
    decision.skim(id, place);
    let saved = decision.reader(id)?.map_or(place.read_to, |reader| reader.read_to);
    if place.read_to.0 - saved.0 >= MOST_SKIMMED {
        save_place(decision, id, place)?;
    }
    Ok(())
}

fn save_place(decision: &mut Decision<'_>, id: WebhookId, place: Skim) -> Asked<()> {
    let reader = decision.reader_mut(id)?;
    reader.read_to = place.read_to;
    reader.tallies = place.tallies;
    Ok(())
}

/// Moves every reader past events that are for others, up to the first that its webhook hears of or
/// that stands behind another. That alone is not worth a write, until there are many.
fn skim(decision: &mut Decision<'_>) -> Result<(), Stop> {
    let head = decision.log()?.head;
    let mut needs = Vec::new();
    let mut behind = Vec::new();
    for Partner { webhook, reader } in decision.partners()?.values() {
        if decision.place(reader).read_to < head && decision.may_hold(webhook, reader) {
            behind.push(Arc::clone(webhook));
        }
    }
    for webhook in behind {
        if let Err(need) = skim_now(decision, &webhook) {
            needs.push(need);
        }
    }
    if needs.is_empty() { Ok(()) } else { Err(Stop::Need(needs)) }
}

/// How far the webhook can move past events that are for others, if at all.
fn skim_one(decision: &mut Decision<'_>, webhook: &Webhook) -> Asked<Option<Skim>> {
    let head = decision.log()?.head;
    let Some(reader) = decision.reader(webhook.id)? else { return Ok(None) };
    let (saved, ordering) = (reader.read_to, reader.ordering);
    let mut place = decision.place(reader);
    let start = place.read_to;
    while place.read_to < head && place.read_to.0 - saved.0 < MOST_SKIMMED {
        let event = decision.event(place.read_to.next())?;
        let subject = Subject::of(&event, ordering);
        if webhook.hears(&event) || is_busy(decision, webhook.id, subject)? {
            break;
        }
        place = place.past(&event);
    }
    if place.read_to.0 - saved.0 >= MOST_SKIMMED {
        decision.wake_at(decision.now());
    }
    Ok(Some(place).filter(|place| place.read_to > start))
}

/// Moves one reader past events that are for others.
pub(super) fn skim_now(decision: &mut Decision<'_>, webhook: &Webhook) -> Asked<()> {
    match skim_one(decision, webhook)? {
        Some(place) => skip(decision, webhook.id, place),
        None => Ok(()),
    }
}

/// Writes down how far the webhook is past events for others, before it says otherwise what it wants
/// to hear of: what was skipped stays skipped, also for a host that knows no more than the rows.
pub(super) fn save_skim(decision: &mut Decision<'_>, webhook: &Webhook) -> Asked<()> {
    let moved = skim_one(decision, webhook)?;
    let Some(reader) = decision.reader(webhook.id)? else { return Ok(()) };
    let place = moved.unwrap_or_else(|| decision.place(reader));
    if place.read_to > reader.read_to {
        save_place(decision, webhook.id, place)?;
    }
    Ok(())
}

/// Whether a subject waits or sends.
fn is_busy(decision: &Decision<'_>, webhook: WebhookId, subject: Subject) -> Asked<bool> {
    let Some(reader) = decision.reader(webhook)? else { return Ok(false) };
    let waits = reader.waiting > 0;
    Ok(reader.is_sending(subject) || (waits && decision.lane(webhook, subject)?.is_some()))
}

/// Asks to be woken when time alone brings something to send, or a request to be given up.
fn set_alarm(decision: &mut Decision<'_>) -> Asked<()> {
    if let Some(at) = decision.retains_at() {
        decision.wake_at(at);
    }
    if decision.has_company() {
        decision.wake_at(decision.now().plus(LOOK_ROUND_MS));
    }
    let ids: Vec<WebhookId> = decision.partners()?.keys().copied().collect();
    for id in ids {
        let Some(webhook) = decision.webhook(id)? else { continue };
        let Some(reader) = decision.reader(id)? else { continue };
        if !decision.may_hold(&webhook, reader) {
            if let Some(at) = reader.free_at(decision.moment.holder, webhook.timeout_ms) {
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

/// When the webhook will have something to send. What could go already waits for room, and whoever
/// makes room will wake us.
fn sends_at(decision: &Decision<'_>, webhook: &Webhook) -> Asked<Option<Millis>> {
    let now = decision.now();
    let Some(reader) = decision.reader(webhook.id)?.filter(|_| webhook.is_active()) else {
        return Ok(None);
    };
    let from = match reader.health.down {
        Some(_) if reader.probes() => return Ok(None),
        Some(down) => reader.sends_from(now).max(down.probes_from(&decision.figures(), now)),
        None => reader.sends_from(now),
    };
    let lane = decision.first_lane(webhook.id)?.map(|lane| lane.due.max(from));
    let reads = decision.place(reader).read_to < decision.log()?.head && reader.may_read(webhook);
    let replay_at = reader.replays_at(webhook, now).map(|at| at.max(from));
    let times = lane.into_iter().chain(reads.then_some(from)).chain(replay_at);
    Ok(times.filter(|at| *at > now).min())
}

/// The end of a request. A word about one that is no longer in flight, or from a host that no
/// longer sends for this webhook, is recorded and changes nothing else.
pub(super) fn report(decision: &mut Decision<'_>, report: &Report) -> Decided {
    let key = report.key;
    let Some(webhook) = decision.webhook(key.webhook)? else { return Ok(Reply::Noted) };
    let ours = decision
        .reader(key.webhook)?
        .filter(|reader| reader.holder == Some(decision.moment.holder))
        .is_some_and(|reader| reader.sends(key.seq, key.number));
    if !ours {
        record(decision, report, Reason::Late, None);
        return Ok(Reply::Noted);
    }
    let Some(slot) = decision.end(key)? else { return Ok(Reply::Noted) };
    match report.answer.meaning() {
        Meaning::Delivered => deliver(decision, &webhook, slot, report)?,
        Meaning::Failed(trouble) => fail(decision, &webhook, slot, report, Some(trouble))?,
        Meaning::Gone => {
            let webhook = disable(decision, &webhook, Reason::Gone)?;
            fail(decision, &webhook, slot, report, None)?;
        }
        Meaning::Unsent => {
            // All of the webhook waits, lest each further event meets the same want.
            let due = decision.now().plus(Lane::OUR_WAIT_MS);
            let reader = decision.held_mut(webhook.id)?;
            reader.not_before = reader.not_before.max(due);
            decision.wait(slot.waiting(webhook.id, slot.step, due, Reason::OurFault))?;
            record(decision, report, Reason::OurFault, Some(due));
        }
    }
    rest(decision, webhook.id)?;
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

/// With nothing in flight and nothing waiting, failures are over.
pub(super) fn rest(decision: &mut Decision<'_>, webhook: WebhookId) -> Asked<()> {
    let reader = decision.reader_mut(webhook)?;
    if reader.is_idle() {
        reader.health.rest();
    }
    Ok(())
}

fn deliver(
    decision: &mut Decision<'_>,
    webhook: &Arc<Webhook>,
    slot: Slot,
    report: &Report,
) -> Asked<()> {
    record(decision, report, Reason::Delivered, None);
    let reader = decision.held_mut(webhook.id)?;
    reader.window.answered(false, webhook.max_in_flight);
    if reader.health.succeed() {
        reader.window.restart();
        decision.tell_of(webhook, EventType::WebhookRecovered, None, Reason::Delivered)?;
    }
    settle(decision, webhook, slot)
}

/// The attempt failed: the receiver's pace and health take note, and the event waits.
fn fail(
    decision: &mut Decision<'_>,
    webhook: &Arc<Webhook>,
    slot: Slot,
    report: &Report,
    trouble: Option<Trouble>,
) -> Asked<()> {
    let (now, figures) = (decision.now(), decision.figures());
    let again_at = asked_to_wait(&report.answer, trouble, now);
    let reader = decision.held_mut(webhook.id)?;
    reader.window.answered(trouble.is_some_and(Trouble::narrows_window), webhook.max_in_flight);
    if let Some(at) = again_at {
        let at = at.min(now.plus(Reader::LONGEST_PAUSE_MS));
        reader.not_before = reader.not_before.max(at);
    }
    if slot.probe {
        reader.health.probe_failed(&figures, now);
    }
    let mut verdict = Verdict::Unchanged;
    if trouble.is_some_and(Trouble::is_ill) {
        let one_lane = reader.ordering == Ordering::Webhook;
        reader.health.fail(slot.subject, now);
        verdict = reader.health.judge(&figures, one_lane, now);
    }
    match verdict {
        Verdict::Unchanged => step(decision, webhook, slot, report, again_at),
        Verdict::Down => {
            decision.tell_of(webhook, EventType::WebhookDown, None, Reason::Failing)?;
            step(decision, webhook, slot, report, again_at)
        }
        Verdict::Disable => {
            let webhook = disable(decision, webhook, Reason::Failing)?;
            step(decision, &webhook, slot, report, again_at)
        }
    }
}

/// Until when a receiver asked not to be asked again about this event.
fn asked_to_wait(answer: &Answer, trouble: Option<Trouble>, now: Millis) -> Option<Millis> {
    let asks = trouble.is_some_and(Trouble::asks_to_wait);
    match answer {
        Answer::Status { retry_after: Some(value), .. } if asks => {
            let at = retry_after::parse(value, now)?;
            Some(at.min(now.plus(Lane::LONGEST_PAUSE_MS)))
        }
        Answer::Status { .. } | Answer::Failure(_) => None,
    }
}

/// A step of the ladder, at whose end the event is abandoned. A probe takes none.
fn step(
    decision: &mut Decision<'_>,
    webhook: &Arc<Webhook>,
    slot: Slot,
    report: &Report,
    again_at: Option<Millis>,
) -> Asked<()> {
    let now = decision.now();
    if is_stopped(decision, webhook.id, slot.subject)? {
        record(decision, report, Reason::Stopped, None);
        return settle(decision, webhook, slot);
    }
    let (wait_ms, step, why) = if slot.probe {
        (Some(0), slot.step, Reason::Probe)
    } else {
        let wait_ms = webhook.retry_schedule.wait_ms(slot.step, webhook.id, slot.seq);
        (wait_ms, slot.step + 1, webhook.status.reason().unwrap_or(Reason::Retry))
    };
    let Some(wait_ms) = wait_ms else {
        record(decision, report, Reason::RetriesUsedUp, None);
        let (kind, why) = (EventType::DeliveryAbandoned, Reason::RetriesUsedUp);
        decision.tell_of(webhook, kind, Some(slot.seq), why)?;
        return settle(decision, webhook, slot);
    };
    let due = now.plus(wait_ms).max(again_at.unwrap_or(now));
    record(decision, report, why, Some(due));
    decision.wait(slot.waiting(webhook.id, step, due, why))
}

fn disable(
    decision: &mut Decision<'_>,
    webhook: &Arc<Webhook>,
    reason: Reason,
) -> Asked<Arc<Webhook>> {
    match webhook.status {
        WebhookStatus::Active | WebhookStatus::Paused => {
            let status = WebhookStatus::Disabled { reason, at: decision.now() };
            let disabled = Webhook::clone(webhook).with_status(status);
            decision.tell_of(webhook, EventType::WebhookDisabled, None, reason)?;
            decision.put_webhook(disabled, webhook.rev)
        }
        WebhookStatus::Disabled { .. } => Ok(Arc::clone(webhook)),
    }
}

/// The event is done with. The next of its subject takes the place if there is room and leave, else
/// it waits as a lane that is due now.
fn settle(decision: &mut Decision<'_>, webhook: &Arc<Webhook>, slot: Slot) -> Asked<()> {
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
    if wanted && decision.has_leave(webhook)? && decision.has_room(webhook)? {
        decision.send(webhook, first)
    } else {
        let lane = first.waiting(webhook.id, 0, now, Reason::Turn);
        decision.wait(Lane { number, ..lane })
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
        Subject::Again(_) | Subject::Replay(_) => Ok(decision.tried(webhook, seq)?.number),
    }
}

/// An event that was counted among what the webhook is owed is not wanted after all.
fn disown(
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
        Subject::Again(_) | Subject::Replay(_) => {}
    }
    Ok(())
}

/// The next event of the subject that the webhook hears of. Those that it no longer hears of are
/// done with; after very many of them the next one is given all the same, to go on from later.
pub(super) fn next_in_lane(
    decision: &mut Decision<'_>,
    webhook: &Webhook,
    slot: &Slot,
) -> Asked<Option<Arc<Event>>> {
    let Some(behind) = slot.behind else { return Ok(None) };
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
            | Subject::Again(_) => None,
        };
        let Some(next) = next else { return Ok(None) };
        let event = decision.event(next)?;
        let is_enough = passed >= MOST_READ && may_wait(decision, webhook, slot.subject, &event)?;
        if is_enough || wants(decision, webhook, slot.subject, &event)? {
            return Ok(Some(event));
        }
        disown(decision, webhook.id, slot.subject, next)?;
        decision.reader_mut(webhook.id)?.let_go(slot.subject);
        last = next;
    }
    Ok(None)
}

#[cfg(test)]
mod named;
#[cfg(test)]
pub(super) mod tests;
#[cfg(test)]
mod unwanted;
