//! Reports: the end of a request updates window and health of the receiver, and settles the event
//! or schedules its retry.

use std::sync::Arc;

use crate::delivery::answer::{Answer, Failure, FailureKind, Meaning};
use crate::delivery::attempt::Attempt;
use crate::delivery::health::{FailedRequest, HealthChange};
use crate::delivery::lane::Lane;
use crate::delivery::ordering_key::OrderingKey;
use crate::delivery::reader::Reader;
use crate::delivery::retry_after;
use crate::delivery::shortage::Shortage;
use crate::delivery::slot::Slot;
use crate::engine::command::Report;
use crate::engine::decide::turns::settle;
use crate::engine::decision::{Decision, Stop};
use crate::engine::need::Need;
use crate::engine::outcome::Reply;
use crate::model::event::EventType;
use crate::model::id::WebhookId;
use crate::model::millis::Millis;
use crate::model::reason::Reason;
use crate::webhook::{Ordering, Webhook, WebhookStatus};

/// Handles the end of a request. A report for a request that is no longer in flight, or from a host
/// that no longer sends for this webhook, is recorded and changes nothing else.
pub(super) fn report(decision: &mut Decision<'_>, report: &Report) -> Result<Reply, Stop> {
    let key = report.key.attempt();
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
    if report.answer.meaning() != Meaning::Unsent {
        decision.shortage = Shortage::default();
    }
    match report.answer.meaning() {
        Meaning::Delivered => deliver(decision, &webhook, slot, report)?,
        Meaning::Failed(kind) => fail(decision, &webhook, slot, report, Some(kind))?,
        Meaning::Gone => {
            let webhook = disable(decision, &webhook, Reason::Gone)?;
            fail(decision, &webhook, slot, report, None)?;
        }
        Meaning::Unsent => {
            // The whole webhook pauses: otherwise every event would hit the same shortage.
            decision.shortage = decision.shortage.met(decision.now());
            let due = decision.shortage.until;
            let reader = decision.claim(webhook.id)?;
            reader.not_before = reader.not_before.max(due);
            if is_stopped(&slot) {
                end_stopped(decision, &webhook, slot, report)?;
                return Ok(Reply::Noted);
            }
            decision.add_waiting_lane(slot.waiting(
                webhook.id,
                slot.step,
                due,
                Reason::OurFault,
            ))?;
            record(decision, report, Reason::OurFault, Some(due));
        }
    }
    Ok(Reply::Noted)
}

fn record(decision: &mut Decision<'_>, report: &Report, why: Reason, again_at: Option<Millis>) {
    decision.record(Attempt {
        key: report.key.attempt(),
        at: report.key.sent_at,
        duration_ms: Some(report.duration_ms),
        answer: report.answer.clone(),
        reason: why,
        next_attempt_at: again_at,
    });
}

fn deliver(
    decision: &mut Decision<'_>,
    webhook: &Arc<Webhook>,
    slot: Slot,
    report: &Report,
) -> Result<(), Need> {
    record(decision, report, Reason::Delivered, None);
    let reader = decision.claim(webhook.id)?;
    reader.window.answered(false, webhook.max_in_flight);
    if reader.health.succeed() {
        reader.window.restart();
        decision.append_webhook_event(
            webhook,
            EventType::WebhookRecovered,
            None,
            Reason::Delivered,
        )?;
    }
    bring_forward(decision, webhook.id)?;
    settle(decision, webhook, slot)
}

/// Makes the next lane due whose event did not reach the receiver, as the receiver can be reached.
/// Each success does so for one, so the receiver sets the pace, and the attempt that failed takes no
/// step of the retry schedule, so an unreliable network cannot use it up.
fn bring_forward(decision: &mut Decision<'_>, webhook: WebhookId) -> Result<(), Need> {
    let now = decision.now();
    if decision.reader(webhook)?.is_none_or(|reader| reader.waiting == 0) {
        return Ok(());
    }
    match decision.first_lane(webhook)? {
        Some(lane) if lane.why == Reason::Unreachable && lane.due > now => {
            let step = lane.step.saturating_sub(1);
            decision.put_lane(Lane { due: now, step, ..lane });
        }
        Some(_) | None => {}
    }
    Ok(())
}

/// Handles a failed attempt: window, pause and health are updated, and the event waits.
fn fail(
    decision: &mut Decision<'_>,
    webhook: &Arc<Webhook>,
    slot: Slot,
    report: &Report,
    kind: Option<FailureKind>,
) -> Result<(), Need> {
    let (now, health_policy) = (decision.now(), decision.health_policy());
    let again_at = asked_to_wait(&report.answer, kind, now);
    let reader = decision.claim(webhook.id)?;
    reader.window.answered(kind.is_some_and(FailureKind::narrows_window), webhook.max_in_flight);
    if let Some(at) = again_at {
        let at = at.min(now.plus(Reader::MAX_PAUSE_MS));
        reader.not_before = reader.not_before.max(at);
    }
    if slot.probe {
        reader.health.probe_failed(&health_policy, now);
    }
    let mut change = HealthChange::Unchanged;
    if kind.is_some_and(FailureKind::counts_against_health) {
        let one_lane = reader.ordering == Ordering::Webhook;
        let failure = FailedRequest {
            ordering_key: slot.ordering_key,
            sent_at: slot.since,
            longest_wait_ms: webhook.retry_schedule.longest_ms().max(Lane::MAX_PAUSE_MS),
        };
        change = reader.health.fail(&health_policy, &failure, one_lane, now);
    }
    match change {
        HealthChange::Unchanged => step(decision, webhook, slot, report, again_at),
        HealthChange::Down => {
            decision.append_webhook_event(
                webhook,
                EventType::WebhookDown,
                None,
                Reason::Failing,
            )?;
            step(decision, webhook, slot, report, again_at)
        }
        HealthChange::Disable => {
            let webhook = disable(decision, webhook, Reason::Failing)?;
            step(decision, &webhook, slot, report, again_at)
        }
    }
}

/// The time before which the receiver asks for no further request, by `Retry-After`.
fn asked_to_wait(answer: &Answer, kind: Option<FailureKind>, now: Millis) -> Option<Millis> {
    let asks = kind.is_some_and(FailureKind::asks_to_wait);
    match answer {
        Answer::Status { retry_after: Some(value), .. } if asks => {
            let at = retry_after::parse(value, now)?;
            Some(at.min(now.plus(Lane::MAX_PAUSE_MS)))
        }
        Answer::Status { .. } | Answer::Failure(_) => None,
    }
}

/// Whether a request was part of a replay that was stopped meanwhile.
fn is_stopped(slot: &Slot) -> bool {
    matches!(slot.ordering_key, OrderingKey::Cancelled(_))
}

/// Settles the event of a stopped replay whose request did not reach the receiver: nothing more is
/// sent.
fn end_stopped(
    decision: &mut Decision<'_>,
    webhook: &Arc<Webhook>,
    slot: Slot,
    report: &Report,
) -> Result<(), Need> {
    record(decision, report, Reason::Stopped, None);
    settle(decision, webhook, slot)
}

/// Takes a step of the retry schedule, at whose end the event is abandoned. A probe takes none.
fn step(
    decision: &mut Decision<'_>,
    webhook: &Arc<Webhook>,
    slot: Slot,
    report: &Report,
    again_at: Option<Millis>,
) -> Result<(), Need> {
    let now = decision.now();
    if is_stopped(&slot) {
        return end_stopped(decision, webhook, slot, report);
    }
    let (wait_ms, step, why) = if slot.probe {
        (Some(0), slot.step, Reason::Probe)
    } else {
        let wait_ms = webhook.retry_schedule.wait_ms(slot.step, webhook.id, slot.seq);
        let why = webhook.status.reason().unwrap_or(retry_reason(webhook, &report.answer));
        (wait_ms, slot.step + 1, why)
    };
    let Some(wait_ms) = wait_ms else {
        record(decision, report, Reason::RetriesUsedUp, None);
        let (kind, why) = (EventType::DeliveryAbandoned, Reason::RetriesUsedUp);
        decision.append_webhook_event(webhook, kind, Some(slot.seq), why)?;
        return settle(decision, webhook, slot);
    };
    let due = now.plus(wait_ms).max(again_at.unwrap_or(now));
    record(decision, report, why, Some(due));
    decision.add_waiting_lane(slot.waiting(webhook.id, step, due, why))
}

/// Why an event waits whose attempt failed with this answer. A partner is not to learn from it
/// whether a name led to a forbidden address or nowhere.
fn retry_reason(webhook: &Webhook, answer: &Answer) -> Reason {
    match answer {
        Answer::Failure(Failure::Blocked) if webhook.partner.is_some() => Reason::Unreachable,
        Answer::Failure(Failure::Dns | Failure::Connect) => Reason::Unreachable,
        Answer::Failure(
            Failure::Tls
            | Failure::Timeout
            | Failure::Reset
            | Failure::Protocol
            | Failure::Blocked
            | Failure::Ours,
        )
        | Answer::Status { .. } => Reason::Retry,
    }
}

fn disable(
    decision: &mut Decision<'_>,
    webhook: &Arc<Webhook>,
    reason: Reason,
) -> Result<Arc<Webhook>, Need> {
    match webhook.status {
        WebhookStatus::Active | WebhookStatus::Paused => {
            let status = WebhookStatus::Disabled { reason, at: decision.now() };
            let disabled = Webhook::clone(webhook).with_status(status);
            decision.append_webhook_event(webhook, EventType::WebhookDisabled, None, reason)?;
            decision.put_webhook(disabled, webhook.rev)
        }
        WebhookStatus::Disabled { .. } => Ok(Arc::clone(webhook)),
    }
}
