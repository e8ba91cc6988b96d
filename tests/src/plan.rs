//! Plans of worlds, drawn from a seed, so that each has sizes and faults of its own.

use fastrand::Rng;
use hookdesk_core::{HealthPolicy, Limits, Quotas, Retention};
use serde::{Deserialize, Serialize};

use crate::stores::EVENT_BYTES;

/// The plan of a world. As JSON it is one line that reproduces the world, anywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub seed: u64,
    pub steps: u32,
    pub hosts: u32,
    pub webhooks: u32,
    pub tickets: u32,
    /// Requests that one host may have in flight.
    pub cap: u32,
    /// Milliseconds that the clocks of hosts may be apart.
    pub skew_ms: u32,
    /// The lease of several hosts.
    #[serde(default = "default_lease_ms")]
    pub lease_ms: u32,
    /// Milliseconds from the start in which every receiver is down.
    pub away_ms: u32,
    pub health: Health,
    #[serde(default)]
    pub retention: Keep,
    /// Small in some worlds, as no world comes near those of a host.
    #[serde(default)]
    pub quotas: Quotas,
    #[serde(default = "default_webhooks")]
    pub webhooks_per_partner: u32,
    pub odds: Odds,
}

/// Limits on the log's age and size; 0 is no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Keep {
    pub age_ms: u64,
    pub events: u64,
}

/// The health policy, with shorter times than by default: a world lasts minutes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    pub down_after: u32,
    pub probe_first_ms: u64,
    pub probe_most_ms: u64,
    pub disable_after_ms: u64,
}

/// Odds of events, in thousandths of their opportunities.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Odds {
    /// A caller calls.
    pub call: u32,
    /// A call is an operator's.
    pub operate: u32,
    pub unregister: u32,
    /// A call asks for a resend or a replay.
    pub again: u32,
    /// A caller whose call failed calls again, as do some that got no response.
    pub repeat: u32,
    /// A call has a key, so that its repetition does nothing.
    pub keyed: u32,
    pub commit_fails: u32,
    pub commit_unknown: u32,
    /// For a while the store fails every call, or every commit.
    pub store_refuses: u32,
    pub store_full: u32,
    pub crash: u32,
    /// A host hangs for a while, in the middle of a batch, and continues with the rows it had read.
    pub hang: u32,
    pub clock_jumps: u32,
    /// Faults of a receiver.
    pub fails: u32,
    pub slow: u32,
    pub hangs: u32,
    pub gone: u32,
    /// It processes the request, and its response is lost.
    pub lies: u32,
    /// It is down every other minute or so.
    pub flaps: u32,
    /// Faults of the report.
    pub unreported: u32,
    pub late: u32,
    pub doubled: u32,
    pub ours: u32,
    /// A call comes under a key of another one.
    pub rekeyed: u32,
    /// A change of settings has another URL, timeout or header.
    pub moves: u32,
    /// An operator acts on what is just going on: pauses while requests are in flight, resumes,
    /// enables, pings.
    pub stirs: u32,
    /// Receivers, of a thousand, that fail for good.
    pub sick: u32,
    /// A day or two pass without a step.
    pub days: u32,
    /// A call rotates the secret of the first webhook.
    pub rotates: u32,
    /// A webhook is registered for one operational event alone, mostly for what is abandoned.
    pub watches: u32,
    /// A webhook is registered for one of a ticket's events alone.
    pub picky: u32,
    /// A call is made by the holder of an API key.
    pub keys: u32,
    /// One of several hosts cannot reach the database for a while.
    pub cut: u32,
    /// One of several hosts lets go of its lease, and starts anew.
    pub stops: u32,
}

fn default_lease_ms() -> u32 {
    5_000
}

fn default_webhooks() -> u32 {
    Limits::WEBHOOKS_PER_PARTNER
}

impl Plan {
    /// The plan of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let rng = &mut rng;
        // Each fault occurs in a third of the worlds, and in some of them often.
        let mut odds = Odds { call: rng.u32(200..=700), ..Odds::default() };
        let troubles: [(&mut u32, u32); 24] = [
            (&mut odds.operate, 300),
            (&mut odds.unregister, 30),
            (&mut odds.repeat, 1_000),
            (&mut odds.commit_fails, 100),
            (&mut odds.commit_unknown, 60),
            (&mut odds.store_refuses, 40),
            (&mut odds.store_full, 40),
            (&mut odds.crash, 60),
            (&mut odds.hang, 180),
            (&mut odds.clock_jumps, 80),
            (&mut odds.fails, 700),
            (&mut odds.hangs, 200),
            (&mut odds.lies, 100),
            (&mut odds.flaps, 1_000),
            (&mut odds.unreported, 60),
            (&mut odds.late, 100),
            (&mut odds.doubled, 100),
            (&mut odds.ours, 100),
            (&mut odds.keyed, 1_000),
            (&mut odds.rekeyed, 300),
            (&mut odds.moves, 300),
            (&mut odds.days, 30),
            (&mut odds.rotates, 300),
            (&mut odds.picky, 500),
        ];
        for (trouble, most) in troubles {
            let drawn = rng.u32(0..=most);
            *trouble = if rng.u32(0..3) == 0 { drawn } else { 0 };
        }
        // What only shows together with others occurs in half of them.
        for (trouble, most) in [
            (&mut odds.gone, 200),
            (&mut odds.again, 400),
            (&mut odds.stirs, 400),
            (&mut odds.sick, 700),
            (&mut odds.slow, 400),
            (&mut odds.watches, 600),
        ] {
            let drawn = rng.u32(0..=most);
            *trouble = if rng.bool() { drawn } else { 0 };
        }
        let sometimes = |rng: &mut Rng, most: u32| {
            let drawn = rng.u32(0..=most);
            if rng.u32(0..3) == 0 { drawn } else { 0 }
        };
        let (steps, hosts) = (rng.u32(40..160), [1, 1, 1, 2, 3][rng.usize(0..5)]);
        let mut plan = Self {
            seed,
            steps,
            hosts,
            // Mostly few; in some worlds many, for few connection slots.
            webhooks: if rng.u32(0..24) == 0 { rng.u32(6..=12) } else { rng.u32(1..=5) },
            tickets: rng.u32(1..=8),
            cap: rng.u32(1..=12),
            // One clock is right by itself.
            skew_ms: if hosts > 1 { sometimes(rng, 3_000) } else { 0 },
            away_ms: sometimes(rng, 240_000),
            health: Health {
                down_after: rng.u32(2..=10),
                probe_first_ms: rng.u64(100..=2_000),
                probe_most_ms: rng.u64(2_000..=60_000),
                disable_after_ms: rng.u64(10_000..=300_000),
            },
            retention: Keep {
                age_ms: sometimes(rng, 300_000).into(),
                events: if rng.u32(0..6) == 0 { rng.u64(5..=50) } else { 0 },
            },
            quotas: Quotas::HOST,
            webhooks_per_partner: default_webhooks(),
            lease_ms: default_lease_ms(),
            odds,
        };
        plan.quotas = if rng.bool() { small_quotas(rng) } else { Quotas::HOST };
        match rng.u32(0..24) {
            0..=3 => plan.replay_much(rng),
            4..=7 => plan.replay_few(rng),
            8..=12 => plan.cache_few(rng),
            13 | 14 => plan.turn_at_once(rng),
            _ => {}
        }
        if rng.u32(0..4) == 0 {
            plan.have_partners(rng);
        }
        if plan.hosts > 1 {
            plan.take_turns(rng);
        }
        if !plan.clocks_are_right() {
            // Whether a key is a day old depends on who is asked.
            plan.odds.days = 0;
        }
        plan
    }

    /// Many replays of many tickets fail at a receiver that is not down, and come to their quotas.
    fn replay_much(&mut self, rng: &mut Rng) {
        self.quotas = Quotas { replay_lanes: 1, replay_reads: 1, ..small_quotas(rng) };
        self.tickets = 8;
        self.health.down_after = 10;
        let odds = &mut self.odds;
        (odds.again, odds.fails, odds.gone, odds.sick) = (400, 500, 0, 0);
    }

    /// Replays of one long ticket pass events that were delivered, and some that wait for a retry.
    fn replay_few(&mut self, rng: &mut Rng) {
        self.quotas = Quotas { replay_reads: 1, ..Quotas::HOST };
        (self.tickets, self.webhooks) = (1, rng.u32(1..=2));
        (self.steps, self.cap, self.health.down_after) = (160, 12, 10);
        let call = 600;
        let (again, fails, slow) = (rng.u32(200..=500), rng.u32(300..=700), 400);
        self.odds = Odds { call, again, fails, slow, ..Odds::default() };
    }

    /// Of several tickets that wait, one or two are cached, and those that are too many are deleted.
    fn cache_few(&mut self, rng: &mut Rng) {
        let cached_lanes = rng.u32(1..=2);
        self.quotas = Quotas { cached_lanes, ..Quotas::HOST };
        (self.tickets, self.webhooks, self.hosts) = (rng.u32(3..=6), rng.u32(2..=5), 1);
        (self.health.down_after, self.skew_ms) = (10, 0);
        self.retention.events = if rng.bool() { rng.u64(4..=20) } else { 0 };
        self.steps = 160;
        let odds = &mut self.odds;
        (odds.call, odds.picky, odds.fails, odds.unregister) = (800, 600, 500, 0);
    }

    /// Receivers are down as soon as an event is abandoned, which some webhooks hear of and others
    /// not: one report causes several events.
    fn turn_at_once(&mut self, rng: &mut Rng) {
        (self.webhooks, self.health.down_after) = (rng.u32(4..=8), 2);
        let odds = &mut self.odds;
        (odds.call, odds.watches, odds.fails, odds.sick, odds.gone) = (600, 500, 700, 500, 0);
        odds.unregister = 0;
    }

    /// Callers have keys, and some webhooks are partners'.
    fn have_partners(&mut self, rng: &mut Rng) {
        self.odds.keys = rng.u32(200..=900);
        self.webhooks_per_partner = rng.u32(1..=4);
        self.webhooks = self.webhooks.max(3);
    }

    /// Hosts lead in turn: they are cut off from the database, stand still and let go.
    fn take_turns(&mut self, rng: &mut Rng) {
        let sometimes = |rng: &mut Rng, most: u32| if rng.bool() { rng.u32(0..=most) } else { 0 };
        self.lease_ms = rng.u32(500..=5_000);
        (self.odds.cut, self.odds.stops) = (sometimes(rng, 60), sometimes(rng, 60));
        if rng.bool() {
            self.odds.commit_unknown = rng.u32(20..=200);
        }
        if rng.bool() {
            (self.odds.hang, self.odds.crash) = (rng.u32(20..=200), sometimes(rng, 60));
        }
    }

    #[must_use]
    pub fn retention(&self) -> Retention {
        let set = |figure: u64| (figure > 0).then_some(figure);
        let Keep { age_ms, events } = self.retention;
        Retention { age_ms: set(age_ms), bytes: set(events * EVENT_BYTES) }
    }

    #[must_use]
    pub fn health_policy(&self) -> HealthPolicy {
        let Health { down_after, probe_first_ms, probe_most_ms, disable_after_ms } = self.health;
        HealthPolicy { down_after, probe_first_ms, probe_most_ms, disable_after_ms }
    }

    /// Whether the hosts' clocks are the world's. A host that hung continues with the time that it
    /// had read before.
    #[must_use]
    pub fn clocks_are_right(&self) -> bool {
        self.skew_ms == 0 && self.odds.clock_jumps == 0 && self.odds.hang == 0
    }

    /// Whether each report reaches its host once, and at its time.
    #[must_use]
    pub fn reports_are_prompt(&self) -> bool {
        self.odds.hang == 0 && self.odds.doubled == 0
    }

    /// Whether all of the desk is seen in the order of one clock.
    #[must_use]
    pub fn is_seen_whole(&self) -> bool {
        self.skew_ms == 0 && self.odds.clock_jumps == 0
    }

    /// Ends all faults.
    pub fn calm(&mut self) {
        self.odds = Odds::default();
        self.away_ms = 0;
    }

    /// Plans that are a little smaller, the boldest first.
    #[must_use]
    pub fn smaller(&self) -> Vec<Self> {
        let mut smaller = Vec::new();
        let mut try_with = |change: &dyn Fn(&mut Self)| {
            let mut plan = self.clone();
            change(&mut plan);
            if plan != *self {
                smaller.push(plan);
            }
        };
        for share in [4, 2] {
            try_with(&|plan| plan.steps = (plan.steps / share).max(1));
        }
        try_with(&|plan| plan.steps = plan.steps.saturating_sub(plan.steps / 8).max(1));
        try_with(&|plan| plan.steps = plan.steps.saturating_sub(1).max(1));
        try_with(&|plan| plan.hosts = 1);
        try_with(&|plan| plan.hosts = plan.hosts.min(2));
        try_with(&|plan| plan.webhooks = 1);
        try_with(&|plan| plan.webhooks = (plan.webhooks / 2).max(1));
        try_with(&|plan| plan.tickets = 1);
        try_with(&|plan| plan.cap = 1);
        try_with(&|plan| plan.skew_ms = 0);
        try_with(&|plan| plan.away_ms = 0);
        try_with(&|plan| plan.retention = Keep::default());
        try_with(&|plan| plan.quotas = Quotas::HOST);
        let odds: [fn(&mut Odds) -> &mut u32; 34] = [
            |odds| &mut odds.operate,
            |odds| &mut odds.unregister,
            |odds| &mut odds.again,
            |odds| &mut odds.repeat,
            |odds| &mut odds.commit_fails,
            |odds| &mut odds.commit_unknown,
            |odds| &mut odds.store_refuses,
            |odds| &mut odds.store_full,
            |odds| &mut odds.crash,
            |odds| &mut odds.hang,
            |odds| &mut odds.clock_jumps,
            |odds| &mut odds.fails,
            |odds| &mut odds.slow,
            |odds| &mut odds.hangs,
            |odds| &mut odds.gone,
            |odds| &mut odds.lies,
            |odds| &mut odds.flaps,
            |odds| &mut odds.unreported,
            |odds| &mut odds.late,
            |odds| &mut odds.doubled,
            |odds| &mut odds.ours,
            |odds| &mut odds.keyed,
            |odds| &mut odds.rekeyed,
            |odds| &mut odds.moves,
            |odds| &mut odds.stirs,
            |odds| &mut odds.sick,
            |odds| &mut odds.days,
            |odds| &mut odds.rotates,
            |odds| &mut odds.watches,
            |odds| &mut odds.picky,
            |odds| &mut odds.keys,
            |odds| &mut odds.cut,
            |odds| &mut odds.stops,
            |odds| &mut odds.call,
        ];
        for odd in odds {
            try_with(&|plan| *odd(&mut plan.odds) = 0);
        }
        smaller
    }
}

/// Each quota is small in two of three of these worlds.
fn small_quotas(rng: &mut Rng) -> Quotas {
    let mut small = |host: u32, most: u32| {
        let drawn = rng.u32(1..=most);
        if rng.u32(0..3) == 0 { host } else { drawn }
    };
    let host = Quotas::HOST;
    let lanes = small(host.lanes, 8);
    Quotas {
        webhooks: small(1_000, 4) as usize,
        lanes,
        replay_lanes: small(lanes.div_ceil(2), lanes.div_ceil(2).min(2)),
        reads: small(host.reads, 6),
        replay_reads: small(host.replay_reads, 2),
        unsaved: small(1_000, 6).into(),
        expired_lanes: small(host.expired_lanes, 4),
        deleted_rows: small(500, 40).into(),
        cached_lanes: small(host.cached_lanes, 4),
    }
}
