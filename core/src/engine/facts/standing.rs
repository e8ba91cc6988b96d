//! The standing of each webhook: derived from its rows whenever they change, and kept in the
//! schedule.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::schedule::{Standing, Task};
use super::{Facts, WebhookRows};
use crate::delivery::checkpoint::Checkpoint;
use crate::delivery::ordering_key::{OrderingKey, OrderingScope};
use crate::delivery::reader::Reader;
use crate::engine::need::Need;
use crate::engine::outcome::Changes;
use crate::model::event::Event;
use crate::model::id::WebhookId;
use crate::model::log::Log;
use crate::model::millis::Millis;
use crate::model::moment::Moment;
use crate::model::seq::Seq;
use crate::webhook::Ordering;

impl Facts {
    /// Before a command is decided at `moment`: what has come due is noted, and what is in doubt. All
    /// is derived anew where the clock went back, as a time may then be too far away to be true, and
    /// where the limits or the process are others.
    pub(crate) fn begin(&mut self, moment: &Moment) {
        let is_later = self.begun.is_some_and(|(begun, limits)| {
            begun.holder == moment.holder && begun.now <= moment.now && limits == self.limits
        });
        self.begun = Some((*moment, self.limits));
        if is_later {
            for id in self.schedule.doubtful_or_due_by(moment.now) {
                self.stand(id);
            }
        } else {
            self.stand_all();
        }
    }

    /// The position of a reader, including events that it skipped without a write.
    pub(crate) fn place(&self, reader: &Reader) -> Checkpoint {
        let read = reader.checkpoint();
        let known = match self.log {
            Some(log) if self.at_head.contains(&reader.webhook) => {
                Some(Checkpoint { read_to: log.head, tallies: log.tallies })
            }
            _ => self.checkpoints.get(&reader.webhook).copied(),
        };
        known.filter(|known| known.read_to > read.read_to).unwrap_or(read)
    }

    /// Derives all that is known of webhooks, once they and the log are loaded.
    pub(super) fn stand_all(&mut self) {
        let Some(rows) = &self.webhook_rows else { return };
        let (mut ids, mut keys) = (Vec::with_capacity(rows.len()), Vec::new());
        self.schedule = super::Schedule::default();
        for (id, WebhookRows { webhook, reader }) in rows {
            self.schedule.subscribe(*id, None, Some(&webhook.events));
            let lanes = self.lanes.get(*id).into_iter().flat_map(super::Lanes::keys);
            let slots = reader.sending.iter().map(|slot| slot.ordering_key);
            keys.extend(slots.chain(lanes).map(|key| (*id, key)));
            ids.push(*id);
        }
        for (id, key) in keys {
            self.keep_busy(id, key);
        }
        for id in ids {
            self.stand(id);
        }
    }

    /// Derives where one webhook stands, after its rows changed or time has passed.
    pub(super) fn stand(&mut self, id: WebhookId) {
        let (Some(rows), Some(log), Some((moment, _))) = (&self.webhook_rows, self.log, self.begun)
        else {
            return;
        };
        let Some(row) = rows.get(&id) else { return };
        let WebhookRows { webhook, reader } = row;
        let place = self.place(reader);
        let is_at_head =
            place.read_to >= log.head || reader.is_even_after(&place.tallies, webhook, &log);
        if is_at_head {
            self.at_head.insert(id);
            self.checkpoints.remove(&id);
        }
        let is_unknown =
            reader.waiting > 0 && self.lanes.get(id).is_none_or(|lanes| !lanes.are_all_known());
        let is_in_one_order = reader.ordering == Ordering::Webhook && !reader.is_idle();
        self.schedule.set_partly_known(id, is_unknown);
        self.schedule.set_in_one_order(id, is_in_one_order);
        let standing = self.standing(row, is_at_head, &moment);
        self.schedule.note(id, Some(standing));
    }

    fn standing(&self, row: &WebhookRows, is_at_head: bool, moment: &Moment) -> Standing {
        let (WebhookRows { webhook, reader }, now) = (row, moment.now);
        let (id, place) = (webhook.id, self.place(reader).read_to);
        let skips = !is_at_head && self.stops.get(&id) != Some(&place);
        let times = self.send_times(row, is_at_head, now);
        let [lane_at, ..] = times;
        let lost_at = reader.sending.iter().map(|slot| slot.lost_at(webhook.timeout_ms)).min();
        let has_come = |at: Option<Millis>| at.is_some_and(|at| at <= now);
        let tasks = Task::all(|task| match task {
            Task::Send => times.into_iter().any(has_come),
            Task::GiveUp => has_come(lost_at),
            Task::Load => has_come(lane_at) && self.first_lane(id, |_| false).is_err(),
            Task::Reorder => reader.is_reordering(webhook),
            Task::EndReplay => reader.replay.run.is_some(),
            Task::Skip => skips,
        });
        let times = times.into_iter().flatten().chain(lost_at);
        let due = times.filter(|at| *at > now).min();
        Standing {
            tasks,
            due,
            sender: reader.holder.filter(|_| !reader.sending.is_empty()),
            is_doubtful: self.is_doubtful(row, now),
            read_to: reader.read_to,
            is_even: self.log.is_some_and(|log| reader.is_even(webhook, &log)),
        }
    }

    /// When the webhook may have something to send: the next waiting lane, an unread event, and the
    /// next event of a replay. A lane that is not loaded may be due.
    fn send_times(&self, row: &WebhookRows, is_at_head: bool, now: Millis) -> [Option<Millis>; 3] {
        let (WebhookRows { webhook, reader }, quotas) = (row, &self.limits.quotas);
        let from = match reader.health.down {
            _ if !webhook.is_active() => return [None; 3],
            Some(_) if reader.probes() => return [None; 3],
            Some(down) => reader.sends_from(now).max(down.probes_from(&self.limits.health, now)),
            None => reader.sends_from(now),
        };
        let lane = match self.first_lane(webhook.id, |_| false) {
            _ if reader.waiting == 0 => None,
            // Until then it does not matter which lane is first.
            _ if from > now => Some(from),
            Ok(lane) => lane.map(|lane| {
                let is_due = lane.is_due(now, &webhook.retry_schedule);
                if is_due { from } else { lane.due.max(from) }
            }),
            Err(_) => Some(from),
        };
        let reads = !is_at_head && reader.may_read(webhook, quotas);
        let replay_at = reader.replays_at(webhook, quotas, now).map(|at| at.max(from));
        [lane, reads.then_some(from), replay_at]
    }

    /// Whether a time was set so far ahead that it is taken for now: it counts again once it is near,
    /// and no change of a row says when.
    fn is_doubtful(&self, row: &WebhookRows, now: Millis) -> bool {
        let WebhookRows { webhook, reader } = row;
        let is_taken_for_now = |set: Millis, taken: Millis| set > now && taken <= now;
        let paused = reader.not_before.max(Millis(reader.rate_from_us / 1_000));
        let is_probe_doubtful = reader.health.down.is_some_and(|down| {
            is_taken_for_now(down.next_probe, down.probes_from(&self.limits.health, now))
        });
        let lane = self.first_lane(webhook.id, |_| false).ok().flatten();
        let is_lane_doubtful =
            lane.is_some_and(|lane| lane.due > now && lane.is_due(now, &webhook.retry_schedule));
        let replays_at = reader.replays_at(webhook, &self.limits.quotas, now);
        let is_replay_doubtful = reader
            .replay
            .run
            .zip(replays_at)
            .is_some_and(|(run, taken)| is_taken_for_now(Millis(run.from_us / 1_000), taken));
        is_taken_for_now(paused, reader.sends_from(now))
            || is_probe_doubtful
            || is_lane_doubtful
            || is_replay_doubtful
    }

    /// Derives where webhooks stand of which something `changed`, and those that `events` concern.
    /// The log was `before`.
    pub(super) fn stand_changed(
        &mut self,
        mut changed: BTreeSet<WebhookId>,
        events: &[Arc<Event>],
        before: Option<Log>,
    ) {
        if let Some(before) = before {
            for id in &changed {
                let row = self.webhook_rows.as_ref().and_then(|rows| rows.get(id));
                if row.is_some_and(|row| self.place(&row.reader).read_to >= before.head) {
                    self.at_head.insert(*id);
                }
            }
            let mut place = Checkpoint { read_to: before.head, tallies: before.tallies };
            for event in events {
                self.appended(event, place, &mut changed);
                place = place.past(event);
            }
        }
        for id in changed {
            self.stand(id);
        }
    }

    /// Notes the position of those who do not simply skip a new event. It stands after `place`.
    fn appended(&mut self, event: &Event, place: Checkpoint, changed: &mut BTreeSet<WebhookId>) {
        let mut audience = self.schedule.audience(event);
        audience.extend(event.only_for);
        if event.only_for.is_none() && event.kind.is_for_all() {
            audience.extend(&self.at_head);
        }
        for id in audience {
            let rows = self.webhook_rows.as_ref();
            let Some(row) = rows.and_then(|rows| rows.get(&id)) else { continue };
            let is_heard = row.webhook.hears(event);
            let key = OrderingKey::of(event, row.reader.ordering);
            if self.at_head.remove(&id) {
                self.checkpoints.insert(id, place);
                if is_heard || self.is_busy(id, key) {
                    self.stops.insert(id, place.read_to);
                }
            }
            changed.insert(id);
        }
    }

    /// Events in memory that a webhook skipped with the head of the log, and may not: it hears them,
    /// or they are to be queued behind others. Where the store alone knows, the need is what to ask it.
    pub(crate) fn wrongly_skipped(&self) -> Vec<(WebhookId, Seq, Option<Need>)> {
        let mut wrongly = Vec::new();
        let (Some(log), Some(rows)) = (self.log, &self.webhook_rows) else { return wrongly };
        for id in &self.at_head {
            let Some(WebhookRows { webhook, reader }) = rows.get(id) else { continue };
            for seq in (reader.read_to.0 + 1..=log.head.0).map(Seq) {
                let Ok(event) = self.events.get(seq) else { continue };
                let key = OrderingKey::of(event, reader.ordering);
                if webhook.hears(event) || self.is_busy(*id, key) {
                    wrongly.push((*id, seq, None));
                } else if reader.waiting > 0 && self.lane(*id, key).is_err() {
                    wrongly.push((*id, seq, Some(Need::Lane(*id, key))));
                }
            }
        }
        wrongly
    }

    /// A webhook that the schedule would oversleep, or look at in vain: what its rows come to is due at
    /// another time, or it has none.
    pub(crate) fn wrongly_due(&self) -> Option<WebhookId> {
        let (rows, (moment, _)) = (self.webhook_rows.as_ref()?, self.begun?);
        let due = |row: &WebhookRows| {
            let is_at_head = self.at_head.contains(&row.webhook.id);
            self.standing(row, is_at_head, &moment).due
        };
        let mut all = rows.iter().map(|(id, row)| (*id, due(row)));
        let wrong = all.find(|(id, due)| self.schedule.due_for(*id) != *due).map(|(id, _)| id);
        wrong.or_else(|| self.schedule.due_without_row(|id| rows.contains_key(&id)))
    }

    /// Whether an event of the ordering key is known to wait or to be in flight.
    fn is_busy(&self, id: WebhookId, key: OrderingKey) -> bool {
        let row = self.webhook_rows.as_ref().and_then(|rows| rows.get(&id));
        row.is_some_and(|row| row.reader.is_sending(key))
            || self.lanes.get(id).is_some_and(|lanes| lanes.has(key))
    }

    /// Keeps the index of busy topics.
    pub(super) fn keep_busy(&mut self, id: WebhookId, key: OrderingKey) {
        if let OrderingKey::Live(OrderingScope::Topic(topic)) = key {
            self.schedule.set_busy(id, topic, self.is_busy(id, key));
        }
    }

    /// Drops all that was derived of a webhook that is unregistered.
    pub(super) fn leave(&mut self, id: WebhookId, row: &WebhookRows) {
        self.schedule.subscribe(id, Some(&row.webhook.events), None);
        self.schedule.set_partly_known(id, false);
        self.schedule.set_in_one_order(id, false);
        self.schedule.note(id, None);
        let lanes = self.lanes.get(id).into_iter().flat_map(super::Lanes::keys);
        let slots = row.reader.sending.iter().map(|slot| slot.ordering_key);
        for key in slots.chain(lanes) {
            if let OrderingKey::Live(OrderingScope::Topic(topic)) = key {
                self.schedule.set_busy(id, topic, false);
            }
        }
        self.at_head.remove(&id);
        self.stops.remove(&id);
        self.checkpoints.remove(&id);
    }
}

/// The webhooks of which something else than the log changed.
pub(super) fn changed(changes: &Changes) -> BTreeSet<WebhookId> {
    let webhooks = changes.webhooks.keys().chain(changes.readers.keys());
    let lanes = changes.lanes.keys().map(|(id, _)| id);
    webhooks.chain(lanes).chain(&changes.stopped).copied().collect()
}
