//! The health of a receiver after the ends of its requests: whether it is down, and when its webhook
//! is disabled.

use std::collections::BTreeSet;

use hookdesk_core::{Millis, Topic};

use crate::plan::Plan;

/// What a failure is of: three of them show that it is the receiver, and not one ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    Event(Kind, u64),
    Topic(Kind, Topic),
    All(Kind),
}

/// What an event is sent for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Live,
    Resend,
    Replay,
    /// A part of a replay that was stopped.
    Cancelled,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    failures: u32,
    subjects: BTreeSet<Subject>,
    since: Option<Millis>,
    last: Option<Millis>,
    /// Failed probes, and when the next one goes, if the receiver is down.
    pub down: Option<(u32, Millis)>,
}

/// What a failure leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    Nothing,
    Down,
    Disabled,
}

/// A request that failed.
#[derive(Clone, Copy, Debug)]
pub struct Failed {
    pub subject: Subject,
    pub sent_at: Millis,
    /// Milliseconds between two attempts, at most.
    pub longest_wait_ms: u64,
    /// Whether everything waits for this one event.
    pub is_only_lane: bool,
}

const SUBJECTS: usize = 3;
const SECOND_MS: u64 = 1_000;
const HOUR_MS: u64 = 3_600_000;

impl Health {
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// A caller says that the receiver is mended: what failed before counts no more, and one that
    /// is down is asked at once.
    pub fn enabled(&mut self, now: Millis) {
        let down = self.down.map(|_| (0, now));
        *self = Self { down, ..Self::default() };
    }

    pub fn asked(&mut self, now: Millis) {
        self.down = self.down.map(|_| (0, now));
    }

    pub fn probe_failed(&mut self, plan: &Plan, now: Millis) {
        if let Some((probes, _)) = self.down {
            let doubled = |wait_ms: u64, _| (2 * wait_ms).min(plan.health.probe_most_ms);
            let wait_ms = (0..=probes.min(40)).fold(plan.health.probe_first_ms, doubled);
            self.down = Some((probes + 1, now.plus(wait_ms)));
        }
    }

    pub fn failed(&mut self, plan: &Plan, failed: &Failed, now: Millis) -> Turn {
        self.subjects.insert(failed.subject);
        let quiet_ms = match self.last {
            // It was in flight when another failed: the same trouble.
            Some(last) if failed.sent_at <= last => return Turn::Nothing,
            Some(last) => failed.sent_at.since(last),
            None => 0,
        };
        if quiet_ms > failed.longest_wait_ms + HOUR_MS {
            self.since = None;
        }
        self.failures += 1;
        self.last = Some(now);
        let since = *self.since.get_or_insert(now);
        let (for_ms, is_wide) = (now.since(since), self.subjects.len() >= SUBJECTS);
        if for_ms >= plan.health.disable_after_ms && (is_wide || failed.is_only_lane) {
            return Turn::Disabled;
        }
        let is_enough =
            self.failures >= plan.health.down_after && for_ms.max(quiet_ms) >= SECOND_MS;
        if failed.is_only_lane || self.down.is_some() || !(is_wide && is_enough) {
            return Turn::Nothing;
        }
        self.down = Some((0, now.plus(plan.health.probe_first_ms)));
        Turn::Down
    }
}
