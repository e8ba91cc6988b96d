//! The context of one decision: the known facts, and the changes made so far.
//!
//! Rules look up and change rows through it alone. A look-up of a row that is not loaded stops the
//! decision with `?`, and so does a refusal; the changes until then are discarded.

mod audit;
mod keys;
mod log;
mod retention;
mod sending;
mod visits;
mod webhooks;

pub(crate) use audit::States;
pub(crate) use visits::Visits;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::delivery::attempt::AttemptKey;
use crate::delivery::checkpoint::Checkpoint;
use crate::delivery::quotas::Quotas;
use crate::delivery::request::Request;
use crate::delivery::shortage::Shortage;
use crate::engine::facts::Facts;
use crate::engine::need::Need;
use crate::engine::outcome::{Changes, Outcome, Reply};
use crate::model::event::Event;
use crate::model::id::WebhookId;
use crate::model::millis::Millis;
use crate::model::moment::Moment;
use crate::model::reach::Reach;
use crate::model::refusal::Refusal;
use crate::model::seq::Seq;
use crate::webhook::Webhook;

/// The reason why a decision stops before its end.
#[derive(Debug)]
pub(crate) enum Stop {
    Need(Vec<Need>),
    Refuse(Refusal),
}

impl From<Need> for Stop {
    fn from(need: Need) -> Self {
        Self::Need(vec![need])
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refuse(refusal)
    }
}

pub(crate) struct Decision<'a> {
    facts: &'a Facts,
    pub moment: &'a Moment,
    /// What of the desk the caller reaches.
    pub reach: Reach,
    changes: Changes,
    /// Attempts to be made: they become requests at the end, when no need can undo them.
    sends: Vec<(Arc<Webhook>, Arc<Event>, AttemptKey)>,
    /// Slots of all readers that this host holds, as changed so far.
    in_flight: u32,
    pub turn: Option<WebhookId>,
    pub renews_connections: bool,
    pub shortage: Shortage,
    /// Readers that moved past events that are filtered out, which alone is not worth a write.
    checkpoints: BTreeMap<WebhookId, Checkpoint>,
    stops: BTreeMap<WebhookId, Seq>,
    /// The webhooks that a wake visits.
    visits: Visits,
    next_wake: Option<Millis>,
    #[expect(clippy::option_option, reason = "it may be said, and what is said may be never")]
    retain_at: Option<Option<Millis>>,
    pending_floor: Option<Seq>,
}

impl<'a> Decision<'a> {
    pub fn new(facts: &'a Facts, moment: &'a Moment, reach: Reach, visits: Visits) -> Self {
        Self {
            facts,
            moment,
            reach,
            changes: Changes::default(),
            sends: Vec::new(),
            in_flight: facts.in_flight(moment.holder),
            turn: facts.turn(),
            renews_connections: false,
            shortage: facts.shortage(),
            checkpoints: BTreeMap::new(),
            stops: BTreeMap::new(),
            visits,
            next_wake: None,
            retain_at: None,
            pending_floor: None,
        }
    }

    pub fn now(&self) -> Millis {
        self.moment.now
    }

    pub fn outcome(self, reply: Reply) -> Outcome {
        let now = self.moment.now;
        let sends = self.sends.into_iter();
        Outcome {
            reply: Ok(reply),
            changes: self.changes,
            requests: sends.map(|(to, event, key)| Request::new(&to, &event, key, now)).collect(),
            renews_connections: self.renews_connections,
            reply_replaces: None,
            next_wake: self.next_wake,
            turn: self.turn,
            shortage: Some(self.shortage),
            checkpoints: self.checkpoints,
            stops: self.stops,
            retain_at: self.retain_at,
            pending_floor: self.pending_floor,
        }
    }

    pub fn quotas(&self) -> &'a Quotas {
        &self.facts.limits.quotas
    }

    /// Webhooks of one partner, at most.
    pub fn webhooks_per_partner(&self) -> u32 {
        self.facts.limits.webhooks_per_partner
    }

    /// Requests a wake at `at` or earlier.
    pub fn wake_at(&mut self, at: Millis) {
        self.next_wake = Some(self.next_wake.map_or(at, |earlier| earlier.min(at)));
    }
}
