//! Replies to callers, and the callers' next calls.

use hookdesk_core::{
    Command, Committed, IdempotencyRecord, Partner, Refusal, Reply, SecretId, TicketId, WebhookId,
};
use serde_json::Value;

use super::key_holders::Call;
use super::repeats::plain;
use super::{World, expectations};
use crate::stores::{Inspect, StoredRows};

impl<S: Inspect> World<'_, S>
where
    S::Fault: std::fmt::Debug,
{
    /// Passes callers their replies, which must hold from here on.
    pub(super) fn acknowledge(&mut self, rows: &StoredRows, calls: &[Call], decided: &[Committed]) {
        for (call, decided) in calls.iter().zip(decided) {
            if let Err(Refusal::Unauthorized | Refusal::Forbidden(_) | Refusal::NotForPartners) =
                decided.reply
            {
                continue;
            }
            if let Command::Idempotent(once) = &call.command {
                self.repeats.told(once, &decided.reply, self.now);
                // The response may be lost on its way to the caller.
                if self.rng.u32(0..4) == 0 {
                    self.repeat_under_key(call.clone());
                }
            }
            let by = call.by;
            let call = plain(&call.command);
            if let Ok(reply) = &decided.reply {
                self.model.told(call, reply);
                expectations::told(&mut self.promises, rows, call, reply);
            }
            match (&decided.reply, call) {
                (Ok(Reply::Opened(id)), _) => {
                    self.callers.tickets.push(*id);
                    self.acknowledged.insert(*id, 1);
                }
                (Ok(Reply::Ticket(ticket)), _) => {
                    self.acknowledged.insert(ticket.id, ticket.version);
                }
                (Ok(Reply::Registered(webhook)), _) => {
                    self.callers.webhooks.push(webhook.id);
                    self.callers.secrets.push((webhook.id, webhook.secrets.current().id));
                }
                (Ok(Reply::Rotated(webhook)), _) => {
                    self.callers.secrets.push((webhook.id, webhook.secrets.current().id));
                    self.meet_one("secret rotated", webhook.id);
                }
                (Ok(Reply::SecretEnded(id)), Command::EndSecret { webhook, .. }) => {
                    self.secret_ended(*webhook, *id);
                }
                (Ok(Reply::Unregistered(id)), _) => {
                    self.callers.webhooks.retain(|webhook| webhook != id);
                    self.witness.unregistered.insert(*id);
                    if let Some((webhook, reader)) = self.witness.before.get(id) {
                        self.situations.met("unregister", webhook, reader);
                    }
                }
                // A call whose commit was of unknown fate may have been carried out before.
                (Err(Refusal::UnknownWebhook), Command::Unregister { id }) if by.is_none() => {
                    self.callers.webhooks.retain(|webhook| webhook != id);
                }
                (Ok(Reply::PartnerRemoved(of)), _) => self.partner_removed(of.partner),
                (Ok(Reply::KeyCreated(key) | Reply::LinkCreated(key)), _) => {
                    self.callers.key_holders.learn(key, &key.settings);
                }
                (Ok(Reply::SignedIn { session, granted }), _) => {
                    self.callers.key_holders.learn(session, granted);
                }
                (Ok(Reply::Repeated { first, secret }), _) => {
                    self.told_again(call, first, secret.is_some());
                }
                (
                    Ok(
                        Reply::Announced(_)
                        | Reply::Webhook { .. }
                        | Reply::SecretEnded(_)
                        | Reply::Replay { .. }
                        | Reply::Stopped(_)
                        | Reply::Key(_)
                        | Reply::KeyRevoked(_)
                        | Reply::SignedOut(_)
                        | Reply::SessionsEnded(..)
                        | Reply::Noted,
                    )
                    | Err(_),
                    _,
                ) => {}
            }
        }
    }

    /// A caller learns from a repeated response the ids that it did not get the first time.
    fn told_again(&mut self, call: &Command, first: &IdempotencyRecord, with_secret: bool) {
        let how = if first.status >= 400 { "refused again" } else { "answered again" };
        self.situations.note("repeated call", how);
        if with_secret {
            self.situations.note("repeated call", "shown its secret again");
        }
        let body: Value = serde_json::from_str(&first.body).expect("a body is JSON");
        let id = body["data"]["id"].as_str().unwrap_or_default();
        match call {
            Command::OpenTicket { .. } => {
                let id = TicketId::parse(id).expect("a ticket's id");
                self.acknowledged.entry(id).or_insert(1);
                if !self.callers.tickets.contains(&id) {
                    self.callers.tickets.push(id);
                }
            }
            Command::Register(_) => {
                let id = WebhookId::parse(id);
                let is_new = |id: &WebhookId| {
                    let known = self.callers.webhooks.contains(id);
                    !known && !self.witness.unregistered.contains(id)
                };
                self.callers.webhooks.extend(id.filter(is_new));
            }
            _ => {}
        }
    }

    fn partner_removed(&mut self, partner: Partner) {
        self.situations.note("partner", "removed");
        let all = self.witness.before.values();
        let its = all.filter(|(webhook, _)| webhook.partner == Some(partner));
        let its: Vec<_> = its.map(|(webhook, _)| webhook.id).collect();
        self.callers.webhooks.retain(|id| !its.contains(id));
        self.witness.unregistered.extend(its);
    }

    /// A caller with a key that did not get its response may call again, at any host.
    pub(super) fn repeat_under_key(&mut self, call: Call) {
        let repeat = self.plan.odds.repeat;
        if matches!(call.command, Command::Idempotent(_)) && self.chance(repeat) {
            let other = self.rng.usize(..self.hosts.len());
            self.hosts[other].calls.push(call);
        }
    }

    fn secret_ended(&mut self, webhook: WebhookId, secret: SecretId) {
        if let Some((before, _)) = self.witness.before.get(&webhook) {
            let was_current = before.secrets.current().id == secret;
            let which = if was_current { "current" } else { "former" };
            self.situations.note("secret ended", which);
        }
    }
}
