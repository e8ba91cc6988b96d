//! What a webhook is to get: the events that it hears, and those of them that are read.

use hookdesk_core::{Event, EventType, Millis, Seq, Webhook};

use super::{Places, Status, Watched};
use crate::stores::StoredRows;

impl Watched {
    /// Whether the webhook is to get the event when it is appended.
    pub fn hears(&self, event: &Event) -> bool {
        hears_of(&self.settings, event)
    }

    pub fn names(&self, kind: EventType) -> bool {
        names(&self.settings, kind)
    }

    /// An event was appended.
    pub fn appended(&mut self, event: &Event) {
        self.pending.appended(event.seq, self.hears(event));
    }

    /// Other events are subscribed to.
    pub fn subscribed(&mut self, rows: &StoredRows) {
        let settings = &self.settings;
        let is_heard = |seq: Seq| hears_of(settings, rows.event(seq));
        self.pending.subscribed(is_heard);
        if let Some(replay) = &mut self.replay {
            replay.releases(|seq| !is_heard(seq));
        }
    }

    /// A wake is over, after which the webhook is looked at again `by` some time.
    pub fn rests(
        &mut self,
        rows: &StoredRows,
        by: Option<Millis>,
        (now, places): (Millis, &Places),
    ) {
        if self.has_untried || !(self.flying.is_empty() && self.waiting.is_empty()) {
            return;
        }
        let may_send = self.status == Status::Active
            && self.health.down.is_none()
            && self.pace.sends_from() <= now
            && self.has_room(places);
        let has_read_all = may_send && by.is_none_or(|by| by > now);
        let settings = &self.settings;
        let may_be_left = |seq: Seq| !has_read_all && hears_of(settings, rows.event(seq));
        self.pending.rests(may_be_left);
    }
}

fn names(webhook: &Webhook, kind: EventType) -> bool {
    webhook.events.types().any(|of| of == kind)
}

fn hears_of(webhook: &Webhook, event: &Event) -> bool {
    match event.only_for {
        Some(id) => id == webhook.id,
        None => event.kind == EventType::Ping || names(webhook, event.kind),
    }
}
