//! Calls of callers and operators.

use fastrand::Rng;
use hookdesk_core::guard::{CallbackUrl, Targets};
use hookdesk_core::{
    Amendment, Authorization, Availability, Caller, Command, Digest, EventType, ExtraHeaders,
    Idempotent, Millis, Ordering, Registration, RetrySchedule, Rotation, Secret, SecretId,
    Subscription, TicketId, TicketMessage, WebhookId,
};

use super::key_holders::{Call, KeyHolders, partner};
use super::trace::as_digested;
use crate::plan::Plan;

/// The ids that callers know.
#[derive(Debug, Default)]
pub struct Callers {
    pub tickets: Vec<TicketId>,
    pub webhooks: Vec<WebhookId>,
    /// Also of unregistered webhooks, and secrets that have ended.
    pub secrets: Vec<(WebhookId, SecretId)>,
    /// Idempotency keys that calls had, and who made them.
    idempotency_keys: Vec<(Digest, Option<Caller>)>,
    pub key_holders: KeyHolders,
}

impl Callers {
    /// A call for this command: by somebody, and perhaps under an idempotency key.
    pub fn make(&mut self, plan: &Plan, rng: &mut Rng, command: Command) -> Call {
        let by = self.key_holders.caller(plan, rng, &command);
        let command = self.perhaps_keyed(plan, rng, command, by);
        Call { command, by }
    }

    /// Mostly under a key of its own. Keys of several callers are never the same.
    fn perhaps_keyed(
        &mut self,
        plan: &Plan,
        rng: &mut Rng,
        call: Command,
        by: Option<Authorization>,
    ) -> Command {
        let odds = &plan.odds;
        if !(may_have_key(&call) && rng.u32(0..1_000) < odds.keyed) {
            return call;
        }
        let other = odds.rekeyed > 0 && rng.u32(0..1_000) < odds.rekeyed;
        let caller = by.map(|by| by.caller);
        let other = if other { self.known_key(rng, caller) } else { None };
        let key = other.unwrap_or_else(|| {
            let mut key = [0; 16];
            rng.fill(&mut key);
            Digest::of(&[&key])
        });
        self.idempotency_keys.push((key, caller));
        let request = Digest::of(&[as_digested(&format!("{call:?}")).as_bytes()]);
        Command::Idempotent(Idempotent { key, request, command: Box::new(call) })
    }

    fn known_key(&self, rng: &mut Rng, caller: Option<Caller>) -> Option<Digest> {
        let keys = self.idempotency_keys.iter().filter(|(_, of)| *of == caller);
        pick(rng, &keys.map(|(key, _)| *key).collect::<Vec<_>>())
    }

    /// A random call.
    pub fn call(&mut self, (plan, now): (&Plan, Millis), rng: &mut Rng) -> Option<Command> {
        if plan.odds.keys > 0 && rng.u32(0..6) == 0 {
            let webhook = pick(rng, &self.webhooks);
            return Some(self.key_holders.call((plan, now), rng, webhook));
        }
        if self.webhooks.len() < plan.webhooks as usize && rng.u32(0..3) == 0 {
            return Some(registration(plan, rng));
        }
        if rng.u32(0..1_000) < plan.odds.unregister {
            return pick(rng, &self.webhooks).map(|id| Command::Unregister { id });
        }
        if plan.odds.rotates > 0 && rng.u32(0..1_000) < plan.odds.rotates {
            return self.webhooks.first().map(|id| rotation(rng, *id));
        }
        if rng.u32(0..1_000) < plan.odds.operate {
            return self.operate(plan, rng);
        }
        let message = TicketMessage::parse(format!("m{}", rng.u32(..))).expect("a good message");
        let ticket = pick(rng, &self.tickets);
        Some(match (rng.u32(0..10), ticket) {
            (0, _) => Command::Ping,
            (1, _) => Command::Announce(Availability::Unavailable),
            (2, _) => Command::Announce(Availability::Available),
            (3, Some(id)) if self.tickets.len() > 1 => Command::CloseTicket { id },
            (_, Some(id)) if self.tickets.len() >= plan.tickets as usize => {
                Command::UpdateTicket { id, message }
            }
            (4..=6, Some(id)) => Command::UpdateTicket { id, message },
            (_, _) => Command::OpenTicket { message },
        })
    }

    pub fn pick_webhook(&self, rng: &mut Rng) -> Option<WebhookId> {
        pick(rng, &self.webhooks)
    }

    /// An operator's change of a webhook.
    fn operate(&self, plan: &Plan, rng: &mut Rng) -> Option<Command> {
        let id = pick(rng, &self.webhooks)?;
        Some(match rng.u32(0..12) {
            0..=2 => Command::Enable { id },
            3..=5 => Command::PingOne { id },
            6 => rotation(rng, id),
            7 => {
                let (webhook, secret) = pick(rng, &self.secrets)?;
                Command::EndSecret { webhook, secret }
            }
            _ => Command::Amend { id, settings: amendment(plan, rng) },
        })
    }
}

pub fn pick<T: Copy>(rng: &mut Rng, some: &[T]) -> Option<T> {
    if some.is_empty() { None } else { Some(some[rng.usize(..some.len())]) }
}

/// Keys are for calls that are a POST or PATCH.
fn may_have_key(call: &Command) -> bool {
    !matches!(
        call,
        Command::CloseTicket { .. }
            | Command::Unregister { .. }
            | Command::EndSecret { .. }
            | Command::StopReplay { .. }
            | Command::RevokeKey { .. }
            | Command::SignIn(_)
            | Command::SignOut { .. }
            | Command::EndSessions { .. }
            | Command::RemovePartner { .. }
            | Command::NoteKeyUse { .. }
    )
}

fn url(plan: &Plan, rng: &mut Rng) -> CallbackUrl {
    let other = if plan.odds.keys > 0 && rng.u32(0..4) == 0 { "other." } else { "" };
    let url = format!("https://{other}receiver.example/{}", rng.u8(..));
    CallbackUrl::parse(&url, &Targets::public()).expect("a good URL")
}

fn registration(plan: &Plan, rng: &mut Rng) -> Command {
    let callback_url = url(plan, rng);
    // Who watches hears most where much is abandoned.
    let most_waits = if plan.odds.watches > 0 && rng.bool() { 1 } else { 4 };
    let waits = (0..rng.usize(0..=most_waits)).map(|_| rng.u32(0..=20)).collect();
    let mut happens = |odds: u32| odds > 0 && rng.u32(0..1_000) < odds;
    let (watches, is_picky) = (happens(plan.odds.watches), happens(plan.odds.picky));
    let named = (plan.odds.keys > 0 && rng.u32(0..3) == 0).then(|| partner(rng));
    Command::Register(Registration {
        callback_url,
        secret: secret(rng),
        settings: Amendment {
            ordering: Some(ordering(rng)),
            retry_schedule: Some(RetrySchedule::parse(waits).expect("a good schedule")),
            timeout_ms: Some(rng.u32(1_000..=10_000)),
            max_in_flight: Some(rng.u32(1..=6)),
            ..match (watches, is_picky) {
                (true, _) => one_of(rng, EventType::is_operational),
                (false, true) => one_of(rng, is_of_ticket),
                (false, false) => amendment(plan, rng),
            }
        },
        partner: named,
    })
}

/// A subscription to one type of a sort. What is abandoned is often so together with other events.
fn one_of(rng: &mut Rng, is_of_sort: fn(EventType) -> bool) -> Amendment {
    let often = Some(EventType::DeliveryAbandoned).filter(|kind| rng.bool() && is_of_sort(*kind));
    let sort = EventType::ALL.into_iter().filter(|kind| is_of_sort(*kind));
    let kind = often.or_else(|| rng.choice(sort.collect::<Vec<_>>()));
    Amendment { events: Some(Subscription::of(kind)), ..Amendment::default() }
}

fn is_of_ticket(kind: EventType) -> bool {
    matches!(kind, EventType::TicketOpened | EventType::TicketUpdated | EventType::TicketClosed)
}

pub fn secret(rng: &mut Rng) -> Secret {
    let mut bytes = [0; Secret::LENGTH];
    rng.fill(&mut bytes);
    Secret::new(bytes)
}

/// Some overlaps end within the world, and some at once.
fn rotation(rng: &mut Rng, webhook: WebhookId) -> Command {
    let overlap_ms = [0, 1_000, 30_000, 600_000][rng.usize(0..4)];
    Command::Rotate(Rotation { webhook, secret: secret(rng), overlap_ms })
}

/// Mostly the default: order inside a ticket is what is hard to keep.
fn ordering(rng: &mut Rng) -> Ordering {
    if rng.bool() { Ordering::Ticket } else { Ordering::ALL[rng.usize(..Ordering::ALL.len())] }
}

fn headers(rng: &mut Rng) -> ExtraHeaders {
    let value = rng.u8(..).to_string();
    ExtraHeaders::parse(vec![("x-route".to_owned(), value)]).expect("a good header")
}

/// Some settings, most of them absent.
pub fn amendment(plan: &Plan, rng: &mut Rng) -> Amendment {
    let mut sometimes = || rng.u32(0..4) == 0;
    let (events, other, rate, window, paused) =
        (sometimes(), sometimes(), sometimes(), sometimes(), sometimes());
    let all = EventType::ALL;
    let some = |rng: &mut Rng| (0..4).map(|_| all[rng.usize(..all.len())]).collect::<Vec<_>>();
    let moves = plan.odds.moves > 0 && rng.u32(0..1_000) < plan.odds.moves;
    Amendment {
        callback_url: moves.then(|| url(plan, rng)),
        timeout_ms: moves.then(|| rng.u32(1_000..=10_000)),
        headers: moves.then(|| headers(rng)),
        events: events.then(|| Subscription::of(some(rng))),
        ordering: other.then(|| ordering(rng)),
        rate_limit: rate.then(|| rng.bool().then(|| rng.u32(1..=20))),
        max_in_flight: window.then(|| rng.u32(1..=6)),
        paused: paused.then(|| rng.u32(0..3) == 0),
        ..Amendment::default()
    }
}
