//! Simulated receivers: their responses, when these come, and faults of the reports.

use fastrand::Rng;
use hookdesk_core::{Answer, Failure, HolderId, Millis, OrderingKey, Report, WebhookId};

use crate::plan::Plan;

/// A request that was sent, and its report to come.
#[derive(Clone, Debug)]
pub struct RequestInFlight {
    pub holder: HolderId,
    pub webhook: WebhookId,
    pub ordering_key: OrderingKey,
    /// When its end is reported: never, if the task that waits for it died.
    pub reported_at: Option<Millis>,
    pub report: Report,
}

/// A receiver's reaction to a request.
#[derive(Debug)]
pub struct Received {
    pub answer: Answer,
    pub took_ms: u64,
    /// Whether it processed the request, whatever its response.
    pub taken: bool,
}

/// The reaction to a request, `since_ms` after the world's beginning.
pub fn receive(
    plan: &Plan,
    rng: &mut Rng,
    webhook: WebhookId,
    since_ms: u64,
    timeout_ms: u64,
) -> Received {
    const STATUSES: [u16; 6] = [500, 503, 404, 302, 429, 400];
    // Some receivers are hostile: they ask for nonsense, or for an excessive wait.
    const WAITS: [Option<&str>; 6] =
        [None, Some("1"), Some("3"), Some("60"), Some("soon"), Some("99999999999999999999")];
    let odds = &plan.odds;
    let mut happens = |thousandths: u32| rng.u32(0..1_000) < thousandths;
    let (hangs, ours, gone) = (happens(odds.hangs), happens(odds.ours), happens(odds.gone));
    let (fails, lies, slow) = (happens(odds.fails), happens(odds.lies), happens(odds.slow));
    let retry_after = WAITS[rng.usize(..WAITS.len())].map(str::to_owned);
    let failing = STATUSES[rng.usize(..STATUSES.len())];
    let excerpt = String::new();
    let answered = |status| Answer::Status { status, retry_after, excerpt };
    let took_ms = if slow { rng.u64(500..=timeout_ms) } else { rng.u64(0..=500) };
    // A minute up and a minute down, each receiver with a phase of its own.
    let [.., ailment, which, phase] = *webhook.as_bytes();
    let is_flapping = u32::from(which) * 1_000 / 256 < odds.flaps;
    let flapped = is_flapping && (since_ms / 60_000 + u64::from(phase)) % 2 == 1;
    let away = since_ms < plan.away_ms.into() || flapped;
    let is_sick = u32::from(ailment) * 1_000 / 256 < odds.sick;
    let not = |answer, took_ms| Received { answer, took_ms, taken: false };
    if away {
        // Whether an address is one that may be called shows at the time of the call.
        let unreached = match ailment % 3 {
            0 if odds.keys > 0 => Failure::Blocked,
            1 if odds.keys > 0 => Failure::Dns,
            _ => Failure::Connect,
        };
        not(Answer::Failure(unreached), 1)
    } else if hangs {
        not(Answer::Failure(Failure::Timeout), timeout_ms)
    } else if ours {
        not(Answer::Failure(Failure::Ours), took_ms)
    } else if gone {
        not(answered(410), took_ms)
    } else if fails || is_sick {
        not(answered(failing), took_ms)
    } else if lies {
        Received { answer: Answer::Failure(Failure::Reset), took_ms, taken: true }
    } else {
        Received { answer: answered(200), took_ms, taken: true }
    }
}
