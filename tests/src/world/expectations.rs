//! Resends and replays that callers were promised, and whether the events were sent again.

use std::collections::BTreeMap;

use hookdesk_core::{Command, Reason, ReplayFilter, ReplayRange, Reply, Seq, Webhook, WebhookId};

use crate::stores::{StoredRows, hears};

/// A replay or a resend that was accepted.
#[derive(Clone, Debug)]
pub struct Expectation {
    webhook: WebhookId,
    range: ReplayRange,
    /// Whether it holds also for events that the webhook is not subscribed to.
    for_sure: bool,
    /// The last request for each event at that time.
    numbers: BTreeMap<Seq, u32>,
}

/// Updates the expectations after a reply.
pub fn told(promises: &mut Vec<Expectation>, rows: &StoredRows, call: &Command, reply: &Reply) {
    let numbers = |webhook: WebhookId| {
        let ours = rows.attempts.iter().filter(|attempt| attempt.key.webhook == webhook);
        ours.map(|attempt| (attempt.key.seq, attempt.key.number)).collect()
    };
    match (call, reply) {
        (Command::Resend { id, event }, Reply::Announced(_)) => {
            let seq = event.seq();
            let after = Seq(seq.0 - 1);
            let range = ReplayRange { after, to: seq, only: ReplayFilter::All, per_second: None };
            let (webhook, numbers) = (*id, numbers(*id));
            promises.push(Expectation { webhook, range, for_sure: true, numbers });
        }
        (Command::Replay { id, range, .. }, Reply::Replay { starts: true, .. }) => {
            let (webhook, numbers) = (*id, numbers(*id));
            promises.push(Expectation { webhook, range: *range, for_sure: false, numbers });
        }
        (call, _) => forget(promises, call),
    }
}

/// Drops the expectations that a call cancels, whatever its result.
pub fn forget(promises: &mut Vec<Expectation>, call: &Command) {
    match call {
        Command::StopReplay { id } | Command::Unregister { id } => {
            promises.retain(|promise| promise.webhook != *id);
        }
        Command::Amend { id, settings } | Command::HandOver { id, settings, .. }
            if settings.events.is_some() =>
        {
            promises.retain(|promise| promise.webhook != *id);
        }
        _ => {}
    }
}

/// Whether all promised events were sent, of those that are kept for certain.
pub fn kept(
    promises: &[Expectation],
    rows: &StoredRows,
    webhooks: &BTreeMap<WebhookId, &Webhook>,
    kept_from: Seq,
) {
    for promise in promises {
        let id = promise.webhook;
        let Some(webhook) = webhooks.get(&id) else { continue };
        let (after, to) = (promise.range.after, promise.range.to);
        let events = rows.events.iter().filter(|event| event.seq > after && event.seq <= to);
        let kept = events.filter(|event| event.seq >= kept_from);
        for event in kept.filter(|event| hears(id, event.id)) {
            if !(promise.for_sure || webhook.hears(event)) {
                continue;
            }
            let ours =
                rows.attempts.iter().filter(|a| (a.key.webhook, a.key.seq) == (id, event.seq));
            let before = promise.numbers.get(&event.seq).copied().unwrap_or(0);
            let again = ours.clone().any(|attempt| attempt.key.number > before);
            let delivered = ours.clone().any(|attempt| attempt.reason == Reason::Delivered);
            let left_out = promise.range.only == ReplayFilter::Undelivered && delivered;
            assert!(again || left_out, "{id}: {} was to be sent once more", event.seq);
        }
    }
}
