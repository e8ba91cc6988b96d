//! What a replay of a webhook is counted to, and what its callers are shown of it.

use hookdesk_core::{
    Event, Lane, Millis, OrderingKey, Reason, ReplayCount, ReplayFilter, ReplayRange, ReplayRun,
    Seq,
};
use serde_json::Value;

use super::{Watched, row};
use crate::oracles::count::{Count, Standing, is_taken};
use crate::oracles::health::Kind;
use crate::oracles::replay::Replaying;
use crate::stores::{StoredRows, hears};
use crate::world::ReplayCall;

impl Watched {
    /// What a replay comes to that is asked for at this time.
    pub fn count(&self, rows: &StoredRows, call: &ReplayCall, expires: bool) -> Count {
        let events = self.replayable(rows).filter(|event| call.covers(event));
        Count::of(call.only, events.map(|event| self.standing(rows, event.seq, expires)))
    }

    /// Events that are kept and that the webhook hears.
    fn replayable<'a>(&'a self, rows: &'a StoredRows) -> impl Iterator<Item = &'a Event> {
        let kept = rows.events.iter().filter(|event| event.seq > rows.log.floor);
        kept.filter(|event| hears(self.settings.id, event.id) && self.hears(event))
    }

    fn standing(&self, rows: &StoredRows, seq: Seq, expires: bool) -> Standing {
        let waiting = self.waiting.get(&seq).map(|waiting| waiting.kind);
        if expires && seq == rows.log.floor.next() {
            Standing::Expiring
        } else if self.is_flying(seq)
            || matches!(waiting, Some(Kind::Live | Kind::Resend))
            || self.pending.is_certain(seq)
        {
            Standing::Pending
        } else if self.pending.is_possible(seq) {
            Standing::Open
        } else {
            Standing::Settled { is_delivered: self.delivered.contains(&seq) }
        }
    }

    /// Whether a replay runs.
    pub fn replays(&self) -> bool {
        self.replay.is_some()
    }

    pub fn replay_started(
        &mut self,
        rows: &StoredRows,
        range: ReplayRange,
        counted: ReplayCount,
        now: Millis,
    ) {
        let is_within = |event: &&Event| event.seq > range.after && event.seq <= range.to;
        let is_promised =
            |event: &&Event| is_taken(range.only, self.standing(rows, event.seq, true));
        let promised = self.replayable(rows).filter(is_within).filter(is_promised);
        let promised = promised.map(|event| event.seq).collect();
        self.replay = Some(Replaying::new(range, counted, promised, now));
    }

    pub fn replay_stopped(&mut self, run: &ReplayRun) {
        if let Some(replay) = self.replay.take() {
            replay.stopped(run);
        }
        self.waiting.retain(|_, waiting| waiting.kind != Kind::Replay);
        let flying = self.flying.iter_mut().filter(|(_, flying)| flying.kind == Kind::Replay);
        for ((seq, _), flying) in flying {
            flying.cancel(*seq);
        }
    }

    /// What a caller is shown of the running replay, or that none runs.
    pub fn replay_shown(&mut self, rows: &StoredRows, shown: Option<&Value>) {
        let id = self.settings.id;
        let Some(mut replay) = self.replay.take() else { return };
        let untried = self.untried(rows, &mut replay);
        let pending = untried + self.unsettled(&replay);
        let Some(shown) = shown else {
            assert_eq!(pending, 0, "{id}: a replay ends before its events");
            if replay.ended() > 0 {
                self.judged.add("replay at its end");
            }
            return;
        };
        self.judged.add("progress of a replay");
        replay.shows(shown);
        let behind = if pending == 0 { 0 } else { replay.ahead(rows.log.floor) };
        let is_possible = |of: u64| (pending..=pending + behind).contains(&of);
        let all = &shown["pending"];
        assert!(all.as_u64().is_some_and(is_possible), "{id}: {all} of {pending} are pending");
        self.replay = Some(replay);
    }

    /// Events of a replay that wait for their first request. One that a caller hurries has begun.
    fn untried(&self, rows: &StoredRows, replay: &mut Replaying) -> u64 {
        let (_, _, lanes) = row(rows, &self.settings);
        let is_its = |lane: &&Lane| matches!(lane.ordering_key, OrderingKey::Replay(_));
        let is_tried = |lane: &&Lane| lane.why != Reason::Turn;
        for lane in lanes.iter().filter(is_its).filter(is_tried) {
            replay.begins(lane.head);
        }
        let untried = lanes.iter().filter(is_its).filter(|lane| !is_tried(lane));
        untried.count() as u64
    }

    /// Events of a replay that were sent, and are sent again.
    fn unsettled(&self, replay: &Replaying) -> u64 {
        let flying = self.flying.iter().map(|((seq, _), of)| (*seq, of.kind));
        let waiting = self.waiting.iter().map(|(seq, of)| (*seq, of.kind));
        let is_its = |(seq, kind): &(Seq, Kind)| *kind == Kind::Replay && replay.has_begun(*seq);
        flying.chain(waiting).filter(is_its).count() as u64
    }

    /// A replay of what was not delivered leaves out what something else delivered.
    pub(super) fn delivered_beside(&mut self, seq: Seq, kind: Kind) {
        let is_left_out = |replay: &Replaying| replay.range.only == ReplayFilter::Undelivered;
        if kind != Kind::Replay && self.replay.as_ref().is_some_and(is_left_out) {
            self.is_sent_anyway(seq);
        }
    }

    /// The event need not be replayed.
    pub(super) fn is_sent_anyway(&mut self, seq: Seq) {
        if let Some(replay) = &mut self.replay {
            replay.releases(|of| of == seq);
        }
    }
}
