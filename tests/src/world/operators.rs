//! Calls that follow from what goes on in the desk.

use hookdesk_core::{Amendment, Command, Seq, WebhookId, WebhookStatus};

use super::World;
use super::replay_call::ReplayCall;
use crate::stores::Inspect;

impl<S: Inspect> World<'_, S>
where
    S::Fault: std::fmt::Debug,
{
    /// A call that resends or replays events, or stops a replay.
    pub(super) fn once_more(&mut self) -> Option<Command> {
        let id = self.callers.pick_webhook(&mut self.rng)?;
        // Often one of the last, so that several calls are about the same.
        let events = &self.rows.events;
        let recent = &events[events.len().saturating_sub(6)..];
        let some = if self.rng.bool() { recent } else { events };
        let (event, seq) = self.rng.choice(some).map(|event| (event.id, event.seq))?;
        match self.rng.u32(0..9) {
            0 => Some(Command::StopReplay { id }),
            1..=3 => Some(Command::Resend { id, event }),
            // Some are long, so that they come to their limits.
            7 | 8 => self.replay(id, Seq(1)),
            _ => self.replay(id, seq),
        }
    }

    /// A replay of the events from `since` on, counted over the rows as they stand.
    fn replay(&mut self, id: WebhookId, since: Seq) -> Option<Command> {
        let events = self.rows.events.iter().position(|event| event.seq == since);
        let call = ReplayCall::of(&mut self.rng, id, &self.rows.events[events?..])?;
        let command = call.prepare(&mut self.disk.borrow_mut().store)?;
        self.oracles.counted(&self.rows, &call, &command);
        Some(command)
    }

    /// An operator's call about what is just going on.
    pub(super) fn stir(&mut self) -> Option<Command> {
        let id = self.callers.pick_webhook(&mut self.rng)?;
        let (webhook, reader) = self.witness.after.get(&id)?;
        let pause = |paused| {
            let settings = Amendment { paused: Some(paused), ..Amendment::default() };
            Command::Amend { id, settings }
        };
        let calls = match webhook.status {
            WebhookStatus::Disabled { .. } => {
                [Command::Enable { id }, pause(false), Command::PingOne { id }]
            }
            WebhookStatus::Paused => [pause(false), Command::Enable { id }, pause(true)],
            // A resend is refused while all lanes have something that waits.
            WebhookStatus::Active if reader.waiting >= self.plan.quotas.lanes => {
                let mut event = || self.rng.choice(&self.rows.events).map(|event| event.id);
                let mut resend = || Some(Command::Resend { id, event: event()? });
                [resend()?, resend()?, Command::Enable { id }]
            }
            WebhookStatus::Active if reader.sending.is_empty() => {
                [Command::PingOne { id }, self.replay(id, Seq(1))?, pause(true)]
            }
            WebhookStatus::Active => {
                let seq = self.rng.choice(&reader.sending)?.seq;
                let one = self.rows.event(seq).id;
                let other = self.rng.choice(&self.rows.events)?.id;
                let resend = |event| Command::Resend { id, event };
                [pause(true), resend(one), resend(other)]
            }
        };
        self.rng.choice(calls)
    }
}
