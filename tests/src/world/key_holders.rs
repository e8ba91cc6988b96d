//! Callers with API keys, and calls about keys and partners.

use std::collections::BTreeMap;

use fastrand::Rng;
use hookdesk_core::{
    Access, Amendment, ApiKey, Authorization, Caller, Command, Digest, EventType, Grant, Handover,
    KeyAmendment, KeyId, KeyKind, KeySettings, KeyText, Millis, NewKey, NewLink, Partner, Scope,
    Scopes, SignIn, Subscription, WebhookId,
};

use super::calls::{amendment, pick, secret};
use crate::plan::Plan;

/// A call, and who makes it.
#[derive(Clone, Debug)]
pub struct Call {
    pub command: Command,
    /// Without one it is a caller of an open desk.
    pub by: Option<Authorization>,
}

const PARTNERS: [&str; 2] = ["acme", "Acme"];

/// A key, session or link that somebody has.
#[derive(Debug)]
pub struct Known {
    pub id: KeyId,
    pub kind: KeyKind,
    pub text: KeyText,
    granted: KeySettings,
}

/// The keys, sessions and links that callers have, ended or not.
#[derive(Debug, Default)]
pub struct KeyHolders {
    known: Vec<Known>,
    texts: BTreeMap<Digest, KeyText>,
}

impl KeyHolders {
    /// One was made: its caller has its text, and knows what it may do.
    pub fn learn(&mut self, key: &ApiKey, granted: &KeySettings) {
        let is_new = self.known.iter().all(|known| known.id != key.id);
        if let Some(text) = self.texts.get(&key.digest).filter(|_| is_new) {
            let (id, kind, granted) = (key.id, key.kind, granted.clone());
            self.known.push(Known { id, kind, text: text.clone(), granted });
        }
    }

    fn ids(&self, is: impl Fn(&Known) -> bool) -> Vec<KeyId> {
        self.known.iter().filter(|known| is(known)).map(|known| known.id).collect()
    }

    /// One of them in clear.
    pub fn pick(&self, rng: &mut Rng) -> Option<&Known> {
        self.known.get(rng.usize(..self.known.len().max(1)))
    }

    /// Who makes the call.
    pub fn caller(&self, plan: &Plan, rng: &mut Rng, call: &Command) -> Option<Authorization> {
        let access = access(call)?;
        if plan.odds.keys == 0 || rng.u32(0..1_000) >= plan.odds.keys {
            return None;
        }
        let caller = match rng.u32(0..12) {
            0 => Caller::Binding,
            1 => Caller::CommandLine { uid: 0 },
            _ => Caller::Key(self.holder(rng, access)?),
        };
        Some(Authorization { caller, access })
    }

    /// Mostly one who may call such a route.
    fn holder(&self, rng: &mut Rng, access: Access) -> Option<KeyId> {
        let fits = |Known { kind, granted, .. }: &Known| {
            *kind != KeyKind::Link
                && access.is_granted_by(granted.scopes)
                && (granted.grant.is_none() || access.is_for_partners())
        };
        let is_any = rng.u32(0..6) == 0;
        pick(rng, &self.ids(|known| is_any || fits(known)))
    }

    /// A call about keys or partners.
    pub fn call(
        &mut self,
        (plan, now): (&Plan, Millis),
        rng: &mut Rng,
        webhook: Option<WebhookId>,
    ) -> Command {
        let key = pick(rng, &self.ids(|_| true));
        match (rng.u32(0..22), key, webhook) {
            (0, Some(id), _) => Command::RevokeKey { id },
            (1 | 2, Some(id), _) => Command::AmendKey { id, amendment: key_amendment(rng, now) },
            (3, Some(id), _) => Command::NoteKeyUse { used: vec![(id, now)] },
            (4, _, _) if rng.bool() => Command::RemovePartner { partner: partner(rng) },
            (5..=9, _, Some(id)) => {
                let to = Handover { partner: partner(rng), secret: secret(rng) };
                let settings = if rng.bool() { amendment(plan, rng) } else { Amendment::default() };
                Command::HandOver { id, settings, to }
            }
            (16..=18, Some(shown), _) => {
                let sessions = self.ids(|known| known.kind == KeyKind::Session);
                let replaced = pick(rng, &sessions).filter(|_| rng.u32(0..4) == 0);
                let (digest, prefix) = self.new_text(KeyKind::Session, rng);
                Command::SignIn(SignIn { shown, digest, prefix, replaced })
            }
            (19 | 20, _, _) => {
                let (digest, prefix) = self.new_text(KeyKind::Link, rng);
                let grant = Grant { partner: partner(rng), events: granted(rng) };
                Command::CreateLink(NewLink { digest, prefix, grant })
            }
            (21, Some(session), _) if rng.bool() => Command::SignOut { session },
            (21, _, _) => Command::EndSessions { partner: partner(rng) },
            (_, _, _) => self.new_key(rng, now),
        }
    }

    /// The digest and the prefix of another text.
    fn new_text(&mut self, kind: KeyKind, rng: &mut Rng) -> (Digest, String) {
        let mut bytes = [0; KeyText::LENGTH];
        rng.fill(&mut bytes);
        let text = KeyText::new(kind, bytes);
        let (digest, prefix) = (text.digest(), text.prefix());
        self.texts.insert(digest, text);
        (digest, prefix)
    }

    fn new_key(&mut self, rng: &mut Rng, now: Millis) -> Command {
        let (digest, prefix) = self.new_text(KeyKind::Bearer, rng);
        let is_partners = rng.u32(0..3) > 0;
        let grant = is_partners.then(|| Grant { partner: partner(rng), events: granted(rng) });
        let settings = KeySettings {
            name: None,
            scopes: scopes(rng, is_partners),
            grant,
            rate_limit: None,
            expires_at: expiry(rng, now),
        };
        Command::CreateKey(NewKey { digest, prefix, settings })
    }
}

/// The rule of the route that becomes such a command; none for the desk's own.
fn access(call: &Command) -> Option<Access> {
    match call {
        Command::OpenTicket { .. }
        | Command::UpdateTicket { .. }
        | Command::CloseTicket { .. }
        | Command::Announce(_) => Some(Access::ChangeTickets),
        Command::Register(_)
        | Command::Unregister { .. }
        | Command::Amend { .. }
        | Command::HandOver { .. }
        | Command::Enable { .. }
        | Command::Rotate(_)
        | Command::EndSecret { .. }
        | Command::PingOne { .. }
        | Command::Resend { .. }
        | Command::Replay { .. }
        | Command::StopReplay { .. } => Some(Access::ChangeWebhooks),
        Command::Ping => Some(Access::PingAll),
        Command::CreateKey(_)
        | Command::AmendKey { .. }
        | Command::RevokeKey { .. }
        | Command::CreateLink(_)
        | Command::EndSessions { .. }
        | Command::RemovePartner { .. } => Some(Access::Admin),
        Command::SignOut { .. } => Some(Access::AnyKey),
        Command::Idempotent(once) => access(&once.command),
        Command::SignIn(_)
        | Command::NoteKeyUse { .. }
        | Command::NoteRefusedKeys { .. }
        | Command::Report(_)
        | Command::Wake
        | Command::Retain => None,
    }
}

pub fn partner(rng: &mut Rng) -> Partner {
    Partner::parse(PARTNERS[rng.usize(..PARTNERS.len())]).expect("a partner's name")
}

/// A partner's key has those for webhooks alone; of others some have everything.
fn scopes(rng: &mut Rng, is_partners: bool) -> Scopes {
    let all: &[Scope] = if is_partners { &[Scope::Read, Scope::Webhooks] } else { &Scope::ALL };
    let most = rng.usize(1..=2);
    Scopes::of((0..most).map(|_| all[rng.usize(..all.len())]))
}

/// Mostly all of the guide's.
fn granted(rng: &mut Rng) -> Subscription {
    let guides = EventType::ALL.into_iter().filter(|kind| !kind.is_operational());
    let some = rng.u32(0..3) == 0;
    Subscription::of(guides.filter(|_| !some || rng.bool()).collect::<Vec<_>>())
}

/// Some end within the world.
fn expiry(rng: &mut Rng, now: Millis) -> Option<Millis> {
    let wait_ms = rng.u64(1_000..=300_000);
    (rng.u32(0..4) == 0).then(|| now.plus(wait_ms))
}

fn key_amendment(rng: &mut Rng, now: Millis) -> KeyAmendment {
    let (other_scopes, other_events, other_end) = (rng.bool(), rng.u32(0..3) == 0, rng.bool());
    let is_partners = rng.u32(0..3) > 0;
    KeyAmendment {
        scopes: other_scopes.then(|| scopes(rng, is_partners)),
        events: other_events.then(|| granted(rng)),
        expires_at: other_end.then(|| expiry(rng, now)),
        ..KeyAmendment::default()
    }
}
