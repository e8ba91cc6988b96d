//! Requests: each is checked as it goes out, and its receiver handles it.

use hookdesk_core::{
    Answer, HolderId, Millis, OrderingKey, Reader, Report, Request, Seq, Webhook, WebhookId,
};

use super::sim_receivers::{RequestInFlight, receive};
use super::{Odds, START, World};
use crate::stores::{Inspect, StoredRows};

impl<S: Inspect> World<'_, S>
where
    S::Fault: std::fmt::Debug,
{
    /// Passes reports that are due to the host that sent the request, if it is still alive.
    pub(super) fn hear_reports(&mut self, index: usize) {
        let now = self.now;
        let hosts: Vec<HolderId> = self.hosts.iter().map(|host| host.holder).collect();
        let holder = hosts[index];
        let is_due = |flying: &mut RequestInFlight| {
            let for_us = flying.holder == holder || !hosts.contains(&flying.holder);
            for_us && flying.reported_at.is_some_and(|at| at <= now)
        };
        for flying in self.flying.extract_if(.., is_due) {
            if flying.holder == holder {
                let session = self.hosts[index].session_mut().expect("it leads");
                session.report(flying.report);
            }
        }
    }

    /// Every request that is in flight by the rows was really sent by a host, and is not reported
    /// yet. After a commit of unknown fate there may be more, which are given up in time.
    pub(super) fn nothing_is_held(&self, rows: &StoredRows) {
        for host in self.hosts.iter().filter(|host| !host.doubtful) {
            let Some(session) = host.session() else { continue };
            let reports = session.reports();
            let registered = |id: WebhookId| rows.webhooks.iter().any(|(one, ..)| one.id == id);
            let is_held = |f: &&RequestInFlight| f.holder == host.holder && !registered(f.webhook);
            // Another host may have unregistered it.
            let held = self.flying.iter().find(is_held).filter(|_| self.hosts.len() == 1);
            assert!(held.is_none(), "requests of nobody are in flight: {held:?}");
            let held = rows.webhooks.iter().filter(|(_, of, _)| of.holder == Some(host.holder));
            for (webhook, reader, _) in held {
                for slot in &reader.sending {
                    let is_it = |report: &Report| {
                        let key = report.key;
                        (key.webhook, key.seq, key.number) == (webhook.id, slot.seq, slot.number)
                    };
                    let sent =
                        self.flying.iter().any(|f| f.holder == host.holder && is_it(&f.report));
                    let heard = reports.iter().any(is_it);
                    let held = host.held.iter().any(|request| {
                        let key = request.key;
                        (key.webhook, key.seq, key.number) == (webhook.id, slot.seq, slot.number)
                    });
                    let id = webhook.id;
                    assert!(
                        sent || heard || held,
                        "{id}: nobody sends {}, and it has a place",
                        slot.seq
                    );
                }
            }
        }
    }

    /// A request for the same event or ordering key that a living host waits for.
    fn rival(
        &self,
        (webhook, reader): (&Webhook, &Reader),
        (ordering_key, seq): (OrderingKey, Seq),
        holder: HolderId,
    ) -> Option<&RequestInFlight> {
        // What a stopped replay has in flight is of no order any more.
        let is_cancelled =
            |f: &RequestInFlight| reader.is_sending(OrderingKey::Cancelled(f.report.key.seq));
        let is_same = |f: &RequestInFlight| {
            let is_same_key = f.ordering_key == ordering_key && !is_cancelled(f);
            f.webhook == webhook.id && (is_same_key || f.report.key.seq == seq)
        };
        let is_waited_for = |f: &RequestInFlight| match f.reported_at {
            // The desk may give up what is reported so late.
            Some(at) if at > lost_at(f, webhook) => false,
            Some(_) if f.holder == holder => self.drawn.reports_are_prompt(),
            Some(at) => at > self.now && self.may_send(f.holder),
            None => false,
        };
        self.flying.iter().find(|f| is_same(f) && is_waited_for(f))
    }

    /// Whether what a host has in flight is not cut off yet.
    fn may_send(&self, holder: HolderId) -> bool {
        let mut its = self.hosts.iter().filter(|host| host.holder == holder);
        its.any(|host| host.lease_end().is_none_or(|end| end > self.now))
    }

    /// A request goes out after another host may lead: it stood still before its first byte. It is a
    /// repeat, or it is repeated.
    pub(super) fn send_late(&mut self, request: &Request) {
        let id = request.key.webhook;
        let since_ms = self.now.since(START);
        let timeout_ms = u64::from(request.timeout_ms);
        let received = receive(&self.plan, &mut self.rng, id, since_ms, timeout_ms);
        self.tell(format!("sent late: {}#{}", request.key.seq, request.key.number));
        self.meet_one("sent after its lease", id);
        if self.witness.unregistered.contains(&id) {
            return;
        }
        self.model.heard(request, received.taken);
        if received.taken {
            *self.taken.entry((id, request.key.seq)).or_default() += 1;
            *self.untold.entry((id, request.key.seq)).or_default() += 1;
        }
    }

    /// A request goes out, and its receiver handles it.
    pub(super) fn send(&mut self, rows: &StoredRows, holder: HolderId, request: &Request) {
        let id = request.key.webhook;
        let found = rows.webhooks.iter().find(|(webhook, ..)| webhook.id == id);
        let Some((webhook, reader, _)) = found else { panic!("{id} is unknown, and is sent to") };
        let key = request.key;
        let slot = reader.sending.iter().find(|s| (s.seq, s.number) == (key.seq, key.number));
        let ordering_key = slot.map_or(OrderingKey::Resend(key.seq), |slot| slot.ordering_key);
        let clocks_are_right = self.drawn.clocks_are_right();
        if webhook.secrets.live(key.sent_at).nth(1).is_some() {
            self.meet_one("two secrets sign", id);
        }
        self.witness.request(rows, request, (webhook, reader), clocks_are_right);
        let rival = self.rival((webhook, reader), (ordering_key, key.seq), holder);
        // Who may send is no matter of wall clocks.
        let rival = rival.filter(|f| clocks_are_right || f.holder != holder);
        assert!(rival.is_none(), "{id}: two in flight for {ordering_key}: {rival:?}");

        self.sent += 1;
        let timeout_ms = u64::from(request.timeout_ms);
        let since_ms = self.now.since(START);
        let received = receive(&self.plan, &mut self.rng, id, since_ms, timeout_ms);
        self.model.heard(request, received.taken);
        if received.taken {
            *self.taken.entry((id, key.seq)).or_default() += 1;
            if !matches!(received.answer, Answer::Status { status: 200, .. }) {
                *self.untold.entry((id, key.seq)).or_default() += 1;
            }
        }
        match &received.answer {
            Answer::Status { status: 410, .. } => self.meet_one("410", id),
            Answer::Failure(_) if received.taken => self.meet_one("heard, and we are not told", id),
            Answer::Status { .. } | Answer::Failure(_) => {}
        }
        let Odds { late, unreported, doubled, .. } = self.plan.odds;
        let (is_late, is_lost, is_doubled) =
            (self.chance(late), self.chance(unreported), self.chance(doubled));
        let late_ms = self.rng.u64(0..=60_000);
        let delay_ms = if is_late { late_ms } else { 0 };
        let report = Report { key, duration_ms: received.took_ms, answer: received.answer };
        let reported_at = (!is_lost).then(|| self.now.plus(received.took_ms + delay_ms));
        let flying = RequestInFlight { holder, webhook: id, ordering_key, reported_at, report };
        if is_lost {
            self.meet_one("report lost", id);
        }
        if is_doubled {
            self.meet_one("report twice", id);
            self.flying.push(flying.clone());
        }
        self.flying.push(flying);
    }
}

/// When the desk considers a request lost: after that it may send again.
fn lost_at(flying: &RequestInFlight, webhook: &Webhook) -> Millis {
    flying.report.key.sent_at.plus(u64::from(webhook.timeout_ms) + 30_000)
}
